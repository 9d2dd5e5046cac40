"""What is known of operators is said once, of operators that there are, and of every one that needs it."""

from __future__ import annotations

from typing import Any

import onnx
import pytest

from onnx2rust.model import schemas
from onnx2rust.ops import all_facts, facts_of, operators
from onnx2rust.registry.facts import Facts, Half, Keeps, onnx_facts

EVERY = all_facts()
DATA = {
    ("Equal", 0): "compared",
    ("Equal", 1): "compared",
    ("QLinearConv", 8): "a bias",
    ("MaxUnpool", 2): "must fit the window: exporters write a constant",
}
"""Integer and boolean inputs that may be any numbers, or none that could be drawn."""
PLACES = {f"tensor({t})" for t in ("int32", "int64", "bool")}


def test_facts_are_of_operators_that_are_lowered_or_defined_by_others() -> None:
    for domain, name in EVERY.keys() - operators().keys():
        schema: Any = onnx.defs.get_schema(name, domain)
        assert schema.has_function or schema.has_context_dependent_function or name in ("Scan", "CenterCropPad"), name


def test_what_an_entry_reads_is_an_input() -> None:
    for (domain, name), known in EVERY.items():
        versions = [s for s in schemas.every() if (s.domain, s.name) == (domain, name)]
        variadic = any(s.max_input > len(s.inputs) for s in versions)
        most = max((len(s.inputs) for s in versions), default=0)
        if name not in schemas.ONNXRUNTIMES:
            assert versions, name
        assert variadic or all(k < most for k in known.reads), name
        assert not known.unknown or known.reads, name


def test_every_input_that_is_no_mere_data_has_a_rule_by_which_it_is_drawn() -> None:
    """An axis, an id, a size or a mask has a type that numbers to compute with do not have."""
    missing = {
        (name, place)
        for (domain, name), entries in operators().items()
        for version in entries
        for place, formal in enumerate(schemas.schema(name, domain, version).inputs)  # type: ignore[union-attr]
        if set(formal.types) <= PLACES and place not in facts_of(name, domain).reads
    }
    assert missing == set(DATA)


def test_facts_are_said_once() -> None:
    with pytest.raises(ValueError, match=r"^facts of Gather are said twice: half$"):
        onnx_facts("Gather", half=Half.MOVES)


def test_facts_are_of_one_domain() -> None:
    assert facts_of("ArrayFeatureExtractor", "ai.onnx.ml").strings
    assert facts_of("ArrayFeatureExtractor") == Facts()
    assert facts_of("Gather", "ai.onnx") is facts_of("Gather")
    assert facts_of("Gather", "com.example") == Facts()


def test_what_nothing_is_known_of_computes_numbers() -> None:
    assert facts_of("Einsum") == Facts()
    assert facts_of("Cast").keeps is Keeps.ALL

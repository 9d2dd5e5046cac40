"""What is known of an operator besides how it is lowered, at every version: one entry, beside its lowerings in `ops/`.

    @onnx_op("Gather", since=(1, 11, 13), half=Half.MOVES, reads={1: reads.ids_of_axis}, sizes=_gathered)

An operator without an entry computes numbers from numbers: in float16 as in float32, never on sizes
that are known as symbols only, and from any inputs of its types.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from onnx2rust.registry.reads import Entry

Arithmetic = Callable[[list[Any], dict[str, Any]], Any]
"""Inputs (arrays of ints and dims, None where one is absent) and attributes → the output or a list
of them; None if it cannot be told."""


class Half(enum.Enum):
    """What an operator does with float16 besides computing in float32 (docs/adr/0006)."""

    MOVES = "moves or chooses elements: its layer takes float16 and float32 alike"
    ITSELF = "its lowering takes and returns float16 as it is"


class Keeps(enum.Enum):
    """Which elements of its inputs an operator's outputs hold: what they are read as tells what the inputs are (`usage`)."""

    ALL = "all, in their order"
    SOME = "some, or others in between"
    SOME_IDS = "some, if they are integers"


class Strings(enum.Enum):
    """What a lowering makes of strings."""

    PLACES = "knows that those of constants are places in a table (`TensorType.names`)"
    TEXT = "gets them as such (`DType.STRING`): the importer puts the table's strings in the place of places"


class Ranks(enum.Enum):
    """What an operator makes of tensors whose rank only the run decides; others refuse them."""

    ANY = "its lowering takes them as they are"
    EACH = "it works element by element, with broadcasting: its lowering gets the elements in a row"


@dataclass(frozen=True)
class Facts:
    """What is known of an operator."""

    half: Half | None = None
    ranks: Ranks | None = None
    sizes: Arithmetic | None = None
    """Computes the operator on sizes that are known as symbols only (`folding`)."""
    folded: bool = True
    """Whether it is computed at conversion where all its inputs are known."""
    keeps: Keeps | None = None
    strings: Strings | None = None
    """What the lowering makes of strings, if it takes any."""
    reads: Mapping[int, Entry] = field(default_factory=dict)
    """What the elements of an input may be, by its position, where not any will do (`usage`)."""
    unknown: int = 0
    """What is drawn where such a rule asks for a shape that is not known: 1 for sizes, 0 for axes
    and ids, of which there always is one."""
    constants: tuple[str, ...] = ()
    """What Keras calls its inputs where they are weights, if not what the schema calls them (models converted from TensorFlow
    have no names for them)."""
    counts_names: bool = False
    """Whether it matters how many outputs a node names, read or not: parts of equal size, training mode before opset 14."""


VIEWS: dict[str, Any] = {"keeps": Keeps.ALL, "strings": Strings.PLACES, "half": Half.MOVES}
"""Of operators that leave the elements where they are."""
MOVES: dict[str, Any] = {"keeps": Keeps.SOME, "strings": Strings.TEXT, "half": Half.MOVES}
"""Of operators that move them."""
FACTS: dict[tuple[str, str], Facts] = {}
"""By domain and name of the operator; `onnx2rust.ops` fills it, as `OPERATORS`."""


def onnx_facts(*names: str, domain: str = "", **known: Any) -> None:
    """Says what is known (the fields of Facts) of operators of a domain; raises ValueError where that has been said."""
    for name in names:
        before = FACTS.get((domain, name), _NONE)
        twice = [what for what in known if getattr(before, what) != getattr(_NONE, what)]
        if twice:
            raise ValueError(f"facts of {name} are said twice: {', '.join(twice)}")
        FACTS[domain, name] = replace(before, **known)


_NONE = Facts()

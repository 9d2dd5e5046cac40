"""Random graphs against onnxruntime: no composition of operators may convert, run and be wrong.

`python tests/models/random_graphs.py FIRST COUNT --shrink` tries other seeds, and makes what fails small.
"""

from __future__ import annotations

import ast
import collections
import itertools
from pathlib import Path

import pytest
import random_graphs
import random_hunt
import random_kinds

from onnx2rust.ops import operators

SEEDS = range(200)
SURVIVED = 0.98
"""The share of graphs that onnxruntime must survive: some end its process."""
MOST_REFUSED = 0.05
"""The share of models that may be refused: what is drawn is what operators are supported for."""


@pytest.mark.slow
def test_random_graphs_compute_what_onnxruntime_does(tmp_path: Path) -> None:
    models = random_hunt.drawn(SEEDS)
    assert len(models) >= len(SEEDS) * SURVIVED
    outcomes = random_hunt.run(models, tmp_path)
    wrong = [f"seed {o.model.seed}: {o.wrong}" for o in outcomes if o.wrong]
    assert not wrong, "\n".join(wrong)
    refused = [f"seed {o.model.seed}: {o.refused}" for o in outcomes if o.refused]
    assert len(refused) <= MOST_REFUSED * len(outcomes), "\n".join(refused)


def test_every_operator_has_a_kind() -> None:
    """Whose name stands in a kind, alone or behind `Reduce`."""
    files = Path(random_kinds.__file__).parent.glob("random_*.py")
    constants = {c.value for file in files for c in ast.walk(ast.parse(file.read_text())) if isinstance(c, ast.Constant)}
    words = {c for c in constants if isinstance(c, str)}
    names = {name for _, name in operators()}
    assert names - words - {f"Reduce{w}" for w in words} == {"ZipMap"}, "whose result is no tensor: tests/models/classical_zoo.py"


@pytest.mark.slow
def test_every_two_kinds_meet_in_some_graph() -> None:
    kinds = {e.function.__name__ for e in random_kinds.all_kinds()}
    count = len(kinds)
    pairs = {frozenset(e.function.__name__ for e in random_kinds.pair(seed)) for seed in range(count * (count // 2 + 1))}
    assert pairs == {frozenset(p) for p in itertools.combinations_with_replacement(kinds, 2)}
    drawn = collections.Counter(e.function.__name__ for seed in SEEDS for e in random_kinds.pair(seed))
    assert min(drawn[kind] for kind in kinds) >= 3
    for seed in (0, 60, 199):
        assert {e.function.__name__ for e in random_kinds.pair(seed)} <= set(random_graphs.generate(seed).kinds)


@pytest.mark.slow
def test_a_seed_is_a_model() -> None:
    first, second = (random_graphs.generate(4).proto.SerializeToString(deterministic=True) for _ in range(2))
    assert first == second

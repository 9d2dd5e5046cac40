"""Random graphs against onnxruntime: no composition of operators may convert, run and be wrong.

`python tests/models/random_graphs.py FIRST COUNT --shrink` tries other seeds, and makes what fails small.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import random_graphs
import random_hunt

pytestmark = pytest.mark.slow

SEEDS = range(200)
MOST_REFUSED = 0.05
"""The share of models that may be refused: what is drawn is what operators are supported for."""


def test_random_graphs_compute_what_onnxruntime_does(tmp_path: Path) -> None:
    outcomes = random_hunt.run([random_graphs.generate(seed) for seed in SEEDS], tmp_path)
    wrong = [f"seed {o.model.seed}: {o.wrong}" for o in outcomes if o.wrong]
    assert not wrong, "\n".join(wrong)
    refused = [f"seed {o.model.seed}: {o.refused}" for o in outcomes if o.refused]
    assert len(refused) <= MOST_REFUSED * len(outcomes), "\n".join(refused)


def test_a_seed_is_a_model() -> None:
    first, second = (random_graphs.generate(4).proto.SerializeToString(deterministic=True) for _ in range(2))
    assert first == second

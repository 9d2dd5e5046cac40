"""Models with one thing changed against onnxruntime: what it runs is computed alike, or refused, and never something else.

`python tests/models/mutations.py FIRST COUNT` tries other seeds.
"""

from __future__ import annotations

from pathlib import Path

import mutations
import pytest

pytestmark = pytest.mark.slow

SEEDS = range(1080, 1200)
FEWEST = 35
"""Models of these seeds that onnxruntime must run: a mutation that breaks everything tests nothing."""
MOST_REFUSED = 0.25
"""The share of them that may be refused: integers that are no booleans, above all."""


def test_mutated_models_compute_what_onnxruntime_does_or_are_refused(tmp_path: Path) -> None:
    outcomes = mutations.run(mutations.generate(SEEDS), tmp_path)
    wrong = [f"seed {o.model.seed} ({o.model.kinds[0]}): {o.wrong}" for o in outcomes if o.wrong]
    assert not wrong, "\n".join(wrong)
    assert len(outcomes) >= FEWEST
    refused = [f"seed {o.model.seed}: {o.refused}" for o in outcomes if o.refused]
    assert len(refused) <= MOST_REFUSED * len(outcomes), "\n".join(refused)


def test_a_seed_is_a_mutation() -> None:
    first, second = (mutations.generate(range(1100, 1110)) for _ in range(2))
    assert [m.proto.SerializeToString(deterministic=True) for m in first] == [
        m.proto.SerializeToString(deterministic=True) for m in second
    ]

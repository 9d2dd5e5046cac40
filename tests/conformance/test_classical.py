"""Operators of ai.onnx.ml through generated code, against onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cases
import harness
import numpy as np
import pytest
from forests import BRANCHES, classifier, forest, regressor, rows

EDGES = (0.0, -0.0, 1.5, -2.25, 3.4028235e38, -3.4028235e38, 1e-45, np.inf, -np.inf)
"""Thresholds whose neighbours are something else."""
TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def _open(x: np.ndarray[Any, Any]) -> dict[str, Any]:
    return {"x": ["n", x.shape[1]]}


def _trees() -> Iterator[harness.Case]:
    rng = np.random.default_rng(7)

    def case(name: str, node: Any, x: np.ndarray[Any, Any], ml: int = 1, outputs: tuple[str, ...] = ("y",)) -> harness.Case:
        # onnxruntime's z-scores lose digits around 0, where two large numbers cancel
        near = 1e-4 if "PROBIT" in name else 2e-6
        return cases.case(name, [node], {"x": x}, open_axes=_open(x), outputs=outputs, ml=ml, rtol=near, atol=near)

    # every mode alone, and all of them: thresholds decide exactly, with and without missing values
    for k, modes in enumerate([*((m,) for m in BRANCHES), BRANCHES]):
        for missing in (False, True):
            model = forest(rng, 6, 4, 5, 1, modes=modes, values=EDGES)
            x = rows(rng, 61, 5, EDGES)
            yield case(f"modes_{k}_{missing}", regressor(model.attributes("target", missing=missing), 1), x)
            wide = forest(rng, 6, 4, 5, 1, modes=modes, values=(*EDGES, 1e-300, 1 + 2**-40), dtype=np.float64)
            x = rows(rng, 61, 5, (*EDGES, 1e-300, 1 + 2**-40), np.float64)
            node = regressor(wide.attributes("target", np.float64, missing=missing), 1)
            yield case(f"wide_modes_{k}_{missing}", node, x, ml=3)
    # rows around the number that goes together, whole numbers, one sample of one axis
    model = forest(rng, 13, 5, 3, 2)
    for count in (1, 7, 8, 9, 127, 128, 129, 260):
        yield case(f"rows_{count}", regressor(model.attributes("target"), 2), rows(rng, count, 3, (0.0,)))
    of_class = forest(rng, 13, 5, 3, 3, values=(-1.0, 0.0, 16777216.0))
    for dtype in (np.int32, np.int64, np.float64):
        # 2²⁴ + 1 is no float32
        x = rng.choice(np.array([-2, -1, 0, 1, 16777216, 16777217], dtype), (20, 3))
        yield case(f"type_{np.dtype(dtype)}", classifier(of_class.attributes("class"), [4, 5, 6]), x, outputs=("y", "z"))
    # one leaf, one side only, deeper than any early end
    for name, more in {"leaf": {"depth": 0}, "comb": {"depth": 70, "lopsided": True}, "deep": {"depth": 9}}.items():
        model = forest(rng, 3, columns=2, targets=1, **more)  # type: ignore[arg-type]
        yield case(name, regressor(model.attributes("target"), 1), rows(rng, 40, 2, (0.0,)))
    # what becomes of the weights
    for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
        for targets, each in ((1, "all"), (3, "all"), (3, "one")):
            model = forest(rng, 9, 3, 4, targets, each=each)
            for base in ([], [0.25, -1.5, 3.0][:targets]):
                node = regressor(model.attributes("target"), targets, aggregate_function=aggregate, base_values=base)
                yield case(f"{aggregate}_{targets}_{each}_{len(base)}", node, rows(rng, 33, 4, (0.0,)))
    yield case("sparse", regressor(forest(rng, 9, 3, 4, 5, each="some").attributes("target"), 5), rows(rng, 33, 4, (0.0,)))
    for how in TRANSFORMS:
        model = forest(rng, 1, 3, 4, 3, low=0.01)
        yield case(f"regressor_{how}", regressor(model.attributes("target"), 3, post_transform=how), rows(rng, 33, 4, (0.0,)))
        model = forest(rng, 1, 3, 4, 1, low=0.01)
        yield case(f"single_{how}", regressor(model.attributes("target"), 1, post_transform=how), rows(rng, 33, 4, (0.0,)))
        for labels in ([0, 1, 2], [7, -3, 10**15, 0]):
            model = forest(rng, 12, 3, 4, len(labels), each="one")
            for base in ([], [0.5, -0.5, 0.0, 1.0][: len(labels)]):
                node = classifier(model.attributes("class"), labels, post_transform=how, base_values=base)
                yield case(f"many_{how}_{len(labels)}_{len(base)}", node, rows(rng, 33, 4, (0.0,)), outputs=("y", "z"))
        if how == "PROBIT":
            continue
        for labels in ([0, 1], [5, -7]):
            for low in (0.0, -1.0):
                model = forest(rng, 1 if low == 0 else 7, 3, 4, 1, low=low)
                for base in ([], [0.125]):
                    node = classifier(model.attributes("class"), labels, post_transform=how, base_values=base)
                    name = f"two_{how}_{labels[0]}_{low == 0}_{len(base)}"
                    yield case(name, node, rows(rng, 33, 4, (0.0,)), outputs=("y", "z"))
    wide = forest(rng, 7, 3, 4, 3, dtype=np.float64)
    node = classifier(wide.attributes("class", np.float64), [1, 2, 3], post_transform="SOFTMAX")
    yield case("wide_classifier", node, rows(rng, 33, 4, (0.0,), np.float64), ml=3, outputs=("y", "z"))


@pytest.mark.slow
def test_against_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name("classical"))
    results = harness.run(list(_trees()))
    assert {name: why for name, why in results.items() if why} == {}

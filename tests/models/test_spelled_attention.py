"""Recognised attention, compiled and run, against onnxruntime running it as it was spelled out: two
batch sizes, masks that leave nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "conformance"), str(ROOT / "tests" / "unit" / "ops")]
import harness  # noqa: E402
from build import model  # noqa: E402
from spelled_attention import SPELLED, Spelled  # noqa: E402

pytestmark = pytest.mark.slow
BATCHES = (1, 3)
RTOL, ATOL = 1e-5, 2e-6


def _drawn(spelled: Spelled, batch: int, rng: np.random.Generator) -> list[np.ndarray[Any, Any]]:
    """Inputs: whole numbers and booleans say which words are there, mostly; what is called m is a mask to add."""
    sizes = {"batch": batch, "words": 5, "past": 6}
    inputs: list[np.ndarray[Any, Any]] = []
    for name, shape in spelled.inputs.items():
        full = [sizes[d] if isinstance(d, str) else d for d in shape]
        kind = spelled.dtypes.get(name)
        if kind == TensorProto.INT64:
            inputs.append((rng.random(full) < 0.7).astype(np.int64))
        elif kind == TensorProto.BOOL:
            inputs.append(rng.random(full) < 0.5)
        elif name == "m":
            inputs.append(np.where(rng.random(full) < 0.3, np.finfo(np.float32).min, 0).astype(np.float32))
        else:
            inputs.append(rng.normal(size=full).astype(np.float32))
    return inputs


def _case(name: str) -> harness.Case:
    spelled = SPELLED[name]()
    proto = model(spelled.nodes, spelled.inputs, ["y"], spelled.constants, opset=spelled.opset, dtypes=spelled.dtypes)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    data = []
    for batch in BATCHES:
        inputs = _drawn(spelled, batch, np.random.default_rng(batch))
        data.append((inputs, session.run(None, dict(zip(spelled.inputs, inputs, strict=True)))))
    return harness.Case(f"attention_{name}", proto, data, RTOL, ATOL)


def test_matches_onnxruntime() -> None:
    results = harness.run([_case(name) for name in SPELLED])
    assert set(results) == {f"attention_{name}" for name in SPELLED}
    assert not any(results.values()), results

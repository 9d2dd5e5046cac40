"""Recognised patterns, compiled and run, against onnxruntime running them as they were spelled out:
two batch sizes, ids of both signs."""

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
from spelled_patterns import PATTERNS, Pattern  # noqa: E402

pytestmark = pytest.mark.slow
BATCHES = (1, 3)
RTOL, ATOL = 1e-5, 2e-6
WHOLE: dict[int, Any] = {TensorProto.INT32: np.int32, TensorProto.INT64: np.int64, TensorProto.UINT8: np.uint8}


def _drawn(pattern: Pattern, batch: int) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(batch)
    sizes = {"batch": batch, "steps": 6}
    inputs = []
    for name, shape in pattern.inputs.items():
        full = [sizes[d] if isinstance(d, str) else d for d in shape]
        kind = WHOLE.get(pattern.dtypes.get(name, 0))
        drawn = rng.normal(size=full).astype(np.float32) if kind is None else rng.integers(*pattern.ids, full).astype(kind)
        inputs.append(drawn)
    return inputs


def _case(name: str) -> harness.Case:
    pattern: Pattern = PATTERNS[name]()
    proto = model(pattern.nodes, pattern.inputs, ["y"], pattern.constants, opset=pattern.opset, dtypes=pattern.dtypes)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    data = []
    for batch in BATCHES:
        inputs = _drawn(pattern, batch)
        data.append((inputs, session.run(None, dict(zip(pattern.inputs, inputs, strict=True)))))
    return harness.Case("pattern_" + "".join(c if c.isalnum() else "_" for c in name), proto, data, RTOL, ATOL)


def test_matches_onnxruntime() -> None:
    cases = [_case(name) for name in PATTERNS]
    results = harness.run(cases)
    assert set(results) == {case.name for case in cases}
    assert not any(results.values()), results

"""Lowering of operators of com.microsoft: types, layers and refusals; and that they have schemas."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from op_models import layers, lower, node_model, types

from onnx2rust.base.errors import InvalidModelError
from onnx2rust.conversion import support
from onnx2rust.model import schemas
from onnx2rust.oracle.referee import Referee

F16, F32, F64 = np.float16, np.float32, np.float64
DOMAIN = "com.microsoft"


def refusal(a: Any, b: Any) -> str:
    with pytest.raises(InvalidModelError) as caught:
        lower("BiasGelu", {"a": a, "b": b}, domain=DOMAIN)
    return caught.value.problems[0].what


def test_bias_gelu_is_a_sum_and_an_activation() -> None:
    program = lower("BiasGelu", {"a": (F32, ["n", 3]), "b": np.ones(3, F32)}, domain=DOMAIN)
    assert layers(program) == ["Add", "Activate"]
    assert types(program) == ["float32[n, 3]"]
    assert str(program.steps[1].layer) == "Activate(activation=Gelu)"
    program = lower("BiasGelu", {"a": (F16, [2, 3]), "b": (F16, [3])}, domain=DOMAIN)
    assert layers(program) == ["Cast", "Cast", "Add", "Activate", "Cast"]
    assert types(program) == ["float16[2, 3]"]


def test_a_bias_that_does_not_fit_is_refused() -> None:
    assert refusal((F32, [2, 3]), (F32, [4])) == "the sizes of A's last axis and of the bias 3 and 4 differ"
    assert refusal((F32, [2, 3]), (F32, [1, 3])) == (
        "a bias has one axis, that of the last one of A, not float32[1, 3] for float32[2, 3]"
    )
    assert refusal((F32, []), (F32, [1])) == "a bias has one axis, that of the last one of A, not float32[1] for float32[]"


def test_types_are_checked_by_the_schema() -> None:
    assert refusal((np.int32, [3]), (np.int32, [3])) == "input 0 (A) cannot be of type int32"
    assert refusal((F32, [3]), (F64, [3])) == "input 1 (B) is float64, another one is float32"


def test_an_operator_that_nobody_defined_is_refused() -> None:
    with pytest.raises(Exception, match=r"there is no operator 'NoGelu' in domain 'com\.microsoft' at opset 1"):
        lower("NoGelu", {"a": (F32, [3])}, domain=DOMAIN)


def test_the_documents_know_its_types_and_versions() -> None:
    (one,) = [s for s in support.operators() if s.name == "BiasGelu"]
    assert (one.domain, one.versions, one.first_opset, one.last_opset) == (DOMAIN, (1,), 1, 1)
    assert one.types == ("float16", "float32", "float64")


def test_a_schema_is_that_of_the_newest_version_up_to_the_models() -> None:
    assert schemas.since_version("BiasGelu", DOMAIN, 1) == 1
    assert schemas.since_version("BiasGelu", DOMAIN, 7) == 1
    assert schemas.since_version("BiasGelu", DOMAIN, 0) is None
    assert schemas.since_version("BiasGelu", "", 1) is None
    assert not onnx.defs.has("BiasGelu", DOMAIN)  # who imports this package finds onnx as it was


def test_the_referee_computes_the_formula() -> None:
    a, b = np.linspace(-3, 3, 6).reshape(2, 3), np.array([0.5, -0.25, 0.0])
    proto = node_model("BiasGelu", {"a": (F32, [2, 3]), "b": (F32, [3])}, domain=DOMAIN)
    (found,) = Referee(proto).run({"a": a.astype(F32), "b": b.astype(F32)})
    from math import erf, sqrt

    x = a.astype(F32).astype(F64) + b
    expected = [v / 2 * (1 + erf(v / sqrt(2))) for v in x.ravel()]
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-14)

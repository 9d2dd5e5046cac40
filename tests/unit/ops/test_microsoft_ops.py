"""Operators of com.microsoft: their schemas, types, layers and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema
from op_models import layers, lower, types

from onnx2rust.base.errors import InvalidModelError, Onnx2RustError
from onnx2rust.conversion import support
from onnx2rust.model import schemas
from onnx2rust.model.schemas import MICROSOFT

F16, F32, F64, I64 = np.float16, np.float32, np.float64, np.int64


def refusal(kind: type[Onnx2RustError], a: Any, b: Any) -> str:
    with pytest.raises(kind) as caught:
        lower("BiasGelu", {"a": a, "b": b}, domain=MICROSOFT)
    return caught.value.problems[0].what


def _said(schema: Any) -> dict[str, Any]:
    """What a schema says, in words that onnx's and onnxruntime's have in common."""
    formal = {
        side: [(p.name, p.typeStr if hasattr(p, "typeStr") else p.type_str, p.option.name) for p in getattr(schema, side)]
        for side in ("inputs", "outputs")
    }
    types = {t.type_param_str: set(t.allowed_type_strs) for t in schema.type_constraints}
    attributes = {name: (a.type.name, a.required) for name, a in schema.attributes.items()}
    return {**formal, "types": types, "attributes": attributes, "since": schema.since_version}


def test_schemas_are_those_of_onnxruntime() -> None:
    theirs = {(s.domain, s.name, s.since_version): s for s in get_all_operator_schema()}
    ours = [s for s in schemas.every() if s.domain == MICROSOFT]
    assert ours
    for schema in ours:
        assert _said(schema) == _said(theirs[schema.domain, schema.name, schema.since_version])


@pytest.mark.parametrize("dtype", [F32, F64])
def test_bias_gelu_is_a_sum_and_an_activation(dtype: Any) -> None:
    program = lower("BiasGelu", {"a": (dtype, ["n", 2, 3]), "b": np.ones(3, dtype)}, domain=MICROSOFT)
    assert types(program) == [f"{np.dtype(dtype)}[n, 2, 3]"]
    assert layers(program) == ["Add", "Activate"]
    assert str(program.steps[1].layer) == "Activate(activation=Gelu)"


def test_halves_are_rounded_once() -> None:
    program = lower("BiasGelu", {"a": (F16, ["n", 3]), "b": (F16, [3])}, domain=MICROSOFT)
    assert types(program) == ["float16[n, 3]"]
    assert layers(program) == ["Cast", "Cast", "Add", "Activate", "Cast"]


def test_sizes_that_may_be_equal_are_compared_while_running() -> None:
    same = lower("BiasGelu", {"a": (F32, ["n", "m"]), "b": (F32, ["m"])}, domain=MICROSOFT)
    assert layers(same) == ["Add", "Activate"]
    other = lower("BiasGelu", {"a": (F32, ["n", "m"]), "b": (F32, ["k"])}, domain=MICROSOFT)
    assert layers(other) == ["SameSize", "Add", "Activate"]


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ((F32, [2, 3]), (F32, [1]), "columns of float32[2, 3] and biases: 3 and 1 differ"),
        ((F32, [2, 3]), (F32, [2]), "columns of float32[2, 3] and biases: 3 and 2 differ"),
        ((F32, [2, 3]), (F32, [1, 3]), "one bias for each column of float32[2, 3] has one axis, not float32[1, 3]"),
        ((F32, [2, 3]), (F32, []), "one bias for each column of float32[2, 3] has one axis, not float32[]"),
        ((F32, []), (F32, [1]), "float32[] has no columns"),
    ],
)
def test_a_bias_that_does_not_fit_is_refused(a: Any, b: Any, told: str) -> None:
    assert refusal(InvalidModelError, a, b) == told


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (F32, F64, "input 1 (B) is float64, another one is float32"),
        (F16, F32, "input 1 (B) is float32, another one is float16"),
        (I64, I64, "input 0 (A) cannot be of type int64"),
    ],
)
def test_types_are_those_of_the_schema(a: Any, b: Any, told: str) -> None:
    assert refusal(InvalidModelError, (a, [2, 3]), (b, [3])) == told


def test_an_operator_that_nobody_defined_is_refused() -> None:
    with pytest.raises(Exception, match=r"there is no operator 'NoGelu' in domain 'com\.microsoft' at opset 1"):
        lower("NoGelu", {"a": (F32, [3])}, domain=MICROSOFT)


def test_the_list_of_operators_has_it() -> None:
    (one,) = (s for s in support.operators() if (s.domain, s.name) == (MICROSOFT, "BiasGelu"))
    assert (one.versions, one.first_opset, one.last_opset) == ((1,), 1, 1)
    assert one.types == ("float16", "float32", "float64")


def test_a_schema_of_ours_is_not_registered_with_onnx() -> None:
    assert schemas.since_version("BiasGelu", MICROSOFT, 7) == 1
    assert schemas.since_version("BiasGelu", MICROSOFT, 0) is None
    assert schemas.since_version("BiasGelu", "", 1) is None
    assert not onnx.defs.has("BiasGelu", MICROSOFT)

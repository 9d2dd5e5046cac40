"""The signature of a lowering is the specification of its operator: every one is compared with
`onnx.defs`, version by version."""

from __future__ import annotations

import inspect
from typing import Any

import onnx
import pytest

from onnx2rust import ops
from onnx2rust.ir.program import Value
from onnx2rust.model import schemas
from onnx2rust.registry import Operator, onnx_op

OPERATORS = [operator for versions in ops.operators().values() for operator in versions.values()]
FORMAL = onnx.defs.OpSchema.FormalParameterOption


def _name(operator: Operator) -> str:
    return f"{operator.name}-{operator.version}"


def _default(attribute: Any) -> Any:
    value = onnx.helper.get_attribute_value(attribute.default_value) if attribute.default_value.name else None
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize("operator", OPERATORS, ids=_name)
def test_a_signature_is_the_specification(operator: Operator) -> None:
    schema = schemas.schema(operator.name, operator.domain, operator.version)
    assert schema is not None
    assert schema.since_version == operator.version
    assert set(operator.attributes) == set(schema.attributes)
    for name, parameter in operator.attributes.items():
        attribute = schema.attributes[name]
        assert (parameter.default is inspect.Parameter.empty) == attribute.required, name
        if not attribute.required:
            default = _default(attribute)
            if isinstance(default, list):  # not in a signature, where it could be changed: the function knows it
                default = None
            assert parameter.default == (pytest.approx(default) if isinstance(default, float) else default), name
    assert [_kind(p) for p in operator.inputs] == [i.option for i in schema.inputs]


def _kind(parameter: inspect.Parameter) -> Any:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return FORMAL.Variadic
    return FORMAL.Single if parameter.default is inspect.Parameter.empty else FORMAL.Optional


def test_onnxruntimes_own_operators_are_those_of_onnx() -> None:
    """LayerNormalization before opset 17, and SimplifiedLayerNormalization at any."""
    for opset in (7, 16):
        assert schemas.only_in_onnxruntime("LayerNormalization", "", opset)
        assert schemas.since_version("LayerNormalization", "", opset) == 17
    assert not schemas.only_in_onnxruntime("LayerNormalization", "", 17)
    assert schemas.since_version("SimplifiedLayerNormalization", "", 13) == 23
    assert schemas.since_version("HardSwish", "", 10) is None


def test_a_version_has_one_lowering() -> None:
    def another(g: object, x: Value) -> Value:
        return x

    before = dict(ops.operators()["", "Relu"])
    with pytest.raises(ValueError, match=r"^Relu version 13 is lowered by \w+, and by another$"):
        onnx_op("Relu", since=(2, 13))(another)
    assert ops.operators()["", "Relu"] == before

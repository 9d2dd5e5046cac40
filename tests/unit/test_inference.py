"""Shape inference, kept from what ends the process in onnx's."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
import forests
import numpy as np

from onnx2rust.model.graph import infer_shapes


def behind(op: str, **more: str) -> onnx.ModelProto:
    """A TreeEnsemble behind an operator."""
    ensemble = forests.ensemble(forests.forest(np.random.default_rng(1), 2, depth=2, columns=3, targets=2), 2)
    ensemble.input[0] = "between"
    nodes = [helper.make_node(op, ["x"], ["between"], **more), ensemble]
    infos = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])]
    graph = helper.make_graph(nodes, "g", infos, [onnx.ValueInfoProto(name=ensemble.output[0])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 5)])


def test_trees_behind_what_onnx_cannot_infer() -> None:
    model = infer_shapes(behind("Normalizer", domain="ai.onnx.ml"))
    assert [n.op_type for n in model.graph.node] == ["Normalizer", "TreeEnsemble"]


def test_trees_behind_what_it_can() -> None:
    model = infer_shapes(behind("Relu"))
    dims = model.graph.output[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == ["n", 2]


def test_no_operator_behind_what_onnx_cannot_infer() -> None:
    """In a process of its own, which the operator would take with it."""
    child = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=False)
    assert child.returncode == 0, f"{child.stdout.splitlines()[-1:]}: {child.stderr}"


_Type = onnx.defs.OpSchema.AttrType
CONTENT = {
    _Type.INT: 1,
    _Type.FLOAT: 1.0,
    _Type.STRING: "a",
    _Type.INTS: [1],
    _Type.FLOATS: [1.0],
    _Type.STRINGS: ["a"],
    _Type.TENSOR: helper.make_tensor("t", TensorProto.FLOAT, [1], [1.0]),
}


def untyped(schema: onnx.defs.OpSchema, attributes: dict[str, Any], absent: set[str]) -> onnx.ModelProto:
    """One node, whose inputs `absent` come from an operator that nobody knows."""
    inputs = [formal.name for formal in schema.inputs]
    outputs = [f"output {k}" for k in range(max(schema.min_output, 1))]
    node = helper.make_node(schema.name, inputs, outputs, domain=schema.domain, **attributes)
    nodes = [helper.make_node("Unknown", ["x"], [name], domain="com.example") for name in absent]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3]) for name in ("x", *inputs) if name not in absent]
    graph = helper.make_graph([*nodes, node], "g", infos, [onnx.ValueInfoProto(name=outputs[0])])
    opsets = [helper.make_opsetid(schema.domain, schema.since_version), helper.make_opsetid("com.example", 1)]
    return helper.make_model(graph, opset_imports=opsets)


def main() -> None:
    for schema in onnx.defs.get_all_schemas_with_history():
        names = [formal.name for formal in schema.inputs]
        known = {name: CONTENT[a.type] for name, a in schema.attributes.items() if a.type in CONTENT}
        required = {name: value for name, value in known.items() if schema.attributes[name].required}
        for attributes, absent in itertools.product((known, required), [set(names), *({name} for name in names)]):
            print(schema.domain, schema.name, schema.since_version, *attributes, absent, flush=True)
            with contextlib.suppress(onnx.shape_inference.InferenceError):
                infer_shapes(untyped(schema, attributes, absent), data_prop=True)


if __name__ == "__main__":
    main()

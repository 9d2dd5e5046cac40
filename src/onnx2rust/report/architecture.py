"""`model_architecture.json`: each layer with class, parameters, shapes, weights and its ONNX node."""

from __future__ import annotations

from typing import Any

from onnx2rust.emit.weights import WeightTable
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.layer import Weight
from onnx2rust.ir.program import Program, Step, Value
from onnx2rust.report import keras
from onnx2rust.report.graph import Graph, Node


def architecture(program: Program, graph: Graph, source: str) -> dict[str, Any]:
    """The whole file. Sizes that the model leaves open stand as text: `"batch"`, `"2*time + 1"`."""
    table = WeightTable(program)
    return {
        "source": source,
        "inputs": {v.name: _tensor(v) for v in program.inputs},
        "outputs": {name: _tensor(value) | {"layer": node.name if node else None} for name, value, node in graph.outputs},
        "symbols": list(program.symbols),
        "parameters": sum(a.size for a in table.arrays().values()),
        "multiply_adds": keras.plain(multiply_adds(program)),
        "layers": _layers(graph, table),
    }


def multiply_adds(program: Program) -> Dim:
    """Multiply-adds of one run; those of a loop's body count once."""
    return sum(step.layer.multiply_adds() for step in program.walk())


def parameters(step: Step) -> int:
    """How many numbers of the weights file the step reads."""
    operands = (v.array for v in step.inputs if v is not None and v.array is not None)
    return sum(w.array.size for w in step.layer.weights()) + sum(a.size for a in operands)


def _layers(graph: Graph, table: WeightTable) -> dict[str, Any]:
    return {node.name: _input(node.results[0]) if node.step is None else _layer(node, node.step, table) for node in graph.nodes}


def _input(value: Value) -> dict[str, Any]:
    tensor = _tensor(value)
    return {
        "class": "InputLayer",
        "config": {"batch_shape": tensor["shape"], "dtype": tensor["dtype"]},
        "output_shapes": [tensor["shape"]],
        "output_types": [tensor["dtype"]],
    }


def _layer(node: Node, step: Step, table: WeightTable) -> dict[str, Any]:
    layer = step.layer
    fields = [(role, table.of(value)) for role, value in layer.constants().items() if isinstance(value, Weight)]
    operands = [(f"input_{k}", table.of_value(v)) for k, v in enumerate(step.inputs) if v is not None and v.array is not None]
    entry: dict[str, Any] = {
        "class": keras.class_name(step),
        "config": keras.config(step),
        "inputs": [n.name for n in node.inbounds],
        "input_shapes": [None if v is None else keras.plain(v.type.axes) for v in step.inputs],
        "output_shapes": [None if v is None else keras.plain(v.type.axes) for v in step.outputs],
        "output_types": [None if v is None else v.type.held for v in step.outputs],
        "weights": {
            role: {"name": entry.member, "shape": list(entry.array.shape), "dtype": str(entry.array.dtype)}
            for role, entry in (*fields, *operands)
        },
        "parameters": parameters(step),
        "multiply_adds": keras.plain(layer.multiply_adds()),
        "rust": f"tf_layers::{layer.rust}" if layer.rust else None,
        "onnx": {
            "node": step.origin.node,
            "op": step.origin.op,
            "domain": step.origin.domain or "ai.onnx",
            "opset": step.origin.opset,
            "index": step.origin.index,
        },
    }
    if node.bodies:
        entry["bodies"] = [_layers(body, table) for body in node.bodies]
    return entry


def _tensor(value: Value) -> dict[str, Any]:
    return {"shape": keras.plain(value.type.axes), "dtype": value.type.held}

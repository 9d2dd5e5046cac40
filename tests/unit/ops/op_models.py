"""Small ONNX models of one node, lowered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2rust import importer
from onnx2rust.base.options import Options
from onnx2rust.ir.program import Program

Shape = Sequence[int | str]
"""Sizes; strings are symbols."""


def node_model(
    op: str,
    inputs: Mapping[str, tuple[Any, Shape] | np.ndarray[Any, Any]],
    opset: int = 21,
    outputs: Sequence[str] = ("y",),
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one node. Inputs: (numpy dtype, shape) for what the caller gives, an array for a constant; a name that
    begins with '-' stands for an input that is left out."""
    names = ["" if name.startswith("-") else name for name in inputs]
    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(value[0])), value[1])
        for name, value in inputs.items()
        if isinstance(value, tuple) and not name.startswith("-")
    ]
    known = [numpy_helper.from_array(v, name) for name, v in inputs.items() if isinstance(v, np.ndarray)]
    node = helper.make_node(op, names, list(outputs), name="node", **attributes)
    graph = helper.make_graph([node], "g", given, [onnx.ValueInfoProto(name=o) for o in outputs if o], known)
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(node.domain, 1)] if node.domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def lower(*arguments: Any, **keywords: Any) -> Program:
    """The program of `node_model(…)`, before any pass."""
    return importer.read(node_model(*arguments, **keywords), Options())


def types(program: Program) -> list[str]:
    """The types of the outputs."""
    return [str(v.type) for v in program.outputs]


def layers(program: Program) -> list[str]:
    """The names of the layers, views left out."""
    return [name for s in program.steps if (name := type(s.layer).__name__) != "View"]

"""The same model in float64: every tensor and attribute of a narrower floating-point type becomes a double."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

_NARROW = frozenset([TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16])
_NAMES_A_TYPE = frozenset(["to", "dtype", "output_dtype", "stash_type", "precision", "softmax_precision"])
"""Attributes whose value is the code of an element type."""


def double(model: onnx.ModelProto) -> None:
    """Makes doubles of all floats. Numbers stay what they are: each f16, bf16 and f32 is also an f64."""
    _graph(model.graph)
    for function in model.functions:
        for node in function.node:
            _node(node)
        del function.value_info[:]


def widened(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """The array as the model in float64 takes it: floats as doubles, all else as it is."""
    return array.astype(np.float64) if array.dtype.kind == "f" or array.dtype.name == "bfloat16" else array


def _graph(graph: onnx.GraphProto) -> None:
    for info in (*graph.input, *graph.output):
        _type(info.type)
    # what is written here of inner values is not read, and need not be true
    del graph.value_info[:]
    for tensor in graph.initializer:
        _tensor(tensor)
    for sparse in graph.sparse_initializer:
        _tensor(sparse.values)
    for node in graph.node:
        _node(node)


def _type(type_: onnx.TypeProto) -> None:
    kind = type_.WhichOneof("value")
    if kind == "tensor_type" and type_.tensor_type.elem_type in _NARROW:
        type_.tensor_type.elem_type = TensorProto.DOUBLE
    elif kind in ("sequence_type", "optional_type"):
        _type(getattr(type_, kind).elem_type)


def _tensor(tensor: onnx.TensorProto) -> None:
    if tensor.data_type in _NARROW:
        wide = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name)
        tensor.CopyFrom(wide)


def _node(node: onnx.NodeProto) -> None:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.TENSOR:
            _tensor(attribute.t)
        elif attribute.type == AttributeProto.GRAPH:
            _graph(attribute.g)
        elif attribute.name in _NAMES_A_TYPE and attribute.type == AttributeProto.INT and attribute.i in _NARROW:
            attribute.i = TensorProto.DOUBLE
        elif node.op_type == "Constant" and attribute.name in ("value_float", "value_floats"):
            value = attribute.f if attribute.type == AttributeProto.FLOAT else list(attribute.floats)
            wide = onnx.helper.make_attribute("value", numpy_helper.from_array(np.array(value, np.float64)))
            attribute.CopyFrom(wide)
    if node.op_type == "ConstantOfShape" and not node.attribute:
        node.attribute.append(onnx.helper.make_attribute("value", numpy_helper.from_array(np.zeros(1, np.float64))))

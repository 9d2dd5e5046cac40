"""Names for the sizes a model leaves open: one `batch`, readable others, and outputs that follow from the inputs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import onnx

from onnx2rust.model.graph import infer_shapes

_NO_NAME = re.compile(r"^(unk__\d+|\?|-1|None|unknown)$")
"""What tf2onnx, Paddle and others write where a size is open: no two of them need be the same size."""


def name_unknown(model: onnx.ModelProto) -> None:
    """Name the input sizes that have no name, or only a placeholder (`unk__81`, `?`); then the outputs' accordingly."""
    ports = [*model.graph.input, *model.graph.output]
    anonymous = [dim for value in ports for dim in value.type.tensor_type.shape.dim if _is_anonymous(dim)]
    if not anonymous:
        return
    for dim in anonymous:
        dim.Clear()
    taken = {dim.dim_param for value in ports for dim in value.type.tensor_type.shape.dim if dim.dim_param}
    leading = _batch_name(model)
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        unknown = [not dim.HasField("dim_value") for dim in dims]
        for index, name in enumerate(_dim_names(unknown)):
            if not unknown[index] or dims[index].dim_param:
                continue
            if index == 0:
                dims[0].dim_param = leading
                continue
            symbol = name if name and name not in taken else f"{value.name}_{name or f'dim{index}'}"
            taken.add(symbol)
            dims[index].dim_param = symbol
    _name_output_dims(model)


def _batch_name(model: onnx.ModelProto) -> str:
    """What the first axes without a name are called: `batch`, unless the model calls another axis that."""
    others = {dim.dim_param for value in model.graph.input for dim in value.type.tensor_type.shape.dim[1:]}
    return next(name for k in range(len(others) + 1) if (name := f"batch_{k}" if k else "batch") not in others)


def _is_anonymous(dim: onnx.TensorShapeProto.Dimension) -> bool:
    if dim.HasField("dim_value"):
        return dim.dim_value < 0
    return not dim.dim_param or _NO_NAME.match(dim.dim_param) is not None


def _dim_names(unknown: Sequence[bool]) -> list[str]:
    """Usual meanings by rank: [batch, seq], [batch, seq, channels], channels-last or channels-first images and volumes."""
    rank = len(unknown)
    if rank in (2, 3) and (rank == 2 or not unknown[-1]):
        return ["batch", "seq", ""][:rank]
    axes = {4: ["height", "width"], 5: ["depth", "height", "width"]}.get(rank)
    if axes is None:
        return [""] * rank
    return ["batch", *axes, ""] if not unknown[-1] else ["batch", "", *axes]


def _name_output_dims(model: onnx.ModelProto) -> None:
    """Find which symbol an unknown output size is, if any: a leading unknown size need not be the batch.

    ONNX shape inference runs twice, each time with other prime numbers for the symbols; a size that is the symbol's number
    both times is that symbol. (Inference with symbols loses them at the first Reshape.)
    """
    outputs = model.graph.output
    unknown = [(v, i) for v in outputs for i, d in enumerate(v.type.tensor_type.shape.dim) if not d.WhichOneof("value")]
    symbols = list(dict.fromkeys(d.dim_param for v in model.graph.input for d in v.type.tensor_type.shape.dim if d.dim_param))
    if not unknown or not 0 < len(symbols) <= len(_PRIMES) // 2:
        return
    bare = without_weights(model)
    halves = (_PRIMES[::2], _PRIMES[1::2])
    answers = []
    for primes in halves:
        sizes = dict(zip(symbols, primes, strict=False))
        dims = {v.name: v.type.tensor_type.shape.dim for v in model.graph.input}
        answers.append(shapes_at(bare, {name: [sizes.get(d.dim_param, d.dim_value) for d in dims[name]] for name in dims}))
    for value, index in unknown:
        for number, symbol in enumerate(symbols):
            found = [answer.get(value.name, ()) for answer in answers]
            if all(index < len(s) and s[index] == primes[number] for s, primes in zip(found, halves, strict=True)):
                value.type.tensor_type.shape.dim[index].dim_param = symbol


_PRIMES = (97, 101, 53, 59, 61, 67, 71, 73, 79, 83, 89, 103)  # larger than the kernels an input must hold


def shapes_at(bare: onnx.ModelProto, sizes: Mapping[str, Sequence[int]]) -> dict[str, tuple[int | None, ...]]:
    """The shapes that ONNX infers inside a model whose inputs have these `sizes`; empty where inference gives up."""
    model = onnx.ModelProto()
    model.CopyFrom(bare)
    for value in model.graph.input:
        for dim, size in zip(value.type.tensor_type.shape.dim, sizes.get(value.name, ()), strict=False):
            dim.dim_value = size
    try:
        inferred = infer_shapes(model, data_prop=True).graph
    except (onnx.shape_inference.InferenceError, RuntimeError):
        return {}
    return {
        value.name: tuple(d.dim_value if d.HasField("dim_value") else None for d in value.type.tensor_type.shape.dim)
        for value in (*inferred.value_info, *inferred.output)
        if value.type.tensor_type.HasField("shape")
    }


def without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose large constants are inputs, and whose outputs claim no shape."""
    graph = onnx.GraphProto(name="bare", node=model.graph.node, input=model.graph.input, output=model.graph.output)
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= 64:
            graph.initializer.append(_tame(tensor))
        else:
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.HasField("t"):
                attribute.t.CopyFrom(_tame(attribute.t))
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    return onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import, graph=graph)


_FAR = 1 << 30
"""Further than any axis reaches. onnx counts in C's `int` when it propagates the contents of shapes: it overflows near the end of
its range, and reads outside of its lists, which ends the process."""


def _tame(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """The tensor with its integers within ±_FAR: what stands for an end of an axis still does."""
    if tensor.data_type not in (onnx.TensorProto.INT32, onnx.TensorProto.INT64):
        return tensor
    try:
        array = onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError):  # its content does not fit its shape: the importer says so, with its name
        return tensor
    return onnx.numpy_helper.from_array(array.clip(-_FAR, _FAR), tensor.name)

"""Sparse weights of TFLite files, written out: tf2onnx reads every buffer as a dense tensor. Runs in the child only."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tf2onnx.tflite.BuiltinOperator import BuiltinOperator
from tf2onnx.tflite.Model import Model
from tf2onnx.tflite.TensorType import TensorType

from onnx2rust.base.errors import InvalidModelError, Problem, UnsupportedError

_TYPES: dict[int, np.dtype[Any]] = {
    TensorType.FLOAT32: np.dtype("<f4"),
    TensorType.FLOAT16: np.dtype("<f2"),
    TensorType.INT8: np.dtype("i1"),
}
_EXPANSION = 1000  # a file does not grow by more: pruning leaves a hundredth of the weights at the least


def write_dense(source: str, target: Path) -> bool:
    """If the TFLite file `source` has sparse tensors, write it to `target` with dense ones (and
    without DENSIFY); whether it has."""
    data = Path(source).read_bytes()
    packed = Model.GetRootAsModel(data, 0)
    graphs = [packed.Subgraphs(i) for i in range(packed.SubgraphsLength())]
    if not any(graph.Tensors(i).Sparsity() is not None for graph in graphs for i in range(graph.TensorsLength())):
        return False
    try:
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        for graph in model.subgraphs:
            for tensor in graph.tensors:
                if tensor.sparsity is not None:
                    dense = schema.BufferT()
                    dense.data = np.frombuffer(_dense(tensor, model.buffers, _EXPANSION * len(data)).tobytes(), np.uint8)
                    tensor.buffer, tensor.sparsity = len(model.buffers), None
                    model.buffers.append(dense)
            _skip_densify(graph, model.operatorCodes)
    except (struct.error, IndexError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidModelError(f"{source}: damaged sparse weights ({error})") from error
    builder = flatbuffers.Builder(2 * len(data))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    target.write_bytes(builder.Output())
    return True


def _skip_densify(graph: Any, codes: Any) -> None:
    kept = []
    for operator in graph.operators:
        if codes[operator.opcodeIndex].builtinCode == BuiltinOperator.DENSIFY:
            source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
            target.buffer = source.buffer
        else:
            kept.append(operator)
    graph.operators = kept


def _dense(tensor: Any, buffers: Any, most: int) -> np.ndarray[Any, Any]:
    """The dense tensor of a sparse one.

    Dimensions are stored level by level, in `traversalOrder`: first the tensor's own n, then those of the blocks into
    which dimension `blockMap[i]` is cut. A level is dense (all its indices), or lists its indices per entry of the level
    before (compressed sparse rows). Values stand in the order of the last level's entries. Source: `SparsityParameters`
    in TensorFlow Lite's schema.fbs.
    """
    name = tensor.name.decode(errors="replace")
    sparsity, shape = tensor.sparsity, [int(size) for size in tensor.shape]
    dtype = _TYPES.get(tensor.type)
    if dtype is None:
        raise UnsupportedError(Problem("a sparse tensor that is neither float32, float16 nor int8", where=name))
    if math.prod(shape) * dtype.itemsize > most:
        raise InvalidModelError(Problem(f"sparse tensor {shape} is out of proportion to its file", where=name))
    values = np.frombuffer(bytes(buffers[tensor.buffer].data), dtype)
    order = [int(level) for level in sparsity.traversalOrder]
    blocks = [] if sparsity.blockMap is None else [int(axis) for axis in sparsity.blockMap]
    if sorted(order) != list(range(len(shape) + len(blocks))) or len(order) != len(sparsity.dimMetadata):
        raise ValueError(f"levels {order} of sparse tensor {name!r}")
    coordinates: dict[int, np.ndarray[Any, Any]] = {}  # of each dimension, for every entry of the level
    sizes: dict[int, int] = {}
    entries = 1
    for dimension, level in zip(order, sparsity.dimMetadata, strict=True):
        if level.format == schema.DimensionType.DENSE:
            counts = np.full(entries, level.denseSize)
            if entries * int(level.denseSize) > most:
                raise ValueError(f"size {level.denseSize} in sparse tensor {name!r}")
            indices = np.tile(np.arange(level.denseSize), entries)
            sizes[dimension] = int(level.denseSize)
        else:
            segments = np.asarray(level.arraySegments.values, np.int64)
            indices = np.asarray(level.arrayIndices.values, np.int64)
            counts = np.diff(segments)
            if len(counts) != entries or (counts < 0).any() or segments[0] != 0 or segments[-1] != len(indices):
                raise ValueError(f"segments of sparse tensor {name!r}")
        coordinates = {d: np.repeat(c, counts) for d, c in coordinates.items()}
        coordinates[dimension] = indices
        entries = len(indices)
    for block, axis in enumerate(blocks, start=len(shape)):
        coordinates[axis] = coordinates[axis] * sizes[block] + coordinates[block]
    if entries != len(values):
        raise ValueError(f"{entries} places for the {len(values)} values of sparse tensor {name!r}")
    dense: np.ndarray[Any, Any] = np.zeros(shape, dtype)
    at = tuple(coordinates[axis] for axis in range(len(shape)))
    if any(((c < 0) | (c >= size)).any() for c, size in zip(at, shape, strict=True)):
        raise ValueError(f"indices of sparse tensor {name!r}")
    dense[at] = values
    return dense

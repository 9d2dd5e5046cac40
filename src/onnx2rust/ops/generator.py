"""Tensors that are made from parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir import dtypes
from onnx2rust.ir.dims import Dim, ceil_div, maximum, symbol
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import generator, unranked
from onnx2rust.layers.movement import Expand
from onnx2rust.ops.cast import cast_to
from onnx2rust.ops.unranked import reshaped_by
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import Half
from onnx2rust.registry.rules import Within


def zeros(g: Builder, dtype: DType, shape: Sequence[Dim]) -> Value:
    """A tensor of zeros."""
    return filled(g, np.zeros(1, dtype.numpy), shape)


def filled(g: Builder, value: np.ndarray[tuple[int, ...], np.dtype[np.generic]], shape: Sequence[Dim]) -> Value:
    """A tensor that is `value` (one element) everywhere."""
    one = g.constant(value.reshape(1))
    out = TensorType(one.dtype, tuple(shape))
    flat = g.step(Expand((1,), (out.size,)), [one], out.with_shape(out.size))
    return g.view(flat, *shape)


@onnx_op(
    "Range",
    since=(11, 27),
    added={27: "stash_type"},
    reads={0: reads.always(Within(0, 2)), 1: reads.always(Within(4, 8)), 2: reads.always(Within(1, 2))},
)
def range_(g: Builder, start: Value, limit: Value, delta: Value, *, stash_type: int = 1) -> Value:
    """start, start + delta, … before limit."""
    if start.dtype not in (DType.F32, DType.F64, DType.I16, DType.I32, DType.I64):
        raise Refuse(f"Range of {start.dtype} is not supported")
    known = [v.dims() for v in (start, limit, delta)]
    inputs = [start, limit, delta]
    if all(k is not None and not isinstance(k[0], float) for k in known):
        first, last, step = (k[0] for k in known if k is not None)
        if step == 0:
            raise Refuse("the step of Range is 0", invalid=True)
        if isinstance(step, int):
            count = ceil_div(last - first, step) if step > 0 else ceil_div(first - last, -step)
            return g.step(generator.Range(), inputs, start.tensor.with_shape(maximum(count, 0)))
    name = g.new_symbol("count")
    out = start.tensor.with_shape(symbol(name))
    return g.step(generator.Range(), inputs, out, defines=(name,))


@onnx_op("ConstantOfShape", since=(9, 20, 21, 23, 24, 25), half=Half.MOVES, reads={0: reads.SIZE})
def constant_of_shape(g: Builder, input: Value, *, value: onnx.TensorProto | None = None) -> Value:
    """A tensor of one value."""
    content = np.zeros(1, np.float32) if value is None else numpy_helper.to_array(value)
    if content.size != 1:
        raise Refuse("value is not one element", invalid=True)
    if not isinstance(input.tensor.size, int):
        return reshaped_by(g, unranked.Expand(), g.constant(content.reshape(())), g.cast_sizes(input))
    shape = g.sizes(input, "input")
    if any(isinstance(d, int) and d < 0 for d in shape):
        raise Refuse(f"a shape of {list(shape)}", invalid=True)
    return filled(g, content, shape)


@onnx_op("EyeLike", since=(9, 22), half=Half.ITSELF)
def eye_like(g: Builder, input: Value, *, dtype: int | None = None, k: int = 0) -> Value:
    """Ones on a diagonal of a matrix of x's shape."""
    element = input.dtype if dtype is None else dtypes.from_onnx(dtype)
    if element in (None, DType.STRING):
        raise Refuse("EyeLike of this element type is not supported")
    if input.rank != 2:
        raise Refuse(f"a matrix has 2 axes, not {input.rank}", invalid=True)
    made = DType.F32 if element is DType.F16 else element
    one = True if made is DType.BOOL else 1.0 if made.is_float else 1
    layer = generator.EyeLike(k, one, made.rust, input.shape)
    return cast_to(g, g.step(layer, [], TensorType(made, input.shape)), element)

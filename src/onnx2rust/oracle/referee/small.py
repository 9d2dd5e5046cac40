"""Operators of older versions, and those that onnx's evaluator computes in a narrower type or element by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_batch_normalization import BatchNormalization_14
from onnx.reference.ops.op_resize import Resize as _Resize
from onnx.reference.ops.op_scatter_elements import ScatterElements

Array = np.ndarray[Any, Any]


def _opset(op: OpRun) -> int:
    return int(op.run_params["opsets"].get("", 1))


class _Rows(OpRun):
    """Along one axis since opset 13; before, along all axes from `axis` on."""

    def rows(self, x: Array) -> Array:
        """Of x `[rows, columns]`."""
        raise NotImplementedError

    def _run(self, x: Array, *, axis: int = -1) -> tuple[Array]:
        if _opset(self) >= 13:
            last = np.moveaxis(x, axis, -1)
            return (np.moveaxis(self.rows(last.reshape(-1, last.shape[-1])).reshape(last.shape), -1, axis),)
        if not any(a.name == "axis" for a in self.onnx_node.attribute):
            axis = 1
        flat = x.reshape(math.prod(x.shape[: axis % x.ndim]), -1)
        return (self.rows(flat).reshape(x.shape),)


class Softmax(_Rows):
    """exp(x − max) / Σ exp(x − max)."""

    def rows(self, x: Array) -> Array:
        e = np.exp(x - x.max(axis=1, keepdims=True, initial=-np.inf))
        return np.asarray(e / e.sum(axis=1, keepdims=True))


class LogSoftmax(_Rows):
    """x − max − ln Σ exp(x − max)."""

    def rows(self, x: Array) -> Array:
        shifted = x - x.max(axis=1, keepdims=True, initial=-np.inf)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


class Hardmax(_Rows):
    """One at the first maximum, zero elsewhere."""

    def rows(self, x: Array) -> Array:
        y = np.zeros_like(x)
        if x.size:
            y[np.arange(len(x)), x.argmax(axis=1)] = 1
        return y


class Scatter(ScatterElements):
    """The name that ScatterElements had before opset 11."""


class Resize(_Resize):
    """In opset 10 the second input is the scales, pixels are asymmetric and rounded down."""

    def _run(self, *inputs: Any, **given: Any) -> Any:
        if _opset(self) < 11:
            given |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            inputs = (inputs[0], None, *inputs[1:])
        return super()._run(*inputs, **given)


class BatchNormalization(BatchNormalization_14):
    """Before opset 14, which has an attribute for it, onnx's evaluator always trains."""

    def _run(self, *inputs: Any, **given: Any) -> Any:
        if _opset(self) < 14 and (len(self.output) > 1 or given.pop("spatial", 1) == 0):
            raise NotImplementedError("BatchNormalization in training, or of each element")
        own: Any = super()
        return own._run(*inputs, **{"training_mode": 0} | given)


class Unique(OpRun):
    """The distinct slices along `axis`, or elements: sorted, or as they come first. onnx's evaluator sorts where only they are an
    output, and takes those of the first axis whatever the axis is."""

    def _run(self, x: Array, *, axis: int | None = None, sorted: int = 1) -> tuple[Array, ...]:
        y, first, inverse, counts = np.unique(x, return_index=True, return_inverse=True, return_counts=True, axis=axis)
        inverse = inverse.reshape(-1)
        if not sorted:
            order = np.argsort(first)
            y, first, counts = np.take(y, order, axis=axis or 0), first[order], counts[order]
            inverse = np.argsort(order)[inverse]
        return (y, *(a.astype(np.int64) for a in (first, inverse, counts)))[: len(self.onnx_node.output)]


class Erf(OpRun):
    """2/√π ∫ exp(−t²)."""

    _erf: Any = staticmethod(np.frompyfunc(math.erf, 1, 1))

    def _run(self, x: Array) -> tuple[Array]:
        return (np.asarray(self._erf(x)).astype(x.dtype),)


class LayerNormalization(OpRun):
    """(x − mean) / √(variance + ε) · scale + bias over the axes from `axis` on. onnxruntime has it
    at every opset, onnx from 17."""

    def _run(
        self, x: Array, scale: Array, bias: Array | None = None, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
    ) -> tuple[Array, ...]:
        axes = tuple(range(axis % x.ndim, x.ndim))
        mean = x.mean(axis=axes, keepdims=True)
        inverse = 1 / np.sqrt(((x - mean) ** 2).mean(axis=axes, keepdims=True) + epsilon)
        y = (x - mean) * inverse * scale + (0 if bias is None else bias)
        return (y, mean, inverse)[: len(self.onnx_node.output)]


class SimplifiedLayerNormalization(OpRun):
    """x / √(mean of x² + ε) · scale over the axes from `axis` on: what onnxruntime calls RMSNormalization, at every opset."""

    def _run(self, x: Array, scale: Array, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1) -> tuple[Array]:
        axes = tuple(range(axis % x.ndim, x.ndim))
        return (x / np.sqrt((x**2).mean(axis=axes, keepdims=True) + epsilon) * scale,)


class DequantizeLinear(OpRun):
    """(x − zero point) · scale, the difference as whole numbers."""

    def _run(
        self, x: Array, scale: Array, zero: Array | None = None, *, axis: int = 1, block_size: int = 0, output_dtype: int = 0
    ) -> tuple[Array]:
        whole = x.astype(np.float64) - (0 if zero is None else along(zero, x, axis, block_size).astype(np.float64))
        return (whole * along(scale, x, axis, block_size),)


class LpNormalization(OpRun):
    """x / (Σ |x|ᵖ)^(1/p) along an axis; zeros stay zeros."""

    def _run(self, x: Array, *, axis: int = -1, p: int = 2) -> tuple[Array]:
        norm = np.linalg.norm(x, ord=p, axis=axis, keepdims=True)
        return (x / np.where(norm == 0, 1, norm),)


class LRN(OpRun):
    """x / (bias + alpha / size · the sum of the squares of `size` channels)ᵝ. onnx's counts samples for channels."""

    def _run(self, x: Array, *, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int = 1) -> tuple[Array]:
        around = [(0, 0), ((size - 1) // 2, size // 2), *[(0, 0)] * (x.ndim - 2)]
        squares = np.lib.stride_tricks.sliding_window_view(np.pad(x**2, around), size, axis=1).sum(axis=-1)
        return (x / (bias + alpha / size * squares) ** beta,)


class OneHot(OpRun):
    """values[1] at the index along a new axis, values[0] elsewhere. The depth may be a vector of one."""

    def _run(self, indices: Array, depth: Array, values: Array, *, axis: int = -1) -> tuple[Array]:
        count = int(np.reshape(depth, ()))
        whole = np.trunc(np.expand_dims(indices, axis % (indices.ndim + 1)))
        places = np.arange(count).reshape([-1 if k == axis % whole.ndim else 1 for k in range(whole.ndim)])
        return (np.where((whole == places) | (whole + count == places), values[1], values[0]).astype(values.dtype),)


class Rounding(OpRun):
    """What rounds floats to steps. `noise` stands for the rounding of what computed x in single precision: a share of the largest
    |x| that is added at random."""

    noise: float = 0.0
    draws = np.random.default_rng(0)

    def disturbed(self, x: Array) -> Array:
        """x with the noise."""
        if not self.noise:
            return x
        largest = float(np.abs(x).max(initial=0, where=np.isfinite(x)))
        return x + self.noise * largest * self.draws.uniform(-1, 1, x.shape)


class QuantizeLinear(Rounding):
    """x / scale to the nearest whole number (halves to even), plus the zero point, within the type's range."""

    def _run(
        self, x: Array, scale: Array, zero: Array | None = None, *, axis: int = 1, block_size: int = 0, output_dtype: int = 0,
        saturate: int = 1, precision: int = 0,
    ) -> tuple[Array]:  # fmt: skip
        dtype = (
            zero.dtype
            if zero is not None
            else np.dtype(onnx.helper.tensor_dtype_to_np_dtype(output_dtype or onnx.TensorProto.UINT8))
        )
        if dtype.kind not in "iu":
            raise NotImplementedError(f"QuantizeLinear to {dtype}")
        origin = None if zero is None else along(zero, x, axis, block_size)
        return (quantised(self.disturbed(x) / along(scale, x, axis, block_size), origin, dtype),)


class DynamicQuantizeLinear(Rounding):
    """As QuantizeLinear to unsigned bytes, by the scale and the zero point that the range of x and 0 gives."""

    def _run(self, x: Array) -> tuple[Array, ...]:
        x = self.disturbed(x)
        low, high = (extreme.reduce(x, axis=None, initial=0) for extreme in (np.fmin, np.fmax))  # NaN is left out
        scale = (high - low) / 255 if high > low else 1.0  # of zeros alone: as onnxruntime, the specification would divide by 0
        zero = quantised(-low / scale, None, np.dtype(np.uint8))
        return quantised(x / scale, zero, zero.dtype), np.asarray(scale), np.asarray(zero)


def quantised(x: Array, zero: Array | None, dtype: np.dtype[Any]) -> Array:
    """The nearest whole numbers (halves to even), plus the zero point, within the type's range."""
    y = np.rint(x) + (0 if zero is None else zero.astype(np.float64))
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(y, limits.min, limits.max).astype(dtype))


def along(parameter: Array, x: Array, axis: int, block_size: int = 0) -> Array:
    """A scale or zero point in a shape that broadcasts with x: one number, one for each index of
    `axis`, or one for each block of it."""
    if parameter.size == 1:
        return parameter.reshape(())
    axis %= x.ndim
    if block_size:
        return np.repeat(parameter, block_size, axis=axis)[tuple(slice(n) for n in x.shape)]
    return parameter if parameter.ndim > 1 else parameter.reshape([-1 if k == axis else 1 for k in range(x.ndim)])


class Optional(OpRun):
    """An optional tensor is the tensor, or None."""

    def _run(self, x: Any = None, *, type: Any = None) -> tuple[Any]:
        return (x,)

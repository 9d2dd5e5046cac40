"""Normalisation."""

from __future__ import annotations

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import product
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer, Weight
from onnx2rust.ir.program import Value
from onnx2rust.ir.shapes import Shape, split_at
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import norm as layers
from onnx2rust.layers.binary import Add, Div, Mul, Sub, broadcasting
from onnx2rust.ops.activation import activate
from onnx2rust.ops.axes import normal_axis
from onnx2rust.registry import onnx_op, reads

_INFERENCE = "export the model for inference (training_mode=0, or Keras' training=False)"


_MOMENTS = ("input", "gamma", "beta", "moving_mean", "moving_variance")


@onnx_op(
    "BatchNormalization",
    since=(7, 9, 14, 15),
    added={14: "training_mode"},
    removed={9: "spatial"},
    reads={4: reads.POSITIVE},
    counts_names=True,
    constants=_MOMENTS,
)
def batch_normalization(
    g: Builder,
    X: Value,
    scale: Value,
    B: Value,
    input_mean: Value,
    input_var: Value,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    spatial: int = 1,
    training_mode: int = 0,
    n_outputs: int = 1,
) -> Value:
    """y = (x − mean) / √(var + ε) · scale + bias, per channel or (`spatial` is 0) per element of a sample (https://onnx.ai/onnx/operators/onnx__BatchNormalization.html)"""
    if training_mode:
        raise Refuse("BatchNormalization with training_mode=1 takes mean and variance from the batch", _INFERENCE)
    if n_outputs > 1 and g.origin.opset >= 14:
        raise Refuse("BatchNormalization has one output unless training_mode is 1", invalid=True)
    if n_outputs > 1:
        what = f"BatchNormalization with {n_outputs} outputs takes mean and variance from the batch: it is in training mode"
        raise Refuse(what, _INFERENCE)
    # y = x·a + b with a = scale / √(var + ε), b = bias − mean·a, each [channels] or a sample's shape: computed here in f64
    if any(v.array is None for v in (scale, B, input_mean, input_var)):
        return _scale_shift_steps(g, X, scale, B, input_mean, input_var, epsilon, bool(spatial))
    s, b, m, v = (np.asarray(c.array, dtype=np.float64) for c in (scale, B, input_mean, input_var))
    factor = s / np.sqrt(v + epsilon)
    kind = X.dtype.numpy
    factor, shift = factor.astype(kind), (b - m * factor).astype(kind)
    if X.dtype is DType.F32 and spatial:
        perm, (laid,) = g.layout([X], X.rank)
        size = split_at(laid.shape, perm[1]) if X.rank > 1 else (*X.shape, 1, 1)
        layer = layers.ScaleShift(g.weight(scale, array=factor), g.weight(B, array=shift), size)
        return g.transpose(g.step(layer, [laid], laid.type), perm)
    shape = (-1, *([1] * (X.rank - 2))) if spatial else factor.shape
    y = g.elementwise(broadcasting(Mul), [X, g.constant(factor.reshape(shape), scale.name)], X.dtype)
    return g.elementwise(broadcasting(Add), [y, g.constant(shift.reshape(shape), B.name)], X.dtype)


def _scale_shift_steps(
    g: Builder, x: Value, scale: Value, bias: Value, mean: Value, var: Value, epsilon: float, spatial: bool
) -> Value:
    """The same by steps, where not all is known at conversion."""

    def of(layer: type[Layer], *operands: Value) -> Value:
        return g.elementwise(broadcasting(layer), operands, x.dtype)

    for value in (scale, bias, mean, var):
        g.only(value, x.dtype)
    deviation = activate(g, of(Add, var, g.constant(np.array(epsilon, x.dtype.numpy))), "Sqrt")
    factor = of(Div, scale, deviation)
    shift = of(Sub, bias, of(Mul, mean, factor))
    if spatial:  # [channels, 1, …], to be broadcast against [n, channels, …]
        factor, shift = (g.view(v, product(v.shape), *([1] * (x.rank - 2))) for v in (factor, shift))
    return of(Add, of(Mul, x, factor), shift)


def _whole(g: Builder, value: Value | None, shape: Shape) -> Weight | None:
    """A known scale or bias, broadcast to the normalised axes; None if it is absent, not known, or they are not."""
    sizes = [d for d in shape if isinstance(d, int)]
    if value is None or value.array is None or len(sizes) != len(shape):
        return None
    return g.weight(value, array=np.ascontiguousarray(np.broadcast_to(value.array, sizes)))


def _apply(g: Builder, layer: type[Add | Mul], y: Value, operand: Value | None, done: Weight | None) -> Value:
    """What the layer could not take in (a scale or bias that is computed while the model runs)."""
    if operand is None or done is not None:
        return y
    return g.elementwise(broadcasting(layer), [y, operand], y.dtype)


@onnx_op("LayerNormalization", since=17, constants=_MOMENTS[:3])
def layer_normalization(
    g: Builder,
    X: Value,
    Scale: Value,
    B: Value | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
    n_outputs: int = 1,
) -> tuple[Value | None, ...]:
    """y = (x − mean) / √(variance + ε) · scale + bias over all axes from `axis` on; also the means and inverse deviations"""
    g.only(X, DType.F32)
    k = normal_axis(axis, X.rank)
    size = (product(X.shape[:k]), product(X.shape[k:]))
    scale = _whole(g, Scale, X.shape[k:])
    bias = None if scale is None else _whole(g, B, X.shape[k:])  # the scale comes first
    moments = TensorType(DType.F32, (*X.shape[:k], *([1] * (X.rank - k))))
    types = [moments if n_outputs > wanted else None for wanted in (1, 2)]
    y, *others = g.steps(layers.LayerNormalization(epsilon, scale, bias, size), [X], X.type, *types)
    assert y is not None
    y = _apply(g, Mul, y, Scale, scale)
    return (_apply(g, Add, y, B, bias), *others)[:n_outputs]


@onnx_op("SimplifiedLayerNormalization", since=23)
@onnx_op("RMSNormalization", since=23)
def rms_normalization(g: Builder, X: Value, scale: Value, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1) -> Value:
    """y = x / √(mean of x² + ε) · scale over all axes from `axis` on"""
    for value in (X, scale):
        g.only(value, DType.F32)
    k = normal_axis(axis, X.rank)
    size = (product(X.shape[:k]), product(X.shape[k:]))
    weight = _whole(g, scale, X.shape[k:])
    y = g.step(layers.RmsNormalization(epsilon, weight, size), [X], X.type)
    return _apply(g, Mul, y, scale, weight)


def _groups(g: Builder, x: Value, groups: int, scale: Value, bias: Value, epsilon: float) -> Value:
    g.only(x, DType.F32)
    channels = x.shape[1]
    if not isinstance(channels, int) or groups < 1 or channels % groups:
        raise Refuse(f"{channels} channels in {groups} groups", invalid=isinstance(channels, int))
    if scale.array is not None and bias.array is not None:
        layer = layers.GroupNormalization(
            groups, epsilon, _of_channels(g, scale, channels), _of_channels(g, bias, channels), split_at(x.shape, 1)
        )
        return g.step(layer, [x], x.type)
    # Scale and bias are computed while the model runs: each by a step of its own.
    batch, inner = x.shape[0], product(x.shape[2:])
    size = (batch * groups, channels // groups * inner)
    y = g.step(layers.LayerNormalization(epsilon, None, None, size), [x], x.type, None, None)
    for by, operand in ((Mul, scale), (Add, bias)):
        count = product(operand.shape)
        if not isinstance(count, int) or channels % count:
            raise Refuse(f"a scale or bias of {count} elements for {channels} channels", invalid=isinstance(count, int))
        blocks = g.view(y, batch, count, channels // count, *x.shape[2:])
        y = g.elementwise(broadcasting(by), [blocks, g.view(operand, count, *([1] * (x.rank - 1)))], x.dtype)
    return g.view(y, *x.shape)


def _of_channels(g: Builder, value: Value, channels: int) -> Weight:
    """One of each channel, from that or (GroupNormalization before opset 21) from one of each group."""
    array = np.asarray(value.array)
    return g.weight(value, array=np.repeat(array, channels // array.size))


@onnx_op("InstanceNormalization", since=(6, 22))
def instance_normalization(g: Builder, input: Value, scale: Value, B: Value, *, epsilon: float = 1e-5) -> Value:
    """y = (x − mean) / √(variance + ε) · scale + bias, mean and variance of each channel of each image"""
    channels = input.shape[1]
    return _groups(g, input, channels if isinstance(channels, int) else 0, scale, B, epsilon)


@onnx_op("GroupNormalization", since=(18, 21), added={21: "stash_type"})
def group_normalization(
    g: Builder, X: Value, scale: Value, bias: Value, *, epsilon: float = 1e-5, num_groups: int, stash_type: int = 1
) -> Value:
    """y = (x − mean) / √(variance + ε) · scale + bias, mean and variance of groups of channels (18: a scale for each group)"""
    return _groups(g, X, num_groups, scale, bias, epsilon)


@onnx_op("LpNormalization", since=(1, 22))
def lp_normalization(g: Builder, input: Value, *, axis: int = -1, p: int = 2) -> Value:
    """y = x / (Σ|x|ᵖ)^(1/p) along an axis"""
    if p not in (1, 2):
        raise Refuse(f"p={p}", invalid=True)
    perm, (v,) = g.layout([input], input.rank)
    layer = layers.LpNormalization(*split_at(v.shape, perm[normal_axis(axis, input.rank)]), p)
    return g.transpose(g.step(layer, [v], v.type), perm)


@onnx_op("LRN", since=(1, 13))
def lrn(g: Builder, X: Value, *, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int) -> Value:
    """y = x / (bias + alpha / size · Σx²)ᵝ, the sum over `size` channels around each (https://onnx.ai/onnx/operators/onnx__LRN.html)"""
    if X.rank < 2 or size < 1:
        raise Refuse(f"a window of {size} channels of {X.type}", invalid=True)
    if not (alpha >= 0 and beta > 0 and bias > 0):
        raise Refuse(f"alpha={alpha:g}, beta={beta:g}, bias={bias:g}: alpha at least 0, beta and bias above 0 are supported")
    perm, (v,) = g.layout([X], X.rank)
    layer = layers.LocalResponseNormalization(*split_at(v.shape, perm[1]), size, alpha, beta, bias)
    return g.transpose(g.step(layer, [v], v.type), perm)

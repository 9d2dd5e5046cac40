"""What random graphs are made of: operators that few models have, and products of integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto
from random_draft import Draft, Tensor
from random_kinds import has, is_float, is_int, kind, open_tensor, other, signed, static
from random_layers import fitting, some

BYTES = (np.dtype(np.uint8), np.dtype(np.int8))


def _bytes(d: Draft, *tests: Callable[[Tensor], Any], types: Sequence[np.dtype[Any]] = BYTES) -> Tensor:
    """A tensor of 8-bit integers; where there is none, one that is made of exact numbers."""
    if d.chance(0.5) and any(t.dtype in types and all(test(t) for test in tests) for t in d.visible()):
        return d.pick(lambda t: t.dtype in types, open_tensor, *tests)
    x = d.pick(lambda t: t.f32 and t.exact and t.size, open_tensor, *tests)
    return d.node("QuantizeLinear", x, d.known(0.25, np.float32), d.known(3, d.rng.choice(types)))  # type: ignore[no-any-return]


@kind(since=18, weight=0.5)
def bitwise(d: Draft) -> Any:
    """And, or, exclusive or, not of the bits of integers."""
    x = d.pick(is_int)
    op = d.rng.choice(["BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"])
    return d.node(op, x) if op == "BitwiseNot" else d.node(op, x, other(d, x))


@kind(since=11, weight=0.4)
def bit_shift(d: Draft) -> Any:
    """BitShift by known numbers of bits."""
    x = _bytes(d, types=BYTES[:1])
    return d.node("BitShift", x, d.known(d.rng.randint(0, 3), x.dtype), direction=d.rng.choice(["LEFT", "RIGHT"]))


@kind(since=26, weight=0.3)
def bit_cast(d: Draft) -> Any:
    """BitCast to the type of as many bits."""
    x = d.pick(lambda t: t.dtype == np.int8 or (t.f32 and t.exact), open_tensor)
    return d.node("BitCast", x, to=TensorProto.INT32 if x.f32 else TensorProto.UINT8)


@kind(since=26, weight=0.3)
def cumulative_product(d: Draft) -> Any:
    """CumProd."""
    x = d.pick(is_float, lambda t: t.rank > 0)
    axis = d.known(signed(d, d.rng.randrange(x.rank), x.rank), np.int64)
    return d.node("CumProd", x, axis, exclusive=d.rng.choice([0, 1]), reverse=d.rng.choice([0, 1]))


@kind(weight=0.5)
def dropout(d: Draft) -> Any:
    """Dropout, which lets everything through, and perhaps its mask."""
    x = d.pick(is_float, open_tensor)
    return d.node("Dropout", x, outputs=2 if d.chance(0.3) else 1)


@kind(since=9, weight=0.3)
def eye_like(d: Draft) -> Any:
    """EyeLike of a matrix."""
    x = d.pick(has(2), open_tensor)
    return d.node("EyeLike", x, k=d.rng.choice([None, 1, -1]), dtype=d.rng.choice([None, TensorProto.FLOAT, TensorProto.INT64]))


@kind(since=9, weight=0.5)
def not_numbers(d: Draft) -> Any:
    """IsNaN and IsInf, of numbers or of the quotients of zeros."""
    x = d.pick(lambda t: t.f32, open_tensor)
    return d.node(d.rng.choice(["IsNaN", "IsInf"] if d.opset >= 10 else ["IsNaN"]), x)


@kind(since=11, weight=0.5)
def gather_nd(d: Draft) -> Any:
    """GatherND by known positions."""
    x = d.pick(lambda t: t.rank > 1 and t.size)
    sizes = [min(a.shape[k] for a in x.runs) for k in range(x.rank)]
    depth = d.rng.randint(1, x.rank)
    shape = [d.rng.randint(1, 3) for _ in range(d.rng.randint(1, 2))]
    places = np.stack([d.numpy().integers(-n, n, shape) for n in sizes[:depth]], -1)
    return d.node("GatherND", x, d.known(places, np.int64))


@kind(since=10, weight=0.4)
def reverse_sequence(d: Draft) -> Any:
    """ReverseSequence of known lengths."""
    x = d.pick(lambda t: t.rank > 1 and t.size)
    time = d.rng.choice([0, 1])
    lengths = d.numpy().integers(1, min(a.shape[time] for a in x.runs) + 1, static(x, 1 - time))
    return d.node("ReverseSequence", x, d.known(lengths, np.int64), time_axis=time, batch_axis=1 - time)


@kind(since=11, weight=0.4)
def unique(d: Draft) -> Any:
    """Unique of all elements, or along an axis."""
    x = d.pick(lambda t: t.dtype.kind in "fi" and t.exact and t.rank > 0 and t.size, open_tensor)
    axis = d.rng.choice([None, d.rng.randrange(x.rank)])
    return d.node("Unique", x, axis=axis, sorted=d.rng.choice([0, 1]), outputs=d.rng.randint(1, 4))


@kind(weight=0.3)
def global_lp_pool(d: Draft) -> Any:
    """GlobalLpPool."""
    return d.node("GlobalLpPool", d.pick(lambda t: t.f32 and t.rank > 2 and t.size, open_tensor), p=d.rng.choice([None, 1, 3]))


@kind(since=9, weight=0.3)
def unpool(d: Draft) -> Any:
    """MaxUnpool of what MaxPool says of its places."""
    x = d.pick(lambda t: t.f32 and t.size, has(4), open_tensor)
    window: dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2]}
    y, places = d.node("MaxPool", x, outputs=2, **fitting(x, window))
    return d.node("MaxUnpool", some(y), places, **window)


@kind(weight=0.4)
def simplified_layer_normalization(d: Draft) -> Any:
    """onnxruntime's name for RMSNormalization."""
    x = d.pick(lambda t: t.f32 and t.rank > 1 and t.size, open_tensor)
    scale = d.weights(static(x, x.rank - 1), like=x, scale=1.0)
    return d.node("SimplifiedLayerNormalization", x, scale, axis=-1, epsilon=1e-3, stash_type=1)


# -- products of integers --------------------------------------------------------------------------------------------


def _point(d: Draft, dtype: Any) -> Tensor:
    return d.known(d.rng.choice([0, 2, 7]), dtype)


@kind(since=10, weight=0.6)
def conv_integer(d: Draft) -> Any:
    """ConvInteger with known weights."""
    x = _bytes(d, lambda t: t.rank in (3, 4) and t.size)
    taps = [d.rng.choice([1, 2]) for _ in range(x.rank - 2)]
    w = d.known(d.numpy().integers(-9 if x.dtype == np.int8 else 0, 9, (3, static(x, 1), *taps)), x.dtype)
    point = _point(d, x.dtype) if d.chance(0.6) else None
    return d.node("Cast", some(d.node("ConvInteger", x, w, point, kernel_shape=taps)), to=TensorProto.FLOAT)


@kind(since=10, weight=0.6)
def quantized_conv(d: Draft) -> Any:
    """QLinearConv with known weights: scales are powers of two, so that nothing is rounded but the result."""
    x = _bytes(d, lambda t: t.rank == 4 and t.size)
    w = d.known(d.numpy().integers(-9 if x.dtype == np.int8 else 0, 9, (3, static(x, 1), 1, 2)), x.dtype)
    scales = [d.known(d.rng.choice([0.5, 0.25]), np.float32) for _ in range(2)]
    to = d.known(4.0, np.float32), _point(d, x.dtype)
    bias = d.known(d.numpy().integers(-20, 20, 3), np.int32) if d.chance(0.5) else None
    points = _point(d, x.dtype), d.known(0, x.dtype)
    return some(d.node("QLinearConv", x, scales[0], points[0], w, scales[1], points[1], *to, bias))


@kind(since=10, weight=0.6)
def quantized_matmul(d: Draft) -> Any:
    """QLinearMatMul with a known matrix."""
    x = _bytes(d, lambda t: t.rank > 1 and t.size)
    w = d.known(d.numpy().integers(-9 if x.dtype == np.int8 else 0, 9, (static(x, x.rank - 1), 4)), x.dtype)
    scales = [d.known(d.rng.choice([0.5, 0.25]), np.float32) for _ in range(2)]
    to = d.known(4.0, np.float32), _point(d, x.dtype)
    return d.node("QLinearMatMul", x, scales[0], _point(d, x.dtype), w, scales[1], d.known(0, x.dtype), *to)


@kind(since=13, weight=0.6)
def dequantized_product(d: Draft) -> Any:
    """Bytes as floats, their product with 8-bit weights, and bytes again: what quantisers export. Scales are powers of two."""
    x = d.pick(lambda t: t.f32 and t.exact and t.size and t.rank in (2, 3, 4), open_tensor)
    step, type_ = d.rng.choice([0.5, 0.25]), np.dtype(d.rng.choice([np.int8, np.uint8]))
    parts = d.known(step, np.float32), _point(d, type_)
    a = d.node("DequantizeLinear", d.node("QuantizeLinear", x, *parts), *parts)
    conv = x.rank > 2 and d.chance(0.7)
    channels = static(x, 1 if conv else x.rank - 1)
    scales: Any = d.numpy().choice([0.125, 0.5], 3) if d.chance(0.5) else 0.25
    points = np.zeros(np.shape(scales), np.int8) if d.chance(0.8) else np.full(np.shape(scales), 2)
    values = d.numpy().integers(-9, 9, (3, channels, *[1] * (x.rank - 3), 2) if conv else (channels, 3))
    axis: dict[str, Any] = {"axis": 0 if conv else 1} if np.ndim(scales) else {}
    w = d.node("DequantizeLinear", d.known(values, np.int8), d.known(scales, np.float32), d.known(points, np.int8), **axis)
    bias = None
    if conv and d.chance(0.6):
        bias = d.known(d.numpy().integers(-20, 20, 3), np.int32)
        at: dict[str, Any] = {"axis": 0} if np.ndim(scales) else {}
        bias = d.node("DequantizeLinear", bias, d.known(step * np.asarray(scales), np.float32), **at)
    y = d.node("Conv", a, w, bias) if conv else d.node("MatMul", a, w)
    if d.chance(0.4):
        y = d.node("Relu", y)
    if d.chance(0.3):
        return y
    to = d.known(4.0, np.float32), _point(d, type_)
    y = d.node("QuantizeLinear", some(y), *to)
    return d.node("DequantizeLinear", y, *to) if d.chance(0.6) else y


@kind(since=11, weight=0.4)
def dynamic_quantize(d: Draft) -> Any:
    """DynamicQuantizeLinear, and back."""
    q, scale, point = d.node("DynamicQuantizeLinear", d.pick(lambda t: t.f32 and t.exact and t.size, open_tensor), outputs=3)
    return d.node("DequantizeLinear", q, scale, point)


WORDS = ("", "a", "Zebra", "naïve", "日本", "two words", "\u0301", '"quoted\\"')


@kind(since=20, weight=0.3)
def joined(d: Draft) -> Any:
    """StringConcat of strings that are given, known, chosen by ids, joined already, or the same twice."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        return np.array(WORDS, object)[rng.integers(0, len(WORDS), shape)]

    if d.chance(0.5) and any(is_int(t) and t.low >= 0 and t.high < len(WORDS) for t in d.visible()):
        ids = d.pick(is_int, lambda t: t.low >= 0 and t.high < len(WORDS))
    else:
        floats = d.pick(is_float, open_tensor, lambda t: t.exact)
        ids = d.node("Cast", d.node("Less", floats, d.known(0, floats.dtype)), to=TensorProto.INT64)
    operands = [
        d.node("Gather", d.known(np.array(WORDS, object)), ids),
        d.known(draw(d.numpy(), tuple(d.rng.choice([1, n or 1]) for n in ids.shape))),
        d.input([n or d.rng.choice(sorted(d.sizes[0])) for n in ids.shape], draw),
    ]
    y = d.node("StringConcat", *d.rng.choices(operands, k=2))
    for _ in range(d.rng.randrange(3)):
        y = d.node("StringConcat", *d.rng.choice([(y, y), (y, operands[0]), (operands[1], y)]))
    return y

"""Weights in fewer bits: 16-bit floats or 8-bit integers, times a scale for each place along one axis of a tensor.

A scale is the largest magnitude there (a 127th of it for integers). Whatever multiplies a place by one factor, as batch
normalisation does that is folded into a kernel, changes its scale alone: what was rounded before the passes has the same codes
behind them. `tf_layers::build` finds the codes in the same way.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from onnx2rust.base.naming import Escaped
from onnx2rust.ir.layer import Variant

Array = np.ndarray[Any, Any]
Storage = Literal["f16", "int8"]
_SMALL = 1024
"""Elements of what is not worth it."""
_LARGEST = np.float32(127)
_EXACT = np.float32(1e-6)
"""The share of a place's largest that an element may be off and still counts as what its code says: two roundings of f32."""
PLAIN = Escaped("Storage::Plain")
_COMPUTED = frozenset(["Winograd", "GateBias", "LastRecurrentBias"])
"""Packings that compute instead of moving."""


def rounded(array: Array, storage: Storage, axis: int) -> Array | None:
    """The tensor that the codes of a tensor stand for, a scale for each place along the axis; None if it has no codes, because a
    number is not finite or the largest code would stand for none that is."""
    scale, top = _scales(array, storage, axis)
    if not np.isfinite(top).all():
        return None
    if storage == "f16" and _is_half(array):
        return array
    codes = array / np.where(scale == 0, np.float32(np.inf), scale)
    codes = codes.astype(np.float16).astype(np.float32) if storage == "f16" else np.rint(codes, out=codes)
    codes *= scale
    return codes


def _scales(array: Array, storage: Storage, axis: int) -> tuple[Array, Array]:
    """The scale of each place along the axis, and what the largest code stands for there. A scale below the normal numbers of f32
    has few digits or none: it is 0, and so are the numbers there, which are below 2e-36."""
    largest = _largest(array, axis)
    scale = largest if storage == "f16" else largest / _LARGEST
    scale = np.where(scale < np.finfo(np.float32).tiny, np.float32(0), scale)
    with np.errstate(over="ignore"):
        return scale, scale if storage == "f16" else scale * _LARGEST


def axis(array: Array, storage: Storage, packing: Variant) -> int | None:
    """The axis along which the tensor has codes that say it exactly; None if there is none, or it is not worth it."""
    if array.dtype != np.float32 or array.ndim < 2 or array.size <= _SMALL or packing.name in _COMPUTED:
        return None
    for k in dict.fromkeys((0, array.ndim - 1, *range(array.ndim))):
        if _is_exact(array, storage, k):
            return int(k)
    return None


def of(array: Array, storage: Storage | None, packing: Variant) -> Escaped:
    """`tf_layers::store::Storage` of a tensor."""
    found = None if storage is None else axis(array, storage, packing)
    if found is None:
        return PLAIN
    return Escaped(f"Storage::{'F16' if storage == 'f16' else 'I8'} {{ axis: {found} }}")


def _is_exact(array: Array, storage: Storage, axis: int) -> bool:
    largest = _largest(array, axis)
    found = rounded(array, storage, axis)
    if found is None or found is array:  # halves are their own codes
        return found is array
    found -= array
    return bool((np.abs(found, out=found) <= _EXACT * largest).all())


def _largest(array: Array, axis: int) -> Array:
    """The largest magnitude of each place along the axis."""
    others = tuple(k for k in range(array.ndim) if k != axis)
    high: Array = array.max(axis=others, keepdims=True, initial=0)
    low: Array = -array.min(axis=others, keepdims=True, initial=0)
    return np.asarray(np.maximum(high, low))


def _is_half(array: Array) -> bool:
    with np.errstate(over="ignore"):
        return bool((array.astype(np.float16).astype(np.float32) == array).all())

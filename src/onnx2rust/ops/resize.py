"""Resize and Upsample: one layer per axis that changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Value
from onnx2rust.ir.shapes import split_at
from onnx2rust.layers import resize as layers
from onnx2rust.ops.axes import normal_axes
from onnx2rust.registry import Attributes, Const, onnx_op
from onnx2rust.registry.rules import Resized

_COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
)
_NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


@dataclass(frozen=True)
class Rule(Attributes):
    """How elements are computed."""

    antialias: int = 0
    coordinate_transformation_mode: str = "half_pixel"
    cubic_coeff_a: float = -0.75
    exclude_outside: int = 0
    extrapolation_value: float = 0.0
    mode: str = "nearest"
    nearest_mode: str = "round_prefer_floor"


@dataclass(frozen=True)
class _Axis:
    """One axis: its output size, its scale where the model states it, and the region of interest."""

    out: Dim
    scale: float | None
    roi: tuple[float, float] = (0.0, 1.0)
    scales: Value | None = None
    """The tensor that holds the scale, if it is known only at run time."""
    index: int = 0
    """Where in it."""


def _choose(names: tuple[str, ...], name: str, what: str) -> str:
    """The Rust variant of that name."""
    if name not in names:
        raise Refuse(f"{what} {name!r} of Resize is unknown", invalid=True)
    return "".join(word.capitalize() for word in name.split("_"))


def scaled(n: Dim, scale: float) -> Dim:
    """⌊n · scale⌋, for a scale that is a float32."""
    if not scale > 0:
        raise Refuse(f"a scale of {scale}", invalid=True)
    if isinstance(n, int):
        return int(np.floor(np.float32(n) * np.float32(scale)))
    exact = Fraction(float(scale)).limit_denominator(64)
    if np.float32(exact) != np.float32(scale):
        raise Refuse(f"a scale of {scale} on an axis whose size is only known at run time", "convert with --dim NAME=SIZE")
    return n * exact.numerator // exact.denominator


def _resize(g: Builder, x: Value, axes: dict[int, _Axis], rule: Rule) -> Value:
    """x with the given (logical) axes resized."""
    perm, (y,) = g.layout([x], x.rank)
    how = rule.coordinate_transformation_mode
    crop = how == "tf_crop_and_resize"
    for axis, wanted in axes.items():
        at = perm[axis]
        n = y.shape[at]
        if not crop and wanted.out == n and wanted.scale in (None, 1.0) and wanted.scales is None:
            continue
        if n == 0:
            raise Refuse("an axis without elements cannot be resized", invalid=True)
        fields: dict[str, Any] = {"start": float(wanted.roi[0]), "end": float(wanted.roi[1])} if crop else {}
        chosen = _choose(_COORDINATES, how, "coordinate_transformation_mode")
        coordinates = Variant.of("resize::Coordinates", chosen, **fields)
        y = g.step(
            _layer(x.dtype, coordinates, rule, wanted, split_at(y.shape, at)),
            [y, wanted.scales],
            y.tensor.with_shape(*y.shape[:at], wanted.out, *y.shape[at + 1 :]),
        )
    return g.transpose(y, perm)


def _layer(
    dtype: DType, coordinates: Variant, rule: Rule, axis: _Axis, sizes: tuple[Dim, Dim, Dim]
) -> layers.ResizeNearest | layers.ResizeAxis:
    if rule.mode == "nearest":
        name = rule.nearest_mode
        if name == "simple":
            name = "ceil" if axis.scale is not None and axis.scale < 1 else "floor"
        nearest = Variant.of("resize::NearestMode", _choose(_NEAREST, name, "nearest_mode"))
        if dtype is DType.F16:
            raise Refuse("Resize of float16 is not supported")
        outside: float | int | bool = rule.extrapolation_value
        if not dtype.is_float:
            outside = bool(outside) if dtype is DType.BOOL else int(outside)
        return layers.ResizeNearest(*sizes, coordinates, nearest, axis.scale, axis.index, outside, dtype.rust, axis.out)
    if rule.mode not in ("linear", "cubic"):
        raise Refuse(f"mode {rule.mode!r} of Resize is unknown", invalid=True)
    if dtype is not DType.F32:
        raise Refuse(f"interpolation of {dtype} is not supported")
    fields: dict[str, Any] = {"a": float(rule.cubic_coeff_a)} if rule.mode == "cubic" else {}
    kind = Variant.of("resize::Interpolation", rule.mode.capitalize(), **fields)
    return layers.ResizeAxis(
        *sizes,
        coordinates,
        kind,
        axis.scale,
        axis.index,
        bool(rule.exclude_outside),
        bool(rule.antialias),
        float(rule.extrapolation_value),
        axis.out,
    )


def _floats(value: Value | None) -> list[float]:
    return [] if value is None or value.array is None else [float(v) for v in value.array.ravel()]


def _by_scales(x: Value, scales: Sequence[float], axes: Sequence[int]) -> dict[int, _Axis]:
    if len(scales) != len(axes):
        raise Refuse(f"{len(scales)} scales for {len(axes)} axes", invalid=True)
    return {a: _Axis(scaled(x.shape[a], s), s) for a, s in zip(axes, scales, strict=True)}


def _by_scales_of_the_run(g: Builder, x: Value, scales: Value, axes: Sequence[int]) -> dict[int, _Axis]:
    if scales.tensor.size != len(axes):
        raise Refuse(f"{scales.tensor.size} scales for {len(axes)} axes", invalid=True)
    layer = layers.ResizeSizes(tuple(x.shape[a] for a in axes))
    sizes = g.sizes_by(layer, [scales], *(f"resized_{k}" for k in range(len(axes))))
    return {a: _Axis(sizes[k], None, scales=scales, index=k) for k, a in enumerate(axes)}


@onnx_op("Upsample", since=7)
def upsample_7(g: Builder, X: Value, *, mode: str = "nearest", scales: list[float]) -> Value:
    """x enlarged: nearest (rounding down) or linear, o / scale."""
    rule = Rule(mode=mode, coordinate_transformation_mode="asymmetric", nearest_mode="simple")
    return _resize(g, X, _by_scales(X, scales, range(X.rank)), rule)


@onnx_op("Resize", since=10)
@onnx_op("Upsample", since=(9, 10), reads={1: lambda use: Resized(use.shape(0))})
def resize_10(g: Builder, X: Value, scales: Const, *, mode: str = "nearest") -> Value:
    """x resized: nearest (rounding down, or up when shrinking) or linear, o / scale."""
    return upsample_7(g, X, mode=mode, scales=_floats(scales))


@onnx_op(
    "Resize",
    since=(11, 13, 18, 19),
    added={18: "antialias axes keep_aspect_ratio_policy"},
    optional={13: "roi scales"},
    reads={2: lambda use: Resized(use.shape(0)), 3: lambda use: Resized(use.shape(0))},
    unknown=1,
)
def resize(
    g: Builder,
    X: Value,
    roi: Value | None = None,
    scales: Value | None = None,
    sizes: Value | None = None,
    *,
    axes: list[int] | None = None,
    keep_aspect_ratio_policy: str = "stretch",
    rule: Rule,
) -> Value:
    """x resized to sizes or by scales, on some axes."""
    chosen = normal_axes(range(X.rank) if axes is None else axes, X.rank)
    factors = _floats(scales)
    if scales is not None and scales.array is None and sizes is None:
        wanted = _by_scales_of_the_run(g, X, scales, chosen)
    elif factors and sizes is None:
        wanted = _by_scales(X, factors, chosen)
    elif sizes is not None and not factors:
        wanted = _by_sizes(g, X, sizes, chosen, keep_aspect_ratio_policy)
    else:
        raise Refuse("Resize needs either scales or sizes", invalid=True)
    if rule.coordinate_transformation_mode == "tf_crop_and_resize":
        if roi is None or roi.array is None:
            raise Refuse("the region of interest must be known at conversion", "make it a constant of the model")
        corners = _floats(roi)
        if len(corners) != 2 * len(chosen):
            raise Refuse(f"a region of {len(corners)} numbers for {len(chosen)} axes", invalid=True)
        wanted = {a: replace(w, roi=(corners[k], corners[k + len(chosen)])) for k, (a, w) in enumerate(wanted.items())}
        # an axis whose region is all of it stays as it is
        wanted = {a: w for a, w in wanted.items() if w.roi != (0.0, 1.0) or w.out != X.shape[a] or w.scales is not None}
    return _resize(g, X, wanted, rule)


def _by_sizes(g: Builder, x: Value, sizes: Value, axes: list[int], policy: str) -> dict[int, _Axis]:
    targets = g.sizes(sizes, "resized")
    if len(targets) != len(axes):
        raise Refuse(f"{len(targets)} sizes for {len(axes)} axes", invalid=True)
    if policy == "stretch":
        return {a: _Axis(n, None) for a, n in zip(axes, targets, strict=True)}
    if policy not in ("not_larger", "not_smaller"):
        raise Refuse(f"keep_aspect_ratio_policy {policy!r} is unknown", invalid=True)
    known = [(n, x.shape[a]) for a, n in zip(axes, targets, strict=True)]
    ratios = [n / d for n, d in known if isinstance(n, int) and isinstance(d, int) and d > 0]
    if len(ratios) != len(known):
        raise Refuse(f"keep_aspect_ratio_policy {policy} with sizes only known at run time is not supported")
    scale = float(np.float32(min(ratios) if policy == "not_larger" else max(ratios)))
    rounded = {a: int(np.floor(scale * float(str(x.shape[a])) + 0.5)) for a in axes}
    return {a: _Axis(n, scale) for a, n in rounded.items()}

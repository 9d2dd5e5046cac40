"""Reductions and what normalises along an axis (`tf_layers::{reduce, softmax, norm}`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir.layer import Dims, Layer, Size, Variant


@dataclass(frozen=True)
class Reduce(Layer, rust="reduce::Reduce", independent=("shape",), generic_over=("axes",)):
    """y = x reduced over the marked axes."""

    reduction: Variant
    axes: tuple[bool, ...]
    shape: Dims

    def by_sample(self, batch: str) -> bool:
        return not self.axes[0] and super().by_sample(batch)


@dataclass(frozen=True)
class DynamicReduce(Layer, rust="reduce::DynamicReduce", fallible=True, sized_by=(1,)):
    """Reduce over axes (input 1) that are only known while the model runs."""

    reduction: Variant
    keep: bool
    none_is_none: bool
    shape: Dims


@dataclass(frozen=True)
class _AlongAxis(Layer, sizes_in="axis::AlongAxis"):
    """A layer that works along the middle of [outer, axis, inner]."""

    outer: Size
    axis: Size
    inner: Size


@dataclass(frozen=True)
class Softmax(_AlongAxis, rust="softmax::Softmax", in_place=(0,), independent=("outer",)):
    """y = eˣ / Σ eˣ along the middle of [outer, axis, inner]."""


@dataclass(frozen=True)
class LogSoftmax(_AlongAxis, rust="softmax::LogSoftmax", feature="log-softmax", in_place=(0,), independent=("outer",)):
    """y = x − ln Σ eˣ along the middle of [outer, axis, inner]."""


@dataclass(frozen=True)
class Hardmax(_AlongAxis, rust="softmax::Hardmax", in_place=(0,), independent=("outer",)):
    """y = 1 at the first largest value along the middle of [outer, axis, inner], else 0."""

"""Reductions and what normalises along an axis (`tf_layers::{reduce, softmax, norm}`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.layers.base import Dims, Layer, Variant


@dataclass(frozen=True)
class Reduce(Layer, rust="reduce::Reduce"):
    """y = x reduced over the marked axes."""

    reduction: Variant
    axes: tuple[bool, ...]
    shape: Dims

    def generics(self) -> tuple[str, ...]:
        return (str(len(self.axes)),)


@dataclass(frozen=True)
class DynamicReduce(Layer, rust="reduce::DynamicReduce", fallible=True, sized_by=(1,)):
    """Reduce over axes (input 1) that are only known while the model runs."""

    reduction: Variant
    keep: bool
    none_is_none: bool
    shape: Dims


@dataclass(frozen=True)
class Softmax(Layer, rust="softmax::Softmax", in_place=(0,)):
    """y = eˣ / Σ eˣ along the middle of [outer, axis, inner]."""

    size: Dims


@dataclass(frozen=True)
class LogSoftmax(Layer, rust="softmax::LogSoftmax", in_place=(0,)):
    """y = x − ln Σ eˣ along the middle of [outer, axis, inner]."""

    size: Dims


@dataclass(frozen=True)
class Hardmax(Layer, rust="softmax::Hardmax", in_place=(0,)):
    """y = 1 at the first largest value along the middle of [outer, axis, inner], else 0."""

    size: Dims

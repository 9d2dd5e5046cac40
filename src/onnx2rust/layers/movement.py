"""Layers that move elements without computing (`tf_layers::movement`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.layers.base import Dims, Layer


@dataclass(frozen=True)
class Transpose(Layer, rust="movement::Transpose"):
    """y axis k is x axis perm[k]."""

    perm: tuple[int, ...]
    shape: Dims

    def generics(self) -> tuple[str, ...]:
        return (str(len(self.perm)),)

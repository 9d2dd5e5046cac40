"""Activation functions (`tf_layers::activation`): layers by themselves, and epilogues of products."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir.layer import Layer, Variant


def activation(name: str, **parameters: float) -> Variant:
    """A variant of `tf_layers::activation::Activation`."""
    return Variant.of("activation::Activation", name, **parameters)


LINEAR = activation("Linear")


@dataclass(frozen=True)
class Activate(Layer, rust="activation::Activate", in_place=(0,), independent=()):
    """y = activation(x), any shape, f32."""

    activation: Variant

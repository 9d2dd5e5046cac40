"""Activation functions (`tf_layers::activation`): layers by themselves, and epilogues of products."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Layer, Variant

KIND = kinds.ACTIVATION

_FUNCTIONS = {
    "erf": ("Erf", "Gelu"),
    "exp": ("Celu", "Elu", "Exp", "GeluTanh", "Mish", "ScaledTanh", "Selu", "Sigmoid", "Softplus", "Swish", "Tanh"),
    "log": ("Log",),
    "plain": (
        *("Abs", "Affine", "Ceil", "Floor", "HardSigmoid", "HardSwish", "LeakyRelu", "Neg"),
        *("Reciprocal", "Round", "Shrink", "Sign", "Softsign", "Sqrt", "ThresholdedRelu"),
    ),
    "trig": ("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cos", "Cosh", "Sin", "Sinh", "Tan"),
}
"""Cargo features, and the functions that lie behind each."""
_FEATURES = {name: feature for feature, names in _FUNCTIONS.items() for name in names}


def activation(name: str, **parameters: float) -> Variant:
    """A variant of `tf_layers::activation::Activation`."""
    return Variant("activation::Activation", name, tuple(parameters.items()), _FEATURES.get(name, ""))


LINEAR = activation("Linear")


class Activate(Layer, in_place=(0,), independent=()):
    """y = activation(x), any shape, f32."""

    activation: Variant

    def keras_name(self) -> str:
        return {"LeakyRelu": "LeakyReLU", "Elu": "ELU"}.get(self.activation.name, "Activation")

"""Which models are binary classifiers: their crates have `classify` and thresholds."""

from __future__ import annotations

from onnx2rust import samples
from onnx2rust.ir.dims import product
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer, Variant, View
from onnx2rust.ir.program import Program
from onnx2rust.ir.types import TensorType
from onnx2rust.layers.activation import Activate
from onnx2rust.layers.cast import Cast
from onnx2rust.layers.indexing import Gather
from onnx2rust.layers.movement import CheckedCopy, Slice, Transpose
from onnx2rust.layers.quantize import DequantizeLinear, QuantizeLinear
from onnx2rust.layers.softmax import Softmax
from onnx2rust.layers.unary import Clip

_PROBABILITIES = ("Sigmoid", "HardSigmoid")
_KEEPS = (View, Transpose, Slice, Gather, CheckedCopy, Cast, Clip, QuantizeLinear, DequantizeLinear)
"""Layers whose results are numbers of their first input, up to rounding: a probability stays one."""


def cannot_be(program: Program) -> str | None:
    """Why the outputs cannot be a binary classifier's score, None if they can."""
    if len(program.outputs) != 1:
        return f"the model has {len(program.outputs)} outputs, a binary classifier has one score"
    (value,) = program.outputs
    if not isinstance(value.type, TensorType) or value.dtype is not DType.F32:
        return f"the output is {value.type.held}, a score is float32"
    batch = samples.batch_symbol(program)
    row = value.shape[1:] if batch else value.shape
    if len(program.symbols) > (1 if batch else 0):
        return f"the model leaves sizes open ({', '.join(program.symbols)})"
    if product(row) != 1:
        return f"the output has shape {value.type}, a binary classifier has one score a sample"
    return None


def ends_in_probability(program: Program) -> bool:
    """Whether a sigmoid or a softmax computes the one output: without, one number a sample may as well be a regression's."""
    made = {value: step for step in program.steps for value in step.results()}
    value = program.outputs[0]
    while (step := made.get(value)) is not None:
        if isinstance(step.layer, Softmax) or _activation(step.layer) in _PROBABILITIES:
            return True
        keeps = isinstance(step.layer, _KEEPS) or (isinstance(step.layer, Activate) and step.layer.activation.name == "Clip")
        if not keeps or step.inputs[0] is None:
            return False
        value = step.inputs[0]
    return False


def _activation(layer: Layer) -> str | None:
    """The activation that the layer applies last, as a layer by itself or at the end of a product."""
    found = getattr(layer, "activation", None)
    return found.name if isinstance(found, Variant) else None

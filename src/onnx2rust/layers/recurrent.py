"""Recurrent layers (`tf_layers::recurrent`)."""

from __future__ import annotations

from typing import Annotated

from onnx2rust.ir.dims import Dim
from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.layer import Keras, Layer, Record, Size, Variant, Weight

KIND = Kind("recurrent", (186, 52, 92))

_LSTM = Record.of("recurrent::LstmInputs", "x sequence_lens? initial_h? initial_c?")
_LSTM_OUTPUTS = Record.of("recurrent::LstmOutputs", "y? y_h? y_c?")
_LSTM_WEIGHTS = Record.of("recurrent::LstmWeights", "w r b? p?", 1, 2, 3, 7)
_UNPACKED_LSTM = Record.of("recurrent::LstmInputs", "x sequence_lens? initial_h? initial_c?", 0, 4, 5, 6)
_OTHER = Record.of("recurrent::RecurrentInputs", "x sequence_lens? initial_h?")
_OTHER_OUTPUTS = Record.of("recurrent::RecurrentOutputs", "y? y_h?")
_OTHER_WEIGHTS = Record.of("recurrent::RecurrentWeights", "w r b?", 1, 2, 3)
_UNPACKED_OTHER = Record.of("recurrent::RecurrentInputs", "x sequence_lens? initial_h?", 0, 4, 5)


class Recurrent(Layer, rust="", fallible=True, scratch=True, outputs_in=(_OTHER_OUTPUTS,)):
    """A layer over x [steps, batch, inputs]."""

    inputs: Annotated[int, Keras("input_dim")]
    hidden: Annotated[int, Keras("units")]
    directions: Variant
    steps: Size
    batch: Size


class Packed(Recurrent, rust="", sizes_in=_OTHER.path, inputs_in=(_OTHER,)):
    """Its weights are known; inputs: x, sequence_lens, initial_h."""

    kernel: Weight
    recurrent_kernel: Weight
    bias: Weight | None

    def multiply_adds(self) -> Dim:
        return self.steps * self.batch * (self.kernel.array.size + self.recurrent_kernel.array.size)


class Lstm(Packed, feature="lstm", sizes_in=_LSTM.path, inputs_in=(_LSTM,), outputs_in=(_LSTM_OUTPUTS,), keras="LSTM"):
    """LSTM; inputs: x, sequence_lens, initial_h, initial_c."""

    peepholes: Weight | None
    activations: tuple[Variant, ...]
    clip: float | None
    input_forget: bool


class Gru(Packed, feature="gru", keras="GRU"):
    """GRU."""

    reset_bias: Weight | None
    activations: tuple[Variant, ...]
    clip: float | None
    linear_before_reset: bool


class Rnn(Packed, feature="rnn", keras="SimpleRNN"):
    """RNN."""

    activations: tuple[Variant, ...]
    clip: float | None


class Unpacked(Recurrent, rust="", sizes_in=_OTHER.path, inputs_in=(_UNPACKED_OTHER, _OTHER_WEIGHTS)):
    """Its weights are inputs: x, W, R, B, sequence_lens, initial_h."""

    activations: tuple[Variant, ...]
    clip: float | None


class LstmUnpacked(
    Unpacked, feature="lstm", sizes_in=_LSTM.path, inputs_in=(_UNPACKED_LSTM, _LSTM_WEIGHTS), outputs_in=(_LSTM_OUTPUTS,)
):
    """LSTM; inputs: x, W, R, B, sequence_lens, initial_h, initial_c, P."""

    input_forget: bool


class GruUnpacked(Unpacked, feature="gru"):
    """GRU."""

    linear_before_reset: bool


class RnnUnpacked(Unpacked, feature="rnn"):
    """RNN."""

"""Recurrent layers (`tf_layers::recurrent`)."""

from __future__ import annotations

from onnx2rust.ir.dims import Dim
from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.layer import Layer, Record, Size, Variant, Weight

KIND = Kind("recurrent", (186, 52, 92))

_LSTM = Record.of("recurrent::LstmInputs", "x", "sequence_lens", "initial_h", "initial_c")
_LSTM_OUTPUTS = Record.of("recurrent::LstmOutputs", "y", "y_h", "y_c")
_LSTM_WEIGHTS = Record.of("recurrent::LstmWeights", w=1, r=2, b=3, p=7)
_UNPACKED_LSTM = Record.of("recurrent::LstmInputs", x=0, sequence_lens=4, initial_h=5, initial_c=6)
_OTHER = Record.of("recurrent::RecurrentInputs", "x", "sequence_lens", "initial_h")
_OTHER_OUTPUTS = Record.of("recurrent::RecurrentOutputs", "y", "y_h")
_OTHER_WEIGHTS = Record.of("recurrent::RecurrentWeights", w=1, r=2, b=3)
_UNPACKED_OTHER = Record.of("recurrent::RecurrentInputs", x=0, sequence_lens=4, initial_h=5)


class Lstm(
    Layer,
    feature="lstm",
    fallible=True,
    scratch=True,
    sizes_in=_LSTM.path,
    inputs_in=(_LSTM,),
    outputs_in=(_LSTM_OUTPUTS,),
    optional=(1, 2, 3),
    optional_outputs=(0, 1, 2),
    keras="LSTM",
):
    """LSTM over x [steps, batch, inputs]; inputs: x, sequence_lens, initial_h, initial_c."""

    inputs: int
    hidden: int
    directions: Variant
    kernel: Weight
    recurrent_kernel: Weight
    bias: Weight | None
    peepholes: Weight | None
    activations: tuple[Variant, ...]
    clip: float | None
    input_forget: bool
    steps: Size
    batch: Size

    def multiply_adds(self) -> Dim:
        return self.steps * self.batch * _products(self.directions, 4, self.inputs, self.hidden)


class Gru(
    Layer,
    feature="gru",
    fallible=True,
    scratch=True,
    sizes_in=_OTHER.path,
    inputs_in=(_OTHER,),
    outputs_in=(_OTHER_OUTPUTS,),
    optional=(1, 2),
    optional_outputs=(0, 1),
    keras="GRU",
):
    """GRU over x [steps, batch, inputs]; inputs: x, sequence_lens, initial_h."""

    inputs: int
    hidden: int
    directions: Variant
    kernel: Weight
    recurrent_kernel: Weight
    bias: Weight | None
    reset_bias: Weight | None
    activations: tuple[Variant, ...]
    clip: float | None
    linear_before_reset: bool
    steps: Size
    batch: Size

    def multiply_adds(self) -> Dim:
        return self.steps * self.batch * _products(self.directions, 3, self.inputs, self.hidden)


class Rnn(
    Layer,
    feature="rnn",
    fallible=True,
    scratch=True,
    sizes_in=_OTHER.path,
    inputs_in=(_OTHER,),
    outputs_in=(_OTHER_OUTPUTS,),
    optional=(1, 2),
    optional_outputs=(0, 1),
    keras="SimpleRNN",
):
    """RNN over x [steps, batch, inputs]; inputs: x, sequence_lens, initial_h."""

    inputs: int
    hidden: int
    directions: Variant
    kernel: Weight
    recurrent_kernel: Weight
    bias: Weight | None
    activations: tuple[Variant, ...]
    clip: float | None
    steps: Size
    batch: Size

    def multiply_adds(self) -> Dim:
        return self.steps * self.batch * _products(self.directions, 1, self.inputs, self.hidden)


class LstmUnpacked(
    Layer,
    feature="lstm",
    fallible=True,
    scratch=True,
    sizes_in=_UNPACKED_LSTM.path,
    inputs_in=(_UNPACKED_LSTM, _LSTM_WEIGHTS),
    outputs_in=(_LSTM_OUTPUTS,),
    optional=(3, 4, 5, 6, 7),
    optional_outputs=(0, 1, 2),
):
    """LSTM whose weights are inputs: x, W, R, B, sequence_lens, initial_h, initial_c, P."""

    inputs: int
    hidden: int
    directions: Variant
    activations: tuple[Variant, ...]
    clip: float | None
    input_forget: bool
    steps: Size
    batch: Size


class GruUnpacked(
    Layer,
    feature="gru",
    fallible=True,
    scratch=True,
    sizes_in=_UNPACKED_OTHER.path,
    inputs_in=(_UNPACKED_OTHER, _OTHER_WEIGHTS),
    outputs_in=(_OTHER_OUTPUTS,),
    optional=(3, 4, 5),
    optional_outputs=(0, 1),
):
    """GRU whose weights are inputs: x, W, R, B, sequence_lens, initial_h."""

    inputs: int
    hidden: int
    directions: Variant
    activations: tuple[Variant, ...]
    clip: float | None
    linear_before_reset: bool
    steps: Size
    batch: Size


class RnnUnpacked(
    Layer,
    feature="rnn",
    fallible=True,
    scratch=True,
    sizes_in=_UNPACKED_OTHER.path,
    inputs_in=(_UNPACKED_OTHER, _OTHER_WEIGHTS),
    outputs_in=(_OTHER_OUTPUTS,),
    optional=(3, 4, 5),
    optional_outputs=(0, 1),
):
    """RNN whose weights are inputs: x, W, R, B, sequence_lens, initial_h."""

    inputs: int
    hidden: int
    directions: Variant
    activations: tuple[Variant, ...]
    clip: float | None
    steps: Size
    batch: Size


def _products(directions: Variant, gates: int, inputs: int, hidden: int) -> int:
    return (2 if directions.name == "Bidirectional" else 1) * gates * hidden * (inputs + hidden)

"""What passes over recurrent layers share."""

from __future__ import annotations

from onnx2rust.ir.dims import Dim, product
from onnx2rust.layers import recurrent

Packed = recurrent.Lstm | recurrent.Gru | recurrent.Rnn
Recurrent = Packed | recurrent.LstmUnpacked | recurrent.GruUnpacked | recurrent.RnnUnpacked


def places(layer: Recurrent) -> dict[str, int]:
    """Which of the layer's inputs each name is."""
    return {name: k for record in layer.inputs_in for name, k in record.fields}


def directions(layer: Recurrent) -> int:
    """How often it goes over the sequence."""
    return 2 if layer.directions.name == "Bidirectional" else 1


def state_size(layer: Recurrent) -> Dim:
    """Elements of the state of one direction."""
    return product((layer.batch, layer.hidden))

"""The one type that leaves this package, and the one that describes where a TensorFlow graph begins and ends."""

from __future__ import annotations

from dataclasses import dataclass, field

import onnx

from onnx2rust.model.weights import Weights

KINDS = {
    "saved-model": "tensorflow",
    "keras": "tensorflow",
    "graphdef": "tensorflow",
    "tflite": "tflite",
    "onnx": "onnx",
}


@dataclass(frozen=True)
class Loaded:
    """A model as ONNX, and where it came from.

    `kind` names the folder for people (`saved_model_from_<kind>`); `frontend` is the reader that was used; `notes` are
    sentences a user should see (the signature that was chosen, names that were cleaned…).
    """

    proto: onnx.ModelProto
    kind: str
    frontend: str
    notes: tuple[str, ...] = ()
    weights: Weights = field(default_factory=dict)
    """The large initializers of the main graph, which `proto` lacks (`model.weights`)."""


@dataclass(frozen=True)
class Port:
    """A graph input or output: the tensor in the TensorFlow graph, and the name the model's author knows it by."""

    tensor: str
    name: str
    shape: tuple[int | None, ...] | None = None  # None: unknown rank

"""The one type that leaves this package, and those that describe a TensorFlow graph and where it begins and ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx

from onnx2rust.model.weights import Weights, serialised

KINDS = {"saved-model": "tensorflow", "keras": "tensorflow", "graphdef": "tensorflow", "tflite": "tflite", "onnx": "onnx"}


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

    @property
    def file(self) -> tuple[bytes | memoryview, ...]:
        """The whole model's file, in pieces."""
        return serialised(self.proto, self.weights)

    @property
    def encoded(self) -> bytes:
        """The whole model's file. A copy of it: for models that are small."""
        return b"".join(self.file)


@dataclass(frozen=True)
class Port:
    """A graph input or output: the tensor in the TensorFlow graph, and the name the model's author knows it by."""

    tensor: str
    name: str
    shape: tuple[int | None, ...] | None = None  # None: unknown rank


@dataclass(frozen=True)
class Traced:
    """A frozen graph with its ports, ready for conversion; `tables` are initialised hash tables by shared name."""

    graph_def: Any
    inputs: Sequence[Port]
    outputs: Sequence[Port]
    tables: dict[bytes, tuple[Any, Any]]
    layers: frozenset[str] = frozenset()  # Keras layer names, where the model object was at hand
    prefixes: frozenset[str] = frozenset()  # scopes that carry no information (the model's own name)

"""What a conversion leaves for people: graph, architecture, picture, weights, the ONNX file itself."""

from __future__ import annotations

from onnx2rust import frontends
from onnx2rust.program import Program


def files(loaded: frontends.Loaded, program: Program, weights: bytes) -> dict[str, bytes]:
    """The files of `saved_model_from_<kind>/` by name."""
    return {
        "model_weights.npz": weights,
        "model.onnx": loaded.proto.SerializeToString(deterministic=True),
    }

"""The models whose generated crates are kept in the repository, and the options they are converted with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx

from onnx2rust.options import Options

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import onnx_models


@dataclass(frozen=True)
class Golden:
    """A model and what a reviewer can see on its crate."""

    build: Callable[[], onnx.ModelProto]
    options: Options
    shows: str


GOLDEN = {
    "score": Golden(
        onnx_models.score, Options(name="Score"), "a binary classifier: dense layers, thresholds, `classify`, `predict_from`"
    ),
    "digits": Golden(
        onnx_models.digits,
        Options(name="Digits"),
        "images: convolution and pooling with channels last, packed kernels, buffers that are reused",
    ),
    "text": Golden(
        onnx_models.text,
        Options(name="Text"),
        "sequences: an embedding, an LSTM, two open sizes, ids that can be out of range",
    ),
}

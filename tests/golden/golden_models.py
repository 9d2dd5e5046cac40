"""The models whose generated crates are kept in the repository, and the options they are converted with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx

from onnx2rust.base.options import Options

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import onnx_models
import wild


@dataclass(frozen=True)
class Golden:
    """A model and what a reviewer can see on its crate."""

    build: Callable[[], onnx.ModelProto]
    options: Options
    shows: str
    whole: bool = True
    """Whether weights and test data are kept too; the model itself is fetched by the test that compares if they are not."""


HERE = Path(__file__).resolve().parent


def exported(name: str) -> Callable[[], onnx.ModelProto]:
    """A small Keras model as the TensorFlow frontend exported it: the file lies here, so that
    nobody needs TensorFlow to compare."""
    return lambda: onnx.load(HERE / f"{name}.onnx")


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
    "lstm_text": Golden(
        exported("lstm_text"), Options(name="LstmText"), "Keras: embedding, LSTM and a score, as exported with TensorFlow"
    ),
    "transformer_enc": Golden(
        exported("transformer_enc"),
        Options(name="TransformerEnc"),
        "Keras: two encoder blocks with attention, and what passes make of them",
    ),
    "magika": Golden(
        lambda: onnx.load(wild.file(*wild.MODELS["magika"])),
        Options(name="Magika"),
        "jax, by other people (Google's file types, Apache-2.0): one-hot lookups, layer normalisation; without its weights and "
        "test data",
        whole=False,
    ),
}

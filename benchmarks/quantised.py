"""The same models in 8 bits: onnxruntime's static quantisation, in QDQ form, calibrated on seeded draws.

Weights have 7 bits (`reduce_range`), a scale for each output channel; activations have 8 and one scale a tensor. They are
verified (`corpus.py`, tests/models/test_benchmark_models.py), not timed.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import models
import onnx

MODELS = {f"{name}_int8": name for name in ("ad_autoencoder", "dscnn_kws", "resnet8_cifar10", "mobilenetv1_025_vww")}
DRAWS = 32


def onnx_files(names: Sequence[str]) -> dict[str, Path]:
    """The quantised models' files, built where the float model is another one now."""
    sources = models.onnx_files([MODELS[name] for name in names])
    files = {}
    for name in names:
        source, target = sources[MODELS[name]], models.BUILD / "models" / name / "model.onnx"
        mark, content = target.with_name("source"), hashlib.sha256(source.read_bytes() + Path(__file__).read_bytes()).hexdigest()
        if not mark.exists() or mark.read_text() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            quantise(source, target)
            mark.write_text(content)
        files[name] = target
    return files


def quantise(source: Path, target: Path) -> None:
    """Writes the model with a float32 input in 8 bits."""
    from onnxruntime import quantization

    class Draws(quantization.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        """Calibration data."""

        def __init__(self) -> None:
            self._left = _draws(onnx.load(source))

        def get_next(self) -> dict[str, Any] | None:
            return next(self._left, None)

    logging.disable(logging.WARNING)  # it recommends a symbolic shape inference that these models do not need
    try:
        quantization.quantize_static(
            str(source), str(target), Draws(), quant_format=quantization.QuantFormat.QDQ, per_channel=True, reduce_range=True
        )
    finally:
        logging.disable(logging.NOTSET)


def _draws(proto: onnx.ModelProto) -> Iterator[dict[str, Any]]:
    (image,) = proto.graph.input
    shape = tuple(d.dim_value or None for d in image.type.tensor_type.shape.dim)
    for seed in range(DRAWS):
        yield {image.name: models.samples([(shape, "float32")], 1, 0, seed)[0]}

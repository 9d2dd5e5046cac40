"""Which reader a path wants, by looking at what is inside rather than at its suffix alone."""

from __future__ import annotations

import zipfile
from pathlib import Path

from onnx2rust.base.errors import InvalidModelError, UsageError

_ACCEPTED = "a SavedModel folder, a .keras, .h5, .tflite, .onnx file or a frozen .pb graph"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_SUFFIXES = {
    ".onnx": "onnx",
    ".keras": "keras",
    ".h5": "keras",
    ".hdf5": "keras",
    ".tflite": "tflite",
    ".lite": "tflite",
    ".pb": "graphdef",
}


def detect(source: Path, asked: str = "auto") -> str:
    """The frontend for `source`: "onnx", "saved-model", "keras", "tflite" or "graphdef".

    `asked` other than "auto" is obeyed, but checked: a folder is only ever a SavedModel. Raises `UsageError` if the path
    does not exist and `InvalidModelError` if what is there cannot be a model.
    """
    if not source.exists():
        raise UsageError(f"{source}: no such file or folder", hint=f"give {_ACCEPTED}")
    if source.is_dir():
        return _folder(source, asked)
    if not source.is_file():
        raise InvalidModelError(f"{source}: neither a file nor a folder", hint=f"give {_ACCEPTED}")
    found = _file(source)
    if asked == "auto":
        return found
    if asked == "saved-model":
        raise UsageError(f"{source}: --frontend saved-model wants the folder, not a file in it")
    return asked


def _folder(source: Path, asked: str) -> str:
    entries = sorted(entry.name for entry in source.iterdir())
    if not entries:
        raise InvalidModelError(f"{source}: the folder is empty", hint=f"give {_ACCEPTED}")
    if "saved_model.pb" in entries or "saved_model.pbtxt" in entries:
        if asked not in ("auto", "saved-model"):
            raise UsageError(f"{source}: a SavedModel folder cannot be read with --frontend {asked}")
        return "saved-model"
    inside = [name for name in entries if Path(name).suffix.lower() in _SUFFIXES]
    nested = [name for name in entries if (source / name / "saved_model.pb").is_file()]
    hint = f"give {_ACCEPTED}"
    if inside or nested:
        hint = "did you mean " + " or ".join(str(source / name) for name in (nested + inside)[:3]) + "?"
    raise InvalidModelError(f"{source}: a folder without saved_model.pb is not a SavedModel", hint=hint)


def _file(source: Path) -> str:
    with source.open("rb") as file:
        head = file.read(16)
    suffix = source.suffix.lower()
    if not head:
        raise InvalidModelError(f"{source}: the file is empty")
    if source.name == "saved_model.pb":
        raise UsageError(f"{source}: this is part of a SavedModel", hint=f"give the folder: {source.parent}")
    if head[4:8] == b"TFL3":
        return "tflite"
    if head.startswith(_HDF5):
        return "keras"
    if head.startswith(b"PK") and zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            if "config.json" in archive.namelist():
                return "keras"
        raise InvalidModelError(f"{source}: a zip archive without config.json is not a .keras model")
    # for the two protobufs, which carry no mark of their own, the suffix decides; the others lack their mark
    frontend = _SUFFIXES.get(suffix)
    if frontend is None:
        raise InvalidModelError(f"{source}: not a model file this tool knows", hint=f"give {_ACCEPTED}")
    if frontend == "keras":
        what = "HDF5 file" if suffix != ".keras" else "zip archive"
        raise InvalidModelError(f"{source}: not a {what}; truncated, or named {suffix} by mistake")
    if frontend == "tflite":
        raise InvalidModelError(f"{source}: not a TFLite file (no TFL3 mark)")
    return frontend

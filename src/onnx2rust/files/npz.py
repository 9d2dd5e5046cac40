"""`.npz` files: reading a user's, writing such whose bytes depend on their content alone (numpy stamps the time of day into each
member)."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from onnx2rust.base.errors import UsageError
from onnx2rust.base.sequences import flat

_EPOCH = (1980, 1, 1, 0, 0, 0)


def read(path: Path, option: str) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of the file that the user gave with `option`."""
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is no zip archive")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray):
                raise ValueError(f"{name!r} in it is no array")
        return arrays
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror or error}") from error
    except _DAMAGED as error:
        raise UsageError(f"{option} {path}: cannot be read as an .npz file ({error})") from error


_DAMAGED = (ValueError, KeyError, EOFError, TypeError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)
"""What zipfile and numpy raise for members that are damaged, encrypted, packed in ways they do not
know, or claim to be gigantic."""


def checksum(arrays: Mapping[str, np.ndarray[Any, Any]]) -> str:
    """What `tf_layers::npz::Npz::checksum` says of `encode(arrays)`, in hexadecimal digits: FNV-1a
    of names, lengths and CRC-32."""
    found = 0xCBF29CE484222325
    for name in sorted(arrays, key=str.encode):
        content = _npy(arrays[name])
        for byte in name.encode() + b"\xff" + struct.pack("<QI", len(content), zlib.crc32(content)):
            found = (found ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{found:016x}"


def encode(arrays: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """The archive's bytes: stored members in the given order, sequences item by item."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, array in flat(arrays).items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), _npy(array))
    return out.getvalue()


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    member = io.BytesIO()
    np.lib.format.write_array(member, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
    return member.getvalue()

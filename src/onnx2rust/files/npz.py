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

from onnx2rust.base.arrays import raw
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
        header, content = _npy(arrays[name])
        checksum = zlib.crc32(content, zlib.crc32(header))
        for byte in name.encode() + b"\xff" + struct.pack("<QI", len(header) + len(content), checksum):
            found = (found ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{found:016x}"


def encode(arrays: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """The archive's bytes: stored members in the given order, sequences item by item."""
    return b"".join(pieces(arrays))


def pieces(arrays: Mapping[str, np.ndarray[Any, Any]]) -> tuple[bytes | memoryview, ...]:
    """The archive's bytes in pieces, among them the arrays where they lie."""
    out = _Pieces()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, array in flat(arrays).items():
            member, content = zipfile.ZipInfo(f"{name}.npy", _EPOCH), _npy(array)
            member.file_size = sum(map(len, content))
            with archive.open(member, "w") as file:
                for piece in content:
                    file.write(piece)
    return tuple(out.found[begin] for begin in sorted(out.found))


class _Pieces:
    """A file that keeps what is written to it as it is. zipfile goes back to write the head of a member again."""

    def __init__(self) -> None:
        self.found: dict[int, bytes | memoryview] = {}
        self._at = 0

    def write(self, piece: bytes | memoryview) -> int:
        """Puts the piece where the file is."""
        if piece:
            self.found[self._at] = piece
        self._at += len(piece)
        return len(piece)

    def tell(self) -> int:
        """Where the next piece will be."""
        return self._at

    def seek(self, place: int, _whence: int = 0) -> int:
        """Goes to another place."""
        self._at = place
        return place

    def flush(self) -> None:
        """Nothing waits to be written."""

    close = flush


def _npy(array: np.ndarray[Any, Any]) -> tuple[bytes, memoryview]:
    """The member's head, and the elements."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(np.asarray(array, order="C")))
    return head.getvalue(), raw(array)

"""The version of a generated crate names its code and its weights."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import pytest

from onnx2rust.emit import identity
from onnx2rust.files import npz

ARRAYS: dict[str, np.ndarray[Any, Any]] = {
    "b/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a": np.zeros(0, np.int64),
    "b": np.array(3.5),
}


def test_the_checksum_is_one_of_the_content() -> None:
    found = npz.checksum(ARRAYS)
    assert found == npz.checksum(dict(reversed(ARRAYS.items())))
    changed = [
        {**ARRAYS, "a": np.zeros(0, np.int32)},
        {**ARRAYS, "a": np.zeros((0, 1), np.int64)},
        {**ARRAYS, "b": np.array(3.25)},
        {**{k: v for k, v in ARRAYS.items() if k != "b"}, "c": ARRAYS["b"]},
        {k: v for k, v in ARRAYS.items() if k != "b"},
    ]
    assert len({found, *map(npz.checksum, changed)}) == len(changed) + 1


def test_it_rests_on_what_the_archive_says_of_its_members() -> None:
    """`tf_layers::npz::Npz::checksum` reads names, lengths and CRC-32 from the directory."""
    with zipfile.ZipFile(io.BytesIO(npz.encode(ARRAYS))) as archive:
        members = {i.filename.removesuffix(".npy"): (i.file_size, i.CRC) for i in archive.infolist()}
    found = 0xCBF29CE484222325
    for name in sorted(members):
        size, crc = members[name]
        for byte in name.encode() + b"\xff" + size.to_bytes(8, "little") + crc.to_bytes(4, "little"):
            found = ((found ^ byte) * 0x100000001B3) % 2**64
    assert npz.checksum(ARRAYS) == f"{found:016x}"


def test_a_version_names_every_text_file() -> None:
    files = {"src/lib.rs": "a", "build.rs": "b"}
    first = identity.version(files, "0123456789abcdef")
    assert first.startswith("0.1.0+code.")
    assert first.endswith(".weights.0123456789abcdef")
    for other in ({"src/lib.rs": "b", "build.rs": "a"}, {"src/lib.rs": "a"}, {"src/lib.rs": "ab", "build.rs": ""}):
        assert identity.version(other, "0123456789abcdef") != first


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[package]\nname = "x"\nversion = "0.1.0"\n', '[package]\nname = "x"\nversion = "0.1.0+weights.ab"\n'),
        (
            '# text\n[package]\nversion="1.2.3-rc.1+code.1.weights.00.mine" # mine\n[dependencies]\nversion = "1"\n',
            '# text\n[package]\nversion = "1.2.3-rc.1+code.1.weights.ab.mine" # mine\n[dependencies]\nversion = "1"\n',
        ),
        ('[package]\nversion.workspace = true\n[dependencies.x]\nversion = "1"\n', None),
        ("", None),
    ],
)
def test_only_the_packages_version_is_renewed(before: str, after: str | None) -> None:
    assert identity.renewed(before, "ab") == after

"""The same model file gives the same bytes, wherever they are written: sources, libraries and wheels."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import onnx
import onnx_models
import pytest
import rust_tools

import onnx2rust
from onnx2rust.base.options import Options
from onnx2rust.hosts import HOSTS, shells

BUILD = rust_tools.BUILD / "hosts_same"
PLACES = ("a/x", "elsewhere/and deeper/y")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def written(folder: Path, models: tuple[str, ...], hosts: tuple[str, ...] = ()) -> dict[str, bytes]:
    """A workspace's files."""
    for name in models:
        (folder / "models").mkdir(parents=True, exist_ok=True)
        onnx.save(getattr(onnx_models, name)(), folder / "models" / f"{name}.onnx")
    out = folder / folder.name
    fixed = Options(dims={"batch": 1} if hosts else {})  # what allocates nothing asks for it
    onnx2rust.convert_workspace([folder / "models" / f"{name}.onnx" for name in models], out, fixed, hosts=hosts)
    return contents(out)


def test_sources_are_the_same_bytes_in_every_folder(tmp_path: Path) -> None:
    first, second = (written(tmp_path / place, ("digits",), tuple(HOSTS)) for place in PLACES)
    assert first == second
    first, second = (written(tmp_path / place / "many", ("score", "digits")) for place in PLACES)
    assert first == second
    single = [onnx2rust.convert(tmp_path / PLACES[0] / "models" / "digits.onnx", tmp_path / place / "single") for place in PLACES]
    assert contents(single[0].out) == contents(single[1].out)


def test_flags_of_a_user_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CARGO_HOME", "/home/x/cargo")
    own = "--remap-path-prefix=/home/x/cargo=cargo"
    assert shells.environment() == os.environ | {"CARGO_BUILD_RUSTFLAGS": own}
    monkeypatch.setenv("CARGO_BUILD_RUSTFLAGS", "-C strip=none")
    assert shells.environment()["CARGO_BUILD_RUSTFLAGS"] == f"-C strip=none {own}"
    monkeypatch.setenv("RUSTFLAGS", "-C target-cpu=native")
    assert shells.environment()["CARGO_ENCODED_RUSTFLAGS"] == f"-C\x1ftarget-cpu=native\x1f{own}"
    monkeypatch.setenv("CARGO_ENCODED_RUSTFLAGS", "--cfg\x1fx")
    assert shells.environment()["CARGO_ENCODED_RUSTFLAGS"] == f"--cfg\x1fx\x1f{own}"
    monkeypatch.delenv("CARGO_ENCODED_RUSTFLAGS")
    monkeypatch.delenv("RUSTFLAGS")
    monkeypatch.setenv("CARGO_HOME", "/home/x y/cargo")
    assert shells.environment()["CARGO_ENCODED_RUSTFLAGS"] == "--remap-path-prefix=/home/x y/cargo=cargo"


@pytest.mark.slow
@pytest.mark.hosts
@pytest.mark.parametrize(("host", "made"), [("c", ("libdigits.so", "libdigits.a")), ("python", (".whl",))])
def test_binaries_are_the_same_bytes_in_every_folder(host: str, made: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """And name none of this machine's folders."""
    monkeypatch.setenv("CARGO_TARGET_DIR", str(rust_tools.TARGET))
    found = []
    for place in PLACES:
        folder = BUILD / host / place
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        onnx.save(onnx_models.digits(), folder / "digits.onnx")
        dist = onnx2rust.host(host, folder / "digits.onnx", folder / "out", build=True).dist
        assert dist is not None
        found.append(contents(dist))
    assert found[0] == found[1]
    assert all(any(name.endswith(ending) for name in found[0]) for ending in made)
    library = next(iter(rust_tools.TARGET.glob("release/lib_native.*"))).read_bytes() if host == "python" else b""
    for content in (library, *found[0].values()):
        assert str(rust_tools.ROOT).encode() not in content
        assert str(Path.home() / ".cargo").encode() not in content

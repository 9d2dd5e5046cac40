"""The oldest Rust: what the manifests promise (`rust-version`) is the toolchain that builds the layers and generated crates."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import onnx
import onnx_models
import pytest
import rust_tools
from rust_tools import ROOT, cargo

import onnx2rust
from onnx2rust.emit import layer_crate

MSRV = layer_crate.rust_version()
BUILD = rust_tools.BUILD / "msrv"


@pytest.fixture(scope="module", autouse=True)
def toolchain() -> None:
    """Skips where this machine does not have the toolchain; nothing is downloaded."""
    try:
        done = subprocess.run(["rustup", "run", MSRV, "rustc", "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no rustup to ask for an older Rust")
    if done.returncode:
        pytest.skip(f"Rust {MSRV} is not installed: `make msrv` installs it")
    assert done.stdout.startswith(f"rustc {MSRV}.")


def check(folder: Path, *arguments: str) -> None:
    done = cargo(folder, f"+{MSRV}", "check", *arguments)
    assert done.returncode == 0, done.stderr[-6000:]
    assert "warning" not in done.stderr, done.stderr[-6000:]


@pytest.mark.slow
def test_all_layers_build_with_the_oldest_rust() -> None:
    check(ROOT / "rust" / "tf-layers")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["score", "digits", "text"])
def test_a_generated_crate_builds_with_the_oldest_rust(name: str) -> None:
    """Its library, build script, tests, benchmarks and example."""
    BUILD.mkdir(parents=True, exist_ok=True)
    onnx.save(getattr(onnx_models, name)(), BUILD / f"{name}.onnx")
    options = onnx2rust.Options(layers=str(ROOT / "rust" / "tf-layers"), force=True)
    crate = onnx2rust.convert(BUILD / f"{name}.onnx", BUILD / name, options).crate
    assert tomllib.loads((crate / "Cargo.toml").read_text())["package"]["rust-version"] == MSRV
    check(crate, "--all-targets")

"""Other processors: the layers and a generated crate there, under an emulator where this machine has another one."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import host_tools
import onnx
import onnx_models
import pytest
import rust_tools

import onnx2rust
from onnx2rust.base.options import Options

pytestmark = [pytest.mark.slow, pytest.mark.hosts]
LAYERS = rust_tools.ROOT / "rust" / "tf-layers"
BUILD = rust_tools.BUILD / "processors"
OPEN = Options()
SOME = "base,conv,dense,depthwise,integer,matmul,norm,pool,softmax"
TARGETS = {
    "neon": ("aarch64-unknown-linux-gnu", "", []),
    "wasm": ("wasm32-unknown-unknown", "-C target-feature=+simd128", []),
    "wasm without vectors": ("wasm32-unknown-unknown", "", []),
    "wasm without std": ("wasm32-unknown-unknown", "", ["--no-default-features", "--features", "layers,libm"]),
    "no operating system": ("thumbv7em-none-eabihf", "", ["--no-default-features", "--features", "layers,libm"]),
    "no allocator": ("thumbv7em-none-eabihf", "", ["--no-default-features", "--features", f"{SOME},libm"]),
}
"""Rust's target, its flags, the features."""


def emulated(triple: str, linker: str, runner: str) -> dict[str, str]:
    """What cargo links and runs a target's tests with."""
    key = triple.upper().replace("-", "_")
    found = {f"CARGO_TARGET_{key}_LINKER": linker, "TF_LAYERS_TESTS": "brief"}
    return found | ({f"CARGO_TARGET_{key}_RUNNER": runner} if runner else {})


def run(folder: Path, *command: str, **environment: str) -> str:
    """What a command that must succeed prints."""
    done = subprocess.run(
        command, cwd=folder, env=rust_tools.environment(**environment), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-6000:]
    return done.stdout


def has(target: str) -> None:
    """Skips where this machine lacks a target; not in CI, which installs them."""
    try:
        found = subprocess.run(["rustup", "target", "list", "--installed"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        found = ""
    if target not in found.split() and not os.environ.get("CI"):
        pytest.skip(f"{target} is not installed: `make hosts` installs it")


@pytest.mark.parametrize("level", TARGETS)
def test_the_layers_build_for(level: str) -> None:
    """Without a warning, also where the standard library or an allocator is missing."""
    target, flags, features = TARGETS[level]
    has(target)
    run(LAYERS, "cargo", "check", "--quiet", "--lib", "--target", target, *features, RUSTFLAGS=f"-D warnings {flags}")


@host_tools.need("qemu-aarch64", "aarch64-linux-gnu-gcc")
def test_the_layers_compute_on_aarch64() -> None:
    """All tests of tf-layers at the level NEON; those that draw thousands of cases draw fewer (`TF_LAYERS_TESTS`)."""
    triple = "aarch64-unknown-linux-gnu"
    has(triple)
    qemu = emulated(triple, "aarch64-linux-gnu-gcc", "qemu-aarch64 -L /usr/aarch64-linux-gnu")
    found = run(LAYERS, "cargo", "test", "--tests", "--target", triple, **qemu)
    assert found.count("test result: ok") > 30


I686 = "i686-unknown-linux-gnu"
STATIC = "-C target-feature=+crt-static"
"""Without a dynamic linker for 32 bits, which x86-64 machines seldom have, its programs run there."""


@host_tools.need("i686-linux-gnu-gcc")
def test_the_layers_compute_in_32_bits() -> None:
    """All tests of tf-layers, with every vector level of the machine, where a size is 32 bits."""
    has(I686)
    native = emulated(I686, "i686-linux-gnu-gcc", "")
    found = run(LAYERS, "cargo", "test", "--tests", "--target", I686, RUSTFLAGS=STATIC, **native)
    assert found.count("test result: ok") > 30


@pytest.mark.parametrize(
    ("triple", "linker", "runner"),
    [
        pytest.param(
            "aarch64-unknown-linux-gnu", "aarch64-linux-gnu-gcc", "qemu-aarch64 -L /usr/aarch64-linux-gnu",
            marks=host_tools.need("qemu-aarch64", "aarch64-linux-gnu-gcc"),
        ),
        pytest.param(I686, "i686-linux-gnu-gcc", "", marks=host_tools.need("i686-linux-gnu-gcc")),
        pytest.param(
            "riscv64gc-unknown-linux-gnu", "riscv64-linux-gnu-gcc", "qemu-riscv64 -L /usr/riscv64-linux-gnu",
            marks=host_tools.need("qemu-riscv64", "riscv64-linux-gnu-gcc"),
        ),
    ],
)  # fmt: skip
def test_a_generated_crate_computes_on(triple: str, linker: str, runner: str) -> None:
    """Its own tests, among them parity with onnxruntime's numbers: with NEON's vectors, in 32 bits, and where no vectors are."""
    has(triple)
    crate = converted() / "rust_generated_code"
    flags = {} if runner else {"RUSTFLAGS": STATIC}
    found = run(crate, "cargo", "test", "--target", triple, "--test", "parity", **flags, **emulated(triple, linker, runner))
    assert "test result: ok. 0 passed" not in found


LENGTHS = """
use growing::{Error, GrowingModel, Inputs, Sizes, Workspace};

fn run(n: usize, m: usize, height: usize, width: usize) -> Result<f32, Error> {
    let (x, y, image) = (vec![1.0; n], vec![1.0; m], vec![1.0; height * width]);
    let model = GrowingModel::new();
    let sizes = Sizes { n, m, height, width };
    let mut ws = Workspace::default();
    let inputs = Inputs { x: &x, y: &y, image: &image };
    Ok(model.predict(sizes, inputs, &mut ws)?.sum.data[0])
}

#[test]
fn tensors_longer_than_a_size_can_say_are_refused() {
    assert_eq!(run(3, 5, 4, 4), Ok(15.0));
    for (n, m, height, width) in [(1 << 16, 1 << 16, 2, 2), (1 << 20, 1, 2, 2), (1, 1, 2 << 10, 2 << 10)] {
        assert_eq!(run(n, m, height, width), Err(Error::Memory { bytes: usize::MAX }));
    }
}
"""


@host_tools.need("i686-linux-gnu-gcc")
def test_lengths_do_not_wrap_in_32_bits() -> None:
    """2³² elements would be none."""
    has(I686)
    BUILD.mkdir(parents=True, exist_ok=True)
    onnx.save(onnx_models.growing(), BUILD / "growing.onnx")
    onnx2rust.convert(BUILD / "growing.onnx", BUILD / "growing", Options(force=True))
    crate = BUILD / "growing" / "rust_generated_code"
    (crate / "tests" / "lengths.rs").write_text(LENGTHS, encoding="utf-8")
    native = emulated(I686, "i686-linux-gnu-gcc", "")
    found = run(crate, "cargo", "test", "--target", I686, "--test", "lengths", RUSTFLAGS=STATIC, **native)
    assert "test result: ok. 1 passed" in found


@pytest.mark.parametrize("options", [OPEN, Options(static=True, dims={"batch": 1})], ids=["allocator", "no allocator"])
def test_a_generated_crate_needs_no_standard_library(options: Options) -> None:
    """It builds for a processor without an operating system, and as wasm32 without std; with fixed sizes without an allocator."""
    crate = converted(options) / "rust_generated_code"
    for target in ("thumbv7em-none-eabihf", "wasm32-unknown-unknown"):
        has(target)
        features = ["--no-default-features", "--features", "libm"]
        run(crate, "cargo", "check", "--quiet", "--lib", "--target", target, *features, RUSTFLAGS="-D warnings")


def converted(options: Options = OPEN) -> Path:
    """The crate of digits."""
    BUILD.mkdir(parents=True, exist_ok=True)
    onnx.save(onnx_models.digits(), BUILD / "digits.onnx")
    onnx2rust.convert(BUILD / "digits.onnx", BUILD / "digits", replace(options, force=True))
    return BUILD / "digits"

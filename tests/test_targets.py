"""Other processors: the layers build for each kind of vector instructions that they are written for."""

from __future__ import annotations

import subprocess

import pytest
import rust_tools

CRATE = rust_tools.ROOT / "rust" / "tf-layers"
TARGETS = {
    "neon": ("aarch64-unknown-linux-gnu", ""),
    "wasm": ("wasm32-unknown-unknown", "-C target-feature=+simd128"),
    "no vectors": ("wasm32-unknown-unknown", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("level", TARGETS)
def test_the_layers_build_for(level: str) -> None:
    """Skips where this machine does not have the target; nothing is downloaded."""
    target, flags = TARGETS[level]
    try:
        found = subprocess.run(["rustup", "target", "list", "--installed"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        pytest.skip("there is no rustup to ask for other targets")
    if target not in found.split():
        pytest.skip(f"{target} is not installed: `make targets` installs it")
    done = subprocess.run(
        ["cargo", "check", "--target", target],
        cwd=CRATE, env=rust_tools.environment(RUSTFLAGS=f"-D warnings {flags}"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-6000:]

"""The layers' own tests of products, in WebAssembly with vectors: its tiles are compiled for no other machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import rust_tools
from host_tools import need

TARGET = "wasm32-wasip1"


@pytest.mark.slow
@pytest.mark.hosts
@need("node", "rustup")
def test_products_and_recurrent_layers_in_webassembly() -> None:
    """Skips where this machine does not have the target; nothing is downloaded."""
    targets = subprocess.run(["rustup", "target", "list", "--installed"], capture_output=True, text=True, check=True)
    if TARGET not in targets.stdout.split():
        pytest.skip(f"{TARGET} is not installed: `make hosts` installs it")
    runner = f"node --no-warnings {Path(__file__).with_name('wasi.mjs')}"
    done = subprocess.run(
        ["cargo", "test", "-q", "--target", TARGET, "--test", "dense", "--test", "conv", "--test", "recurrent"],
        cwd=rust_tools.ROOT / "rust" / "tf-layers",
        env=rust_tools.environment(CARGO_TARGET_WASM32_WASIP1_RUNNER=runner, RUSTFLAGS="-C target-feature=+simd128"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert done.stdout.count("test result: ok") == 3

"""What a program can do with generated crates: one that uses several of them, and tests what they say of themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from onnx import TensorProto, helper
from rust_tools import passes

from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline

BUILD = rust_tools.BUILD / "public-api"

pytestmark = pytest.mark.slow


def catalogue() -> onnx.ModelProto:
    """A table of 8 MB that is read directly, and a product: what `Debug` must not print."""
    rng = np.random.default_rng(7)
    nodes = [
        helper.make_node("Gather", ["table", "id"], ["row"], "rows/Gather"),
        helper.make_node("Gemm", ["row", "kernel"], ["value"], "value/MatMul"),
    ]
    weights = {"table": rng.standard_normal((1000, 2000)).astype(np.float32), "kernel": np.ones((2000, 2), np.float32)}
    return onnx_models.model("catalogue", nodes, {"id": ("batch",)}, {"value": ("batch", 2)}, weights, TensorProto.INT32)


MODELS = {"Digits": onnx_models.digits, "Catalogue": catalogue, "Score": onnx_models.score}
PROGRAM = Path(__file__).resolve().parent / "public_api.rs"


def test_a_program_that_uses_several_crates() -> None:
    (BUILD / "program" / "tests").mkdir(parents=True, exist_ok=True)
    dependencies = []
    for name, build in MODELS.items():
        source = BUILD / f"{name.lower()}.onnx"
        onnx.save(build(), source)
        crate = pipeline.convert(
            source, BUILD / name.lower(), Options(name=name, force=True, layers=rust_tools.all_layers())
        ).crate
        dependencies.append(f'{name.lower()} = {{ path = "{crate}" }}')
    program = BUILD / "program"
    (program / "src").mkdir(exist_ok=True)
    (program / "src" / "lib.rs").write_text("")
    (program / "tests" / "public_api.rs").write_text(PROGRAM.read_text())
    manifest = '[package]\nname = "program"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n'
    (program / "Cargo.toml").write_text(manifest + "\n".join(dependencies) + "\n\n[workspace]\n")
    passes(program, "test", "-q", as_written=True)

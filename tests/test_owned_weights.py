"""Weights of a file at run time, and the feature that reading files stands behind."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from onnx import TensorProto, helper, numpy_helper

import onnx2rust
from onnx2rust.files import npz

BUILD = rust_tools.BUILD / "owned-weights"
TESTS = Path(__file__).resolve().parent / "owned_weights.rs"

pytestmark = pytest.mark.slow


def kinds() -> onnx.ModelProto:
    """Weights of every type that a file is read in another way for, and in every layout: tiles of Winograd, panels, plain."""
    rng = np.random.default_rng(3)
    nodes = [
        helper.make_node("Conv", ["x", "kernel", "bias"], ["maps"], "conv/Conv", pads=[1] * 4),
        helper.make_node("Where", ["chosen", "maps", "other"], ["some"], "choose/Where"),
        helper.make_node("Cast", ["some"], ["halves"], "half/Cast", to=TensorProto.FLOAT16),
        helper.make_node("Add", ["halves", "shift"], ["shifted"], "half/Add"),
        helper.make_node("Cast", ["shifted"], ["floats"], "float/Cast", to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["floats"], ["means"], "means/Pool"),
        helper.make_node("Flatten", ["means"], ["flat"], "means/Flatten"),
        helper.make_node("MatMul", ["flat", "dense"], ["y"], "dense/MatMul"),
        helper.make_node("ArgMax", ["y"], ["best"], "best/ArgMax", axis=1, keepdims=0),
        helper.make_node("Mul", ["best", "codes"], ["code"], "code/Mul"),
    ]
    weights = {
        "kernel": rng.standard_normal((32, 16, 3, 3)).astype(np.float32),
        "bias": rng.standard_normal(32).astype(np.float32),
        "chosen": rng.random((32, 1, 1)) < 0.5,
        "other": rng.standard_normal((32, 8, 8)).astype(np.float32),
        "shift": rng.standard_normal((32, 1, 1)).astype(np.float16),
        "dense": rng.standard_normal((32, 5)).astype(np.float32),
        "codes": np.array([1 << 40], np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "kinds",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("batch", 16, 8, 8))],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ("batch", 5)),
            helper.make_tensor_value_info("code", TensorProto.INT64, ("batch",)),
        ],
        [numpy_helper.from_array(a, n) for n, a in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_program_that_reads_weights() -> None:
    models = {"kinds": kinds(), "scorer": onnx_models.score(seed=1), "retrained": onnx_models.score(seed=2)}
    (BUILD / "program" / "tests").mkdir(parents=True, exist_ok=True)
    (BUILD / "program" / "src").mkdir(exist_ok=True)
    dependencies = []
    for name, model in models.items():
        onnx.save(model, BUILD / f"{name}.onnx")
        options = onnx2rust.Options(
            name=name.title(), force=True, layers=str(rust_tools.ROOT / "rust" / "tf-layers"), binary_classification=False
        )
        crate = onnx2rust.convert(BUILD / f"{name}.onnx", BUILD / name, options).crate
        dependencies.append(f'{name} = {{ path = "{crate}", features = ["npz"] }}')
    _damaged(BUILD / "scorer" / "rust_generated_code" / "model" / "model_weights.npz", BUILD / "files")
    program = BUILD / "program"
    (program / "src" / "lib.rs").write_text("")
    (program / "tests" / "owned_weights.rs").write_text(TESTS.read_text())
    manifest = '[package]\nname = "program"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n'
    (program / "Cargo.toml").write_text(manifest + "\n".join(dependencies) + "\n\n[workspace]\n")
    rust_tools.passes(program, "test", "-q")


def _damaged(source: Path, folder: Path) -> None:
    """Files that do not fit the scorer."""
    folder.mkdir(exist_ok=True)
    with np.load(source) as archive:
        weights = {name: archive[name] for name in archive.files}
    first, *rest = sorted(weights)

    def write(name: str, changed: dict[str, np.ndarray]) -> None:
        (folder / name).write_bytes(npz.encode(changed))

    write("missing.npz", {k: v for k, v in weights.items() if k != first})
    write("strange.npz", weights | {"stranger": np.zeros(3, np.float32)})
    write("shape.npz", weights | {first: np.zeros((1, 2, 3), np.float32)})
    write("several.npz", {k: v.astype(np.float64) for k, v in weights.items() if k != rest[0]})
    write("nan.npz", weights | {first: np.full_like(weights[first], np.nan)})
    content = source.read_bytes()
    (folder / "short.npz").write_bytes(content[: len(content) // 2])
    with zipfile.ZipFile(folder / "text.npz", "w") as archive:
        archive.writestr("hidden/bias.npy", "no array")


def test_a_client_builds_nothing_that_reads_files(tmp_path: Path) -> None:
    onnx.save(onnx_models.score(), tmp_path / "score.onnx")
    crate = onnx2rust.convert(tmp_path / "score.onnx", tmp_path / "out").crate
    (tmp_path / "client" / "src").mkdir(parents=True)
    manifest = '[package]\nname = "client"\nversion = "0.1.0"\nedition = "2024"\n[workspace]\n[dependencies]\n'
    (tmp_path / "client" / "Cargo.toml").write_text(
        f'{manifest}model = {{ path = "{crate}" }}\n'.replace("model", crate_name(crate))
    )
    (tmp_path / "client" / "src" / "lib.rs").write_text("")
    tree = ("tree", "-e", "normal", "--prefix", "none", "--format", "{p} [{f}]")
    without = rust_tools.passes(tmp_path / "client", *tree)
    assert "miniz_oxide" not in without
    assert "npz" not in without
    assert "miniz_oxide" in rust_tools.passes(crate, *tree, "--features", "npz")
    rust_tools.passes(tmp_path / "client", "check", "-q")


def crate_name(crate: Path) -> str:
    return next(line.split('"')[1] for line in (crate / "Cargo.toml").read_text().splitlines() if line.startswith("name = "))

"""Weights in one file or in fewer bits: the numbers of the embedded ones, or of the rounded model; files that do not fit."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import onnxruntime
import pytest
import rust_tools
from onnx import TensorProto, helper, numpy_helper
from test_owned_weights import kinds

import onnx2rust
from onnx2rust.conversion import rounding
from onnx2rust.emit import storage
from onnx2rust.files import npz

BUILD = rust_tools.BUILD / "stored-weights"
TESTS = Path(__file__).resolve().parent / "stored_weights.rs"
LAYERS = str(rust_tools.ROOT / "rust" / "tf-layers")


def mixed() -> onnx.ModelProto:
    """Convolutions with batch normalisation, products of both kinds, a lookup."""
    rng = np.random.default_rng(5)
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["c1"], "first/Conv"),
        helper.make_node("BatchNormalization", ["c1", "g1", "b1", "m1", "v1"], ["n1"], "first/BatchNormalization"),
        helper.make_node("Relu", ["n1"], ["r1"], "first/Relu"),
        helper.make_node("Conv", ["r1", "second"], ["c2"], "second/Conv", pads=[1] * 4),
        helper.make_node("GlobalAveragePool", ["c2"], ["p"], "pool/Pool"),
        helper.make_node("Flatten", ["p"], ["f"], "flat/Flatten"),
        helper.make_node("Gemm", ["f", "third"], ["d"], "third/Gemm", transB=1),
        helper.make_node("Tanh", ["d"], ["t"], "third/Tanh"),
        helper.make_node("MatMul", ["t", "fourth"], ["m"], "fourth/MatMul"),
        helper.make_node("Gather", ["table", "ids"], ["e"], "table/Gather"),
        helper.make_node("Add", ["m", "e"], ["y"], "sum/Add"),
    ]
    shapes = {"first": (24, 3, 5, 5), "second": (48, 24, 3, 3), "third": (64, 48), "fourth": (64, 40), "table": (50, 40)}
    weights = {name: rng.standard_normal(shape).astype(np.float32) / 8 for name, shape in shapes.items()}
    weights |= {name: rng.uniform(0.5, 2, 24).astype(np.float32) for name in ("g1", "b1", "m1", "v1")}
    graph = helper.make_graph(
        nodes,
        "mixed",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ("batch", 3, 12, 12)),
            helper.make_tensor_value_info("ids", TensorProto.INT64, ("batch",)),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("batch", 40))],
        [numpy_helper.from_array(a, n) for n, a in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def converted(tmp_path: Path, weights: str, **options: Any) -> onnx2rust.Project:
    onnx.save(mixed(), tmp_path / "mixed.onnx")
    return onnx2rust.convert(tmp_path / "mixed.onnx", tmp_path / weights, onnx2rust.Options(weights=weights, **options))


def transformer() -> onnx.ModelProto:
    """A table of words, a block of attention with one head, two products, normalised."""
    rng = np.random.default_rng(6)
    nodes = [helper.make_node("Gather", ["table", "ids"], ["x"], "words/Gather")]
    nodes += [helper.make_node("MatMul", ["x", name], [f"{name}_of"], f"{name}/MatMul") for name in ("q", "k", "v")]
    nodes += [
        helper.make_node("Transpose", ["k_of"], ["turned"], "turn/Transpose", perm=[0, 2, 1]),
        helper.make_node("MatMul", ["q_of", "turned"], ["scores"], "scores/MatMul"),
        helper.make_node("Softmax", ["scores"], ["shares"], "shares/Softmax", axis=-1),
        helper.make_node("MatMul", ["shares", "v_of"], ["mixed"], "mixed/MatMul"),
        helper.make_node("Add", ["x", "mixed"], ["sum"], "sum/Add"),
        helper.make_node("LayerNormalization", ["sum", "ones", "zeros"], ["even"], "even/LayerNormalization"),
        helper.make_node("MatMul", ["even", "wide"], ["w"], "wide/MatMul"),
        helper.make_node("Relu", ["w"], ["r"], "wide/Relu"),
        helper.make_node("MatMul", ["r", "back"], ["y"], "back/MatMul"),
    ]
    shapes = {"table": (100, 64), "q": (64, 64), "k": (64, 64), "v": (64, 64), "wide": (64, 256), "back": (256, 64)}
    weights = {name: rng.standard_normal(shape).astype(np.float32) / 8 for name, shape in shapes.items()}
    weights |= {"ones": np.ones(64, np.float32), "zeros": np.zeros(64, np.float32)}
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ("batch", 12))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ("batch", 12, 64))
    graph = helper.make_graph(nodes, "words", [ids], [y], [numpy_helper.from_array(a, n) for n, a in weights.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(("weights", "most"), [("f16", 2e-3), ("int8", 5e-2)])
def test_the_error_of_a_transformer_is_told(tmp_path: Path, weights: str, most: float) -> None:
    """That of a table and five products; the crate is tested with what the rounded model says."""
    onnx.save(transformer(), tmp_path / "words.onnx")
    project = onnx2rust.convert(tmp_path / "words.onnx", tmp_path / "out", onnx2rust.Options(weights=weights))
    data = np.load(project.crate / "testdata" / "features.npz")
    session = onnxruntime.InferenceSession(transformer().SerializeToString(), providers=["CPUExecutionProvider"])
    (exact,) = session.run(None, {"ids": data["ids"].reshape(-1, 12)})
    error = np.abs(exact - data["predictions"].reshape(exact.shape)).max() / np.abs(exact).max()
    told = rf"--weights {weights}: 6 tensors are rounded; on 8 samples that moves predictions by at most (\S+) of the largest"
    found = re.fullmatch(told, project.notes[-1])
    assert found is not None, project.notes
    assert 0 < float(found[1]) < most
    assert error == pytest.approx(float(found[1]), rel=0.06)


@pytest.mark.parametrize(
    ("weights", "variant", "most"), [("f16", "F16", 1e-3), ("int8", "I8", 3e-2), ("external-int8", "I8", 3e-2)]
)
def test_the_error_that_is_told_is_that_of_the_samples(tmp_path: Path, weights: str, variant: str, most: float) -> None:
    """All five tensors are stored so, the kernel too that batch normalisation was folded into; and the outputs that the crate is
    tested with are those of the rounded model."""
    project = converted(tmp_path, weights)
    build = (project.crate / "build.rs").read_text()
    assert build.count(f"Storage::{variant} {{ axis: ") == 5
    assert "Winograd" not in (project.crate / "src" / "tensors.rs").read_text()
    data = np.load(project.crate / "testdata" / "features.npz")
    session = onnxruntime.InferenceSession(mixed().SerializeToString(), providers=["CPUExecutionProvider"])
    (exact,) = session.run(None, {"x": data["x"].reshape(-1, 3, 12, 12), "ids": data["ids"].reshape(-1)})
    error = np.abs(exact - data["predictions"]).max() / np.abs(exact).max()
    told = rf"--weights {weights}: 5 tensors are rounded; on 8 samples that moves predictions by at most (\S+) of the largest"
    found = re.fullmatch(told, project.notes[-1])
    assert found is not None, project.notes
    assert 0 < float(found[1]) < most
    assert error == pytest.approx(float(found[1]), rel=0.06)  # two digits are told


def test_a_users_predictions_are_those_of_the_model_itself(tmp_path: Path) -> None:
    session = onnxruntime.InferenceSession(mixed().SerializeToString(), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    inputs: dict[str, Any] = {"x": rng.standard_normal((3, 3, 12, 12)).astype(np.float32), "ids": np.array([1, 7, 49])}
    predictions = session.run(None, inputs)[0]
    np.savez(tmp_path / "f.npz", predictions=predictions, **inputs)
    project = converted(tmp_path, "int8", features=tmp_path / "f.npz")
    kept = np.load(project.crate / "testdata" / "features.npz")["predictions"]
    assert 0 < np.abs(kept - predictions).max() < 3e-2 * np.abs(predictions).max()
    np.savez(tmp_path / "f.npz", predictions=predictions + 1, **inputs)
    with pytest.raises(onnx2rust.MismatchError, match="is not what the model computes"):
        converted(tmp_path, "f16", features=tmp_path / "f.npz")


def product(weight: np.ndarray[Any, Any], name: str = "product") -> onnx.ModelProto:
    """y = x · weight."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    return onnx_models.model(name, [node], {"x": ("n", len(weight))}, {"y": ("n", weight.shape[1])}, {"w": weight})


@pytest.mark.parametrize("weights", ["f16", "int8"])
def test_a_channel_that_is_dead_keeps_no_other_from_its_bits(tmp_path: Path, weights: str) -> None:
    """Training leaves numbers below the normal ones of f32, whose scale would have few digits: they become 0."""
    weight = np.random.default_rng(1).standard_normal((64, 40)).astype(np.float32)
    weight[:, 3] *= np.float32(1e-41)
    weight[:, 5] *= np.float32(1e-44)
    onnx.save(product(weight), tmp_path / "m.onnx")
    project = onnx2rust.convert(tmp_path / "m.onnx", tmp_path / "out", onnx2rust.Options(weights=weights))
    assert (project.crate / "build.rs").read_text().count(" { axis: ") == 1
    kept = next(iter(npz.read(project.crate / "model" / "model_weights.npz", "").values()))
    assert not kept[:, [3, 5]].any()
    assert np.abs(kept - weight).max() < 3e-2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("weights", ["f16", "int8"])
@pytest.mark.parametrize("odd", [np.inf, np.nan])
def test_a_weight_that_is_not_finite_has_no_bits_fewer(tmp_path: Path, weights: str, odd: float) -> None:
    weight = np.random.default_rng(1).standard_normal((64, 40)).astype(np.float32)
    weight[7, 3] = odd
    onnx.save(product(weight), tmp_path / "m.onnx")
    project = onnx2rust.convert(tmp_path / "m.onnx", tmp_path / "out", onnx2rust.Options(weights=weights))
    assert f"--weights {weights}: the model has no large weights that can be rounded" in project.notes


@pytest.mark.filterwarnings("error")
def test_numbers_at_the_end_of_f32_stay_finite(tmp_path: Path) -> None:
    """The largest code times its scale is no number any more where the scale was rounded up."""
    most = np.finfo(np.float32).max
    for share in (1.0, 0.999999, 0.9999, 0.99, 0.5):
        weight = np.full((64, 40), most * np.float32(share), np.float32)
        found = storage.rounded(weight, "int8", 1)
        assert found is None or np.isfinite(found).all()


@pytest.mark.filterwarnings("error")
def test_outputs_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    """A sum that overflows in one of the two models is no share of the largest number."""
    exact = np.array([[1.0, np.inf, np.nan, 3.0, 2.0]], np.float32)
    found = np.array([[1.0, np.inf, np.nan, np.inf, 1.5]], np.float32)
    assert rounding._distance(exact, found) == "2.5e-01 of the largest, and 1 of 5 elements that are not finite in both"
    assert rounding._distance(exact, exact) == "0.0e+00 of the largest"


def test_what_has_nothing_to_round_is_as_without_the_option(tmp_path: Path) -> None:
    onnx.save(onnx_models.score(), tmp_path / "score.onnx")
    plain = onnx2rust.convert(tmp_path / "score.onnx", tmp_path / "plain")
    project = onnx2rust.convert(tmp_path / "score.onnx", tmp_path / "int8", onnx2rust.Options(weights="int8"))
    assert "--weights int8: the model has no large weights that can be rounded" in project.notes
    files = {f.relative_to(plain.crate): f.read_bytes() for f in plain.crate.rglob("*") if f.is_file()}
    assert files == {f.relative_to(project.crate): f.read_bytes() for f in project.crate.rglob("*") if f.is_file()}


def test_a_model_without_weights(tmp_path: Path) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("n",))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ("n",))
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "bare", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    project = onnx2rust.convert(model, tmp_path / "out", onnx2rust.Options(weights="external"))
    assert "StoredWeights" not in (project.crate / "src" / "lib.rs").read_text()
    assert not (project.crate / "examples" / "weights.rs").exists()


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(
        onnx2rust.UsageError, match="--weights 'int4': is none of embedded, external, f16, int8, external-f16, ext"
    ):
        onnx2rust.Options(weights="int4")


@pytest.mark.slow
def test_programs_that_read_them() -> None:
    """`stored_weights.rs` says what must hold."""
    models = {
        "kinds": (kinds(), "embedded"),
        "outside": (kinds(), "external"),
        "mixed_small": (mixed(), "int8"),
        "mixed_halves": (mixed(), "external-f16"),
        "scorer": (onnx_models.score(seed=1), "external"),
        "retrained": (onnx_models.score(seed=2), "external"),
    }
    (BUILD / "program" / "tests").mkdir(parents=True, exist_ok=True)
    (BUILD / "program" / "src").mkdir(exist_ok=True)
    dependencies = []
    for name, (model, weights) in models.items():
        onnx.save(model, BUILD / f"{name}.onnx")
        options = onnx2rust.Options(name=name, force=True, layers=LAYERS, binary_classification=False, weights=weights)
        crate = onnx2rust.convert(BUILD / f"{name}.onnx", BUILD / name, options).crate
        dependencies.append(f'{name} = {{ path = "{crate}", features = ["npz"] }}')
    rust_tools.passes(BUILD / "mixed_small" / "rust_generated_code", "test", "-q")
    program = BUILD / "program"
    (program / "src" / "lib.rs").write_text("")
    (program / "tests" / "stored_weights.rs").write_text(TESTS.read_text())
    manifest = '[package]\nname = "program"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n'
    (program / "Cargo.toml").write_text(manifest + "\n".join(dependencies) + "\n\n[workspace]\n")
    rust_tools.passes(program, "test", "-q")
    outside = BUILD / "outside" / "rust_generated_code"
    rust_tools.passes(outside, "test", "-q")
    rust_tools.passes(outside, "run", "-q", "--example", "weights", "--", str(BUILD / "copied.weights"))
    assert (BUILD / "copied.weights").stat().st_size > sum(
        a.nbytes for a in npz.read(outside / "model/model_weights.npz", "").values()
    )


PROGRAM = """
use digits::{{DigitsModel, Inputs, Layers, StoredWeights}};

fn main() -> Result<(), Box<dyn std::error::Error>> {{
    {code}
    let mut workspace = model.workspace();
    let outputs = model.predict_from(Inputs {{ image: &[0.5; 64] }}, &mut workspace)?;
    println!("{{:?}}", outputs.probabilities.data);
    Ok(())
}}
"""


@pytest.mark.slow
def test_what_the_document_shows(tmp_path: Path) -> None:
    """Its commands make the file, its code reads it."""
    text = (rust_tools.ROOT / "docs" / "generated-crate.md").read_text(encoding="utf-8")
    chapter = text.split("\n## Large models\n")[1].split("\n## ")[0]
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", chapter, re.M | re.S)
    (code,) = re.findall(r"^```rust,ignore\n(.*?)^```$", chapter, re.M | re.S)
    onnx.save(onnx_models.digits(), tmp_path / "digits.onnx")
    script = "set -e\n" + commands.replace("onnx2rust ", f"{sys.executable} -m onnx2rust ")
    subprocess.run(["bash", "-c", script], check=True, cwd=tmp_path, capture_output=True, timeout=600)
    crate = tmp_path / "out" / "rust_generated_code"
    program = tmp_path / "program"
    (program / "src").mkdir(parents=True)
    (program / "src" / "main.rs").write_text(PROGRAM.format(code=code))
    manifest = '[package]\nname = "program"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n'
    (program / "Cargo.toml").write_text(f'{manifest}digits = {{ path = "{crate}" }}\n\n[workspace]\n')
    shutil.copyfile(crate / "model.weights", program / "model.weights")
    found = subprocess.run(["cargo", "run", "-q", "--release"], cwd=program, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    image = np.full((1, 1, 8, 8), 0.5, np.float32)
    session = onnxruntime.InferenceSession(onnx_models.digits().SerializeToString(), providers=["CPUExecutionProvider"])
    answer = np.array(found.stdout.strip().strip("[]").split(","), np.float32)
    np.testing.assert_allclose(answer, session.run(None, {"image": image})[0][0], rtol=1e-5, atol=1e-6)

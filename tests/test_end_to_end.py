"""A model file in, a verdict on running Rust code out: `onnx2rust verify` with cargo, in one workspace for all tests here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import onnxruntime
import pytest
import rust_tools

import onnx2rust
from onnx2rust import cli, passes
from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Program
from onnx2rust.layers.activation import Activate
from onnx2rust.model.reference import Reference
from onnx2rust.passes.rewriting import Passed

TARGET = rust_tools.VERIFY

pytestmark = pytest.mark.slow


@pytest.fixture
def models(tmp_path: Path) -> Any:
    """Two small models and one that is none."""
    onnx.save(onnx_models.score(), tmp_path / "score.onnx")
    onnx.save(onnx_models.digits(), tmp_path / "digits.onnx")
    (tmp_path / "noise.onnx").write_bytes(b"noise")
    return tmp_path


def verify(capsys: pytest.CaptureFixture[str], *arguments: Any) -> Any:
    """Exit code and the JSON object of `verify`."""
    code = cli.run(["verify", "--json", "-q", "--target-dir", str(TARGET), *map(str, arguments)])
    return code, json.loads(capsys.readouterr().out)


def test_models_of_one_call_are_verified_together(models: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = verify(capsys, models / "score.onnx", models / "noise.onnx", models / "digits.onnx", "--batch", "1,3,5")
    score, noise, digits = found["models"]
    assert (code, found["ok"]) == (3, False)
    assert (noise["passed"], noise["exit_code"], noise["error"]) == (False, 3, "invalid model")
    for model, output, elements in ((score, "probability", 9), (digits, "probabilities", 90)):
        assert model["passed"], model
        assert model["draws"] == ["batch=1", "batch=3", "batch=5"]
        (result,) = model["outputs"]
        assert (result["name"], result["elements"], result["passed"]) == (output, elements, True)
        assert result["max_abs"] < 1e-5


def test_per_node_names_the_node_whose_layer_is_wrong(
    models: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch, always=True)
    code, found = verify(capsys, models / "score.onnx", "--per-node")
    (model,) = found["models"]
    assert code == 5
    assert model["per_node"]["node"] == "Relu 'hidden/Relu'"
    assert model["per_node"]["worst"][0]["name"] == "r"
    assert model["outputs"][0]["worst"]["actual"] != model["outputs"][0]["worst"]["expected"]


def test_per_node_blames_a_pass_that_only_the_whole_model_meets(
    models: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch, always=False)
    code, found = verify(capsys, models / "score.onnx", "--per-node")
    (model,) = found["models"]
    assert code == 5
    assert model["per_node"]["node"] is None
    assert "a pass (fusion, layout or the sharing of memory) is at fault" in model["per_node"]["verdict"]


def sabotage(monkeypatch: pytest.MonkeyPatch, always: Any) -> Any:
    """Adds a pass that turns Relu into Tanh; unless `always`, only where its result is no output."""

    tanh = Activate(Variant("activation::Activation", "Tanh"))

    def wrong(program: Program) -> Passed:
        found = tuple(
            step
            for step in program.steps
            if step.origin.op == "Relu" and step.layer != tanh and (always or step.outputs[0] not in program.outputs)
        )
        steps = (replace(step, layer=tanh) if step in found else step for step in program.steps)
        return Passed(replace(program, steps=tuple(steps)), found)

    monkeypatch.setattr(passes, "PASSES", (("sabotage", wrong), *passes.PASSES))


def test_features_and_predictions(models: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.random.default_rng(3).standard_normal((20, 10)).astype(np.float32)
    right = Reference(onnx_models.score()).run({"features": rows})[0]
    np.savez(models / "good.npz", features=rows, predictions=right[:, 0])
    np.savez(models / "bad.npz", features=rows, predictions=right[:, 0] + 0.1)
    code, found = verify(capsys, models / "score.onnx", "--features", models / "good.npz")
    (model,) = found["models"]
    assert code == 0
    assert model["draws"] == ["sample 0", "samples 0 to 19"]
    assert [o["name"] for o in model["outputs"]] == ["probability", "probability (predictions)"]
    code, found = verify(capsys, models / "score.onnx", "--features", models / "bad.npz")
    assert code == 5
    assert [o["passed"] for o in found["models"][0]["outputs"]] == [True, False]


def test_the_python_api(models: Any) -> None:
    checks = onnx2rust.Checks(batches=(2,), target_dir=TARGET)
    report = onnx2rust.verify([models / "score.onnx", models / "noise.onnx"], checks=checks)
    assert [m.passed for m in report.models] == [True, False]
    with pytest.raises(onnx2rust.MismatchError, match=r"noise\.onnx: FAILED \(invalid model\)"):
        report.raise_for_failure()


def test_without_cargo_it_says_so(models: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    code = cli.run(["verify", "-q", "--target-dir", str(TARGET), str(models / "score.onnx")])
    assert code == 6
    assert "cargo is not installed" in capsys.readouterr().err


def test_models_in_float16(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, model in (("score16", onnx_models.score()), ("digits16", onnx_models.digits())):
        onnx.save(onnx_models.in_half(model), tmp_path / f"{name}.onnx")
    code, found = verify(capsys, tmp_path / "score16.onnx", tmp_path / "digits16.onnx", "--batch", "1,5")
    assert code == 0, found
    for model in found["models"]:
        (result,) = model["outputs"]
        assert (result["passed"], result["dtype"]) == (True, "float16")
        # rounded once, at the end: at most the last bit differs from the exact result
        assert result["max_ulp"] <= 1


def test_float16_is_as_near_to_the_exact_result_as_onnxruntime_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The outputs are float32: what is seen are the roundings to float16 inside, never more than in onnxruntime."""
    node, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    half, single, count, truth = (getattr(onnx.TensorProto, t) for t in ("FLOAT16", "FLOAT", "INT64", "BOOL"))
    weights = {"w": np.random.default_rng(1).standard_normal((8, 8)).astype(np.float16), "one": np.eye(8, dtype=np.float16)}
    product, widened = node("MatMul", ["m", "one"], ["p"]), node("Cast", ["p"], ["b"], to=single)
    branches = {
        "then_branch": onnx.helper.make_graph([product, widened], "then", [], [info("b", single, None)]),
        "else_branch": onnx.helper.make_graph([node("Cast", ["m"], ["b"], to=single)], "else", [], [info("b", single, None)]),
    }
    arguments, results = [info("i", count, []), info("k", truth, [])], [info("go", truth, []), info("b", single, None)]
    body = onnx.helper.make_graph([node("Identity", ["k"], ["go"]), product, widened], "body", arguments, results)
    last = [node("MatMul", ["r", "one"], ["p"]), node("Cast", ["p"], ["y"], to=single)]
    models: dict[str, Any] = {
        "if": (17, [node("If", ["c"], ["y"], **branches)], {"c": (truth, [])}, 2),
        "loop": (17, [node("Loop", ["n", "c"], ["y"], body=body)], {"c": (truth, []), "n": (count, [])}, 3),
        "relu": (18, [node("Relu", ["m"], ["r"]), *last], {}, 2),
        "relus": (18, [node("Relu", ["m"], ["q"]), node("Relu", ["q"], ["r"]), *last], {}, 2),
        "hardsigmoid": (18, [node("HardSigmoid", ["m"], ["r"]), *last], {}, 2),
    }
    for name, (opset, nodes, inputs, rank) in models.items():
        given = [info(n, t, s) for n, (t, s) in ({"x": (half, [8, 8])} | inputs).items()]
        constants = [onnx.numpy_helper.from_array(a, n) for n, a in weights.items()]
        result = info("y", single, [f"d{k}" for k in range(rank)])
        graph = onnx.helper.make_graph([node("MatMul", ["x", "w"], ["m"]), *nodes], name, given, [result], constants)
        opsets = [onnx.helper.make_opsetid("", opset)]
        onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / f"{name}.onnx")
    code, found = verify(capsys, *(tmp_path / f"{name}.onnx" for name in models))
    assert code == 0, found
    for model in found["models"]:
        (result,) = model["outputs"]
        assert result["max_abs"] <= result["reference_max_abs"] * 1.001, model


def test_sizes_of_two_names_may_turn_out_alike_or_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """x (n, 3, k) + z (m, 1, k), times w (l, 2): n and m are equal, or one of them is 1; k and l are equal."""
    node = onnx.helper.make_node
    nodes = [node("Add", ["x", "z"], ["s"]), node("Softmax", ["s"], ["p"]), node("MatMul", ["p", "w"], ["y"])]
    shapes = {"x": ("n", 3, "k"), "z": ("m", 1, "k"), "w": ("l", 2)}
    onnx.save(onnx_models.model("sizes", nodes, shapes, {"y": (None, 3, 2)}, {}), tmp_path / "sizes.onnx")
    folder = tmp_path / "out"
    project = onnx2rust.convert(tmp_path / "sizes.onnx", folder, onnx2rust.Options(binary_classification=False))
    session = onnxruntime.InferenceSession(str(tmp_path / "sizes.onnx"))
    rng = np.random.default_rng(5)

    def run(n: Any, m: Any, k: Any, size: Any) -> Any:
        sizes = {"x": (n, 3, k), "z": (m, 1, k), "w": (size, 2)}
        feeds: dict[str, Any] = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in sizes.items()}
        np.savez(tmp_path / "in.npz", **feeds)
        done = rust_tools.cargo(
            project.crate, "run", "-q", "--example", "predict", "--", str(tmp_path / "in.npz"), str(tmp_path / "o.npz")
        )
        return feeds, done

    for n, m in ((2, 2), (1, 4), (4, 1), (1, 1), (0, 1), (1, 0)):
        feeds, done = run(n, m, 5, 5)
        assert done.returncode == 0, done.stderr
        np.testing.assert_allclose(np.load(tmp_path / "o.npz")["y"], session.run(None, feeds)[0], rtol=1e-4, atol=1e-5)
    for sizes, message in (((2, 3, 5, 5), "2 does not fit 3"), ((2, 2, 5, 4), "5 does not fit 4")):
        _, done = run(*sizes)
        assert done.returncode != 0
        assert message in done.stderr
        assert "panicked" not in done.stderr

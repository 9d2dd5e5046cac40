"""The command line: every option, every alias, the exact exit codes and messages. Nothing here needs cargo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import pytest
from onnx import TensorProto, helper

import onnx2rust
from onnx2rust import cli
from onnx2rust.base.errors import InvalidModelError, MismatchError, ToolError, UnsupportedError, UsageError


@pytest.fixture
def score(tmp_path: Path) -> Any:
    """A binary classifier."""
    path = tmp_path / "score.onnx"
    onnx.save(onnx_models.score(), path)
    return path


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The Options that `convert` would use; nothing is converted."""
    seen: dict[str, Any] = {}
    nothing: Any = None

    def convert(model: Any, out: Any, options: Any, *, progress: Any) -> Any:
        seen.update(model=model, out=out, options=options)
        return onnx2rust.conversion.pipeline.Project(out, out / "rust_generated_code", "crate", "Model", (), nothing, nothing)

    import onnx2rust.conversion.pipeline

    monkeypatch.setattr(onnx2rust, "convert", convert)
    return seen


def run(capsys: pytest.CaptureFixture[str], *arguments: Any) -> Any:
    """Exit code, stdout, stderr."""
    code = cli.run([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_exit_codes_are_distinct_and_documented() -> None:
    codes = [e.exit_code for e in (UsageError, InvalidModelError, UnsupportedError, MismatchError, ToolError)]
    assert codes == [2, 3, 4, 5, 6]
    for code in codes:
        assert f"\n  {code}  " in cli.EXIT_CODES


@pytest.mark.parametrize("name", ["convert", "verify", "report", "inspect", "ops", "weights"])
def test_every_command_has_help_with_the_exit_codes(capsys: pytest.CaptureFixture[str], name: Any) -> None:
    code, out, err = run(capsys, name, "--help")
    assert code == 0
    assert not err
    assert "Exit codes:" in out


def test_without_a_command_the_help_is_shown_and_it_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, out) == (2, "")
    assert "convert" in err


def test_the_original_command_line_verbatim(capsys: pytest.CaptureFixture[str], options: Any) -> None:
    line = (
        "convert --path_to_tf_model tf_model/ --path_to_save out/ --model_name MNIST --binary_classification True "
        "--enable_inplace True --enable_memdrop True --path_to_fv features.npz"
    )
    assert run(capsys, *line.split())[0] == 0
    given = options["options"]
    assert (options["model"], options["out"]) == (Path("tf_model"), Path("out"))
    assert (given.name, given.features) == ("MNIST", Path("features.npz"))
    assert given.binary_classification is given.inplace is given.memdrop is True


@pytest.mark.parametrize("text", ["False", "false", "0", "no"])
def test_the_original_booleans(capsys: pytest.CaptureFixture[str], options: Any, text: Any) -> None:
    flags = ["--binary_classification", text, "--enable_inplace", text, "--enable_memdrop", text]
    assert run(capsys, "convert", "m", "o", *flags)[0] == 0
    given = options["options"]
    assert given.binary_classification is given.inplace is given.memdrop is False


def test_defaults(capsys: pytest.CaptureFixture[str], options: Any) -> None:
    assert run(capsys, "convert", "m", "o")[0] == 0
    assert options["options"] == onnx2rust.Options()


def test_every_option_of_convert(capsys: pytest.CaptureFixture[str], options: Any) -> None:
    line = (
        "convert m o --name N --frontend graphdef --signature s --input a --input b --output c --dim n=2 --dim a=b=3 "
        "--custom-objects f.py --features f.npz --thresholds t.json --no-binary-classification --no-inplace --no-memdrop "
        "--crate-name k --layers 1.2.3 --license MIT --force -v"
    )
    assert run(capsys, *line.split())[0] == 0
    assert options["options"] == onnx2rust.Options(
        name="N",
        frontend="graphdef",
        signature="s",
        inputs=("a", "b"),
        outputs=("c",),
        dims={"n": 2, "a=b": 3},
        features=Path("f.npz"),
        thresholds=Path("t.json"),
        binary_classification=False,
        inplace=False,
        memdrop=False,
        crate_name="k",
        layers="1.2.3",
        license="MIT",
        custom_objects=Path("f.py"),
        force=True,
        verbosity=1,
    )


@pytest.mark.parametrize(
    ("arguments", "model", "out"),
    [
        ("m o", "m", "o"),
        ("--path_to_tf_model m o", "m", "o"),
        ("m --path_to_save o", "m", "o"),
        ("--path_to_save o m", "m", "o"),
        ("--path_to_save o --path_to_tf_model m", "m", "o"),
    ],
)
def test_model_and_out_either_way(capsys: pytest.CaptureFixture[str], options: Any, arguments: Any, model: Any, out: Any) -> None:
    assert run(capsys, "convert", *arguments.split())[0] == 0
    assert (options["model"], options["out"]) == (Path(model), Path(out))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("convert", "MODEL and OUT must be given"),
        ("convert m", "OUT must be given"),
        ("convert --path_to_save o", "MODEL must be given"),
        ("convert m o --path_to_save o", "MODEL and OUT are given both by place and by --path_to_tf_model or --path_to_save"),
        ("convert m o x", "one MODEL and one OUT, or several MODELs with --workspace OUT"),
        ("convert --workspace o", "MODEL must be given"),
        ("convert m --workspace o --path_to_save p", "--path_to_save and --workspace are both given"),
        ("convert m o --dim n", "'n' is not SYMBOL=SIZE"),
        ("convert m o --dim n=-1", "'n=-1' is not SYMBOL=SIZE"),
        ("convert m o --dim =1", "'=1' is not SYMBOL=SIZE"),
        ("convert m o --dim n=1 --dim n=2", "'n' has two sizes"),
        ("convert m o --frontend caffe", "'caffe' is not one of"),
        ("convert m o --enable_inplace maybe", "'maybe' is not a valid boolean"),
        ("convert m o --no-inplace --enable_inplace True", "--inplace is given twice, with different values"),
        (
            "convert m o --binary-classification --binary_classification False",
            "--binary-classification is given twice, with different values",
        ),
        ("convert m o -q -v", "-q and -v contradict each other"),
        ("convert m o --frobnicate", "No such option"),
        ("frobnicate", "No such command 'frobnicate'"),
        ("verify", "Missing argument 'MODEL...'"),
        ("verify m --batch 1,x", "'1,x' is not a list of sizes like 1,3"),
        ("verify m --rtol -1", "-1"),
    ],
)
def test_usage_errors(capsys: pytest.CaptureFixture[str], arguments: Any, message: Any) -> None:
    code, out, err = run(capsys, *arguments.split())
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("error: usage\n")
    assert "Traceback" not in err


def test_a_usage_error_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "convert", "--json")
    assert code == 2
    found = json.loads(out)
    assert (found["ok"], found["exit_code"], found["error"]) == (False, 2, "usage")
    assert found["problems"][0]["what"] == "MODEL and OUT must be given"


def test_convert_writes_and_says_so(capsys: pytest.CaptureFixture[str], score: Any, tmp_path: Path) -> None:
    code, out, err = run(capsys, "convert", score, tmp_path / "out", "--name", "Score")
    assert code == 0
    assert "crate `score` with `ScoreModel`" in out
    assert [line.split(" … ")[0] for line in err.splitlines()][:2] == ["reading the model", "lowering operators to layers"]
    assert (tmp_path / "out" / "rust_generated_code" / "Cargo.toml").is_file()
    # again: refused, unless it is asked for
    assert run(capsys, "convert", score, tmp_path / "out")[0] == 2
    code, out, err = run(capsys, "convert", score, tmp_path / "out", "--force", "-q")
    assert (code, out, err) == (0, "", "")


def test_convert_as_json(capsys: pytest.CaptureFixture[str], score: Any, tmp_path: Path) -> None:
    code, out, err = run(capsys, "convert", score, tmp_path / "out", "--json", "-q", "--binary_classification", "False")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "ok": True,
        "out": str(tmp_path / "out"),
        "crate": str(tmp_path / "out" / "rust_generated_code"),
        "crate_name": "score",
        "model": "ScoreModel",
        "notes": [],
    }


def test_the_name_comes_from_the_file_unless_it_is_given(capsys: pytest.CaptureFixture[str], score: Any, tmp_path: Path) -> None:
    run(capsys, "convert", score, tmp_path / "out", "--crate-name", "other")
    manifest = (tmp_path / "out" / "rust_generated_code" / "Cargo.toml").read_text()
    assert 'name = "other"' in manifest
    assert "struct ScoreModel" in (tmp_path / "out" / "rust_generated_code" / "src" / "model.rs").read_text()


def test_no_such_model_is_a_usage_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run(capsys, "convert", tmp_path / "none.onnx", tmp_path / "out")
    assert code == 2
    assert "no such file or folder" in err
    assert not (tmp_path / "out").exists()


def test_an_invalid_model(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "noise.onnx").write_bytes(b"\xff" * 100)
    code, _, err = run(capsys, "convert", tmp_path / "noise.onnx", tmp_path / "out")
    assert code == 3
    assert "error: invalid model\n" in err
    assert "Traceback" not in err


def test_every_unsupported_node_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in "xy")
    nodes = [
        helper.make_node("Bogus", ["x"], ["a"], "first", domain="com.example"),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Fake", ["b"], ["y"], "second", domain="com.example"),
    ]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.example", 3)]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [x], [y]), opset_imports=opsets, ir_version=8), tmp_path / "m.onnx")
    code, out, _ = run(capsys, "convert", tmp_path / "m.onnx", tmp_path / "out", "--json")
    problems = json.loads(out)["problems"]
    assert code == 4
    assert [p["where"] for p in problems] == [
        "node 0 'first' (com.example::Bogus, opset 3) on (float32[2])",
        "node 2 'second' (com.example::Fake, opset 3) on (-)",
    ]
    assert all(p["hint"] for p in problems)
    assert run(capsys, "ops", tmp_path / "m.onnx")[0] == 4
    code, out, _ = run(capsys, "ops", tmp_path / "m.onnx", "--json")
    assert [p["what"] for p in json.loads(out)["unsupported"]] == [p["what"] for p in problems]
    assert not (tmp_path / "out").exists()


def test_wrong_predictions_are_a_mismatch(capsys: pytest.CaptureFixture[str], score: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", features=np.zeros((3, 10), np.float32), predictions=np.ones(3, np.float32))
    code, _, err = run(capsys, "convert", score, tmp_path / "out", "--features", tmp_path / "f.npz")
    assert code == 5
    assert "'predictions' in the features file is not what the model computes: sample 0" in err
    assert not (tmp_path / "out").exists()


def test_a_bug_is_one_line_without_and_a_traceback_with_vv(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(*_: Any, **__: Any) -> None:
        raise RuntimeError("the moon is full")

    monkeypatch.setattr(onnx2rust, "convert", convert)
    code, out, err = run(capsys, "convert", "m", "o")
    assert (code, out) == (6, "")
    assert "bug in onnx2rust: RuntimeError: the moon is full" in err
    assert "Traceback" not in err
    assert "Traceback" in run(capsys, "convert", "m", "o", "-vv")[2]


def test_control_characters_of_a_model_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(*_: Any, **__: Any) -> None:
        raise InvalidModelError("\x1b[2Jcleared\u202egnp.")

    monkeypatch.setattr(onnx2rust, "convert", convert)
    err = run(capsys, "convert", "m", "o")[2]
    assert "\\x1b[2Jcleared\\u202egnp." in err


def test_inspect(capsys: pytest.CaptureFixture[str], score: Any) -> None:
    code, out, _ = run(capsys, "inspect", score, "--json", "--dim", "batch=4")
    found = json.loads(out)
    assert code == 0
    assert found["inputs"] == [{"name": "features", "dtype": "float32", "shape": [4, 10]}]
    assert found["symbols"] == []
    assert found["parameters"] == 10 * 16 + 16 + 16 + 1
    assert found["multiply_adds"] == 4 * (10 * 16 + 16)
    assert found["operators"] == {"Gemm": 2, "Relu": 1, "Sigmoid": 1}


def test_inspect_with_an_open_size_and_passes(capsys: pytest.CaptureFixture[str], score: Any, tmp_path: Path) -> None:
    code, out, _ = run(capsys, "inspect", score, "--passes")
    assert code == 0
    assert "multiply-adds  176*batch = 176 (at batch=1)" in out
    assert "-- after import" in out
    assert "output probability = " in out
    run(capsys, "convert", score, tmp_path / "out")
    code, again, _ = run(capsys, "inspect", tmp_path / "out", "--passes")
    assert code == 0
    assert again.splitlines()[1:] == out.splitlines()[1:]


def test_inspect_says_what_passes_left_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The softmax of a softmax times a matrix looks like an attention."""
    nodes = [
        helper.make_node("Softmax", ["x"], ["s"]),
        helper.make_node("Softmax", ["s"], ["p"]),
        helper.make_node("MatMul", ["p", "v"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", *s]) for n, s in (("x", (3, 4)), ("v", (4, 5)))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3, 5])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    reason = "the softmax is of a Softmax, not of products of queries and keys"
    code, out, _ = run(capsys, "inspect", tmp_path / "m.onnx", "--passes")
    assert code == 0
    assert out.splitlines()[-2:] == ["-- left as it is", f"attention: node 2 'y' (MatMul, opset 17): {reason}"]
    code, out, _ = run(capsys, "inspect", tmp_path / "m.onnx", "--passes", "--json")
    assert json.loads(out)["declined"] == [{"pass": "attention", "node": "node 2 'y' (MatMul, opset 17)", "reason": reason}]
    assert "left as it is" not in run(capsys, "inspect", tmp_path / "m.onnx")[1]


def test_ops(capsys: pytest.CaptureFixture[str], score: Any) -> None:
    code, out, _ = run(capsys, "ops")
    assert code == 0
    relu = next(line for line in out.splitlines() if line.startswith("Relu "))
    assert "opset  6 to" in relu
    assert "float32" in relu
    assert run(capsys, "ops", score)[1].strip() == f"{score}: all 4 nodes are supported"


def test_weights_of_a_retrained_model(capsys: pytest.CaptureFixture[str], score: Any, tmp_path: Path) -> None:
    run(capsys, "convert", score, tmp_path / "out")
    onnx.save(onnx_models.score(seed=7), score)
    code, out, _ = run(capsys, "weights", score, "-o", tmp_path / "w.npz", "--like", tmp_path / "out")
    assert (code, out) == (0, f"{tmp_path / 'w.npz'}: 4 tensors\n")
    with np.load(tmp_path / "w.npz") as new, np.load(tmp_path / "out/rust_generated_code/model/model_weights.npz") as old:
        assert new.files == old.files
        assert not np.array_equal(new["hidden/kernel"], old["hidden/kernel"])


def test_weights_renew_a_crate(capsys: pytest.CaptureFixture[str], score: Any, tmp_path: Path) -> None:
    run(capsys, "convert", score, tmp_path / "out")
    crate = tmp_path / "out" / "rust_generated_code"
    before = (crate / "Cargo.toml").read_text()
    onnx.save(onnx_models.score(seed=7), score)
    run(capsys, "convert", score, tmp_path / "new")
    expected = tmp_path / "new" / "rust_generated_code"
    for target in (tmp_path / "out", crate):
        code, out, _ = run(capsys, "weights", score, "-o", target)
        assert (code, out) == (0, f"{target}: 4 tensors\n")
        assert (crate / "model/model_weights.npz").read_bytes() == (expected / "model/model_weights.npz").read_bytes()
        # the code is the same, so the version is that of a new conversion
        assert (crate / "Cargo.toml").read_text() == (expected / "Cargo.toml").read_text() != before
    copy = Path("saved_model_from_onnx/model_weights.npz")
    assert (tmp_path / "out" / copy).read_bytes() == (tmp_path / "new" / copy).read_bytes()


def test_weights_that_do_not_fit_leave_a_crate_as_it_is(capsys: pytest.CaptureFixture[str], score: Any, tmp_path: Path) -> None:
    run(capsys, "convert", score, tmp_path / "out")
    crate = tmp_path / "out" / "rust_generated_code"
    before = (crate / "Cargo.toml").read_bytes(), (crate / "model/model_weights.npz").read_bytes()
    onnx.save(onnx_models.digits(), tmp_path / "digits.onnx")
    code, _, err = run(capsys, "weights", tmp_path / "digits.onnx", "-o", tmp_path / "out")
    assert code == 3
    assert "tensor 'conv1/bias': is in the model, but not in" in err
    assert before == ((crate / "Cargo.toml").read_bytes(), (crate / "model/model_weights.npz").read_bytes())
    (crate / "Cargo.toml").write_text('[package]\nname = "score"\nversion.workspace = true\n\n[dependencies.x]\nversion = "1"\n')
    code, _, err = run(capsys, "weights", score, "-o", tmp_path / "out")
    assert code == 2
    assert "Cargo.toml: has no line `version = " in err
    code, _, err = run(capsys, "weights", score, "-o", tmp_path)
    assert code == 2
    assert f"{tmp_path}: is a folder, and no crate that onnx2rust wrote" in err


def test_weights_of_another_structure_are_refused_by_name(capsys: pytest.CaptureFixture[str], score: Any, tmp_path: Path) -> None:
    run(capsys, "convert", score, tmp_path / "out")
    onnx.save(onnx_models.digits(), tmp_path / "digits.onnx")
    code, _, err = run(capsys, "weights", tmp_path / "digits.onnx", "-o", tmp_path / "w.npz", "--like", tmp_path / "out")
    assert code == 3
    assert "tensor 'conv1/bias': is in the model, but not in" in err
    assert "tensor 'hidden/kernel': is in" in err
    assert not (tmp_path / "w.npz").exists()
    code, _, err = run(capsys, "weights", score, "-o", tmp_path / "w.npz", "--like", tmp_path)
    assert code == 2
    assert "not the output of a conversion" in err


def test_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "onnx2rust", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"onnx2rust, version {onnx2rust.__version__}\n", "")


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, onnx2rust, onnx2rust.cli; print([m for m in ('numpy', 'onnx', 'onnxruntime', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_python_api_names_all_it_offers() -> None:
    for name in onnx2rust.__all__:
        assert getattr(onnx2rust, name).__doc__, name

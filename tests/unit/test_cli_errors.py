"""What a user can get wrong, or meet: the exact message and exit code, never a traceback. Nothing here needs cargo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import pytest

import onnx2rust
from onnx2rust import cli
from onnx2rust.base.errors import InvalidModelError, UsageError
from onnx2rust.base.options import Checks, Options
from onnx2rust.emit import thresholds


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The working directory: models, and files that are none of what they are given as."""
    monkeypatch.chdir(tmp_path)
    onnx.save(onnx_models.score(), "score.onnx")
    onnx.save(onnx_models.digits(), "digits.onnx")
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "right.json").write_text(json.dumps({"bottom": 0.1, "low": 0.2, "medium": 0.3, "high": 0.4}))
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"x")
    rows = np.zeros((3, 10), np.float32)
    np.savez("object.npz", features=np.array([[None] * 10]))
    np.savez("text.npz", features=rows, labels=np.array(["a", "b", "c"]))
    np.savez("short.npz", features=rows, labels=np.array([0, 1]))
    with open("noarray.npz", "wb") as file:
        import zipfile

        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("features.txt", "x")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: Any) -> Any:
    """Exit code, stdout, and the lines of the error on stderr."""
    code = cli.run([str(a) for a in arguments])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert "bug in onnx2rust" not in captured.err
    lines = captured.err.splitlines()
    begin = next((k for k, line in enumerate(lines) if line.startswith("error")), len(lines))
    return code, captured.out, lines[begin:]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("convert none.onnx out", "none.onnx: no such file or folder"),
        ("convert score.onnx file", "file: exists and is not a folder"),
        ("convert score.onnx out --dim batch=0", "--dim batch=0: a size is at least 1"),
        ("convert score.onnx out --dim seq=3", "--dim seq: the model has no size of that name"),
        ("convert score.onnx out --signature x", "score.onnx: no signature is called 'x'"),
        (
            "convert score.onnx out --custom-objects file",
            "score.onnx: --custom-objects file: only Keras files have custom objects",
        ),
        ("convert saved saved/out", "saved/out: lies in the model's own folder"),
        ("convert saved saved --force", "saved: lies in the model's own folder"),
        ("convert score.onnx out --features none.npz", "--features none.npz: No such file or directory"),
        ("convert score.onnx out --features folder", "--features folder: Is a directory"),
        (
            "convert score.onnx out --features file",
            "--features file: cannot be read as an .npz file (it is no zip archive)",
        ),
        (
            "convert score.onnx out --features noarray.npz",
            "--features noarray.npz: cannot be read as an .npz file ('features.txt' in it is no array)",
        ),
        (
            "convert score.onnx out --features object.npz",
            "--features object.npz: cannot be read as an .npz file (Object arrays cannot be loaded when allow_pickle=False)",
        ),
        ("convert score.onnx out --thresholds none.json", "--thresholds none.json: No such file or directory"),
        ("convert score.onnx out --thresholds folder", "--thresholds folder: Is a directory"),
        (
            "convert score.onnx out --thresholds bytes.json",
            "--thresholds bytes.json: is not JSON ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte)",
        ),
        (
            "convert score.onnx out --thresholds file",
            "--thresholds file: is not JSON (Expecting value: line 1 column 1 (char 0))",
        ),
        (
            "convert score.onnx out --no-binary-classification --thresholds right.json",
            "--thresholds right.json: the crate is to be no binary classifier",
        ),
        (
            "convert digits.onnx out --thresholds right.json",
            "--thresholds right.json: the output has shape float32[batch, 10], a binary classifier has one score a sample",
        ),
        ("verify score.onnx --batch 1,0", "--batch 1,0: a batch has at least one sample"),
        ("verify score.onnx --seed -1", "--seed -1: is below 0"),
        ("verify score.onnx --rtol nan", "--rtol nan: a tolerance is a finite number, not below 0"),
        ("verify score.onnx --atol inf", "--atol inf: a tolerance is a finite number, not below 0"),
        ("verify score.onnx --target-dir file", "--target-dir file: is not a folder"),
        ("weights score.onnx -o folder", "folder: is a folder, and no crate that onnx2rust wrote"),
        ("weights score.onnx --like file -o w.npz", "--like file: cannot be read as an .npz file (it is no zip archive)"),
    ],
)
def test_usage(capsys: pytest.CaptureFixture[str], place: Any, arguments: Any, message: Any) -> None:
    code, out, (head, first, *_) = run(capsys, *arguments.split())
    assert (code, out, head, first) == (2, "", "error: usage", f"  {message}")
    assert not (place / "out").exists()
    assert not (place / "w.npz").exists()


def test_json_without_end(capsys: pytest.CaptureFixture[str], place: Any) -> None:
    code, _, (_, message) = run(capsys, "convert", "score.onnx", "out", "--thresholds", "deep.json")
    assert code == 2
    assert message.startswith("  --thresholds deep.json: is not JSON (maximum recursion depth exceeded")


def test_a_model_that_force_would_remove(capsys: pytest.CaptureFixture[str], place: Any) -> None:
    assert run(capsys, "convert", "score.onnx", "out")[0] == 0
    model = "out/saved_model_from_onnx/model.onnx"
    before = (place / model).read_bytes()
    code, _, (_, message, _) = run(capsys, "convert", model, "out", "--force")
    assert (code, message) == (2, f"  {model}: lies in out, which the conversion would replace")
    assert run(capsys, "convert", model, "again")[0] == 0
    assert (place / model).read_bytes() == before


def test_an_output_under_a_file(capsys: pytest.CaptureFixture[str], place: Any) -> None:
    code, _, (_, message) = run(capsys, "convert", "score.onnx", "file/a/out")
    assert (code, message) == (2, f"  file/a/out: cannot be made, {place / 'file'} is not a folder")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "convert score.onnx out --features text.npz",
            "--features text.npz: array 'labels' holds <U1, not 0 or 1 for each sample",
        ),
        ("convert score.onnx out --features short.npz", "--features: `labels` must hold one 0 or 1 for each sample"),
        (
            "convert score.onnx out --thresholds list.json",
            "--thresholds list.json: must be a JSON object with the keys bottom, low, medium, high",
        ),
    ],
)
def test_files_that_do_not_fit(capsys: pytest.CaptureFixture[str], place: Any, arguments: Any, message: Any) -> None:
    code, out, lines = run(capsys, *arguments.split())
    assert (code, out, lines) == (3, "", ["error: invalid model", f"  {message}"])


@pytest.mark.parametrize("high", ["0.2", "NaN", "Infinity", "true", '"1"', "1e39", "1" + "0" * 400])
def test_thresholds_that_are_no_rising_numbers_of_a_float32(capsys: pytest.CaptureFixture[str], place: Any, high: Any) -> None:
    (place / "t.json").write_text(f'{{"bottom": 0.1, "low": 0.2, "medium": 0.3, "high": {high}}}')
    code, _, lines = run(capsys, "convert", "score.onnx", "out", "--thresholds", "t.json")
    assert (code, lines[1:]) == (3, ["  --thresholds t.json: must have numbers with 0 <= bottom <= low <= medium <= high"])


def test_thresholds_are_confidences_not_below_0(capsys: pytest.CaptureFixture[str], place: Any) -> None:
    (place / "t.json").write_text('{"bottom": -0.1, "low": 0.2, "medium": 0.3, "high": 0.4}')
    code, _, lines = run(capsys, "convert", "score.onnx", "out", "--thresholds", "t.json")
    assert (code, lines[1:]) == (3, ["  --thresholds t.json: must have numbers with 0 <= bottom <= low <= medium <= high"])
    with pytest.raises(InvalidModelError, match="below 0: the model's scores are no probabilities"):
        thresholds.from_labels(np.array([-3, -2, 1], np.float32), np.array([0, 0, 1]))


def test_a_file_that_may_not_be_read(capsys: pytest.CaptureFixture[str], place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", "score.onnx")

    monkeypatch.setattr("pathlib.Path.open", refused)
    code, _, lines = run(capsys, "convert", "score.onnx", "out")
    assert (code, lines) == (2, ["error: usage", "  score.onnx: cannot be read: Permission denied"])


def test_a_disk_that_is_full(capsys: pytest.CaptureFixture[str], place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("onnx2rust.files.folders.put", full)
    code, _, lines = run(capsys, "convert", "score.onnx", "a/out")
    assert (code, lines) == (6, ["error: tool failure", "  a/out: cannot be written: No space left on device"])
    assert not (place / "a").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_weights_leave_nothing_half_written(
    capsys: pytest.CaptureFixture[str], place: Any, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    def failing(*_: Any) -> None:
        raise error

    monkeypatch.setattr(os, "replace", failing)
    before = sorted(os.listdir())
    code, _, _ = run(capsys, "weights", "score.onnx", "-o", "w.npz")
    assert code == (6 if isinstance(error, OSError) else 130)
    assert sorted(os.listdir()) == before


def test_an_interrupted_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(onnx2rust, "convert", interrupted)
    assert run(capsys, "convert", "m", "o") == (130, "", [])
    code, out, _ = run(capsys, "convert", "m", "o", "--json")
    expected = {"ok": False, "exit_code": 130, "error": "interrupted", "problems": [], "notes": []}
    assert (code, json.loads(out)) == (130, expected)


def test_cargo_that_is_too_old(capsys: pytest.CaptureFixture[str], place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "bin").mkdir()
    said = "error: rustc 1.70.0 is not supported by the following package:\n  tf-layers@1.0.0 requires rustc 1.89\n\nmore"
    (place / "bin" / "cargo").write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 101\n")
    (place / "bin" / "cargo").chmod(0o755)
    monkeypatch.setenv("PATH", str(place / "bin"))
    code, _, lines = run(capsys, "verify", "score.onnx", "--target-dir", "target")
    assert (code, lines[1]) == (
        6,
        "  cargo failed: error: rustc 1.70.0 is not supported by the following package: tf-layers@1.0.0 requires rustc 1.89",
    )


def test_control_characters_of_a_model_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str], place: Any) -> None:
    proto = onnx_models.score()
    proto.graph.node[0].domain = "a\x1b[2J"
    proto.opset_import.add(domain="a\x1b[2J", version=1)
    onnx.save(proto, "hostile.onnx")
    code, out, _ = run(capsys, "ops", "hostile.onnx")
    assert code == 4
    assert "\x1b" not in out
    assert "\\x1b[2J" in out


def test_a_reader_that_has_seen_enough(place: Any) -> None:
    """`onnx2rust ops | true`."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "onnx2rust", "ops"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_result_that_cannot_be_written(place: Any, more: Any) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "onnx2rust", "ops", *more]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        6,
        "error: tool failure\n  the result cannot be written: No space left on device\n",
    )


def test_a_workspace_is_never_replaced(capsys: pytest.CaptureFixture[str], place: Any) -> None:
    (place / "full").mkdir()
    (place / "full" / "Cargo.toml").write_text("theirs")
    for command in ("host c score.onnx full", "convert score.onnx full --host c", "convert score.onnx --workspace full"):
        code, _, lines = run(capsys, *command.split())
        assert (code, lines) == (
            2,
            ["error: usage", "  full: exists and is not empty", "      → remove it, or choose another folder"],
        )
    code, _, lines = run(capsys, *["convert", "score.onnx", "full", "--host", "c", "--force"])
    assert (code, lines) == (
        2,
        ["error: usage", "  --force: a workspace is not replaced", "      → remove the folder, or choose another one"],
    )
    assert (place / "full" / "Cargo.toml").read_text() == "theirs"


def test_what_was_found_beside_the_output_is_told_with_an_error_too(capsys: pytest.CaptureFixture[str], place: Any) -> None:
    for name in ("new", "old"):
        (place / ".onnx2rust.x" / name / "rust_generated_code").mkdir(parents=True)
    (place / ".onnx2rust.x" / "target").write_text("out")
    said = f"{place / 'out'}: restored, a conversion was killed while it replaced it"
    code, _, lines = run(capsys, "convert", "score.onnx", "out")
    assert (code, lines) == (
        2,
        [
            "error: usage",
            "  out: exists and is not empty",
            "      → choose another folder, or replace it with --force",
            f"note: {said}",
        ],
    )
    (place / "out").rename(".onnx2rust.y")
    (place / ".onnx2rust.y" / "rust_generated_code").rename(place / ".onnx2rust.y" / "new")
    (place / ".onnx2rust.y" / "target").write_text("out")
    code, out, _ = run(capsys, "convert", "none.onnx", "out", "--json")
    assert (code, json.loads(out)["notes"]) == (
        2,
        [f"{place / '.onnx2rust.y'}: removed, it was left by a conversion to {place / 'out'} that was killed"],
    )


def test_a_crate_name_that_is_none_is_told(place: Any) -> None:
    project = onnx2rust.convert("score.onnx", "out", Options(crate_name="0 day", binary_classification=False))
    assert project.crate_name == "n0_day"
    assert project.notes == ("--crate-name '0 day': the crate is called n0_day",)


@pytest.mark.parametrize(
    ("name", "model", "note"),
    [
        ("模型", "ScoreModel", ("--name '模型': the struct is called ScoreModel, Rust names are ASCII here (模型 is left out)",)),
        ("Modell größe", "ModellGroeModel", None),
        ("café", "CafeModel", ()),
        ("Score", "ScoreModel", ()),
        ("model", "Model", ()),
    ],
)
def test_a_name_that_is_not_ascii_is_told(place: Any, name: Any, model: Any, note: Any) -> None:
    project = onnx2rust.convert("score.onnx", "out", Options(name=name, binary_classification=False))
    if note is not None:
        assert project.notes == note
        assert project.model == model
    else:
        assert "(ß is left out)" in project.notes[0]


def test_options_from_python_are_checked_too() -> None:
    loose: Any = Options
    assert loose(features="f.npz").features.name == "f.npz"
    for make, message in (
        (lambda: loose(frontend="caffe"), "--frontend 'caffe': is none of auto, onnx, saved-model, keras, tflite, graphdef"),
        (lambda: Options(dims={"a": -1}), "--dim a=-1: a size is at least 1"),
        (lambda: Checks(batches=()), "--batch : a batch has at least one sample"),
    ):
        with pytest.raises(UsageError) as caught:
            make()
        assert str(caught.value) == message

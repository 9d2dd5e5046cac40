"""Generated crates among other crates: two in one program, members of a user's workspace, packaged; all of it offline."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from rust_tools import ROOT, cargo, passes

import onnx2rust
from onnx2rust.model.reference import Reference

BUILD = rust_tools.BUILD / "citizen"

pytestmark = pytest.mark.slow

MAIN = """
use digits::DigitsModel;
use score::ScoreModel;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let features = [0.5; 10];
    let (model, mut workspace) = (ScoreModel::new(), ScoreModel::new().workspace());
    let inputs = score::Inputs {
        features: &features,
    };
    let outputs = model.predict(score::Sizes { batch: 1 }, inputs, &mut workspace)?;
    println!("{}", outputs.probability.data[0]);
    let image = [0.5; 64];
    let (model, mut workspace) = (DigitsModel::new(), DigitsModel::new().workspace());
    let inputs = digits::Inputs { image: &image };
    let outputs = model.predict(digits::Sizes { batch: 1 }, inputs, &mut workspace)?;
    println!("{}", outputs.probabilities.data[0]);
    Ok(())
}
"""
APP = """[package]
name = "app"
version = "0.1.0"
edition = "2024"
license = "MIT"
description = "A program with two models"

[dependencies]
score = { path = "PATH/score", version = "0.1.0" }
digits = { path = "PATH/digits", version = "0.1.0" }
"""


@pytest.fixture(scope="module")
def crates() -> Path:
    """A folder with the crates score, digits and text, each with its copy of the layers."""
    shutil.rmtree(BUILD, ignore_errors=True)
    for name in ("score", "digits", "text"):
        (BUILD / "models").mkdir(parents=True, exist_ok=True)
        onnx.save(getattr(onnx_models, name)(), BUILD / "models" / f"{name}.onnx")
        crate = onnx2rust.convert(BUILD / "models" / f"{name}.onnx", BUILD / "out" / name).crate
        shutil.copytree(crate, BUILD / "crates" / name)
    return BUILD / "crates"


def program(folder: Path, path: str) -> Path:
    """A program that runs two of the models."""
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text(APP.replace("PATH", path))
    (folder / "src" / "main.rs").write_text(MAIN.lstrip())
    return folder


def right(text: str) -> None:
    """The program's two lines are what the reference computes."""
    half = np.full((1, 10), 0.5, np.float32), np.full((1, 1, 8, 8), 0.5, np.float32)
    models = onnx_models.score(), onnx_models.digits()
    expected = [Reference(m).run({m.graph.input[0].name: x})[0].reshape(-1)[0] for m, x in zip(models, half, strict=True)]
    np.testing.assert_allclose([float(line) for line in text.split()], expected, rtol=1e-4)


def test_two_crates_fit_into_one_program(crates: Path) -> None:
    app = program(BUILD / "app", "../crates")
    right(passes(app, "run", "-q"))
    done = cargo(app, "package", "--no-verify", "--allow-dirty", "--exclude-lockfile")
    assert done.returncode == 0, done.stderr


def test_crates_are_members_of_a_workspace(crates: Path) -> None:
    workspace = BUILD / "workspace"
    shutil.copytree(crates, workspace / "crates")
    (workspace / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["crates/*"]\n')
    program(workspace / "crates" / "app", "..")
    done = cargo(workspace, "check", "--workspace", "--all-targets")
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    passes(workspace, "fmt", "--all", "--check")
    right(passes(workspace, "run", "-q", "-p", "app"))
    done = cargo(workspace, "package", "--workspace", "--no-verify", "--allow-dirty")
    assert done.returncode == 0, done.stderr


def test_models_converted_into_one_workspace(crates: Path) -> None:
    models = [BUILD / "models" / f"{name}.onnx" for name in ("score", "digits", "text")]
    projects = onnx2rust.convert_workspace(models, BUILD / "zoo")
    done = cargo(BUILD / "zoo", "check", "--workspace", "--all-targets")
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    passes(BUILD / "zoo", "test", "-q", "-p", "score")
    assert [p.crate_name for p in projects] == ["score", "digits", "text"]
    # another workspace with the crate `score`, in the same target folder and older than what is built there
    onnx2rust.convert_workspace(models[:1], BUILD / "lone")
    for path in (BUILD / "lone").rglob("*"):
        os.utime(path, (10**9, 10**9))
    passes(BUILD / "lone", "test", "-q", "-p", "score")
    passes(BUILD / "zoo", "test", "-q", "-p", "score")


def test_crates_that_share_the_layers_of_a_folder(crates: Path) -> None:
    options = onnx2rust.Options(layers=str(ROOT / "rust" / "tf-layers"))
    found = [onnx2rust.convert(BUILD / "models" / f"{n}.onnx", BUILD / "shared" / n, options).crate for n in ("score", "digits")]
    for crate in found:
        shutil.copytree(crate, BUILD / "shared" / "x" / crate.parent.name)
    app = program(BUILD / "shared" / "app", "../x")
    for name in ("score", "digits"):  # one folder higher now
        manifest = BUILD / "shared" / "x" / name / "Cargo.toml"
        relative = os.path.relpath(ROOT / "rust" / "tf-layers", manifest.parent)
        assert manifest.read_text().count(f'path = "{relative}"') == 2
    right(passes(app, "run", "-q"))

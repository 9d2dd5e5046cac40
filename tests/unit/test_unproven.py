"""Models for which no inputs are found: they are converted all the same, and say what was not proven."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import rust_tools
from onnx import helper

sys.path.insert(0, str(Path(__file__).parent / "ops"))
from build import lower, model

from onnx2rust import samples
from onnx2rust.base.errors import ToolError
from onnx2rust.base.options import Checks, Options
from onnx2rust.cli import run
from onnx2rust.conversion.pipeline import convert
from onnx2rust.model.reference import Reference
from onnx2rust.oracle import Oracle
from onnx2rust.verification import verify


def unlucky() -> onnx.ModelProto:
    """Runs on 9,999 numbers, which nobody would guess."""
    return model([helper.make_node("Reshape", ["x", "s"], ["y"])], {"x": ("n",)}, ["y"], {"s": np.array([9999])})


def test_a_crate_without_samples_has_no_test_of_its_numbers_and_says_so(tmp_path: Path) -> None:
    onnx.save(unlucky(), tmp_path / "unlucky.onnx")
    project = convert(tmp_path / "unlucky.onnx", tmp_path / "out", Options(binary_classification=False))
    assert any(n.startswith(samples.NOT_PROVEN) for n in project.notes)
    assert samples.GIVE_SAMPLES in project.notes
    files = {p.relative_to(project.crate).as_posix() for p in project.crate.rglob("*") if p.is_file()}
    assert not files & {"tests/parity.rs", "tests/behaviour.rs", "benches/benchmarks.rs", "testdata/features.npz"}
    assert "[[bench]]" not in (project.crate / "Cargo.toml").read_text()
    assert "**The numbers of this crate were not tested**" in (project.crate / "README.md").read_text()
    np.savez(tmp_path / "f.npz", x=np.arange(9999, dtype=np.float32)[None])
    given = convert(
        tmp_path / "unlucky.onnx", tmp_path / "given", Options(features=tmp_path / "f.npz", binary_classification=False)
    )
    assert (given.crate / "tests" / "parity.rs").is_file()
    assert not any(n.startswith(samples.NOT_PROVEN) for n in given.notes)


@pytest.mark.slow
def test_verify_says_not_verified_with_its_own_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    onnx.save(unlucky(), tmp_path / "unlucky.onnx")
    assert run(["verify", str(tmp_path / "unlucky.onnx"), "--target-dir", str(rust_tools.VERIFY)]) == 7
    out = capsys.readouterr().out
    assert "unlucky.onnx: not verified (it was built, and run on nothing)" in out
    assert "note: no inputs were found that the model runs on at n=1: onnxruntime, the reference, cannot run the model:" in out
    np.savez(tmp_path / "f.npz", x=np.arange(9999, dtype=np.float32)[None])
    report = verify([tmp_path / "unlucky.onnx"], Options(features=tmp_path / "f.npz"), Checks(target_dir=rust_tools.VERIFY))
    assert report.passed, report.text()


def test_inputs_that_only_the_optimiser_lets_pass_are_none() -> None:
    """onnxruntime knows the shape behind the Reshape, and leaves it out; as the model stands it runs for three samples only."""
    nodes = [helper.make_node("Reshape", ["x", "s"], ["a"]), helper.make_node("Shape", ["a"], ["y"])]
    proto = model(nodes, {"x": ("n", 4, 5)}, ["y"], {"s": np.array([3, 20])})
    feeds = {"x": np.ones((6, 4, 5), np.float32)}
    assert Reference(proto).run(feeds)[0].tolist() == [3, 20]
    oracle = Oracle(proto, lower(proto))
    with pytest.raises(ToolError, match=r"with its graph optimisations only; without them it says: .*Reshape"):
        oracle.run(feeds)

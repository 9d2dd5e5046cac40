"""The reference where its own optimiser fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

sys.path.insert(0, str(Path(__file__).parent / "ops"))
from build import model

from onnx2rust.base.errors import ToolError
from onnx2rust.base.options import Options
from onnx2rust.conversion.pipeline import convert
from onnx2rust.model.reference import Reference, session


def shrinking() -> onnx.ModelProto:
    """A channels-last image, halved: onnxruntime moves the transposes together and has no bicubic kernel for what is left."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Resize", ["t", "", "scales"], ["r"], mode="cubic"),
        helper.make_node("Transpose", ["r"], ["y"], perm=[0, 2, 3, 1]),
    ]
    return model(nodes, {"x": (1, 8, 8, 3)}, ["y"], {"scales": np.array([1, 1, 0.5, 0.5], np.float32)}, opset=18)


def test_a_model_that_only_runs_as_it_stands_does_so() -> None:
    with pytest.raises(Exception, match="upsamplebase"):
        session(shrinking())
    reference = Reference(shrinking())
    assert reference.note is not None
    assert "without its graph optimisations" in reference.note
    (y,) = reference.run({"x": np.ones((1, 8, 8, 3), np.float32)})
    np.testing.assert_allclose(y, np.ones((1, 4, 4, 3)), rtol=1e-5)


def test_a_conversion_tells(tmp_path: Path) -> None:
    onnx.save(shrinking(), tmp_path / "shrinking.onnx")
    project = convert(tmp_path / "shrinking.onnx", tmp_path / "out", Options(binary_classification=False))
    assert any("without its graph optimisations" in note for note in project.notes)


def test_a_model_that_does_not_load_at_all_is_told_with_the_first_error(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = []

    def refuse(_: bytes, options: onnxruntime.SessionOptions, **__: object) -> None:
        levels.append(options.graph_optimization_level)
        raise RuntimeError(f"attempt {len(levels)}")

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    with pytest.raises(ToolError, match="cannot load the model: attempt 1"):
        Reference(shrinking())
    assert len(set(levels)) == 2


def test_onnxruntime_keeps_no_record_of_its_users(tmp_path: Path) -> None:
    """Its telemetry warned on stderr where the home folder cannot be written, and wrote a device id where it can."""
    for home in (tmp_path, Path("/proc/nobody")):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")} | {"HOME": str(home)}
        command = [sys.executable, "-c", "import onnx2rust.model.reference"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stderr == ""
    assert not list(tmp_path.rglob("*"))

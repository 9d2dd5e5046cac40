"""A conversion writes everything or nothing, and never over someone's files."""

from __future__ import annotations

import os

import onnx
import onnx_models
import pytest

from onnx2rust import output, pipeline
from onnx2rust.errors import Onnx2RustError, ToolError, UsageError
from onnx2rust.options import Options

FILES = {"rust_generated_code/src/lib.rs": b"//! x\n", "saved_model_from_onnx/model.onnx": b"x"}


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_all_files_and_nothing_else(tmp_path):
    output.write(tmp_path / "a" / "b" / "out", FILES)
    assert tree(tmp_path) == {f"a/b/out/{name}": content for name, content in FILES.items()}
    assert os.stat(tmp_path / "a/b/out").st_mode & 0o777 == 0o755


def test_replacing_keeps_the_build_cache(tmp_path):
    out = tmp_path / "out"
    output.write(out, FILES | {"rust_generated_code/src/old.rs": b""})
    (out / "rust_generated_code/target").mkdir()
    (out / "rust_generated_code/target/cache").write_bytes(b"built")
    output.write(out, FILES)
    assert tree(out) == FILES | {"rust_generated_code/target/cache": b"built"}


@pytest.mark.parametrize("force", [False, True])
def test_a_file_in_the_way(tmp_path, force):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="exists and is not a folder"):
        output.refuse_existing(tmp_path / "out", force)


def test_a_link_in_the_way(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    with pytest.raises(UsageError, match="exists and is not a folder"):
        output.refuse_existing(tmp_path / "out", True)


def test_a_folder_in_the_way(tmp_path):
    output.refuse_existing(tmp_path / "none", False)
    output.refuse_existing(tmp_path, False)
    output.write(tmp_path / "out", FILES)
    with pytest.raises(UsageError, match="exists and is not empty"):
        output.refuse_existing(tmp_path / "out", False)
    output.refuse_existing(tmp_path / "out", True)
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match=r"holds files that onnx2rust did not write \(thesis\.tex\)"):
        output.refuse_existing(tmp_path / "out", True)


def test_code_that_rustfmt_refuses_leaves_nothing(tmp_path):
    with pytest.raises(ToolError, match="rustfmt refused"):
        output.write(tmp_path / "a" / "out", FILES | {"rust_generated_code/src/lib.rs": b"fn {"})
    assert list(tmp_path.iterdir()) == []


def test_a_failure_restores_what_was_there(tmp_path, monkeypatch):
    out = tmp_path / "out"
    output.write(out, FILES)
    rename = os.rename

    def failing(source, target):
        if os.fspath(source).endswith("new"):
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(ToolError, match="No space left on device"):
        output.write(out, {"rust_generated_code/src/lib.rs": b"//! new\n"})
    assert tree(tmp_path) == {f"out/{name}": content for name, content in FILES.items()}


def test_a_conversion_that_fails_touches_nothing(tmp_path):
    proto = onnx_models.score()
    onnx.save(proto, tmp_path / "good.onnx")
    pipeline.convert(tmp_path / "good.onnx", tmp_path / "out")
    before = tree(tmp_path / "out")
    proto.graph.node[1].op_type = "Bogus"
    onnx.save(proto, tmp_path / "bad.onnx")
    with pytest.raises(Onnx2RustError):
        pipeline.convert(tmp_path / "bad.onnx", tmp_path / "out", Options(force=True))
    with pytest.raises(Onnx2RustError):
        pipeline.convert(tmp_path / "bad.onnx", tmp_path / "a" / "b")
    assert tree(tmp_path / "out") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.onnx", "good.onnx", "out"]

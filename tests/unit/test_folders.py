"""A conversion writes everything or nothing, and never over someone's files."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import onnx
import onnx_models
import pytest

from onnx2rust.base.errors import Onnx2RustError, ToolError, UsageError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.files import folders

FILES = {"rust_generated_code/src/lib.rs": b"//! x\n", "saved_model_from_onnx/model.onnx": b"x"}


def tree(folder: Any) -> Any:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_all_files_and_nothing_else(tmp_path: Path) -> None:
    folders.write(tmp_path / "a" / "b" / "out", FILES)
    assert tree(tmp_path) == {f"a/b/out/{name}": content for name, content in FILES.items()}
    assert os.stat(tmp_path / "a/b/out").st_mode & 0o777 == 0o755


def test_replacing_keeps_the_build_cache(tmp_path: Path) -> None:
    out = tmp_path / "out"
    folders.write(out, FILES | {"rust_generated_code/src/old.rs": b""})
    (out / "rust_generated_code/target").mkdir()
    (out / "rust_generated_code/target/cache").write_bytes(b"built")
    folders.write(out, FILES, folders.refuse_existing(out, True))
    assert tree(tmp_path) == {
        f"out/{name}": content for name, content in (FILES | {"rust_generated_code/target/cache": b"built"}).items()
    }


@pytest.mark.parametrize("force", [False, True])
def test_a_file_in_the_way(tmp_path: Path, force: Any) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="exists and is not a folder"):
        folders.refuse_existing(tmp_path / "out", force)


def test_a_link_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    with pytest.raises(UsageError, match="exists and is not a folder"):
        folders.refuse_existing(tmp_path / "out", True)


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    folders.refuse_existing(tmp_path / "none", False)
    folders.refuse_existing(tmp_path, False)
    folders.write(tmp_path / "out", FILES)
    with pytest.raises(UsageError, match="exists and is not empty"):
        folders.refuse_existing(tmp_path / "out", False)
    folders.refuse_existing(tmp_path / "out", True)
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match=r"holds files that onnx2rust did not write \(thesis\.tex\)"):
        folders.refuse_existing(tmp_path / "out", True)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="File name too long"):
        folders.write(tmp_path / "a" / "out", FILES | {f"rust_generated_code/src/{'x' * 300}.rs": b""})
    assert list(tmp_path.iterdir()) == []


def test_a_failure_restores_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    folders.write(out, FILES)
    rename = os.rename

    def failing(source: Any, target: Any) -> None:
        if os.fspath(source).endswith("new"):
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(ToolError, match="No space left on device"):
        folders.write(out, {"rust_generated_code/src/lib.rs": b"//! new\n"}, folders.refuse_existing(out, True))
    assert tree(tmp_path) == {f"out/{name}": content for name, content in FILES.items()}


def test_a_conversion_that_fails_touches_nothing(tmp_path: Path) -> None:
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


@pytest.fixture
def score(tmp_path: Path) -> Any:
    path = tmp_path / "score.onnx"
    onnx.save(onnx_models.score(), path)
    return path


def at(stage: Any, do: Any) -> Any:
    """Progress that does something when a stage begins."""
    return lambda name: do() if name == stage else None


@pytest.mark.parametrize("force", [False, True])
def test_a_file_that_appears_while_the_model_is_converted_stays(tmp_path: Path, score: Any, force: Any) -> None:
    out = tmp_path / "out"

    def appear() -> None:
        out.mkdir()
        (out / "thesis.tex").write_text("mine")

    with pytest.raises(UsageError, match="out: something was written there while the model was converted"):
        pipeline.convert(score, out, Options(force=force), progress=at("lowering operators to layers", appear))
    assert tree(out) == {"thesis.tex": b"mine"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "score.onnx"]


def test_a_file_that_appears_in_what_force_replaces_stays(tmp_path: Path, score: Any) -> None:
    out = tmp_path / "out"
    folders.write(out, FILES)
    appear = at("lowering operators to layers", lambda: (out / "thesis.tex").write_text("mine"))
    with pytest.raises(UsageError, match=r"out: holds files that onnx2rust did not write \(thesis\.tex\)"):
        pipeline.convert(score, out, Options(force=True), progress=appear)
    assert tree(out) == FILES | {"thesis.tex": b"mine"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "score.onnx"]


def test_a_folder_that_is_filled_by_name_while_force_replaces_it(
    tmp_path: Path, score: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two renames nothing stands at the output: what someone puts there then stays, and the old output is kept."""
    out = tmp_path / "out"
    folders.write(out, FILES)
    rename = os.rename

    def renamed(source: Any, target: Any) -> None:
        rename(source, target)
        if os.fspath(target).endswith("old"):
            out.mkdir()
            (out / "thesis.tex").write_text("mine")

    monkeypatch.setattr(os, "rename", renamed)
    with pytest.raises(UsageError, match="something was written there") as caught:
        pipeline.convert(score, out, Options(force=True))
    assert tree(out) == {"thesis.tex": b"mine"}
    (kept,) = tmp_path.glob(".onnx2rust.*/old")
    assert tree(kept) == FILES
    assert caught.value.__notes__ == [f"{kept}: holds the output that was to be replaced, something else stands at {out} now"]


@pytest.mark.parametrize("force", [False, True])
def test_three_conversions_to_one_place_at_once(tmp_path: Path, score: Any, force: Any) -> None:
    """One wins, the others say so: with `--force` what was there at the start is replaced once."""
    out = tmp_path / "out"
    if force:
        folders.write(out, FILES)
    together = threading.Barrier(3)
    answers = []

    def convert() -> None:
        try:
            project = pipeline.convert(score, out, Options(force=force), progress=at("writing the files", together.wait))
            answers.append(project.crate_name)
        except UsageError as error:
            answers.append(str(error).splitlines()[0])

    threads = [threading.Thread(target=convert) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost = {f"{out}: something was written there while the model was converted"}
    if force:
        lost.add(f"{out}: was replaced by another conversion while this one ran")
    assert sorted(a for a in answers if a == "score") == ["score"]
    assert {a for a in answers if a != "score"} <= lost
    assert (out / "rust_generated_code/Cargo.toml").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "score.onnx"]


def test_a_name_that_is_too_long(tmp_path: Path, score: Any) -> None:
    out = tmp_path / ("a" * 300)
    with pytest.raises(UsageError, match=r"a: (is no path|cannot be the output): File name too long"):
        pipeline.convert(score, out)


def test_links_that_lead_in_a_circle(tmp_path: Path, score: Any) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for out in ("a", "a/out"):
        with pytest.raises(UsageError, match="its symbolic links lead in a circle"):
            pipeline.convert(score, tmp_path / out)

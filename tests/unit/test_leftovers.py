"""What a conversion that was killed leaves: a later run puts back what it had moved away, removes the rest, and says which."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
import onnx_models
import pytest

from onnx2rust.base.errors import UsageError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.files import folders, leftovers

OLD = {"rust_generated_code/src/lib.rs": b"//! old\n"}
NEW = {"rust_generated_code/src/lib.rs": b"//! new\n"}
KILLED = """
import os, signal, sys
from pathlib import Path
from onnx2rust.files import folders

moment = int(sys.argv[1])
calls = 0

def killing(function):
    def called(*arguments, **keywords):
        global calls
        if calls == moment:
            os.kill(os.getpid(), signal.{signal})
        calls += 1
        return function(*arguments, **keywords)
    return called

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
{prepare}
for name in ("rename", "mkdir", "chmod", "listdir"):
    setattr(os, name, killing(getattr(os, name)))
Path.write_bytes = killing(Path.write_bytes)
folders.put = killing(folders.put)
out = Path(sys.argv[2])
folders.write(out, {files}, folders.refuse_existing(out, True) if out.exists() else None)
"""


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def killed(out: Path, moment: int, by: str = "SIGKILL", prepare: str = "") -> int:
    """A run that is killed before its n-th step; returns its exit code."""
    script = KILLED.format(signal=by, files=NEW, prepare=prepare)
    return subprocess.run(
        [sys.executable, "-c", script, str(moment), str(out)], check=False, stderr=subprocess.DEVNULL
    ).returncode


@pytest.mark.slow
@pytest.mark.parametrize("by", ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"])
def test_at_any_moment(tmp_path: Path, by: Any) -> None:
    """The output is the old or the new one: at once where the signal can be heard, after the next
    run has looked where it cannot."""
    prepare = "from onnx2rust.base import processes; processes.clean_up_when_terminated()"
    restored = removed = 0
    for moment in range(40):
        place = tmp_path / str(moment)
        folders.write(place / "out", OLD)
        code = killed(place / "out", moment, by, prepare)
        names = [p.name for p in place.iterdir() if p.name != "out"]
        if by == "SIGKILL":
            said = leftovers.recover(place)
            assert len(said) == len(names) or tree(place / "out"), "each is told, but for one that is still empty"
            restored += any("restored" in s for s in said)
            removed += any("removed" in s for s in said)
        else:
            assert names == []
        assert [p.name for p in place.iterdir()] == ["out"]
        assert tree(place / "out") in (OLD, NEW)
        if code == 0:
            break
    else:
        pytest.fail("the run never got to its end")
    assert moment >= 8
    if by == "SIGKILL":
        assert restored >= 1
        assert removed >= 1


def leave(parent: Path, name: str = "out", **folders: dict[str, bytes]) -> Path:
    """A folder as a run leaves it that is killed."""
    made = parent / ".onnx2rust.abcdefgh"
    made.mkdir()
    (made / "target").write_text(name)
    for folder, files in folders.items():
        for path, content in files.items():
            (made / folder / path).parent.mkdir(parents=True, exist_ok=True)
            (made / folder / path).write_bytes(content)
    return made


def test_killed_between_the_two_renames(tmp_path: Path) -> None:
    leave(tmp_path, old=OLD, new=NEW)
    assert leftovers.recover(tmp_path) == [f"{tmp_path / 'out'}: restored, a conversion was killed while it replaced it"]
    assert tree(tmp_path) == {f"out/{name}": content for name, content in OLD.items()}


def test_killed_before_the_first_rename(tmp_path: Path) -> None:
    made = leave(tmp_path, new=NEW)
    assert leftovers.recover(tmp_path) == [f"{made}: removed, it was left by a conversion to {tmp_path / 'out'} that was killed"]
    assert list(tmp_path.iterdir()) == []


def test_killed_behind_the_second_rename_keeps_the_build_cache(tmp_path: Path) -> None:
    leave(tmp_path, old=OLD | {"rust_generated_code/target/cache": b"built"})
    folders.write(tmp_path / "out", NEW)
    leftovers.recover(tmp_path)
    assert tree(tmp_path / "out") == NEW | {"rust_generated_code/target/cache": b"built"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_where_something_else_stands_now_all_is_kept(tmp_path: Path) -> None:
    made = leave(tmp_path, old=OLD, new=NEW)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    said = [f"{made / 'old'}: holds the output that was to be replaced, something else stands at {tmp_path / 'out'} now"]
    before = tree(tmp_path)
    assert leftovers.recover(tmp_path) == said
    assert leftovers.recover(tmp_path) == said, "as often as it is met"
    assert tree(tmp_path) == before


def test_a_run_that_is_alive_is_left_alone(tmp_path: Path) -> None:
    made = leave(tmp_path, old=OLD, new=NEW)
    before = tree(tmp_path)
    lock = os.open(made, os.O_RDONLY)
    fcntl = pytest.importorskip("fcntl", reason="this system has no locks of files that end with the process")
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert leftovers.recover(tmp_path) == []
    assert tree(tmp_path) == before
    os.close(lock)
    assert len(leftovers.recover(tmp_path)) == 1


def test_a_run_locks_its_folder(tmp_path: Path) -> None:
    with leftovers.workplace(tmp_path / "out") as folder:
        (folder / "new").mkdir()
        assert leftovers.recover(tmp_path) == []
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../out", "/etc", "..", "", "a/b"])
def test_a_name_that_is_none_is_not_followed(tmp_path: Path, name: Any) -> None:
    place = tmp_path / "place"
    place.mkdir()
    made = leave(place, name, old=OLD)
    before = tree(tmp_path)
    assert leftovers.recover(place) == [
        f"{made}: left by a conversion that was killed, for which output is not known: look at it, then remove it"
    ]
    assert tree(tmp_path) == before


def test_what_others_have_called_so_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".onnx2rust.toml").write_text("mine")
    (tmp_path / ".onnx2rust.d").mkdir()
    (tmp_path / ".onnx2rust.d" / "notes").write_text("mine")
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "target").write_text("out")
    (tmp_path / ".onnx2rust.link").symlink_to(tmp_path / "real")
    before = tree(tmp_path)
    assert leftovers.recover(tmp_path) == []
    assert tree(tmp_path) == before


def test_a_later_conversion_finds_it_and_says_so(tmp_path: Path) -> None:
    onnx.save(onnx_models.score(), tmp_path / "score.onnx")
    leave(tmp_path, old=OLD, new=NEW)
    out = tmp_path / "out"
    restored = f"{out}: restored, a conversion was killed while it replaced it"
    # it is restored before anything else is looked at, so that it counts as what it is
    with pytest.raises(UsageError, match="exists and is not empty") as caught:
        pipeline.convert(tmp_path / "score.onnx", out)
    assert caught.value.__notes__ == [restored]
    assert tree(out) == OLD
    leave(tmp_path, "other", new=NEW)
    project = pipeline.convert(tmp_path / "score.onnx", out, Options(force=True, binary_classification=False))
    removed = f"{tmp_path / '.onnx2rust.abcdefgh'}: removed, it was left by a conversion to {tmp_path / 'other'} that was killed"
    assert project.notes == (removed,)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "score.onnx"]


def test_signals_wait_for_a_block_that_must_not_be_interrupted() -> None:
    script = """
import os, signal, sys, time
from onnx2rust.base import processes
signal.signal(signal.{0}, signal.SIG_DFL)  # nohup leaves it ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
processes.clean_up_when_terminated()
try:
    with processes.uninterrupted():
        os.kill(os.getpid(), signal.{0})
        time.sleep(0.01)
        print("whole", flush=True)
    print("never")
except KeyboardInterrupt as error:
    print(type(error).__name__)
"""
    for name, said in (("SIGINT", "KeyboardInterrupt"), ("SIGTERM", "Terminated"), ("SIGHUP", "Terminated")):
        assert hasattr(signal, name)
        done = subprocess.run([sys.executable, "-c", script.format(name)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout.split()) == (0, ["whole", said])

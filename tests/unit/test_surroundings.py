"""What surrounds a conversion: limits, rights, locales, and paths that are no text. The program
runs as a process, as users run it."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import onnx_models
import pytest

resource = pytest.importorskip("resource", reason="this system has no limits of processes")
pytestmark = pytest.mark.slow  # each starts the program, which imports onnxruntime
TEXT = (".rs", ".toml", ".md", ".json", ".txt", ".svg")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user may enter, with a model in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        onnx.save(onnx_models.score(), path / "score.onnx")
        (path / "score.onnx").chmod(0o644)
        yield path


def converted(place: Path, *arguments: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onnx2rust", "convert", *arguments, "--no-binary-classification"]
    environment = os.environ | options.pop("environment", {})
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False, **options)


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def limited(size: int) -> Callable[[], None]:
    """`ulimit -f`."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def bound_by_rights() -> None:
    """Takes from root the capability of writing anywhere (PR_CAPBSET_DROP, CAP_DAC_OVERRIDE); others do not have it."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


def test_files_that_may_not_grow(place: Path) -> None:
    done = converted(place, "score.onnx", "a/out", preexec_fn=limited(2048))
    assert done.returncode == 6
    assert done.stderr.endswith("error: tool failure\n  a/out: cannot be written: File too large\n")
    assert sorted(p.name for p in place.iterdir()) == ["score.onnx"]


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are of Linux")
def test_a_folder_that_may_not_be_written(place: Path) -> None:
    (place / "closed").mkdir(mode=0o555)
    done = converted(place, "score.onnx", "closed/out", preexec_fn=bound_by_rights)
    assert done.returncode == 6
    assert done.stderr.endswith("error: tool failure\n  closed/out: cannot be written: Permission denied\n")
    assert not list((place / "closed").iterdir())


@pytest.mark.parametrize(("utf8", "name"), [("1", "größe_模型.onnx"), ("0", "score_2.onnx")])
def test_a_locale_without_letters_changes_nothing(place: Path, utf8: str, name: str) -> None:
    """Python makes UTF-8 of the locale C unless it is forbidden (0); then a name with other letters is one that is no text."""
    (place / "score.onnx").rename(place / name)
    locale = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": utf8, "PYTHONCOERCECLOCALE": utf8}
    assert converted(place, name, "usual").returncode == 0
    done = converted(place, name, "plain", environment=locale)
    assert done.returncode == 0, done.stderr
    assert files(place / "plain") == files(place / "usual")


def test_without_any_tool_on_the_path(place: Path) -> None:
    """Conversion needs neither cargo nor rustfmt, and writes the same files."""
    assert converted(place, "score.onnx", "usual").returncode == 0
    assert converted(place, "score.onnx", "alone", environment={"PATH": str(place)}).returncode == 0
    assert files(place / "alone") == files(place / "usual")


def test_paths_that_are_no_text(place: Path) -> None:
    source, target = os.fsencode(place) + b"/m\xff\xfe.onnx", os.fsencode(place) + b"/out\xff"
    os.rename(place / "score.onnx", source)
    done = converted(place, source, target)
    assert done.returncode == 0, done.stderr
    written = files(Path(os.fsdecode(target)))
    assert "rust_generated_code/Cargo.toml" in written
    # every file of text is text
    for name, content in written.items():
        if name.endswith(TEXT):
            content.decode()

"""The parent's side of the child protocol, against processes that misbehave."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from onnx2rust.base.errors import ToolError
from onnx2rust.base.options import Options
from onnx2rust.frontends import tensorflow
from onnx2rust.frontends.tensorflow import Child, ChildError


def _child(tmp_path: Path, script: str, timeout: float = 20.0) -> Child:
    return Child(False, tmp_path, timeout=timeout, command=(sys.executable, "-c", script))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("import sys; print('boom', file=sys.stderr); sys.exit(3)", r"ended with exit status 3\n    \| boom"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended with signal SIGSEGV"),
        ("input(); print('not json')", "answered with something else than JSON"),
        ("input(); print('{\"id\": 99}')", "answered another question"),
        ("input(); print('[1]')", "answered another question"),
    ],
)
def test_a_child_that_breaks_the_protocol(tmp_path: Path, script: str, words: str) -> None:
    child = _child(tmp_path, script)
    with pytest.raises(ChildError, match=words):
        child.ask({"id": 0})
    child.close()


def test_a_child_that_hangs(tmp_path: Path) -> None:
    child = _child(tmp_path, "import time; time.sleep(60)", timeout=0.5)
    with pytest.raises(ChildError, match="gave no answer within 0 s"):
        child.ask({"id": 0})


def test_the_next_request_gets_a_fresh_child_three_times(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"open({str(count)!r}, 'a').write('x'); raise SystemExit(1)"
    child = _child(tmp_path, script)
    for _ in range(6):
        with pytest.raises(ChildError, match="exit status 1"):
            child.ask({"id": 0})
    assert count.read_text() == "xxx"


def test_tensorflow_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorflow, "_missing", lambda: ["tensorflow", "tf2onnx"])
    (result,) = tensorflow.load_many([(tmp_path / "a.keras", "keras", Options())])
    assert isinstance(result, ToolError)
    assert str(result) == f"{tmp_path / 'a.keras'}: reading it needs tensorflow, tf2onnx\n    → pip install 'onnx2rust[tf]'"


def test_a_child_that_has_ended_before_it_is_asked_says_how(tmp_path: Path) -> None:
    child = _child(tmp_path, "import sys; print('boom', file=sys.stderr); sys.exit(3)")
    child._started().wait()
    with pytest.raises(ChildError, match=r"ended with exit status 3\n    \| boom"):
        child.ask({"id": 0})

"""The command line as a process: signals that only it gets, streams that are closed, a working folder that is gone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import onnx
import onnx_models
import pytest

pytestmark = pytest.mark.slow  # each starts the program, which imports onnxruntime
COMMAND = [sys.executable, "-m", "onnx2rust"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    onnx.save(onnx_models.score(), "score.onnx")
    return tmp_path


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    """Waits until something is so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it does not come to that")


def alive(process: int) -> bool:
    """Whether a process runs (one that has ended and that nobody has asked for does not)."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc here")
@pytest.mark.parametrize(("number", "said"), [(2, "interrupted"), (15, "terminated"), (1, "terminated")])
def test_verify_that_is_signalled_alone_ends_cargo_and_its_compilers(
    place: Any, monkeypatch: pytest.MonkeyPatch, number: Any, said: Any
) -> None:
    (place / "bin").mkdir()
    script = '#!/bin/sh\nsleep 1000 &\necho $! > "$PIDS.new"\necho $$ >> "$PIDS.new"\nmv "$PIDS.new" "$PIDS"\nwait\n'
    (place / "bin" / "cargo").write_text(script)
    (place / "bin" / "cargo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PIDS", str(place / "pids"))
    command = [*COMMAND, "verify", "score.onnx", "--target-dir", "target", "--json"]
    # whoever runs the tests may ignore signals, as `nohup` does, and processes inherit it
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    wait_for((place / "pids").exists)
    started = [int(p) for p in (place / "pids").read_text().split()]
    assert len(started) == 2
    assert all(map(alive, started))
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert json.loads(out)["error"] == said
    assert err.endswith(f"\n{said}\n")
    wait_for(lambda: not any(map(alive, started)), 10)
    assert not list((place / "target" / "workspace").glob("m*"))


SLOW_DISK = """
import os, pathlib, time
opened = pathlib.Path.open
def slow(self, *how, **more):
    if self.name == "lib.rs" and how == ("wb",):
        pathlib.Path(os.environ["STARTED"]).touch()
        time.sleep(1000)
    return opened(self, *how, **more)
pathlib.Path.open = slow
"""
"""Python reads it as it starts."""


def test_a_terminated_conversion_leaves_nothing(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "slow").mkdir()
    (place / "slow" / "sitecustomize.py").write_text(SLOW_DISK)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(place / "slow"), *filter(None, [os.environ.get("PYTHONPATH")])]))
    monkeypatch.setenv("STARTED", str(place / "started"))
    process = subprocess.Popen([*COMMAND, "convert", "score.onnx", "a/out"], stderr=subprocess.PIPE, text=True)
    wait_for((place / "started").exists)
    assert len(list((place / "a").iterdir())) == 1
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[1].endswith("\nterminated\n")
    assert process.returncode == 143
    assert not (place / "a").exists()


def shell(text: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = text.replace("onnx2rust", f"{sys.executable} -m onnx2rust")
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "2> >(true)"])
def test_nobody_hears_the_progress(place: Any, stderr: Any) -> None:
    done = shell(f"onnx2rust convert score.onnx out --json --no-binary-classification {stderr}")
    assert done.returncode == 0
    assert json.loads(done.stdout)["ok"]
    files = sorted(p.name for p in (place / "out" / "rust_generated_code").iterdir())
    assert "Cargo.toml" in files
    # what is printed must not end in a file that got the number of the stream
    assert all(b"lowering operators" not in p.read_bytes() for p in (place / "out").rglob("*.rs"))


def test_an_error_that_nobody_hears(place: Any) -> None:
    assert shell("onnx2rust convert none.onnx out 2>&-").returncode == 2
    assert shell("onnx2rust convert none.onnx out 2>/dev/full").returncode == 2


@pytest.mark.parametrize("command", ["ops --json", "ops", "convert --json"])
def test_a_result_that_has_nowhere_to_go(place: Any, command: Any) -> None:
    done = shell(f"onnx2rust {command} >&-")
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr.endswith("error: tool failure\n  the result cannot be written: stdout is closed\n")


def test_all_streams_closed(place: Any) -> None:
    assert shell("onnx2rust ops <&- >&- 2>&-").returncode == 6


@pytest.mark.parametrize("command", ["convert {0}/score.onnx out", "inspect score.onnx", "verify {0}/score.onnx score.onnx"])
def test_a_working_folder_that_is_gone(place: Any, command: Any) -> None:
    (place / "gone").mkdir()
    done = shell(f"cd gone && rmdir ../gone && onnx2rust {command.format(place)}")
    message = "the working folder has been removed: change to one that exists, or give absolute paths"
    assert (done.returncode, done.stderr.splitlines()[:2]) == (2, ["error: usage", f"  {message}"])


def test_absolute_paths_need_no_working_folder(place: Any) -> None:
    (place / "gone").mkdir()
    done = shell(f"cd gone && rmdir ../gone && onnx2rust convert {place}/score.onnx {place}/out")
    assert (done.returncode, (place / "out").is_dir()) == (0, True)

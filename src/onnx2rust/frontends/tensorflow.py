"""The parent's side of the TensorFlow child: start it, talk to it, and turn whatever happens into one of our errors.

TensorFlow is slow to import, noisy on both output streams and can die without an exception, so it never runs in the
user's process. The protocol is one JSON line per request and per answer; models travel as files in a folder that exists
as long as the child does. Keras-2 files need a second child in which `tf.keras` is Keras 2: the first one says so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onnx2rust.base import processes
from onnx2rust.base.errors import InvalidModelError, Onnx2RustError, Problem, ToolError, UnsupportedError, UsageError
from onnx2rust.base.options import Options
from onnx2rust.frontends import onnx_file
from onnx2rust.frontends.base import KINDS, Loaded

TIMEOUT_SECONDS = 1800.0  # for one model; EfficientNet takes 20 s
MAX_DEATHS = 3  # a child that dies this often in a row is not started again
_ERRORS: dict[str, type[Onnx2RustError]] = {e.__name__: e for e in (UsageError, InvalidModelError, UnsupportedError, ToolError)}


class ChildError(Exception):
    """The child broke the protocol: it died, timed out, or answered with something else than an answer."""


@dataclass
class Child:
    """One TensorFlow process, started at the first request and again after it died."""

    legacy_keras: bool
    folder: Path
    verbosity: int = 0
    timeout: float = TIMEOUT_SECONDS
    command: Sequence[str] = (sys.executable, "-m", "onnx2rust.frontends.tf_worker")
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _pending: bytes = b""
    _deaths: list[str] = field(default_factory=list, repr=False)  # in a row, without an answer in between

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request, wait for its answer. Raises `ChildError`; the next request then gets a fresh process."""
        if len(self._deaths) >= MAX_DEATHS:
            raise ChildError(self._deaths[-1])
        process = self._started()
        line = json.dumps(request).encode() + b"\n"
        try:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # it has ended before it was asked: how, is read below
                process.stdin.write(line)
                process.stdin.flush()
            answer = json.loads(self._read_line(process))
        except json.JSONDecodeError as error:
            raise self._failed("answered with something else than JSON") from error
        except KeyboardInterrupt:
            # it would not look up from its work to see that nobody waits
            processes.kill(process)
            raise
        if not isinstance(answer, dict) or answer.get("id") != request["id"]:
            raise self._failed("answered another question")
        self._deaths.clear()
        return answer

    def close(self) -> None:
        """End the process (closing its input asks it to go; it gets ten seconds)."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None and not stream.closed:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            processes.kill(process)
            process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._pending = b""
            stderr = None if self.verbosity >= 2 else self._log().open("wb")
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=_environment(self.legacy_keras, self.verbosity),
                process_group=0,
            )
            if stderr is not None:
                stderr.close()
        return self._process

    def _read_line(self, process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        deadline = time.monotonic() + self.timeout
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                processes.kill(process)
                raise self._failed(f"gave no answer within {self.timeout:.0f} s")
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                code = process.wait()
                how = f"exit status {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
                raise self._failed(f"ended with {how}")
            self._pending += chunk
        line, self._pending = self._pending.split(b"\n", 1)
        return line

    def _log(self) -> Path:
        return self.folder / f"stderr-{'keras2' if self.legacy_keras else 'keras3'}.txt"

    def _failed(self, what: str) -> ChildError:
        self.close()
        text = self._log().read_text(errors="replace") if self._log().exists() else ""
        tail = [line for line in text.splitlines() if line.strip()][-8:]
        said = "\n" + "\n".join(f"    | {line[:300]}" for line in tail) if tail else ""
        self._deaths.append(f"the TensorFlow process {what}{said}")
        return ChildError(self._deaths[-1])


def load_many(sources: Sequence[tuple[Path, str, Options]]) -> list[Loaded | Onnx2RustError]:
    """Convert `(path, frontend, options)` triples, in order, in one child (and one more for Keras-2 files)."""
    missing = _missing()
    if missing:
        hint = "pip install 'onnx2rust[tf]'"
        return [ToolError(f"{path}: reading it needs {', '.join(missing)}", hint=hint) for path, _, _ in sources]
    results: list[Loaded | Onnx2RustError] = []
    with tempfile.TemporaryDirectory(prefix="onnx2rust-") as name:
        folder = Path(name)
        verbosity = max((options.verbosity for _, _, options in sources), default=0)
        children = {legacy: Child(legacy, folder, verbosity) for legacy in (False, True)}
        try:
            for index, (path, frontend, options) in enumerate(sources):
                request = _request(index, path, frontend, folder, options)
                try:
                    results.append(_convert(children, request, frontend, options))
                except Onnx2RustError as error:
                    results.append(error)
        finally:
            for child in children.values():
                child.close()
    return results


def _request(index: int, path: Path, frontend: str, folder: Path, options: Options) -> dict[str, Any]:
    custom = options.custom_objects
    return {
        "id": index,
        "source": str(path.resolve()),
        "frontend": frontend,
        "signature": options.signature,
        "inputs": list(options.inputs),
        "outputs": list(options.outputs),
        "custom_objects": None if custom is None else str(custom.resolve()),
        "target": str(folder / f"model-{index}.onnx"),
    }


def _convert(children: dict[bool, Child], request: dict[str, Any], frontend: str, options: Options) -> Loaded:
    try:
        answer = children[False].ask(request)
        if answer["status"] == "keras2":
            if importlib.util.find_spec("tf_keras") is None:
                raise ToolError(
                    f"{request['source']}: a Keras 2 file, and reading it needs tf_keras",
                    hint="pip install --no-deps tf_keras (of the version of your TensorFlow)",
                )
            answer = children[True].ask(request)
    except ChildError as error:
        raise ToolError(f"{request['source']}: {error}", hint="-vv shows all that TensorFlow says") from error
    if answer["status"] != "ok":
        problems = [Problem(p["what"], p["where"], p["hint"]) for p in answer["problems"]]
        raise _ERRORS[answer["status"]](problems)
    target = Path(request["target"])
    model = onnx_file.parse(target)
    target.unlink()
    weights = onnx_file.read_data(model, target.parent)
    # A GraphDef has no inputs and outputs but those the user named: the child has cut it already.
    notes = onnx_file.prepare(model, Options() if frontend == "graphdef" else options)
    return Loaded(model, KINDS[frontend], frontend, (*answer["notes"], *notes), weights)


def _missing() -> list[str]:
    """Packages that the TensorFlow frontends need and that are not installed (looked up, not imported)."""
    return [name for name in ("tensorflow", "tf2onnx", "keras") if importlib.util.find_spec(name) is None]


def _environment(legacy_keras: bool, verbosity: int) -> dict[str, str]:
    """The child's environment: no GPU, no noise, no randomness from hashing, the right Keras, and this package in sight."""
    env = dict(os.environ)
    package_root = str(Path(__file__).resolve().parents[2])
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [package_root, env.get("PYTHONPATH", "")]))
    env.update(
        CUDA_VISIBLE_DEVICES="",
        TF_CPP_MIN_LOG_LEVEL="0" if verbosity >= 2 else "3",
        TF_ENABLE_ONEDNN_OPTS="0",
        TF_USE_LEGACY_KERAS="1" if legacy_keras else "0",
        KERAS_BACKEND="tensorflow",
        PYTHONHASHSEED="0",
        PYTHONUNBUFFERED="1",
    )
    return env

"""The engines that are measured: onnxruntime as people call it and with bound inputs, and a
generated crate behind a small server."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime

from onnx2rust.base.errors import ToolError
from onnx2rust.base.sequences import gathered
from onnx2rust.files import npz
from onnx2rust.model import reference

Array = np.ndarray[Any, Any]
Feeds = Mapping[str, Array]


class Engine(Protocol):
    """One model loaded in one engine, with several sets of inputs."""

    def burst(self, k: int, runs: int) -> list[int]:
        """Runs the model on inputs k, `runs` times; nanoseconds of each."""

    def outputs(self, k: int) -> list[Array]:
        """What it computes from inputs k."""


class OnnxRuntime:
    """A session of onnxruntime, called as most people call it."""

    def __init__(self, session: onnxruntime.InferenceSession, sets: Sequence[Feeds]) -> None:
        self.session = session
        self.sets = [reference.inputs(session, feeds) for feeds in sets]

    def call(self, k: int) -> Callable[[], object]:
        """A run on inputs k."""
        return functools.partial(self.session.run, None, self.sets[k])

    def burst(self, k: int, runs: int) -> list[int]:
        run, clock = self.call(k), time.perf_counter_ns
        times = []
        for _ in range(runs):
            start = clock()
            run()
            times.append(clock() - start)
        return times

    def outputs(self, k: int) -> list[Array]:
        return reference.outputs(self.session, self.session.run(None, self.sets[k]))


class BoundOnnxRuntime(OnnxRuntime):
    """onnxruntime with inputs and outputs bound beforehand: its least overhead from Python."""

    def __init__(self, session: onnxruntime.InferenceSession, sets: Sequence[Feeds]) -> None:
        super().__init__(session, sets)
        self.bindings = []
        for feeds in self.sets:
            binding = session.io_binding()
            for name, array in feeds.items():
                binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
            for output, array in zip(session.get_outputs(), session.run(None, feeds), strict=True):
                binding.bind_ortvalue_output(output.name, onnxruntime.OrtValue.ortvalue_from_numpy(np.asarray(array)))
            self.bindings.append(binding)

    def call(self, k: int) -> Callable[[], object]:
        return functools.partial(self.session.run_with_iobinding, self.bindings[k])


class Crate:
    """A generated crate's server (templates/bench/server.rs.j2): a process that lives until `close`."""

    def __init__(self, executable: Path, names: Sequence[str], sets: Sequence[Feeds]) -> None:
        self.names = names
        self._folder = tempfile.TemporaryDirectory(prefix="onnx2rust-bench-")
        paths = [Path(self._folder.name) / f"{k}.npz" for k in range(len(sets))]
        for path, feeds in zip(paths, sets, strict=True):
            path.write_bytes(npz.encode(dict(feeds)))
        self._process = subprocess.Popen(
            [str(executable), *map(str, paths)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def _ask(self, text: str) -> str:
        with contextlib.suppress(BrokenPipeError):  # then the answer is empty
            self._stdin.write(text + "\n")
            self._stdin.flush()
        answer = self._stdout.readline()
        if not answer:
            _, said = self._process.communicate()
            why = said.strip() or f"it ended with status {self._process.returncode}"
            raise ToolError(f"the generated crate fails: {why.removeprefix('error: ')[-600:]}")
        return answer

    def burst(self, k: int, runs: int) -> list[int]:
        return [int(t) for t in self._ask(f"{k} {runs}").split()]

    def outputs(self, k: int) -> list[Array]:
        path = Path(self._folder.name) / "out.npz"
        self._ask(f"{k} {path}")
        with np.load(path, allow_pickle=False) as archive:
            return [archive[name] if name in archive else gathered(archive, name) for name in self.names]

    def close(self) -> list[str]:
        """Ends the process, if that has not been done; the lines that it still says."""
        rest = "" if self._stdin.closed else self._process.communicate()[0]
        self._folder.cleanup()
        return rest.splitlines()

    def __enter__(self) -> Crate:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

"""Many models as modules of a few crates: compiled together, which costs a fraction of a crate each."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from onnx2rust import emit
from onnx2rust.base import processes
from onnx2rust.base.naming import Escaped, string
from onnx2rust.conversion.pipeline import WEIGHTS
from onnx2rust.files import npz
from onnx2rust.files.folders import Content
from onnx2rust.verification.workspace import Workspace

Array = np.ndarray[Any, Any]
THRESHOLDS = "model/thresholds.json"
"""What a binary classifier has besides (`emit.render`)."""
TIMEOUT = 600.0
"""Seconds that one run of one model may take."""
ALONE = 16
"""As many small models are not worth a second crate, which another core would compile."""
MOST_MODELS, MOST_BYTES = 64, 1 << 28
"""The models of one crate, and their weights: rustc holds all of them in memory."""


class RunError(Exception):
    """A model ended with an error (its message) instead of outputs."""


@dataclass
class Models:
    """The models that are verified: generated, built in the workspace, and run one at a time."""

    workspace: Workspace
    broken: dict[str, str] = field(default_factory=dict)
    """The models that do not compile, with the compiler's first error."""
    _rendered: dict[str, emit.Rendered] = field(default_factory=dict)
    _places: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._rendered)

    def next_name(self) -> str:
        """The name of the next model's module."""
        return f"model{len(self)}"

    def add(self, rendered: emit.Rendered) -> str:
        """Takes what was rendered under `prefix(next_name())`; returns the name."""
        name = self.next_name()
        self._rendered[name] = rendered
        return name

    def build(self) -> None:
        """Builds all models. One that does not compile lands in `broken`, and does not cost those of its crate."""
        for names in self.shared_out():
            models = {name: self._rendered[name] for name in names}
            member = self.workspace.next_name()
            self._places |= dict.fromkeys(names, self.workspace.add(files(models) | _roots(member, models)))
        self.workspace.build()
        while found := dict(self._named()):
            self.broken |= found
            for member in sorted({self._places[name] for name in found}):
                left = {n: r for n, r in self._rendered.items() if self._places[n] == member and n not in self.broken}
                self.workspace.write(member, _roots(member, left))
            self.workspace.build()
        for name, member in self._places.items():
            if member in self.workspace.broken:
                self.broken.setdefault(name, self.workspace.broken[member])

    def shared_out(self) -> Iterator[list[str]]:
        """The models of each crate."""
        cores = min(os.cpu_count() or 1, len(self) // ALONE)
        most = min(MOST_MODELS, -(-len(self) // max(1, cores)))
        names: list[str] = []
        size = 0
        for name, rendered in self._rendered.items():
            own = sum(array.nbytes for array in rendered.weights.values())
            if names and (len(names) == most or size + own > MOST_BYTES):
                yield names
                names, size = [], 0
            names.append(name)
            size += own
        if names:
            yield names

    def _named(self) -> Iterator[tuple[str, str]]:
        """The models that the compiler's errors are in, as far as it names them."""
        for member, errors in self.workspace.errors.items():
            for error in reversed(errors):
                # <crate>/src/<module>/<file>.rs
                for name in (file.parent.name for file in error.files):
                    if self._places.get(name) == member and name not in self.broken:
                        yield name, error.text

    def run(self, name: str, feeds: Mapping[str, Array], before: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Runs a model on inputs of full shape, in a workspace that has run `before` already;
        raises RunError if it ends with an error."""
        member = self._places[name]
        folder = self.workspace.root / member
        given = {"in": feeds} if before is None else {"before": before, "in": feeds}
        for stem, arrays in given.items():
            (folder / f"{stem}.npz").write_bytes(npz.encode(arrays))
        output = folder / "out.npz"
        output.unlink(missing_ok=True)
        command = [str(self.workspace.executables[member]), name, *(str(folder / f"{stem}.npz") for stem in given), str(output)]
        try:
            done = processes.run(command, timeout=TIMEOUT)
        except subprocess.TimeoutExpired as error:
            raise RunError(f"does not end within {TIMEOUT:.0f} s") from error
        if done.returncode:
            text = done.stderr.decode(errors="replace").strip()
            if done.returncode == 1 and text.startswith("error: "):
                raise RunError(text.removeprefix("error: "))
            raise RunError(f"crashed (status {done.returncode}): {text[-400:]}")
        with np.load(output, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}


def prefix(name: str) -> str:
    """What a model's weights are called after, where it is a module of this name (`emit.Context.prefix`)."""
    return f"{name}/"


def files(models: Mapping[str, emit.Rendered]) -> dict[str, Content]:
    """What a crate is built from that has these models as modules (rendered with their `prefix`),
    but for its roots and manifest."""
    levels = {f"model/{name}/thresholds.json": m.files[THRESHOLDS] for name, m in models.items() if THRESHOLDS in m.files}
    build = {"tensors": [Escaped(t) for m in models.values() for t in m.tensors], "thresholds": [string(path) for path in levels]}
    found: dict[str, Content] = {
        "build.rs": emit.fill("verify/build.rs", build).encode(),
        WEIGHTS: npz.pieces({name: array for m in models.values() for name, array in m.weights.items()}),
    }
    found |= {path: text.encode() for path, text in levels.items()}
    for name, model in models.items():
        found[f"src/{name}/mod.rs"] = model.module.encode()
        for path, text in model.files.items():
            if path.startswith("src/") and path != "src/lib.rs":
                found[f"src/{name}/{path.removeprefix('src/')}"] = text.encode()
    return found


def library(names: Iterable[str]) -> str:
    """`src/lib.rs` with these modules."""
    return emit.fill("verify/lib.rs", {"modules": [Escaped(n) for n in names]})


def _roots(crate: str, models: Mapping[str, emit.Rendered]) -> dict[str, bytes]:
    """The library, and the program that runs any of the models."""
    named: Sequence[dict[str, Any]] = [{"module": Escaped(n), "model": Escaped(m.model)} for n, m in models.items()]
    program = emit.fill("verify/main.rs", {"crate": Escaped(crate), "models": named})
    return {"src/lib.rs": library(models).encode(), "src/main.rs": program.encode()}

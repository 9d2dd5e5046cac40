"""Tables: a program that scores Parquet, CSV and Arrow files, row by row, with all cores."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx2rust.base.errors import Problem, UnsupportedError
from onnx2rust.base.naming import Escaped, code_span, string, toml_string
from onnx2rust.emit.borders import Tensor
from onnx2rust.hosts import tables
from onnx2rust.hosts.shells import Host, Model, Shell, cargo, copied, reader, weights_beside
from onnx2rust.ir.dtypes import DType

_SOURCES = ("arguments", "failure", "journal", "progress", "scoring", "setup", "sink", "source", "text", "work")
_ARROW = {DType.BOOL: "boolean", DType.STRING: "utf8"}


@dataclass(frozen=True)
class Member:
    """An input or output, of which each row of a table has one."""

    tensor: Tensor
    width: int
    """Values of a row."""

    @property
    def span(self) -> Escaped:
        """Its name in a README."""
        return code_span(self.tensor.name[1:-1])

    @property
    def arrow(self) -> Escaped:
        """What Arrow calls its type."""
        return Escaped(_ARROW.get(self.tensor.dtype, self.tensor.dtype.numpy.name))


def _values(model: Model) -> Mapping[str, Any]:
    border = model.border
    hint = "fix other sizes with --dim SYMBOL=SIZE, or cut the model with --input and --output"
    problems = [Problem(why, f"--host score: {tensor.name}", hint) for tensor, why in tables.refusals(border, lists=False)]
    if not border.inputs:
        problems.append(Problem("--host score: the model has no inputs: there is nothing to score"))
    if problems:
        raise UnsupportedError(problems)
    return {
        "tables": tables.values(border),
        "inputs": [Member(t, _width(t)) for t in border.inputs],
        "outputs": [Member(t, _width(t)) for t in border.outputs],
        "version": toml_string(model.version),
        "identity": string(f"{model.crate} {model.version}"),
    }


def _width(tensor: Tensor) -> int:
    return math.prod(d for d in tensor.type.axes[1:] if isinstance(d, int))


def build(shell: Shell, workspace: Path, folder: Path, target: Path | None = None) -> None:
    """Builds the program, in cargo's folder `target` if not in the workspace's own. Raises ToolError if it cannot."""
    workspace, folder = workspace.resolve(), folder.resolve()  # cargo runs there
    target = target or workspace / "target"
    weights = cargo(shell, workspace, "--target-dir", str(target))
    program = f"{shell.package}{'.exe' if os.name == 'nt' else ''}"
    copied(target / "release", folder / "dist", {program: program})
    (folder / "dist" / program).chmod(0o755)
    weights_beside(weights, folder / "dist", shell.crate)


HOST = Host(
    "score",
    {"Cargo.toml": "Cargo.toml", "README.md": "README.md", "src/main.rs": "src/main.rs", "src/model.rs": "src/model.rs"},
    _values,
    build,
    copied=lambda values: {**tables.FILES, **{f"src/{name}.rs": f"score/src/{name}.rs" for name in _SOURCES}},
    shared=lambda values: {**tables.TEMPLATES, **reader(values)},
)

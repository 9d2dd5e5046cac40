"""Tables: a program that scores Parquet, CSV and Arrow files, row by row, with all cores."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx2rust.base.errors import Problem, UnsupportedError
from onnx2rust.base.naming import Escaped, code_span, string, toml_string
from onnx2rust.emit.borders import Table, Tensor
from onnx2rust.hosts.shells import Host, Model, Shell, cargo, copied, weights_beside
from onnx2rust.ir.dims import Dim, symbol
from onnx2rust.ir.dtypes import DType

_SOURCES = (
    "arguments", "columns", "elements", "failure", "journal", "progress", "reading", "scoring", "setup", "sink",
    "source", "text", "work",
)  # fmt: skip
_ARROW = {DType.BOOL: "boolean", DType.STRING: "utf8"}
_NAMES = {("&'static str", False): "Texts", ("i64", False): "Numbers"} | {
    ("&'static str", True): "TextColumns",
    ("i64", True): "NumberColumns",
}
"""The variants of `Names`, by the type of a table's items, and whether they are columns."""


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

    @property
    def names(self) -> Escaped | None:
        """The kind of names that the model has for its numbers or columns, if it has any."""
        table = self.tensor.table
        return None if table is None else Escaped(_NAMES[str(table.rust), _is_columns(table)])


def _is_columns(table: Table) -> bool:
    return str(table.constant).rstrip("_0123456789").endswith("COLUMNS")


def _values(model: Model) -> Mapping[str, Any]:
    border = model.border
    rows = _rows(model)
    problems = [problem for tensor in (*border.inputs, *border.outputs) for problem in _refused(tensor, rows)]
    if not border.inputs:
        problems.append(Problem("--host score: the model has no inputs: there is nothing to score"))
    if problems:
        raise UnsupportedError(problems)
    return {
        "inputs": [Member(t, _width(t)) for t in border.inputs],
        "outputs": [Member(t, _width(t)) for t in border.outputs],
        "symbol": None if rows == 1 else Escaped(str(rows)),
        "version": toml_string(model.version),
        "identity": string(f"{model.crate} {model.version}"),
    }


def _rows(model: Model) -> Dim:
    """The size along which the rows of a table lie: the only one that the model leaves open, or 1."""
    open_ = model.border.symbols
    return symbol(str(open_[0].name)) if len(open_) == 1 else 1


def _width(tensor: Tensor) -> int:
    return math.prod(d for d in tensor.type.axes[1:] if isinstance(d, int))


def _refused(tensor: Tensor, rows: Dim) -> Iterator[Problem]:
    """What keeps a tensor from being columns of a table."""
    axes = tensor.type.axes
    where = f"--host score: {tensor.name}"
    if not tensor.is_tensor:
        yield Problem(
            "sequences and maps are no columns of a table",
            where,
            "use the crate from Rust, or cut the model with --input and --output",
        )
    elif not axes or axes[0] != rows or not all(isinstance(d, int) and d > 0 for d in axes[1:]):
        rule = "the first axis must be of the only open size, or 1, all others fixed"
        what = f"{tensor.shape_text} has no row for each row of a table: {rule}"
        yield Problem(what, where, "fix other sizes with --dim SYMBOL=SIZE, or cut the model with --input and --output")


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
    copied=lambda values: {f"src/{name}.rs": f"score/src/{name}.rs" for name in _SOURCES},
    reader={"src/weights.rs": "weights.rs"},
)

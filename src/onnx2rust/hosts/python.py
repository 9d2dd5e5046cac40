"""Python: a wheel for every CPython from 3.11 on, that needs numpy only."""

from __future__ import annotations

import importlib.util
import keyword
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx2rust.base.errors import Problem, ToolError, UnsupportedError
from onnx2rust.base.naming import Escaped, Names, comment, py_ident, py_string, toml_string
from onnx2rust.emit.borders import Tensor
from onnx2rust.hosts import tables
from onnx2rust.hosts.shells import NOT_TENSORS, Host, Model, Shell, cargo, refused, run, weights_beside
from onnx2rust.ir.dtypes import DType


@dataclass(frozen=True)
class Member:
    """An argument of `predict`, or a field of what it returns."""

    tensor: Tensor
    name: Escaped

    @property
    def text(self) -> bool:
        """Whether its elements are strings."""
        return self.tensor.dtype is DType.STRING

    @property
    def half(self) -> bool:
        """Whether they are halves, which Rust takes as their bits."""
        return self.tensor.dtype is DType.F16

    @property
    def dtype(self) -> Escaped:
        """What numpy calls its type."""
        return Escaped("str" if self.text else self.tensor.dtype.numpy.name)

    @property
    def labels(self) -> list[Escaped]:
        """What its numbers or columns stand for, if the model says so."""
        names = () if self.tensor.table is None else self.tensor.table.names
        return [py_string(name) if isinstance(name, str) else Escaped(str(name)) for name in names]

    @property
    def label_type(self) -> Escaped:
        """Their type."""
        return Escaped("str" if self.labels and self.tensor.table and self.tensor.table.rust != "i64" else "int")

    @property
    def scalar(self) -> Escaped:
        """numpy's type of an element, in annotations."""
        if self.text:
            return Escaped("np.object_")
        # before numpy 2 there was no `np.bool`
        return Escaped("np.bool_" if self.tensor.dtype is DType.BOOL else f"np.{self.tensor.dtype.numpy.name}")


def _members(tensors: tuple[Tensor, ...]) -> list[Member]:
    names = Names(["py"])  # what the function in Rust has besides
    return [Member(tensor, names.unique(py_ident(tensor.field))) for tensor in tensors]


def _values(model: Model) -> Mapping[str, Any]:
    border = model.border
    tensors = (*border.inputs, *border.outputs)
    problems = refused("python", (t for t in tensors if not t.is_tensor), NOT_TENSORS)
    if model.crate in sys.stdlib_module_names or model.crate == "numpy" or keyword.iskeyword(model.crate):
        hint = "give the crate another name with --crate-name"
        problems.append(Problem(f"--host python: no module of Python can be called {model.crate} besides its own", hint=hint))
    if problems:
        raise UnsupportedError(problems)
    inputs, outputs = _members(border.inputs), _members(border.outputs)
    why = tables.reason(border)
    return {
        "tables": None if why else tables.values(border),
        "no_tables": comment(why or ""),
        "distribution": toml_string(model.crate.rstrip("_")),  # what pip calls it ends with a letter or a digit
        "inputs": inputs,
        "outputs": outputs,
        "arrays": any(not m.text for m in inputs),
        "numbers": any(not m.text for m in outputs),
        "plain": any(not m.text and not m.half for m in outputs),
        "halves": any(m.half for m in inputs),
        "texts_in": any(m.text for m in inputs),
        "texts_out": any(m.text for m in outputs),
    }


def _build(shell: Shell, workspace: Path, folder: Path) -> None:
    """Raises ToolError if maturin is missing, or cannot build it."""
    if importlib.util.find_spec("maturin") is not None:
        maturin = [sys.executable, "-m", "maturin"]
    elif shutil.which("maturin"):
        maturin = ["maturin"]
    else:
        raise ToolError("maturin is missing", "pip install maturin")
    if shell.external:  # all files beside the sources in Python become part of the wheel
        weights = cargo(shell, workspace, "--features", "npz", package=shell.crate)
        weights_beside(weights, folder / "python" / shell.crate, shell.crate)
    interpreter = ["--interpreter", sys.executable]
    run([*maturin, "build", "--release", "--quiet", *interpreter, "--out", str(folder / "dist")], folder, shell.package)


HOST = Host(
    "python",
    {
        "Cargo.toml": "Cargo.toml",
        "README.md": "README.md",
        "pyproject.toml": "pyproject.toml",
        "src/lib.rs": "src/lib.rs",
        "python/{crate}/__init__.py": "python/init.py",
        "python/{crate}/_native.pyi": "python/native.pyi",
    },
    _values,
    _build,
    empty=("python/{crate}/py.typed",),
    copied=lambda values: {**tables.FILES, "src/arrow.rs": "python/src/arrow.rs"} if values["tables"] else {},
    shared=lambda values: tables.TEMPLATES if values["tables"] else {},
)

"""C: a header, a shared and a static library, and a file for pkg-config."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx2rust.base.errors import Problem, UnsupportedError
from onnx2rust.base.naming import Escaped, Names, c_ident, c_int64, c_string
from onnx2rust.emit.borders import Tensor
from onnx2rust.hosts.shells import NOT_TENSORS, Host, Model, Shell, cargo, copied, refused, weights_beside
from onnx2rust.ir.dims import evaluate, symbols
from onnx2rust.ir.dtypes import DType

_TYPES = {
    DType.F32: "float",
    DType.F64: "double",
    DType.F16: "uint16_t",
    DType.BOOL: "bool",
    DType.STRING: "char *const",
    **{t: f"{t.numpy}_t" for t in DType if t.is_int and t.is_known},
}
"""How C spells an element behind `const`; a half is its bits."""
_SYSTEM = frozenset(["c", "m", "dl", "pthread", "rt", "util", "gcc_s", "stdc"])
"""Libraries that programs are linked with anyway."""


@dataclass(frozen=True)
class Member:
    """A tensor in one of the header's structs."""

    tensor: Tensor
    data: Escaped
    more: Escaped
    """The member beside it: an input's number of elements, an output's shape."""
    type: Escaped

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.tensor.type.axes)

    @property
    def elements(self) -> int:
        """Elements of an input where every open size is 1."""
        return math.prod(evaluate(d, dict.fromkeys(symbols(d), 1)) for d in self.tensor.type.axes if d is not None)

    @property
    def text(self) -> bool:
        """Whether its elements are strings."""
        return self.tensor.dtype is DType.STRING

    @property
    def labels(self) -> list[Escaped]:
        """What its numbers or columns stand for, if the model says so."""
        names = () if self.tensor.table is None else self.tensor.table.names
        return [c_string(name) if isinstance(name, str) else c_int64(name) for name in names]

    @property
    def labels_type(self) -> Escaped:
        """What holds one of them."""
        return Escaped("int64_t" if self.tensor.table and self.tensor.table.rust == "i64" else "char *const")

    @property
    def stored(self) -> Escaped:
        """The Rust type of what C hands over: a bool that C wrote may hold anything."""
        return Escaped("u8") if self.tensor.dtype is DType.BOOL else self.given

    @property
    def given(self) -> Escaped:
        """The Rust type of what C is handed."""
        return Escaped("*const c_char") if self.text else self.tensor.rust


def _members(tensors: tuple[Tensor, ...], suffix: str) -> list[Member]:
    names = Names()
    found = []
    for tensor in tensors:
        data = names.unique(c_ident(tensor.field))
        more = names.unique(f"{data.rstrip('_')}_{suffix}")
        found.append(Member(tensor, data, more, Escaped(_TYPES[tensor.dtype])))
    return found


def _values(model: Model) -> Mapping[str, Any]:
    border = model.border
    tensors = (*border.inputs, *border.outputs)
    problems = refused("c", (t for t in tensors if not t.is_tensor), NOT_TENSORS)
    if model.crate in _SYSTEM:
        hint = "give the crate another name with --crate-name"
        problems.append(Problem(f"--host c: a library of the system is called {model.crate}", hint=hint))
    if problems:
        raise UnsupportedError(problems)
    sizes = Names()
    inputs, outputs = _members(border.inputs, "len"), _members(border.outputs, "shape")
    return {
        "inputs": inputs,
        "outputs": outputs,
        "texts_in": any(m.text for m in inputs),
        "texts_out": any(m.text for m in outputs),
        "sizes": [] if border.found else [(s, sizes.unique(c_ident(s.name))) for s in border.symbols],
        "guard": Escaped(f"{model.crate.upper()}_H"),
        "halves": any(t.dtype is DType.F16 for t in (*border.inputs, *border.outputs)),
    }


def _build(shell: Shell, workspace: Path, folder: Path) -> None:
    shared = "dylib" if sys.platform == "darwin" else "so"
    target, dist, name = workspace / "target", folder / "dist", shell.crate
    weights = cargo(shell, workspace, "--target-dir", str(target))
    copied(target / "release", dist, {f"lib{name}.{kind}": f"lib/lib{name}.{kind}" for kind in (shared, "a")})
    copied(folder, dist, {f"include/{name}.h": f"include/{name}.h", f"{name}.pc": f"lib/pkgconfig/{name}.pc"})
    weights_beside(weights, dist, name)


HOST = Host(
    "c",
    {
        "Cargo.toml": "Cargo.toml",
        "README.md": "README.md",
        "src/lib.rs": "src/lib.rs",
        "include/{crate}.h": "include/model.h",
        "examples/predict.c": "examples/predict.c",
        "{crate}.pc": "model.pc",
    },
    _values,
    _build,
)

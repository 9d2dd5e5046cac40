"""WebAssembly: a package for npm, with an ES module, its TypeScript declarations, and a page that shows the model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx2rust.base.errors import Problem, UnsupportedError
from onnx2rust.base.naming import Escaped, js_string
from onnx2rust.emit.borders import Tensor
from onnx2rust.hosts.shells import NOT_TENSORS, Host, Model, Shell, cargo, copied, refused, weights_beside
from onnx2rust.ir.dims import evaluate, symbols
from onnx2rust.ir.dtypes import DType

TARGET = "wasm32-unknown-unknown"
_ARRAYS = {
    DType.BOOL: "Uint8Array",
    DType.U8: "Uint8Array",
    DType.U16: "Uint16Array",
    DType.U32: "Uint32Array",
    DType.U64: "BigUint64Array",
    DType.I8: "Int8Array",
    DType.I16: "Int16Array",
    DType.I32: "Int32Array",
    DType.I64: "BigInt64Array",
    DType.F16: "Uint16Array",
    DType.F32: "Float32Array",
    DType.F64: "Float64Array",
    DType.STRING: "string[]",
}
"""What holds such elements in JavaScript; a half is its bits."""
_NODE = frozenset([
    "assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram", "dns", "domain",
    "events", "fs", "http", "http2", "https", "inspector", "module", "net", "os", "path", "perf_hooks", "process", "punycode",
    "querystring", "readline", "repl", "stream", "string_decoder", "sys", "timers", "tls", "trace_events", "tty", "url", "util",
    "v8", "vm", "wasi", "worker_threads", "zlib",
])  # fmt: skip
"""Modules that are part of Node, which `import` finds before any package."""
_PROFILE = ["--config=profile.release.lto=true", "--config=profile.release.strip=true"]
"""What makes a module smaller."""
_FILES = ("index.js", "index.d.ts", "package.json", "demo.html", "demo.js", "model_overview.png")


@dataclass(frozen=True)
class Room:
    """Where JavaScript writes an input, or a part of one."""

    name: Escaped
    stored: Escaped
    """The Rust type of its elements: a bool that JavaScript wrote may hold anything."""


@dataclass(frozen=True)
class Member:
    """An input or an output."""

    tensor: Tensor
    place: int
    index: int
    """Of an input, the number of its first room."""

    @property
    def text(self) -> bool:
        """Whether its elements are strings."""
        return self.tensor.dtype is DType.STRING

    @property
    def bool(self) -> bool:
        """Whether they are bools."""
        return self.tensor.dtype is DType.BOOL

    @property
    def room(self) -> Escaped:
        """The field with its elements, or with where its strings end."""
        return Escaped(f"room_{self.index}")

    @property
    def bytes(self) -> Escaped:
        """The field with the bytes of its strings."""
        return Escaped(f"room_{self.index + 1}")

    @property
    def rooms(self) -> list[Room]:
        """Its rooms."""
        if self.text:
            return [Room(self.room, Escaped("u32")), Room(self.bytes, Escaped("u8"))]
        return [Room(self.room, Escaped("u8" if self.bool else self.tensor.rust))]

    @property
    def type_name(self) -> str:
        """What numpy calls its type."""
        return "string" if self.text else self.tensor.dtype.numpy.name

    @property
    def dtype(self) -> Escaped:
        """The same, as a string."""
        return js_string(self.type_name)

    @property
    def array(self) -> Escaped:
        """The type that holds its elements in JavaScript."""
        return Escaped(_ARRAYS[self.tensor.dtype])

    @property
    def shape(self) -> Escaped:
        """Its shape: numbers, names of sizes and what is computed from them, null where the data decide."""
        sizes = ("null" if d is None else str(d) if isinstance(d, int) else js_string(str(d)) for d in self.tensor.type.axes)
        return Escaped(f"[{', '.join(sizes)}]")

    @property
    def about(self) -> Escaped:
        """Its type and shape, for a comment."""
        bits = {DType.F16: ", the bits of IEEE 754 halves", DType.BOOL: ", 0 or 1"}.get(self.tensor.dtype, "")
        return Escaped(f"{self.type_name} {self.tensor.shape_text}{bits}")

    @property
    def labels(self) -> Escaped:
        """What its numbers or columns stand for, if the model says so."""
        table = self.tensor.table
        items = () if table is None else table.items
        return Escaped(", ".join(items if table and table.rust != "i64" else [f"{item}n" for item in items]))

    @property
    def example(self) -> Escaped:
        """One where every open size is 1."""
        count = math.prod(evaluate(d, dict.fromkeys(symbols(d), 1)) for d in self.tensor.type.axes if d is not None)
        return Escaped(f'Array({count}).fill("")' if self.text else f"new {self.array}({count})")


@dataclass(frozen=True)
class Size:
    """A size that `predict` takes."""

    name: Escaped
    doc: Escaped

    @property
    def text(self) -> Escaped:
        """Its name as a string."""
        return js_string(self.name)


def _members(tensors: tuple[Tensor, ...]) -> list[Member]:
    found: list[Member] = []
    room = 0
    for place, tensor in enumerate(tensors):
        found.append(Member(tensor, place, room))
        room += len(found[-1].rooms)
    return found


def _values(model: Model) -> Mapping[str, Any]:
    border = model.border
    problems = refused("wasm", (t for t in (*border.inputs, *border.outputs) if not t.is_tensor), NOT_TENSORS, "JavaScript")
    if model.crate in _NODE:
        hint = "give the crate another name with --crate-name"
        problems.append(Problem(f"--host wasm: Node has a module called {model.crate}", hint=hint))
    if problems:
        raise UnsupportedError(problems)
    inputs = _members(border.inputs)
    sizes = () if border.found else border.symbols
    return {
        "library": _library(model.crate),
        "name": js_string(model.crate),
        "inputs": inputs,
        "outputs": _members(border.outputs),
        "rooms": [room for member in inputs for room in member.rooms],
        "sizes": [(Size(s.name, s.doc), Escaped(f"size_{k}")) for k, s in enumerate(sizes)],
        "halves": any(i.tensor.dtype is DType.F16 for i in inputs),
    }


def _library(crate: Escaped) -> Escaped:
    """Other hosts' libraries are called after the crate."""
    return Escaped(f"{crate}_wasm")


def module(shell: Shell, workspace: Path, *, vectors: bool) -> Path:
    """The module of a shell in its workspace, built for machines with vectors, or for those without. Raises ToolError."""
    return _built(shell, workspace, vectors=vectors)[0]


def _built(shell: Shell, workspace: Path, *, vectors: bool) -> tuple[Path, Path | None]:
    """As `module`; and the file of weights, if it reads one."""
    target = workspace / "target" / ("simd128" if vectors else "scalar")
    # in front of all other settings of a user's, which may be for another processor
    flags = {"CARGO_ENCODED_RUSTFLAGS": f"-Ctarget-feature={'+' if vectors else '-'}simd128"}
    weights = cargo(shell, workspace, "--target", TARGET, "--target-dir", str(target), *_PROFILE, settings=flags)
    return target / TARGET / "release" / f"{_library(shell.crate)}.wasm", weights


def _build(shell: Shell, workspace: Path, folder: Path) -> None:
    dist = folder / "dist"
    for vectors, name in ((True, f"{shell.crate}.wasm"), (False, f"{shell.crate}.scalar.wasm")):
        built, weights = _built(shell, workspace, vectors=vectors)
        copied(built.parent, dist, {built.name: name})
        weights_beside(weights, dist, shell.crate)  # the same for both
    copied(folder / "package", dist, {name: name for name in _FILES})


HOST = Host(
    "wasm",
    {
        "Cargo.toml": "Cargo.toml",
        "README.md": "README.md",
        "src/lib.rs": "src/lib.rs",
        "package/index.js": "package/index.js",
        "package/index.d.ts": "package/index.d.ts",
        "package/package.json": "package/package.json",
        "package/demo.html": "package/demo.html",
        "package/demo.js": "package/demo.js",
    },
    _values,
    _build,
    picture="package/model_overview.png",
)

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
_SYSTEM = frozenset(["c", "m", "dl", "pthread", "rt", "util", "gcc", "gcc_eh", "gcc_s", "stdc"])
"""Libraries that programs are linked with anyway."""
_HEADERS = frozenset([
    # of C
    "assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits", "locale", "math", "setjmp", "signal",
    "stdalign", "stdarg", "stdatomic", "stdbit", "stdbool", "stdckdint", "stddef", "stdint", "stdio", "stdlib", "stdnoreturn",
    "string", "tgmath", "threads", "time", "uchar", "wchar", "wctype",
    # of POSIX
    "aio", "cpio", "devctl", "dirent", "dlfcn", "endian", "fcntl", "fmtmsg", "fnmatch", "ftw", "glob", "grp", "iconv", "langinfo",
    "libgen", "libintl", "monetary", "mqueue", "ndbm", "netdb", "nl_types", "poll", "pthread", "pwd", "regex", "sched", "search",
    "semaphore", "spawn", "strings", "stropts", "syslog", "tar", "termios", "ulimit", "unistd", "utime", "utmpx", "wordexp",
    # of their implementations, which the ones above include
    "aliases", "alloca", "ar", "argp", "argz", "byteswap", "crypt", "elf", "envz", "err", "error", "execinfo", "features",
    "fstab", "fts", "getopt", "ifaddrs", "libio", "link", "malloc", "mcheck", "memory", "mntent", "nss", "obstack", "paths",
    "printf", "pty", "resolv", "shadow", "stab", "stdio_ext", "syscall", "sysexits", "syslimits", "term", "termio", "ttyent",
    "ucontext", "unwind", "utmp", "values", "varargs", "wait",
])  # fmt: skip
"""Headers that a program would no longer find behind ours: the compiler looks where it is told to first."""
_FUNCTIONS = frozenset(["gai", "mq", "pidfd", "sem", "shm"])
"""What functions of the system are called that end with `_open`, `_error` or `_close`, where no header is called so."""


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
    taken = (
        (_SYSTEM, f"a library of the system is called {model.crate}"),
        (_HEADERS, f"a header of the system is called {model.crate}.h"),
        (_FUNCTIONS, f"functions of the system begin with {model.crate}_"),
    )
    hint = "give the crate another name with --crate-name"
    problems += [Problem(f"--host c: {what}", hint=hint) for names, what in taken if model.crate in names]
    if problems:
        raise UnsupportedError(problems)
    sizes = Names()
    inputs, outputs = _members(border.inputs, "len"), _members(border.outputs, "shape")
    return {
        "inputs": inputs,
        "outputs": outputs,
        "texts_in": any(m.text for m in inputs),
        "texts_out": any(m.text for m in outputs),
        "handed": not (all(m.text for m in inputs) or all(m.text for m in outputs)),
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

"""A server of HTTP: JSON and raw tensors, a workspace a thread, requests that wait are run together."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnx2rust.base.errors import UnsupportedError
from onnx2rust.hosts.shells import NOT_TENSORS, Host, Model, Shell, cargo, copied, reader, refused, weights_beside
from onnx2rust.ir.dtypes import DType

_SOURCES = ("main", "json", "metrics", "problem", "raw", "request", "workers")


def _values(model: Model) -> Mapping[str, Any]:
    border = model.border
    tensors = (*border.inputs, *border.outputs)
    if problems := refused("server", (t for t in tensors if not t.is_tensor), NOT_TENSORS, "HTTP"):
        raise UnsupportedError(problems)
    return {"halves": any(t.dtype is DType.F16 for t in border.inputs), "batch": model.batch}


def _build(shell: Shell, workspace: Path, folder: Path) -> None:
    suffix = ".exe" if sys.platform == "win32" else ""
    target = Path(os.environ.get("CARGO_TARGET_DIR") or workspace / "target").absolute()
    weights = cargo(shell, workspace, "--target-dir", str(target))
    copied(target / "release", folder / "dist", {f"{shell.package}{suffix}": f"{shell.package}{suffix}"})
    (folder / "dist" / f"{shell.package}{suffix}").chmod(0o755)
    weights_beside(weights, folder / "dist", shell.crate)


HOST = Host(
    "server",
    {"Cargo.toml": "Cargo.toml", "README.md": "README.md", **{f"src/{name}.rs": f"src/{name}.rs" for name in _SOURCES}},
    _values,
    _build,
    shared=reader,
)

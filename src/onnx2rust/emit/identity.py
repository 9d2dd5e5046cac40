"""What a generated crate's version says: which code and which weights it holds (`tf_layers::identity` is the other side).

cargo tells builds of path packages apart by name and version, not by folder. With the checksums behind the `+`, which its rules
of compatibility ignore, two conversions of one name never share a build: `0.1.0+code.5d41402a.weights.f3a9c1d2e4b56078`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from onnx2rust.base.naming import Escaped

UNCHECKED = "0.0.0+weights.unchecked"
"""The version of a crate that shares its name with no other in its target folder: its build script takes any weights."""
_LINE = re.compile(r'^version\s*=\s*"([0-9A-Za-z.+-]+)"', re.M)


def code(files: Mapping[str, str | bytes]) -> str:
    """Checksum of a crate's text files."""
    found = hashlib.sha256()
    for name, content in sorted(files.items()):
        text = content if isinstance(content, str) else content.decode()
        found.update(f"{name}\0{len(text)}\0{text}".encode())
    return found.hexdigest()[:8]


def version(files: Mapping[str, str], weights: str) -> Escaped:
    """The version of a new crate with these text files and weights (their `npz.checksum`)."""
    return Escaped(f"0.1.0+code.{code(files)}.weights.{weights}")


def with_weights(version: str, weights: str) -> str:
    """The version with another checksum of weights; all else stays."""
    number, _, build = version.partition("+")
    parts = [part for part in build.split(".") if part]
    if "weights" in parts:
        k = parts.index("weights")
        parts[k : k + 2] = ["weights", weights]
    else:
        parts += ["weights", weights]
    return f"{number}+{'.'.join(parts)}"


def renewed(manifest: str, weights: str) -> str | None:
    """The text of Cargo.toml with a version that names these weights; None if there is no line with a version to change."""
    head, mark, rest = manifest.partition("\n[package]\n") if not manifest.startswith("[package]\n") else ("", "", manifest)
    found = _LINE.search(rest)
    if found is None or "\n[" in rest[: found.start()]:
        return None
    line = f'version = "{with_weights(found[1], weights)}"'
    return head + mark + rest[: found.start()] + line + rest[found.end() :]

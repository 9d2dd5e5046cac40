"""Where templates and the tf-layers crate are: inside the wheel, or beside `src/` in a checkout."""

from __future__ import annotations

import functools
from pathlib import Path

from onnx2rust.base.errors import ToolError

_PACKAGE = Path(__file__).resolve().parents[1]


def templates() -> Path:
    """The folder of Jinja templates."""
    return _find(_PACKAGE / "data" / "templates", _PACKAGE.parent.parent / "templates")


def tf_layers() -> Path:
    """The folder of the tf-layers crate."""
    return _find(_PACKAGE / "data" / "tf-layers", _PACKAGE.parent.parent / "rust" / "tf-layers")


def tf_layers_files() -> dict[str, bytes]:
    """The files of tf-layers that can travel with a generated crate: sources, readme, licences, the
    manifest without tests and benches."""
    root = tf_layers()
    files = {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted((root / "src").rglob("*.rs"))}
    for name in ("README.md", "LICENSE-MIT", "LICENSE-APACHE"):
        beside = root / name
        files[name] = (beside if beside.is_file() else root.parent.parent / name).read_bytes()
    files["Cargo.toml"] = tf_layers_manifest().encode()
    return files


@functools.cache
def tf_layers_manifest() -> str:
    """Cargo.toml as it travels with a generated crate."""
    text = (tf_layers() / "Cargo.toml").read_text(encoding="utf-8")
    manifest, marker, _ = text.partition("# ---- only in the repository")
    assert marker, "tf-layers/Cargo.toml has lost the line that its copy ends at"
    return manifest.rstrip() + "\n"


def _find(*candidates: Path) -> Path:
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise ToolError(f"this installation of onnx2rust lacks {candidates[0].name}", "install it again")

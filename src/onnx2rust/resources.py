"""Where templates and the tf-layers crate are: inside the wheel, or beside `src/` in a checkout."""

from __future__ import annotations

from pathlib import Path

from onnx2rust.errors import ToolError

_PACKAGE = Path(__file__).resolve().parent


def templates() -> Path:
    """The folder of Jinja templates."""
    return _find(_PACKAGE / "data" / "templates", _PACKAGE.parent.parent / "templates")


def tf_layers() -> Path:
    """The folder of the tf-layers crate."""
    return _find(_PACKAGE / "data" / "tf-layers", _PACKAGE.parent.parent / "rust" / "tf-layers")


def tf_layers_files() -> dict[str, Path]:
    """The files of tf-layers that travel with a generated crate: sources, manifest, readme."""
    root = tf_layers()
    files = {p.relative_to(root).as_posix(): p for p in sorted((root / "src").rglob("*.rs"))}
    return files | {name: root / name for name in ("Cargo.toml", "README.md")}


def _find(*candidates: Path) -> Path:
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise ToolError(f"this installation of onnx2rust lacks {candidates[0].name}", "install it again")

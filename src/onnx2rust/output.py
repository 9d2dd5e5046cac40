"""Writing a conversion's files: all of them or none, and never over someone's files without `--force`."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from onnx2rust.errors import ToolError, UsageError

MARKER = "rust_generated_code"


def refuse_existing(out: Path, force: bool) -> None:
    """Raises UsageError if `out` holds something that the conversion would replace, or cannot be a folder."""
    above = next((p for p in out.absolute().parents if p.exists()), out)
    if not above.is_dir():
        raise UsageError(f"{out}: cannot be made, {above} is not a folder")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UsageError(f"{out}: exists and is not a folder")
    if out.is_dir() and any(out.iterdir()):
        if not force:
            raise UsageError(f"{out}: exists and is not empty", "choose another folder, or replace it with --force")
        strangers = [p.name for p in out.iterdir() if p.name != MARKER and not p.name.startswith("saved_model_from_")]
        if strangers:
            raise UsageError(
                f"{out}: holds files that onnx2rust did not write ({', '.join(sorted(strangers)[:5])})",
                "--force replaces only the output of an earlier conversion: choose another folder",
            )


def refuse_inside(out: Path, source: Path) -> None:
    """Raises UsageError if the conversion would be written into the model's own folder, or in the place of a folder that holds it."""
    if source.exists() and source.resolve().parent.is_relative_to(out.resolve()):
        raise UsageError(f"{source}: lies in {out}, which the conversion would replace", "copy the model to another place first")
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise UsageError(f"{out}: lies in the model's own folder", "choose another folder")


def write(out: Path, files: Mapping[str, bytes]) -> None:
    """Writes all files into a folder beside `out`, formats the Rust ones, then puts it in the place of `out`."""
    parent = out.resolve().parent
    made = [p for p in (parent, *parent.parents) if not p.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".onnx2rust.", dir=parent) as temporary:
            fresh = Path(temporary) / "new"
            for name, content in files.items():
                path = fresh / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            _format(fresh)
            old = Path(temporary) / "old"
            target = out.resolve()
            if target.exists():
                kept = target / MARKER / "target"
                if kept.is_dir():
                    # the build cache of the crate it replaces: a rebuild after --force should not start from nothing
                    os.rename(kept, fresh / MARKER / "target")
                os.rename(target, old)
            try:
                os.rename(fresh, target)
            except OSError:
                if old.exists():
                    os.rename(old, target)
                raise
            os.chmod(target, 0o755)
            made.clear()
    except OSError as error:
        raise ToolError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                # only what this call made and left empty
                folder.rmdir()


def _format(folder: Path) -> None:
    """rustfmt, where it is installed: whoever builds the crate has the toolchain, whoever converts need not."""
    rustfmt = shutil.which("rustfmt")
    if rustfmt is None:
        return
    sources = [p for p in folder.rglob("*.rs") if "tf-layers" not in p.relative_to(folder).parts]
    command = [rustfmt, "--edition", "2024"]
    done = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True, check=False)
    # rustup leaves a rustfmt that only says that it is not installed; an old one does not know the edition
    if done.returncode and not subprocess.run(command, input="", capture_output=True, text=True, check=False).returncode:
        raise ToolError(f"bug in onnx2rust: rustfmt refused the generated code: {done.stderr.strip()[:1200]}")

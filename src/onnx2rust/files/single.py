"""Writing one file: all of it or nothing, and never over someone's file without `--force`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from onnx2rust.base.errors import ToolError, UsageError
from onnx2rust.files.folders import Content, pieces


def refuse_existing(target: Path, force: bool) -> None:
    """Raises UsageError if the file may not be written: something stands there, or there is no folder for it."""
    try:
        if target.is_dir():
            raise UsageError(f"{target}: is a folder", "name a file")
        if (target.exists() or target.is_symlink()) and not force:
            raise UsageError(f"{target}: exists", "--force replaces it")
        if not target.absolute().parent.is_dir():
            raise UsageError(f"{target}: there is no folder {target.parent}", "make it first")
    except OSError as error:  # a name that is too long, a folder that may not be read
        raise UsageError(f"{target}: cannot be the output: {error.strerror or error}", "name another file") from error


def write(target: Path, content: Content) -> None:
    """Writes beside the target and renames: nobody ever sees half a file."""
    try:
        # beside the target itself, even if that is a link to elsewhere: it is the link that is replaced
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.absolute().parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(pieces(content))
            os.chmod(name, 0o644)
            os.replace(name, target)
        except BaseException:  # a full disk, or the user's Ctrl-C: half a file must not stay
            os.unlink(name)
            raise
    except OSError as error:
        raise ToolError(f"{target}: cannot be written: {error.strerror or error}") from error

"""Writing a conversion's files: all of them or none, and never over someone's files without `--force`."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from onnx2rust.base.errors import ToolError, UsageError
from onnx2rust.base.processes import uninterrupted
from onnx2rust.files import leftovers

MARKER = leftovers.MARKER
Content = bytes | Sequence[bytes | memoryview]
"""What a file holds, in one piece or in several."""
Identity = tuple[int, int, int]
"""Which folder it is, and when something was last put into it or taken out."""


def refuse_existing(out: Path, force: bool | None) -> Identity | None:
    """What stands at `out` and may be replaced, None if nothing does; a `force` of None says that nothing ever is. Raises
    UsageError if it may not be, or `out` cannot be a folder."""
    try:
        above = next((p for p in out.absolute().parents if p.exists()), out)
        if not above.is_dir():
            raise UsageError(f"{out}: cannot be made, {above} is not a folder")
        if out.is_symlink() or (out.exists() and not out.is_dir()):
            raise UsageError(f"{out}: exists and is not a folder")
        if not out.is_dir() or not any(out.iterdir()):
            return None
        if not force:
            hint = "remove it, or choose another folder" if force is None else "choose another folder, or replace it with --force"
            raise UsageError(f"{out}: exists and is not empty", hint)
        _refuse_strangers(out, out)
        return _identity(out)
    except OSError as error:  # a name that is too long, a folder that may not be read
        raise UsageError(f"{out}: cannot be the output: {error.strerror or error}", "choose another folder") from error


def _refuse_strangers(folder: Path, out: Path) -> None:
    strangers = leftovers.strangers(folder)
    if strangers:
        raise UsageError(
            f"{out}: holds files that onnx2rust did not write ({', '.join(strangers[:5])})",
            "--force replaces only the output of an earlier conversion: choose another folder",
        )


def _identity(folder: Path) -> Identity:
    status = folder.stat()
    return status.st_dev, status.st_ino, status.st_mtime_ns


def members(folder: Path) -> list[Path]:
    """The outputs of conversions in a workspace's folder."""
    return sorted(crate.parent for crate in folder.glob(f"*/{MARKER}"))


def refuse_inside(out: Path, source: Path) -> None:
    """Raises UsageError if the conversion would be written into the model's own folder, or in the
    place of a folder that holds it."""
    place, model = resolved(out), resolved(source)
    if source.exists() and model.parent.is_relative_to(place):
        raise UsageError(f"{source}: lies in {out}, which the conversion would replace", "copy the model to another place first")
    if source.is_dir() and place.is_relative_to(model):
        raise UsageError(f"{out}: lies in the model's own folder", "choose another folder")


def resolved(path: Path) -> Path:
    """The path without links. Raises UsageError if there is none: links that lead in a circle, a name that no file can have."""
    try:
        return path.resolve()
    except RuntimeError as error:  # what Python before 3.13 makes of ELOOP
        raise UsageError(f"{path}: its symbolic links lead in a circle") from error
    except OSError as error:
        raise UsageError(f"{path}: is no path: {error.strerror or error}") from error


def write(out: Path, files: Mapping[str, Content], replaced: Identity | None = None) -> None:
    """Writes all files into a folder beside `out`, then puts it in the place of `out`.

    There, nothing may stand but an empty folder, or the one that `refuse_existing` saw (`replaced`): what others have put there
    since raises UsageError and stays as it is. A run that is killed leaves the old output, the new one, or (between two renames)
    what `leftovers.recover` makes the old one of.
    """
    target = resolved(out)
    made = [p for p in target.parents if not p.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with leftovers.workplace(target) as temporary:
            fresh = temporary / "new"
            for name, content in files.items():
                put(fresh / name, content)
            os.chmod(fresh, 0o755)
            # between the two renames of a replacement no other run may put its own output there
            with uninterrupted(), leftovers.alone(target.parent):
                if replaced is not None:
                    _set_aside(target, temporary / "old", replaced, out)
                _put(fresh, target, out)
        made.clear()
    except OSError as error:
        raise ToolError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                # only what this call made and left empty
                folder.rmdir()


def put(path: Path, content: Content) -> None:
    """Writes a file, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.writelines(pieces(content))


def pieces(content: Content) -> Sequence[bytes | memoryview]:
    """The content's pieces."""
    return [content] if isinstance(content, bytes) else content


def size(content: Content) -> int:
    """How many bytes it is."""
    return sum(map(len, pieces(content)))


def _set_aside(target: Path, old: Path, replaced: Identity, out: Path) -> None:
    """Moves what is to be replaced away, and looks at it there: no name leads to it any more, so
    that nothing can be put into it."""
    try:
        os.rename(target, old)
    except FileNotFoundError:
        return  # someone has removed it
    try:
        _refuse_strangers(old, out)
        if _identity(old) != replaced:
            raise UsageError(f"{out}: was replaced by another conversion while this one ran", "convert again")
    except UsageError:
        with contextlib.suppress(OSError):  # then it stays in the workplace, which says so
            os.rename(old, target)
        raise


def _put(fresh: Path, target: Path, out: Path) -> None:
    """The last step: renaming a folder fails if anything but an empty folder stands at its new place."""
    try:
        os.rename(fresh, target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
        raise UsageError(
            f"{out}: something was written there while the model was converted", "choose another folder, or convert again"
        ) from error

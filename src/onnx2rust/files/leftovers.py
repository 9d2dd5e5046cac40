"""The folder beside an output in which a conversion is prepared, and what a run that was killed has left in one.

`.onnx2rust.XXXXXXXX/` holds `target` (the name of the output's folder), `new` (what is being written) and `old` (what it
replaces, between two renames). As long as its run lives, the folder is locked; the lock ends with the process, however that ends.
So a later run can tell which folders are abandoned, and brings back the old output where a new one was not put in its place.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path

from onnx2rust.base.processes import uninterrupted

try:
    import fcntl
except ImportError:  # Windows: then no run can tell a living folder from a dead one, and what was left stays
    fcntl = None  # type: ignore[assignment]  # to mypy the name of a module is that module for good

MARKER = "rust_generated_code"
"""The crate's folder in an output: what has none was not written by a conversion."""
PREFIX = ".onnx2rust."
_RECORD = "target"


def strangers(folder: Path) -> list[str]:
    """What lies in an output's folder that no conversion wrote there."""
    return sorted(p.name for p in folder.iterdir() if p.name != MARKER and not p.name.startswith("saved_model_from_"))


@contextlib.contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """A locked folder beside `target`. What is in its `old` when the block ends goes back to
    `target` unless something stands there."""
    path, lock = _made(target.parent)
    try:
        (path / _RECORD).write_bytes(os.fsencode(target.name))
        yield path
    except BaseException as error:
        with uninterrupted():
            if _settled(path, target) is _Old.KEPT:
                error.add_note(_kept(path, target))
        raise
    else:
        with uninterrupted():
            _settled(path, target)
    finally:
        if lock is not None:
            os.close(lock)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time is in this block for a folder, where the system and the folder's file system know locks."""
    lock = None
    if fcntl is not None:
        with contextlib.suppress(OSError):
            lock = _opened(folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def recover(parent: Path) -> list[str]:
    """Looks for what runs that were killed have left in `parent`: restores or removes it, and returns a sentence about each."""
    said: list[str] = []
    for folder in sorted(parent.glob(f"{PREFIX}*")) if fcntl is not None and parent.is_dir() else ():
        with contextlib.suppress(OSError):  # a file, a link, a folder of someone else: not ours to touch
            lock = _opened(folder)
            try:
                if os.fstat(lock).st_uid == os.geteuid() and _try_lock(lock):
                    said += _recovered(folder)
            finally:
                os.close(lock)
    return said


def _recovered(folder: Path) -> list[str]:
    names = set(os.listdir(folder))
    if not names <= {_RECORD, "new", "old"}:
        return []
    name = os.fsdecode((folder / _RECORD).read_bytes()) if _RECORD in names else ""
    if name in ("", ".", "..") or os.path.basename(name) != name:
        if names & {"new", "old"}:
            return [f"{folder}: left by a conversion that was killed, for which output is not known: look at it, then remove it"]
        shutil.rmtree(folder)
        return []
    target = folder.parent / name
    with uninterrupted():
        old = _settled(folder, target)
    if old is _Old.KEPT:
        return [_kept(folder, target)]
    if old is _Old.RESTORED:
        return [f"{target}: restored, a conversion was killed while it replaced it"]
    return [f"{folder}: removed, it was left by a conversion to {target} that was killed"]


class _Old(Enum):
    """What became of the output that was to be replaced."""

    RESTORED = auto()
    DROPPED = auto()
    KEPT = auto()


def _settled(folder: Path, target: Path) -> _Old:
    """Puts `old` back to where it was, or drops it if another output stands there, and removes the folder. Where something else
    stands there, all is kept."""
    old, found = folder / "old", _Old.DROPPED
    if old.is_dir():
        try:
            os.rename(old, target)  # fails if anything but an empty folder stands there
            found = _Old.RESTORED
        except OSError:
            if not (target / MARKER).is_dir():
                return _Old.KEPT
            _keep_cache(old, target)
    shutil.rmtree(folder, ignore_errors=True)
    return found


def _kept(folder: Path, target: Path) -> str:
    return f"{folder / 'old'}: holds the output that was to be replaced, something else stands at {target} now"


def _keep_cache(old: Path, new: Path) -> None:
    """Moves the crate's build cache along: a rebuild after --force should not start from nothing."""
    kept, place = old / MARKER / "target", new / MARKER / "target"
    if kept.is_dir() and not place.exists():
        os.rename(kept, place)


def _made(parent: Path) -> tuple[Path, int | None]:
    """A new folder and its lock. A run that looks for leftovers may take it in the moment before it
    is locked: then another one."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        if fcntl is None:
            return path, None
        try:
            lock = _opened(path)
        except FileNotFoundError:
            continue
        _try_lock(lock)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), os.stat(path)):
                return path, lock
        os.close(lock)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _try_lock(descriptor: int) -> bool:
    """Whether the folder could be locked: not where another process has it, nor where the file system knows no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

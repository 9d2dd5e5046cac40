"""What a terminal (or a log) sees: stages with their durations, notes, errors. Everything but results goes to stderr."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO

from onnx2rust.base.errors import Onnx2RustError, listed


@dataclass(frozen=True)
class Outcome:
    """What a command found: `data` for `--json`, `text` for people, and the exit code."""

    data: dict[str, Any]
    text: str
    exit_code: int = 0


MOVES = 3.0
"""Seconds between two dots of a stage that takes long."""


@dataclass
class Console:
    """Progress lines on stderr: plain text, a line a stage, so that a log reads like a terminal."""

    verbosity: int = 0
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _began: float | None = None
    _ended: threading.Event = field(default_factory=threading.Event)
    _dots: threading.Lock = field(default_factory=threading.Lock)

    def stage(self, name: str) -> None:
        """A stage begins; the one before it has ended."""
        self.done()
        if self.verbosity >= 0:
            self._write(f"{name} … ")
            self._began = time.monotonic()
            self._ended = threading.Event()
            threading.Thread(target=self._move, args=(self._ended,), daemon=True).start()

    def _move(self, ended: threading.Event) -> None:
        """A dot every few seconds: TensorFlow alone takes some twenty to load."""
        while not ended.wait(MOVES):
            with self._dots:
                if not ended.is_set():
                    self._write(". ")

    def done(self, *, interrupted: bool = False) -> None:
        """The last stage has ended, or will not end."""
        with self._dots:  # no dot is written from now on
            self._ended.set()
        if self._began is not None:
            self._write("\n" if interrupted else f"{duration(time.monotonic() - self._began)}\n")
            self._began = None

    def note(self, text: str) -> None:
        """Something that a user should know."""
        self.done()
        if self.verbosity >= 0:
            self._write(self._coloured("note:", 36) + " ", plain=True)
            self._write(f"{text}\n")

    def said(self, text: str) -> None:
        """A line that is not left out for -q."""
        self.done(interrupted=True)
        self._write(f"{text}\n")

    def error(self, error: Onnx2RustError) -> None:
        """All that is wrong."""
        self.done(interrupted=True)
        count = len(error.problems)
        head = self._coloured("error:", 31) + f" {error.title}" + (f" ({count} problems)" if count > 1 else "")
        self._write(f"{head}\n", plain=True)
        self._write("".join(f"  {line}\n" for line in listed(error.problems)))
        for note in notes(error):
            self.note(note)

    def _coloured(self, text: str, colour: int) -> str:
        """The text in a colour of the terminal's, if it is one (or FORCE_COLOR says so) and NO_COLOR does not forbid it."""
        wanted = bool(os.environ.get("FORCE_COLOR")) or (self.stream.isatty() and os.environ.get("TERM") != "dumb")
        return f"\x1b[1;{colour}m{text}\x1b[0m" if wanted and not os.environ.get("NO_COLOR") else text

    def _write(self, text: str, *, plain: bool = False) -> None:
        """Writes text; unless it is `plain` (our own words), what could reach the terminal as a command is escaped."""
        try:
            self.stream.write(text if plain else printable(text))
            self.stream.flush()
        except OSError:
            # nobody reads it, or the disk of the log is full: no reason to lose the work
            silence(self.stream)


def silence(stream: TextIO) -> None:
    """Lets a stream that cannot be written to lead nowhere: what is left in its buffer must not fail again when Python ends."""
    with contextlib.suppress(OSError):  # a stream of tests has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def notes(error: Onnx2RustError) -> list[str]:
    """What a user should know besides the error (`add_note`)."""
    found: list[str] = getattr(error, "__notes__", [])
    return found


def error_data(error: Onnx2RustError) -> dict[str, Any]:
    """An error as `--json` prints it."""
    return {
        "ok": False,
        "exit_code": error.exit_code,
        "error": error.title,
        "problems": [asdict(p) for p in error.problems],
        "notes": notes(error),
    }


def to_json(data: dict[str, Any]) -> str:
    """One JSON object; numbers that JSON does not have (NaN, infinities) become strings."""
    return json.dumps(_plain(data), indent=2, ensure_ascii=True, allow_nan=False)


def duration(seconds: float) -> str:
    """`0.12 s`, `75 s`."""
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def printable(text: str) -> str:
    """Text whose control and formatting characters (a model may hold any) cannot reach the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value

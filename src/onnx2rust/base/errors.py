"""What can go wrong, as the user meets it: one exception type per exit code, each holding *all* its problems.

A problem is one offence, told with where it is (node name, operator, domain, opset, shapes) and what to do
next. Stages collect problems and raise once, so that a user never repairs a model one message at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar


@dataclass(frozen=True)
class Problem:
    """One offence: `what` failed, `where` it stands (may be empty), `hint`: what to do about it (may be empty)."""

    what: str
    where: str = ""
    hint: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n    → {self.hint}" if self.hint else head


def listed(problems: Sequence[Problem]) -> list[str]:
    """The lines of several problems: those with the same hint together, in the order they were met,
    and the hint once below them."""
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        groups.setdefault(problem.hint, []).append(problem)
    lines = []
    for hint, group in groups.items():
        lines += [line for problem in group for line in str(replace(problem, hint="")).splitlines()]
        lines += [f"    → {line}" if k == 0 else f"      {line}" for k, line in enumerate(hint.splitlines())]
    return lines


class Onnx2RustError(Exception):
    """Base of every error that onnx2rust raises on purpose; `problems` is never empty."""

    exit_code: ClassVar[int] = 6
    title: ClassVar[str] = "failed"

    def __init__(self, problems: list[Problem] | Problem | str, hint: str = "") -> None:
        if isinstance(problems, str):
            problems = Problem(problems, hint=hint)
        self.problems: list[Problem] = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__("\n".join(map(str, self.problems)))


class UsageError(Onnx2RustError):
    """The command line or an option is wrong (exit code 2)."""

    exit_code = 2
    title = "usage"


class InvalidModelError(Onnx2RustError):
    """The file is not a model, or the model breaks the ONNX specification (exit code 3)."""

    exit_code = 3
    title = "invalid model"


class InvalidDataError(InvalidModelError):
    """A table is damaged, or has rows that the model cannot take (exit code 3)."""

    title = "invalid data"


class UnsupportedError(Onnx2RustError):
    """The model is valid but asks for something onnx2rust does not do (exit code 4)."""

    exit_code = 4
    title = "unsupported"


class MismatchError(Onnx2RustError):
    """The generated crate and the reference disagree (exit code 5)."""

    exit_code = 5
    title = "numeric mismatch"


class ToolError(Onnx2RustError):
    """Something outside failed: cargo, TensorFlow, the disk (exit code 6)."""

    exit_code = 6
    title = "tool failure"


class Refuse(Exception):
    """A stage says no to one node: `invalid` if the model is wrong, else it is merely not
    supported. The importer adds where, and collects."""

    def __init__(self, what: str | list[Problem], hint: str = "", *, invalid: bool = False) -> None:
        self.problems = [Problem(what, hint=hint)] if isinstance(what, str) else what
        self.invalid = invalid
        super().__init__(str(what))


def bug(error: BaseException) -> ToolError:
    """What a user gets to see of an exception that no one has foreseen."""
    if isinstance(error, MemoryError):
        return ToolError(f"not enough memory: {error}")
    if isinstance(error, OSError):
        return ToolError(f"{error.filename or 'a file'}: {error.strerror or error}")
    what = f"bug in onnx2rust: {type(error).__name__}: {str(error)[:400]}"
    return ToolError(what, "-vv shows where; please report it with the model")

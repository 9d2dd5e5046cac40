"""Signals, and the processes that are started: nothing that a user stops goes on behind his back,
nothing is stopped half done."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What ends a program from outside, besides SIGINT, which Python turns into KeyboardInterrupt itself."""


class Terminated(KeyboardInterrupt):
    """A signal asks the program to end: as Ctrl-C, so that everything that cleans up after one does it here too."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def clean_up_when_terminated() -> None:
    """SIGTERM and SIGHUP raise Terminated, once. What is ignored (`nohup`) or handled by someone else stays so."""
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)


def _terminate(number: int, _frame: FrameType | None) -> None:
    for other in _ENDING:
        signal.signal(other, signal.SIG_IGN)  # a second one must not end the cleaning up
    raise Terminated(number)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and the signals that end a program wait until the block has ended (only the main thread hears them in Python)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *_ENDING)}
    before = {number: handler for number, handler in before.items() if handler is not None}
    for number in before:
        signal.signal(number, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in heard[:1]:
            signal.raise_signal(number)


def run(
    command: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
    aloud: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """As `subprocess.run` with its output captured, but the process leads a group of its own: whatever ends the waiting (a signal
    that only we get, the timeout) ends it and all that it has started, as cargo's compilers. `aloud`: its stderr is ours."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if aloud else subprocess.PIPE,
        process_group=0,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except BaseException:
            kill(process)
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that leads a group, and all of the group."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()

"""What stands below a table of measurements: the processor, the commit, and how busy the machine was."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def cpu() -> str:
    """What `lscpu` calls the processor."""
    rows = _said("lscpu").splitlines()
    name = next((row.partition(":")[2].strip() for row in rows if row.startswith("Model name")), "an unknown processor")
    return f"{name}, {os.cpu_count()} cores"


def commit() -> str:
    """The commit that is measured, with a `+` where files differ from it."""
    changed = _said("git", "status", "--porcelain", "--untracked-files=no")
    return _said("git", "rev-parse", "--short", "HEAD").strip() + ("+" if changed else "")


def sources() -> str:
    """What says that two builds are of the same sources: those of the package, its templates and layers, and the examples."""
    folders = ("src", "templates", "rust", "examples")
    return _said("git", "rev-parse", *(f"HEAD:{folder}" for folder in folders)) + _said("git", "diff", "HEAD", "--", *folders)


class Load:
    """How many processes wanted to run when measuring began, besides this one, and when it ended."""

    def __init__(self) -> None:
        self.before = os.getloadavg()[0]

    def __str__(self) -> str:
        return f"load {self.before:.1f} before, {os.getloadavg()[0]:.1f} after"


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout

"""The command line."""

from onnx2rust.cli import commands, scoring
from onnx2rust.cli.group import EXIT_CODES, main, run

__all__ = ["EXIT_CODES", "commands", "main", "run", "scoring"]

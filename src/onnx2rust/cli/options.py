"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from onnx2rust.base.options import Frontend

Function = Callable[..., Any]
FILE = click.Path(path_type=Path)


def telling(function: Function) -> Function:
    """-q, -v and --json: given before the command or after it."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout."),
        click.option("-q", "--quiet", is_flag=True, help="Errors only."),
        click.option(
            "-v", "--verbose", count=True, help="-vv: tracebacks and what other tools print; -vvv: also where a lowering fails."
        ),
    ):
        function = option(function)
    return function


def _dims(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in values:
        name, separator, size = value.rpartition("=")
        if not separator or not name or not (size.isascii() and size.isdigit()):
            raise click.BadParameter(f"{value!r} is not SYMBOL=SIZE")
        if found.setdefault(name, int(size)) != int(size):
            raise click.BadParameter(f"{name!r} has two sizes")
    return found


_READING = (
    click.option(
        "--frontend", type=click.Choice(get_args(Frontend)), default="auto", help="Format of MODEL (default: by its content)."
    ),
    click.option("--signature", metavar="NAME", help="Signature of a SavedModel or TFLite file."),
    click.option(
        "--input", "inputs", metavar="NAME", multiple=True, help="Start at this tensor (repeatable; a GraphDef needs it)."
    ),
    click.option("--output", "outputs", metavar="NAME", multiple=True, help="End at this tensor (repeatable)."),
    click.option("--dim", "dims", metavar="SYMBOL=SIZE", multiple=True, callback=_dims, help="Fix a symbolic size (repeatable)."),
    click.option("--custom-objects", type=FILE, metavar="FILE.py", help="Custom objects of a Keras model; is executed."),
)


def reading(function: Function) -> Function:
    """The options that say how a model is read; they arrive as keywords of `Options`."""
    for option in reversed(_READING):
        function = option(function)
    return function


def planning(function: Function) -> Function:
    """The options of a plan, for commands that write no crate; likewise."""
    for name in ("memdrop", "inplace"):
        function = click.option(f"--{name}/--no-{name}", default=True, help="As for convert.")(function)
    return function


def sizes(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, ...]:
    """What `--batch` says."""
    parts = value.split(",")
    if not all(p.strip().isascii() and p.strip().isdigit() for p in parts):
        raise click.BadParameter(f"{value!r} is not a list of sizes like 1,3")
    return tuple(int(p) for p in parts)


def drawing(function: Function) -> Function:
    """The options of commands that build a crate and run it on inputs that are drawn."""
    function = click.option("--target-dir", type=FILE, metavar="DIR", help="Where crates are built (default: the user's cache).")(
        function
    )
    return click.option("--seed", type=int, default=0, show_default=True, help="Seed of the drawn inputs.")(planning(function))

"""Options that several commands have."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from onnx2rust.base.options import WEIGHTS, Frontend

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class _File(click.Path):
    """A path. A name that no file can have is refused before anyone asks what stands there."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        found = Path(os.fsdecode(super().convert(value, param, ctx)))
        try:
            os.stat(found)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                self.fail(f"{found}: {error.strerror}", param, ctx)
        return found


FILE = _File()


def _together(*options: Decorator) -> Decorator:
    """Several options, which help lists in this order."""
    return lambda function: functools.reduce(lambda decorated, option: option(decorated), reversed(options), function)


def _dims(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in values:
        name, separator, size = value.rpartition("=")
        if not separator or not name or not (size.isascii() and size.isdigit()):
            raise click.BadParameter(f"{value!r} is not SYMBOL=SIZE")
        if found.setdefault(name, int(size)) != int(size):
            raise click.BadParameter(f"{name!r} has two sizes")
    return found


def sizes(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, ...]:
    """What `--batch` says."""
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise click.BadParameter(f"{value!r} is not a list of sizes like 1,3")
    return tuple(map(int, parts))


telling = _together(
    click.option(
        "-v", "--verbose", count=True, help="-vv: tracebacks and what other tools print; -vvv: also where a lowering fails."
    ),
    click.option("-q", "--quiet", is_flag=True, help="Errors only."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout."),
)
"""Given before the command or after it."""
reading = _together(
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
"""How a model is read; they arrive as keywords of `Options`."""
planning = _together(
    click.option("--inplace/--no-inplace", default=True, help="As for convert."),
    click.option("--memdrop/--no-memdrop", default=True, help="As for convert."),
)
"""Of a plan, for commands that write no crate; likewise."""
storing = click.option(
    "--weights",
    type=click.Choice(WEIGHTS),
    default="embedded",
    show_default=True,
    help="Weights as read-only data of the binary, or external: a file that a program reads at start; in 16 or 8 bits if asked.",
)
"""Where weights are; likewise."""
drawing = _together(
    planning,
    click.option("--seed", type=int, default=0, show_default=True, help="Seed of the drawn inputs."),
    click.option("--target-dir", type=FILE, metavar="DIR", help="Where crates are built (default: the user's cache)."),
)
"""Of commands that build a crate and run it on inputs that are drawn."""

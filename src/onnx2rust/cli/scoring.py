"""The command `score`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import onnx2rust
from onnx2rust.base.options import Options, Tables
from onnx2rust.cli.console import Console, Outcome
from onnx2rust.cli.group import command
from onnx2rust.cli.options import FILE, planning, reading


def _names(text: str) -> list[str]:
    """Names between commas, or a JSON list of them."""
    if not text.startswith("["):
        return text.split(",")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no JSON list of names") from error
    if not all(isinstance(name, str) for name in found):
        raise click.BadParameter(f"{text!r} is no JSON list of names")
    return list(found)


def _kept(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """What `--keep` says."""
    return tuple(name for text in values for name in _names(text))


def _columns(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, list[str]]:
    """What `--column` says."""
    return {name: _names(columns) for name, columns in _pairs(values, "INPUT=COL,COL…")}


def _renames(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """What `--rename` says."""
    return dict(_pairs(values, "OUTPUT=COL"))


def _nulls(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """What `--null-in` says; as JSON where a column's name has an equals sign."""
    found = {}
    for value in values:
        pair = _json(value)
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair):
            found[pair[0]] = pair[1]
        else:
            found |= dict(_pairs((value,), "COL=VALUE", empty=True))
    return found


def _json(text: str) -> Any:
    """What a text is as JSON, None if it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _pairs(values: tuple[str, ...], form: str, *, empty: bool = False) -> Iterator[tuple[str, str]]:
    for value in values:
        name, equals, rest = value.partition("=")
        if not name or not (rest or (equals and empty)):
            raise click.BadParameter(f"{value!r} is not {form}")
        yield name, rest


@command
@click.argument("model", type=FILE)
@click.argument("source", type=FILE, metavar="IN")
@click.argument("out", type=FILE, metavar="OUT")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="INPUT=COL,COL...",
    callback=_columns,
    help="The columns of an input (repeatable).",
)
@click.option("--keep", multiple=True, metavar="COL,COL...", callback=_kept, help="Columns to pass through; * for all.")
@click.option("--rename", multiple=True, metavar="OUTPUT=COL", callback=_renames, help="What an output's column is called.")
@click.option("--null", metavar="VALUE", help="What stands for nulls (without it, a null is a bad row).")
@click.option(
    "--null-in", "nulls", multiple=True, metavar="COL=VALUE", callback=_nulls, help="What stands for nulls in one column."
)
@click.option("--cast", is_flag=True, help="Allow conversions that round or may not fit, as float64 to float32.")
@click.option(
    "--bad-rows",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="What becomes of rows that the model cannot take; skip lists them in OUT.bad.csv.",
)
@click.option("--format", type=click.Choice(["parquet", "csv", "arrow"]), help="Of a folder's outputs (default: as each input).")
@click.option(
    "--delimiter", metavar="CHARACTER", help="What separates the fields of a CSV file (default: a comma; of .tsv a tab)."
)
@click.option("--row-group", type=click.IntRange(1, 1 << 24), metavar="ROWS", help="Rows of a part, a row group of OUT.")
@click.option("--threads", type=click.IntRange(1, 1024), help="Default: the cores.")
@click.option("--force", is_flag=True, help="Replace OUT, and forget the parts of an earlier run.")
@click.option("--cache", type=FILE, metavar="DIR", help="Where programs are kept (default: the user's cache).")
@reading
@planning
def score(console: Console, model: Path, source: Path, out: Path, **choices: Any) -> Outcome:
    """Scores the rows of IN with MODEL: columns become its inputs, its outputs become columns of OUT.

    IN and OUT are Parquet, CSV (.csv, .tsv) or Arrow files (.arrow, .feather), or folders of them. Builds a program the first
    time, and keeps it. A run that was ended goes on where it was, if it is started again.
    """
    own = {f.name: choices.pop(f.name) for f in dataclasses.fields(Tables)}
    options = Options(**choices, verbosity=console.verbosity)

    def stage(name: str) -> None:
        # the program says itself how far it is
        console.done() if name == "scoring" else console.stage(name)

    found = onnx2rust.score(model, source, out, options, Tables(**own), progress=stage)
    data = {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}
    data |= {"out": str(found.out), "bad_rows_file": None if found.bad_rows_file is None else str(found.bad_rows_file)}
    text = f"{found.out}: {found.rows} rows in {found.seconds:.2f} s"
    if found.bad_rows:
        text += f"\n{found.bad_rows_file}: {found.bad_rows} rows that the model cannot take"
    return Outcome({"ok": True} | data, "" if console.verbosity < 0 else text)

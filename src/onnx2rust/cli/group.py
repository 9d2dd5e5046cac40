"""The group of commands, and what surrounds each: messages, exit codes, what an error becomes."""

from __future__ import annotations

import errno
import functools
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from signal import SIGINT
from typing import Any, NoReturn

import click

import onnx2rust
from onnx2rust.base import processes
from onnx2rust.base.errors import Onnx2RustError, ToolError, UsageError, bug
from onnx2rust.cli.console import Console, Outcome, error_data, printable, silence, to_json
from onnx2rust.cli.options import telling

EXIT_CODES = """\b
Exit codes:
  0  done
  2  usage: the command line or an option is wrong
  3  invalid model: the file is not a model, or breaks its specification
  4  unsupported: a valid model asks for what onnx2rust does not do
  5  numeric mismatch: the generated crate and the reference disagree
  6  tool failure: cargo, TensorFlow, the disk, or a bug
  7  not verified: built, but no inputs were found that the model runs on
"""
SIGNALLED = 128
"""Plus the number of the signal: the exit code of a command that a signal ended."""
Command = Callable[..., Outcome]


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.version_option(onnx2rust.__version__, prog_name="onnx2rust")
@telling
def cli(verbose: int, quiet: bool, as_json: bool) -> None:
    """Turns a trained model (TensorFlow, Keras, TFLite, ONNX) into a self-contained, safe Rust crate."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits with one of EXIT_CODES; nothing but a result ever goes to stdout."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _open_streams()
    processes.clean_up_when_terminated()
    sys.exit(run(given))


def _open_streams() -> None:
    """Gives stdin, stdout and stderr something to lead to where the caller has closed them: the next file that is opened would
    get their number, and what other libraries print. Closed stdout stays one that cannot be written to: a result must not
    vanish."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            writes = number == 2
            os.open(os.devnull, os.O_WRONLY if writes else os.O_RDONLY)  # the lowest number that is free is this one
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def run(arguments: list[str]) -> int:
    """Runs the command line; returns the exit code."""
    as_json = "--json" in arguments
    try:
        outcome = cli.main(args=arguments, prog_name="onnx2rust", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return UsageError.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"`{context.command_path} --help` lists the options" if context else ""
        return _failed(UsageError(error.format_message(), hint), Console(), as_json=as_json)
    except click.exceptions.Abort as error:
        signal = error.__cause__.number if isinstance(error.__cause__, processes.Terminated) else SIGINT
        what, code = "interrupted" if signal == SIGINT else "terminated", SIGNALLED + signal
        Console().said(what)
        data = {"ok": False, "exit_code": code, "error": what, "problems": [], "notes": []}
        return _written(to_json(data) if as_json else "", code)
    if not isinstance(outcome, Outcome):
        return int(outcome or 0)
    text = to_json(outcome.data) if as_json else outcome.text
    return _written(text, outcome.exit_code)


def _written(text: str, exit_code: int) -> int:
    """Prints a result; returns the exit code."""
    try:
        if text:
            click.echo(printable(text))
    except BrokenPipeError:
        silence(sys.stdout)  # whoever read it has seen enough (`| head`)
    except OSError as error:
        silence(sys.stdout)
        why = "stdout is closed" if error.errno == errno.EBADF else error.strerror or error
        return _failed(ToolError(f"the result cannot be written: {why}"), Console())
    return exit_code


def _failed(error: Onnx2RustError, console: Console, *, as_json: bool = False) -> int:
    console.error(error)
    return _written(to_json(error_data(error)) if as_json else "", error.exit_code)


def command(function: Command) -> Command:
    """Adds -q, -v and --json; turns errors into messages and exit codes. Passes `console` to the function."""

    @cli.command(function.__name__.strip("_"), help=function.__doc__, epilog=EXIT_CODES)
    @telling
    @functools.wraps(function)
    def wrapped(*args: Any, verbose: int, quiet: bool, as_json: bool, **kwargs: Any) -> Outcome:
        before = click.get_current_context().find_root().params
        verbose, quiet, as_json = verbose + before["verbose"], quiet or before["quiet"], as_json or before["as_json"]
        if quiet and verbose:
            raise click.UsageError("-q and -v contradict each other")
        console = Console(-1 if quiet else verbose)
        _refuse_lost_folder([*args, *kwargs.values()])
        try:
            outcome = function(*args, console=console, **kwargs)
            console.done()
            return outcome
        except Onnx2RustError as error:
            if verbose >= 2:
                traceback.print_exc()
            raise click.exceptions.Exit(_failed(error, console, as_json=as_json)) from error
        except (click.ClickException, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            console.done(interrupted=True)
            raise
        except Exception as error:  # the last resort: no user should meet a traceback that was not asked for
            if verbose >= 2:
                traceback.print_exc()
            raise click.exceptions.Exit(_failed(bug(error), console, as_json=as_json)) from error

    return wrapped


def _refuse_lost_folder(values: Sequence[Any]) -> None:
    """Raises a usage error if a path is relative to a working folder that is no more."""
    try:
        os.getcwd()
    except OSError as error:
        paths = [p for value in values for p in (value if isinstance(value, tuple) else (value,)) if isinstance(p, Path)]
        if not all(p.is_absolute() for p in paths):
            raise click.UsageError(
                "the working folder has been removed: change to one that exists, or give absolute paths"
            ) from error

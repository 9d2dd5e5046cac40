"""The commands: they parse and print; what a command does is a function of the package (see `onnx2rust/__init__.py`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import onnx2rust
from onnx2rust.base.options import HOSTS, Checks, Options, Timing
from onnx2rust.cli.console import Console, Outcome
from onnx2rust.cli.group import command
from onnx2rust.cli.options import FILE, drawing, planning, reading, sizes, storing

if TYPE_CHECKING:
    from onnx2rust.conversion.pipeline import Project


@command
@click.argument("places", nargs=-1, type=FILE, metavar="MODEL OUT")
@click.option("--path_to_tf_model", type=FILE, metavar="MODEL", help="The same as MODEL.")
@click.option("--path_to_save", type=FILE, metavar="OUT", help="The same as OUT.")
@click.option("--name", "--model_name", "name", metavar="NAME", help="The struct is NAMEModel (default: from the file name).")
@reading
@click.option(
    "--features",
    "--path_to_fv",
    "features",
    type=FILE,
    metavar="FILE.npz",
    help="Samples for the crate's tests; `predictions` and `labels` in it are used.",
)
@click.option("--thresholds", type=FILE, metavar="FILE.json", help="Confidence thresholds of a binary classifier.")
@click.option(
    "--binary-classification/--no-binary-classification", default=None, help="Default: if it ends in a sigmoid or softmax."
)
@click.option("--binary_classification", "binary_value", type=bool, metavar="BOOL", help="The same, with a value.")
@click.option("--inplace/--no-inplace", default=None, help="Write results over inputs where possible (default).")
@click.option("--enable_inplace", "inplace_value", type=bool, metavar="BOOL", help="The same, with a value.")
@click.option("--memdrop/--no-memdrop", default=None, help="Reuse the memory of values that are no longer needed (default).")
@click.option("--enable_memdrop", "memdrop_value", type=bool, metavar="BOOL", help="The same, with a value.")
@click.option("--static", "static", is_flag=True, help="Buffers of fixed size: no allocator (open sizes need --dim).")
@click.option("--crate-name", metavar="NAME", help="Name of the crate (default: from --name).")
@click.option(
    "--layers",
    metavar="copy|PATH|VERSION",
    default="copy",
    show_default=True,
    help="Where the crate's layers come from: a copy of its own, the folder of a tf-layers that crates share, or crates.io.",
)
@click.option(
    "--workspace", type=FILE, metavar="OUT", help="Convert every MODEL into one cargo workspace with one copy of the layers."
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    type=click.Choice(HOSTS),
    help="Also write what this host needs to call the model (repeatable); OUT is a workspace then.",
)
@storing
@click.option("--license", metavar="SPDX", help="Licence that the crate's manifest names, like MIT (default: none).")
@click.option("--force", is_flag=True, help="Replace the output of an earlier conversion.")
def convert(
    console: Console,
    places: tuple[Path, ...],
    path_to_tf_model: Path | None,
    path_to_save: Path | None,
    binary_value: bool | None,
    inplace_value: bool | None,
    memdrop_value: bool | None,
    workspace: Path | None,
    hosts: tuple[str, ...],
    **choices: Any,
) -> Outcome:
    """Converts MODEL into a Rust project at OUT, or with --workspace OUT every MODEL into one of several.

    MODEL is a SavedModel folder, a .keras, .h5, .tflite or .onnx file, or a frozen GraphDef (.pb). The seven options with
    underscores are those of tf2rust.
    """
    for name, value in (("binary_classification", binary_value), ("inplace", inplace_value), ("memdrop", memdrop_value)):
        choices[name] = _switch(name, choices[name], value)
    chosen = {name: value for name, value in choices.items() if value is not None}
    options = Options(**chosen, verbosity=console.verbosity)
    if workspace is not None:
        return _together(console, places, path_to_tf_model, path_to_save, workspace, options, hosts)
    source, target = _paths(list(places), path_to_tf_model, path_to_save)
    if hosts:
        return _together(console, (source,), None, None, target, options, hosts)
    project = onnx2rust.convert(source, target, options, progress=console.stage)
    for note in project.notes:
        console.note(note)
    return Outcome({"ok": True} | _data(project), "" if console.verbosity < 0 else f"{_line(project)}\n{_try(project.crate)}")


def _together(
    console: Console,
    places: tuple[Path, ...],
    named_model: Path | None,
    named_out: Path | None,
    workspace: Path,
    options: Options,
    hosts: Sequence[str],
) -> Outcome:
    """`convert --workspace`, and `convert --host`."""
    if named_out is not None:
        raise click.UsageError("--path_to_save and --workspace are both given")
    models = [*places, *filter(None, [named_model])]
    if not models:
        raise click.UsageError("MODEL must be given")
    projects = onnx2rust.convert_workspace(models, workspace, options, hosts=hosts, progress=console.stage)
    for project in projects:
        for note in project.notes:
            console.note(f"{project.crate_name}: {note}")
    shells = [f"{workspace / shell.package}: crate `{shell.package}`" for p in projects for shell in p.shells]
    text = "\n".join([*map(_line, projects), *shells, _try(workspace)])
    data = {"ok": True, "out": str(workspace), "crates": [_data(p) | {"shells": [s.package for s in p.shells]} for p in projects]}
    return Outcome(data, "" if console.verbosity < 0 else text)


def _data(project: Project) -> dict[str, Any]:
    return {
        "out": str(project.out),
        "crate": str(project.crate),
        "crate_name": project.crate_name,
        "model": project.model,
        "notes": list(project.notes),
    }


def _line(project: Project) -> str:
    return f"{project.crate}: crate `{project.crate_name}` with `{project.model}`"


def _try(folder: Path) -> str:
    return f"its tests were written, not run: cd {folder} && cargo test --release"


def _paths(places: list[Path], named_model: Path | None, named_out: Path | None) -> tuple[Path, Path]:
    """MODEL and OUT, each given by place or by option."""
    if len(places) > 2:
        raise click.UsageError("one MODEL and one OUT, or several MODELs with --workspace OUT")
    missing = (named_model is None) + (named_out is None)
    if len(places) > missing:
        raise click.UsageError("MODEL and OUT are given both by place and by --path_to_tf_model or --path_to_save")
    if len(places) < missing:
        lacking = "MODEL and OUT" if missing - len(places) == 2 else "OUT" if named_out is None else "MODEL"
        raise click.UsageError(f"{lacking} must be given")
    source = named_model if named_model is not None else places.pop(0)
    target = named_out if named_out is not None else places.pop(0)
    return source, target


def _switch(name: str, flag: bool | None, value: bool | None) -> bool | None:
    """An option that can be given as a flag and with a value."""
    if flag is not None and value is not None and flag != value:
        raise click.UsageError(f"--{name.replace('_', '-')} is given twice, with different values")
    return value if flag is None else flag


@command
@click.argument("kind", type=click.Choice(HOSTS), metavar="KIND")
@click.argument("model", type=FILE)
@click.argument("out", type=FILE)
@click.option("--name", metavar="NAME", help="As for convert.")
@click.option("--crate-name", metavar="NAME", help="As for convert.")
@click.option("--features", type=FILE, metavar="FILE.npz", help="As for convert.")
@reading
@planning
@storing
@click.option("--build", is_flag=True, help="Build it, too (needs cargo).")
def host(console: Console, kind: str, model: Path, out: Path, build: bool, **choices: Any) -> Outcome:
    """Converts MODEL into a cargo workspace at OUT with what a program in another language needs to call it.

    KIND is c (a header, a shared and a static library, a file for pkg-config), embedded (firmware for a Cortex-M, without an
    allocator), python (a wheel; needs maturin to build), score (a program that scores Parquet, CSV and Arrow files), server (an
    HTTP server) or wasm (a package for npm, for browsers and Node). Nothing is replaced: OUT is a new folder, or an empty one.
    """
    options = Options(**choices, verbosity=console.verbosity)
    made = onnx2rust.host(kind, model, out, options, build=build, progress=console.stage)
    for note in made.project.notes:
        console.note(note)
    data = {"ok": True, "shell": str(made.shell), "dist": None if made.dist is None else str(made.dist)}
    readme = f"{made.shell / 'README.md'} says how it is used"
    text = f"{_line(made.project)}\n{made.dist or made.shell}: for {kind}; {readme}"
    return Outcome(data | _data(made.project), "" if console.verbosity < 0 else text)


@command
@click.argument("models", nargs=-1, required=True, type=FILE, metavar="MODEL...")
@reading
@click.option("--features", type=FILE, metavar="FILE.npz", help="Samples to run; `predictions` in it are compared too.")
@click.option("--batch", "batches", default="1,3", show_default=True, callback=sizes, help="Batch sizes to draw inputs for.")
@click.option("--rtol", type=float, help="Relative tolerance (default: calibrated by float64).")
@click.option("--atol", type=float, help="Tolerance as a share of the largest value (likewise).")
@click.option("--per-node", is_flag=True, help="Compare every intermediate value; name the first node that departs.")
@drawing
def verify(
    console: Console,
    models: tuple[Path, ...],
    batches: tuple[int, ...],
    rtol: float | None,
    atol: float | None,
    per_node: bool,
    seed: int,
    target_dir: Path | None,
    **choices: Any,
) -> Outcome:
    """Converts and builds every MODEL, runs it, and compares with onnxruntime and with the model evaluated in float64.

    Inputs are drawn (seeded, several sizes) unless --features gives some. Floating point must agree within |a - b| <= rtol |b| +
    atol max |b|, everything else exactly. Exits with the code of the first model that does not pass.
    """
    checks = Checks(batches, rtol, atol, per_node, seed, target_dir)
    report = onnx2rust.verify(models, Options(**choices, verbosity=console.verbosity), checks, progress=console.stage)
    return Outcome(report.data(), "" if console.verbosity < 0 and report.passed else report.text(), report.exit_code)


@command
@click.argument("model", type=FILE)
@reading
@click.option("--features", type=FILE, metavar="FILE.npz", help="Samples to run, over and over for a larger batch.")
@click.option("--batch", "batches", default="1,32", show_default=True, callback=sizes, help="Batch sizes to time.")
@click.option("--per-layer", is_flag=True, help="Also which layer takes how long.")
@click.option("--seconds", type=float, default=2.0, show_default=True, help="How long to measure at each batch size.")
@drawing
def bench(
    console: Console,
    model: Path,
    batches: tuple[int, ...],
    per_layer: bool,
    seconds: float,
    seed: int,
    target_dir: Path | None,
    **choices: Any,
) -> Outcome:
    """Times the crate of MODEL beside onnxruntime: one thread, one core, in turns of short bursts.

    "bound" is onnxruntime with inputs and outputs bound beforehand. Answers are compared first; one
    that differs is not timed (exit code 5).
    """
    timing = Timing(batches, seconds, per_layer, seed, target_dir)
    report = onnx2rust.bench(model, Options(**choices, verbosity=console.verbosity), timing, progress=console.stage)
    return Outcome(report.data(), report.text(), report.exit_code)


@command
@click.argument("model", type=FILE)
@click.argument("out", type=FILE, metavar="OUT.html")
@click.option("--name", metavar="NAME", help="As for convert.")
@reading
@click.option("--features", type=FILE, metavar="FILE.npz", help="Samples to run, for verifying and for timing.")
@click.option("--verify/--no-verify", default=True, help="Also how far each layer is from the model (builds the crate).")
@click.option("--time/--no-time", default=True, help="Also how long each layer takes, beside onnxruntime (likewise).")
@click.option(
    "--batch", "batches", default="1", show_default=True, callback=sizes, help="Batch sizes to time (layers: the first)."
)
@click.option("--seconds", type=float, default=1.0, show_default=True, help="How long to measure at each batch size.")
@click.option("--force", is_flag=True, help="Replace OUT.html.")
@drawing
def report(
    console: Console,
    model: Path,
    out: Path,
    verify: bool,
    time: bool,
    batches: tuple[int, ...],
    seconds: float,
    seed: int,
    target_dir: Path | None,
    **choices: Any,
) -> Outcome:
    """Writes all that is known of MODEL on one HTML page, which needs nothing else and loads nothing.

    The graph, shapes, parameters, multiply-adds, buffers over time, weights, and the generated code of each layer beside its ONNX
    nodes; how far each layer is from the model in float64 and how long it takes, each beside onnxruntime. With --no-verify
    --no-time nothing is built, and it takes a second. Exits with the code of the verification.
    """
    checks = Checks(seed=seed, target_dir=target_dir and target_dir / "verify") if verify else None
    timing = Timing(batches, seconds, seed=seed, target_dir=target_dir and target_dir / "bench") if time else None
    options = Options(**choices, verbosity=console.verbosity)
    made = onnx2rust.write_report(model, out, options, checks, timing, progress=console.stage)
    for note in made.notes:
        console.note(note)
    data = {"ok": not made.exit_code, "exit_code": made.exit_code, "page": str(out), "layers": made.layers}
    text = "" if console.verbosity < 0 else f"{out}: {made.layers} layers"
    return Outcome(data | {"notes": list(made.notes)}, text, made.exit_code)


@command
@click.argument("model", type=FILE, metavar="MODEL|OUT")
@reading
@planning
@click.option("--passes", is_flag=True, help="Also print the program after each pass.")
def inspect(console: Console, model: Path, passes: bool, **choices: Any) -> Outcome:
    """Shows what MODEL (or the model that OUT was converted from) is made of.

    Inputs, outputs, symbols, parameters, multiply-adds, bytes of weights and workspace, operators before and layers after the
    passes. Where a size is open, numbers are for 1; fix it with --dim.
    """
    found = onnx2rust.inspect(model, Options(**choices, verbosity=console.verbosity), passes=passes, progress=console.stage)
    return Outcome(found.data(), found.text())


@command
@click.argument("model", type=FILE, required=False)
@reading
def ops(console: Console, model: Path | None, **choices: Any) -> Outcome:
    """Lists the operators that are supported, or every node of MODEL that is not (exit code 4)."""
    if model is None:
        found = onnx2rust.operators()
        data = {"ok": True, "operators": [dataclasses.asdict(o) for o in found]}
        return Outcome(data, "\n".join(map(str, found)))
    support = onnx2rust.supports(model, Options(**choices, verbosity=console.verbosity), progress=console.stage)
    return Outcome(support.data(), support.text(), support.exit_code)


@command
@click.argument("model", type=FILE)
@click.option(
    "-o",
    "target",
    type=FILE,
    metavar="FILE.npz|OUT",
    default="model_weights.npz",
    show_default=True,
    help="Where to write: a file, or the crate to renew.",
)
@click.option("--like", type=FILE, metavar="OUT", help="A conversion's output that the weights must fit.")
@reading
def weights(console: Console, model: Path, target: Path, like: Path | None, **choices: Any) -> Outcome:
    """Writes the weights of a retrained MODEL for a crate that exists.

    With -o OUT (the output of a conversion, or its crate) the crate's model_weights.npz is replaced, and the version in its
    Cargo.toml names the new weights: build again, and that is all. Names, shapes and types must be those that the crate has.
    With -o FILE.npz --like OUT, names, shapes and types are compared with those of that conversion,
    and every tensor that differs is named.
    """
    count = onnx2rust.write_weights(
        model, target, Options(**choices, verbosity=console.verbosity), like=like, progress=console.stage
    )
    return Outcome({"ok": True, "weights": str(target), "tensors": count}, f"{target}: {count} tensors")

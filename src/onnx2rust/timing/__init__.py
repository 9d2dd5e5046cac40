"""`onnx2rust bench`: how long a model's crate takes, beside onnxruntime, and which layer takes how long."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from onnx2rust import emit, frontends, samples
from onnx2rust.base.errors import MismatchError, Problem, ToolError
from onnx2rust.base.options import Options, Timing
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import protos
from onnx2rust.ir.dims import evaluate, symbols
from onnx2rust.ir.program import Program, Step
from onnx2rust.model import reference
from onnx2rust.model.reference import Reference
from onnx2rust.oracle import Oracle, open_sizes
from onnx2rust.timing import clock, profile, server
from onnx2rust.timing.engines import BoundOnnxRuntime, Crate, Engine, OnnxRuntime
from onnx2rust.timing.reports import BenchReport, BenchRow, LayerTime
from onnx2rust.verification import draws
from onnx2rust.verification.workspace import Workspace, default_folder

__all__ = ["BenchReport", "bench"]

CRATE, REFERENCE, BOUND = "crate", "onnxruntime", "bound"
"""The engines' names in a report."""
LAYER_NS = 4e8
"""How long a marked crate runs at each batch size."""


def bench(
    model: Path | str | onnx.ModelProto,
    options: Options | None = None,
    timing: Timing | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> BenchReport:
    """Converts and builds the model, checks what it computes, and times it beside onnxruntime: one thread, one core, in turns
    (`onnx2rust bench`).

    Raises an `Onnx2RustError` where the model cannot be converted or built, and MismatchError if the
    answers differ: a wrong answer is not timed.
    """
    options, timing = options or Options(), timing or Timing()
    progress("reading the model")
    with protos.as_paths([model]) as (path,):
        loaded = frontends.load(path, options)
    workspace = Workspace(timing.target_dir or default_folder("bench"), options.verbosity, server.profile())
    with workspace.opened():
        progress("generating the crate")
        program = pipeline.lower(loaded, replace(options, crate_name=workspace.next_name()))
        marks = [_add(workspace, program, options, marked) for marked in ((False, True) if timing.per_layer else (False,))]
        progress("building")
        workspace.build()
        for member in workspace.members:
            if member in workspace.broken:
                raise ToolError(
                    f"bug in onnx2rust: the generated crate does not compile: {workspace.broken[member]}",
                    "please report it with the model",
                )
        oracle = Oracle(loaded.proto, program, loaded.weights)
        report = BenchReport(protos.label(model, path), clock.machine())
        found = list(_draws(loaded.proto, program, oracle, options, timing, report.notes))
        report.notes += oracle.notes
        plain, *marked = (workspace.executables[m] for m in workspace.members)
        progress("measuring")
        with clock.one_core():
            _time(report, plain, loaded.proto, program, oracle, found, timing.seconds)
            if marked:
                _layers(report, marked[0], marks[1], program, found)
                _nodes(report, loaded, oracle, found)
    return report


def _add(workspace: Workspace, program: Program, options: Options, marked: bool) -> tuple[Step, ...]:
    own = replace(options, crate_name=workspace.next_name())
    crate, marks = server.files(program, own, emit.Context("bench", marked=marked))
    workspace.add(crate)
    return marks


def _draws(
    proto: onnx.ModelProto, program: Program, oracle: Oracle, options: Options, timing: Timing, notes: list[str]
) -> Sequence[draws.Draw]:
    """One set of inputs for each batch size: the user's samples over and over, or drawn ones."""
    if options.features is None:
        # where no size is open, every draw is of the same size
        found = list(draws.drawn(proto, program, oracle, timing.batches, timing.seed, notes))
        return found if program.symbols else found[:1]
    data = samples.read(options.features, program)
    if data.batch is None:
        return [draws.of_rows(data, np.arange(1), "sample 0", program, oracle)]
    rows = [np.arange(size) % data.samples for size in timing.batches]
    return [draws.of_rows(data, r, f"{data.batch}={len(r)}", program, oracle) for r in rows]


def _time(
    report: BenchReport,
    executable: Path,
    proto: onnx.ModelProto,
    program: Program,
    oracle: Oracle,
    found: Sequence[draws.Draw],
    seconds: float,
) -> None:
    """A row for each draw. Both engines' answers are checked first."""
    sets = [draw.feeds for draw in found]
    rng = random.Random(1)
    with Crate(executable, program.output_names, sets) as crate:
        _check(crate, program, oracle, found)
        engines: dict[str, Engine] = {CRATE: crate}
        session = Reference(proto, oracle.weights, optimised=True).session if oracle.has_reference else None
        if session is None or any(draw.answer.reference is None for draw in found):
            report.notes.append("onnxruntime does not run the model on these inputs: the crate is timed alone")
        else:
            engines[REFERENCE] = OnnxRuntime(session, sets)
            if any(
                not v.type.startswith("tensor(") or "string" in v.type for v in (*session.get_inputs(), *session.get_outputs())
            ):
                report.notes.append("onnxruntime binds tensors of numbers only: its plain call is timed alone")
            else:
                engines[BOUND] = BoundOnnxRuntime(session, sets)
        for k, draw in enumerate(found):
            report.rows.append(BenchRow(draw.label, clock.measure(engines, k, seconds, rng)))


def _check(crate: Crate, program: Program, oracle: Oracle, found: Sequence[draws.Draw]) -> None:
    problems = []
    for k, draw in enumerate(found):
        for number, (name, actual) in enumerate(zip(program.output_names, crate.outputs(k), strict=True)):
            comparison = oracle.compare(number, actual, draw.answer)
            if not comparison.passed:
                problems.append(Problem(f"{name}: {comparison.problem or f'worst {comparison.worst}'}", draw.label))
    if problems:
        raise MismatchError(problems, "`onnx2rust verify --per-node` names the first node that departs")


def _nodes(report: BenchReport, loaded: frontends.Loaded, oracle: Oracle, found: Sequence[draws.Draw]) -> None:
    """Adds the times of onnxruntime's nodes to each row, where it runs the model."""
    if not oracle.has_reference:
        return
    for row, draw in zip(report.rows, found, strict=True):
        try:
            row.nodes += profile.nodes(loaded.proto, oracle.weights, draw.feeds)
        except reference.ERRORS as error:
            report.notes.append(f"onnxruntime's profiler says nothing of {row.label}: {str(error)[:200]}")


def _layers(report: BenchReport, executable: Path, marks: Sequence[Step], program: Program, found: Sequence[draws.Draw]) -> None:
    """Adds the layers' times to each row."""
    for row, draw in zip(report.rows, found, strict=True):
        with Crate(executable, program.output_names, [draw.feeds]) as crate:
            once = min(crate.burst(0, 3))
            crate.burst(0, max(5, int(LAYER_NS / max(once, 1))))
            spent = {int(k): float(ns) for k, ns in (line.split("\t") for line in crate.close())}
        sizes = open_sizes(program, draw.feeds)
        for k, step in enumerate(marks):
            work = step.layer.multiply_adds()
            known = evaluate(work, sizes) if symbols(work) <= set(sizes) else 0
            row.layers.append(LayerTime(step.origin.node or step.name, step.origin.op, str(step.layer), spent.get(k, 0.0), known))

"""`onnx2rust verify`: converts models, builds them all as modules of a few crates, runs them, and
compares with onnxruntime and float64."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from onnx2rust import emit, frontends, samples
from onnx2rust.base.errors import Onnx2RustError, Problem, ToolError, bug
from onnx2rust.base.options import Checks, Options, for_each
from onnx2rust.base.sequences import gathered
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import protos
from onnx2rust.ir.program import Program
from onnx2rust.ir.types import SequenceType
from onnx2rust.oracle import Oracle
from onnx2rust.oracle.compare import Comparison, compare
from onnx2rust.plan import planner
from onnx2rust.verification import draws, nodes
from onnx2rust.verification.modules import Models, RunError, prefix
from onnx2rust.verification.reports import ModelReport, OutputReport, Report
from onnx2rust.verification.workspace import Workspace, default_folder

__all__ = ["Report", "verify"]


Array = np.ndarray[Any, Any]


@dataclass
class _Case:
    """A model on its way: what it was loaded as, its program, the module, and what is found out about it."""

    report: ModelReport
    options: Options
    loaded: frontends.Loaded
    program: Program
    module: str
    exposed: _Case | None = field(default=None)


def verify(
    models: Sequence[Path | str | onnx.ModelProto],
    options: Options | Sequence[Options] | None = None,
    checks: Checks | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Converts and builds all `models`, runs them, and compares with onnxruntime (`onnx2rust verify`).

    `options` are for all models, or one for each. Inputs are those of `options.features`, else seeded draws. Whatever is wrong
    with a model is in its report (`report.passed`, `report.models[k].error`), so that one bad model does not cost the others;
    `report.raise_for_failure()` makes an error of it.
    """
    checks = checks or Checks()
    each = for_each(Options() if options is None else options, len(models))
    progress(f"reading {_count(models, 'model')}")
    with protos.as_paths(models) as paths:
        loaded = frontends.load_many(paths, each)
    reports = [ModelReport(protos.label(model, path)) for model, path in zip(models, paths, strict=True)]
    workspace = Workspace(checks.target_dir or default_folder(), max((o.verbosity for o in each), default=0))
    with workspace.opened():
        progress(f"generating {_count(paths, 'model')}")
        built = Models(workspace)
        cases: list[_Case] = []
        for report, model, own in zip(reports, loaded, each, strict=True):
            if isinstance(model, Onnx2RustError):
                report.error = model
                continue
            with _failures_in(report):
                case = _generate(built, report, model, own)
                if checks.per_node:
                    case.exposed = _expose(built, case)
                cases.append(case)
        progress(f"building {_count(built, 'model')}")
        built.build()
        progress(f"running {_count(built, 'model')}")
        for case in cases:
            with _failures_in(case.report):
                _run(built, case, checks)
                if case.exposed is not None:
                    _run(built, case.exposed, checks)
                    exposed = case.exposed.report.outputs
                    case.report.nodes = nodes.report(case.exposed.loaded.proto, exposed, case.report.passed)
    return Report(tuple(reports))


def _count(things: Sized, what: str) -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"


def _generate(models: Models, report: ModelReport, loaded: frontends.Loaded, options: Options) -> _Case:
    """All that `convert` would write, so that what fails there fails here; its code becomes a module."""
    source = Path(report.model).resolve().name
    found = pipeline.generate(loaded, source, options, drawn=False, prefix=prefix(models.next_name()))
    return _Case(report, options, loaded, found.program, models.add(found.rendered))


def _expose(models: Models, case: _Case) -> _Case:
    """The model with every value as an output, to look at, not to use: its code alone, without test data or reports."""
    loaded = nodes.expose(case.loaded)
    options = replace(case.options, name="Exposed")
    program = pipeline.lower(loaded, options)
    context = emit.Context(case.report.model, loaded.kind, prefix=prefix(models.next_name()), module=True)
    module = models.add(emit.render(planner.plan(program, options), options, context))
    return _Case(ModelReport(case.report.model), options, loaded, program, module)


@contextlib.contextmanager
def _failures_in(report: ModelReport) -> Iterator[None]:
    """What goes wrong with a model is in its report."""
    try:
        yield
    except Onnx2RustError as error:
        report.error = error
    except Exception as error:  # a bug that one model meets must not cost the others their verification
        report.error = bug(error)


def _run(models: Models, case: _Case, checks: Checks) -> None:
    """Runs a case on all draws; fills its report."""
    if case.module in models.broken:
        raise ToolError(
            Problem(f"bug in onnx2rust: the generated crate does not compile: {models.broken[case.module]}"),
            "please report it with the model",
        )
    oracle = Oracle(case.loaded.proto, case.program, case.loaded.weights)
    found: dict[str, OutputReport] = {}
    # all of them first: each may show that less is certain than the last one did
    all_draws = list(_draws(case, oracle, checks))
    for k, draw in enumerate(all_draws):
        try:
            # a workspace that has run another size before: its buffers are larger or smaller, and not empty
            actual = models.run(case.module, draw.feeds, all_draws[(k + 1) % len(all_draws)].feeds)
        except RunError as error:
            if draw.answer.reference is None:
                # onnxruntime does not run these inputs either, and they were drawn: perhaps they are none
                case.report.notes.append(f"left out: {draw.label}: neither onnxruntime nor the crate runs it ({error})")
                continue
            failed = Comparison(False, f"the crate fails where the reference runs: {error}")
            results: Iterable[tuple[str, str, Comparison]] = [(n, "", failed) for n in case.program.output_names]
        else:
            outputs = zip(case.program.output_names, case.program.outputs, strict=True)
            actual |= {name: gathered(actual, name) for name, v in outputs if isinstance(v.type, SequenceType)}
            results = _compared(case, actual, draw, checks, oracle)
        case.report.draws.append(draw.label)
        for name, dtype, comparison in results:
            before = found.get(name, OutputReport(name, dtype, Comparison(), draw.label))
            merged = before.comparison.merged(comparison)
            changed = merged.worst is not before.comparison.worst or merged.problem != before.comparison.problem
            found[name] = OutputReport(name, before.dtype or dtype, merged, draw.label if changed else before.where)
    for name, certainty in zip(case.program.output_names, oracle.certainty, strict=True):
        if certainty.known and name in found:
            found[name] = replace(found[name], reference=certainty.apart)
    case.report.outputs = list(found.values())
    case.report.notes += oracle.notes


def _draws(case: _Case, oracle: Oracle, checks: Checks) -> Iterable[draws.Draw]:
    if case.options.features is not None:
        return draws.given(case.options.features, case.program, oracle, case.report.notes)
    return draws.drawn(case.loaded.proto, case.program, oracle, checks.batches, checks.seed, case.report.notes)


def _compared(
    case: _Case, actual: Mapping[str, Array], draw: draws.Draw, checks: Checks, oracle: Oracle
) -> Iterable[tuple[str, str, Comparison]]:
    """Every output against what the model computes, and against the user's predictions where there are any."""
    places = {name: k for k, name in enumerate(case.program.output_names)}
    predicted = dict(zip(samples.expected_names(case.program), case.program.output_names, strict=True))
    for name, k in places.items():
        dtype = case.program.outputs[k].type.held
        if name in actual:
            yield name, dtype, oracle.compare(k, actual[name], draw.answer, checks.rtol, checks.atol)
        else:
            yield name, dtype, Comparison(False, "is missing from what the crate writes")
    for wanted, rows in draw.predictions.items():
        name = predicted[wanted]
        if name in actual and actual[name].size == rows.size:
            own = rows.reshape(actual[name].shape).astype(actual[name].dtype)
            slack = oracle.certainty[places[name]].slack
            yield f"{name} (predictions)", str(own.dtype), compare(actual[name], own, checks.rtol, checks.atol, slack)
        elif name in actual:
            problem = f"{rows.size} values are given, the model computes {actual[name].size}"
            yield f"{name} (predictions)", str(rows.dtype), Comparison(False, problem)

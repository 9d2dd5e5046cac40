"""The pipeline: each stage is a function between frozen types, none reaches back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from onnx2rust import emit, frontends, importer, leftovers, npz, output, passes, planner, resources, samples, thresholds
from onnx2rust.dims import evaluate, product, symbols
from onnx2rust.dtypes import DType
from onnx2rust.errors import MismatchError, Onnx2RustError, Problem, UnsupportedError, UsageError
from onnx2rust.options import Options
from onnx2rust.planner import Plan
from onnx2rust.program import Program
from onnx2rust.report import files as report_files


@dataclass(frozen=True)
class Generated:
    """All that a conversion writes, in memory: `crate` below `output.MARKER` (without tf-layers, which is the same for all models),
    `people` below `saved_model_from_<kind>`."""

    crate: dict[str, bytes]
    people: dict[str, bytes]
    crate_name: str
    model: str
    notes: tuple[str, ...]
    program: Program
    plan: Plan
    departures: tuple[Problem, ...]
    """What the user's features file says that the outputs are, and the reference does not compute."""


@dataclass(frozen=True)
class Project:
    """What a conversion wrote."""

    out: Path
    crate: Path
    crate_name: str
    model: str
    notes: tuple[str, ...]
    program: Program
    plan: Plan


Progress = Callable[[str], None]
MAX_ELEMENTS = 1 << 28
"""Elements of one tensor: 1 GiB of f32."""
WEIGHTS = "model/model_weights.npz"
"""The weights file's path in a crate."""


def convert(source: Path | str, out: Path | str, options: Options | None = None, progress: Progress = lambda _: None) -> Project:
    """Converts the model at `source` into a Rust project at `out`.

    `progress` hears the name of each stage as it begins. Raises an `Onnx2RustError` (exit codes in `errors.py`) with all
    problems at once; then nothing has been written.
    """
    options = options or Options()
    source, out = Path(source), Path(out)
    output.refuse_inside(out, source)
    recovered = leftovers.recover(output.resolved(out).parent)
    try:
        return _converted(source, out, options, recovered, progress)
    except Onnx2RustError as error:
        for note in recovered:
            error.add_note(note)
        raise


def _converted(source: Path, out: Path, options: Options, recovered: list[str], progress: Progress) -> Project:
    replaced = output.refuse_existing(out, options.force)
    progress("reading the model")
    loaded = frontends.load(source, options)
    found = generate(loaded, source.resolve().name, options, progress)
    if found.departures:
        raise MismatchError(list(found.departures))
    progress("writing the files")
    files = {f"{output.MARKER}/{name}": content for name, content in found.crate.items()}
    files |= {f"{output.MARKER}/tf-layers/{name}": content for name, content in resources.tf_layers_files().items()}
    files |= {f"saved_model_from_{loaded.kind}/{name}": content for name, content in found.people.items()}
    output.write(out, files, replaced)
    notes = (*recovered, *found.notes)
    return Project(out, out / output.MARKER, found.crate_name, found.model, notes, found.program, found.plan)


def lower(loaded: frontends.Loaded, options: Options, trace: Callable[[str, Program], None] | None = None) -> Program:
    """ModelProto → Program, passes included."""
    program = importer.read(loaded.proto, options)
    _refuse_huge(program)
    return passes.run(program, trace)


def _refuse_huge(program: Program) -> None:
    """A few bytes of a model can ask for any size: refuse what no machine should be made to allocate."""
    hint = f"onnx2rust takes tensors of up to {MAX_ELEMENTS} elements (open sizes counted as 1)"
    problems = [
        Problem(f"has the type {v.type}, which is {elements} elements", where, hint)
        for where, v in [*((f"input {v.name!r}", v) for v in program.inputs)]
        + [(str(step.origin), v) for step in program.walk() for v in step.results()]
        if (elements := evaluate(v.type.size, dict.fromkeys(symbols(v.type.size), 1))) > MAX_ELEMENTS
    ]
    if problems:
        raise UnsupportedError(problems)


def generate(
    loaded: frontends.Loaded, source: str, options: Options, progress: Progress = lambda _: None, *, drawn: bool = True
) -> Generated:
    """The stages behind the frontend; `source` is the model's file name. Unless `drawn`, the picture is laid out but has no pixels:
    drawing some hundred layers takes most of a second, all else that is written for people some milliseconds."""
    options = replace(options, name=options.name or Path(source).stem)
    progress("lowering operators to layers")
    program = lower(loaded, options)
    plan = planner.plan(program, options)
    progress("running the reference")
    context, data, notes = _context(loaded, program, source, options)
    progress("generating the crate")
    rendered = emit.render(plan, options, replace(context, levels=_thresholds(options, context, data)))
    crate = crate_files(rendered)
    if data.samples:
        crate["testdata/features.npz"] = npz.encode(data.arrays)
    people = report_files(loaded, program, crate[WEIGHTS], rendered.model, source, drawn=drawn)
    if options.crate_name and rendered.crate != options.crate_name:
        notes.append(f"--crate-name {options.crate_name!r}: the crate is called {rendered.crate}")
    notes = [*loaded.notes, *notes]
    return Generated(crate, people, rendered.crate, rendered.model, tuple(notes), program, plan, data.departures)


def crate_files(rendered: emit.Rendered) -> dict[str, bytes]:
    """What a crate is built from, by path."""
    return {name: text.encode() for name, text in rendered.files.items()} | {WEIGHTS: npz.encode(rendered.weights)}


def _context(
    loaded: frontends.Loaded, program: Program, source: str, options: Options
) -> tuple[emit.Context, samples.TestData, list[str]]:
    notes: list[str] = []
    why_not = _not_binary(program)
    binary = options.binary_classification is not False and why_not is None
    if why_not and options.binary_classification:
        raise UsageError(f"--binary-classification: {why_not}", "convert with --no-binary-classification")
    if options.thresholds is not None and not binary:
        raise UsageError(f"--thresholds {options.thresholds}: {why_not or 'the crate is to be no binary classifier'}")
    data = samples.make(loaded.proto, program, options.features)
    notes += data.notes
    placeholder = binary and options.thresholds is None and data.labels is None
    if placeholder:
        notes.append("thresholds.json holds placeholders: give --thresholds, or `labels` in the features file")
    computed = binary and options.thresholds is None and data.labels is not None
    context = emit.Context(
        source,
        loaded.kind,
        binary,
        placeholder,
        data.samples,
        data.batched,
        data.expected,
        drawn=options.features is None,
        negatives=int((data.labels == 0).sum()) if computed and data.labels is not None else None,
        rtol=data.tolerance[0],
        atol=data.tolerance[1],
        slack=data.slack,
        apart=data.apart,
    )
    return context, data, notes


def _not_binary(program: Program) -> str | None:
    """Why the outputs cannot be a binary classifier's score, None if they can."""
    if len(program.outputs) != 1:
        return f"the model has {len(program.outputs)} outputs, a binary classifier has one score"
    (value,) = program.outputs
    if value.dtype is not DType.F32:
        return f"the output is {value.dtype}, a score is float32"
    batch = samples.batch_symbol(program)
    row = value.shape[1:] if batch else value.shape
    if len(program.symbols) > (1 if batch else 0):
        return f"the model leaves sizes open ({', '.join(program.symbols)})"
    if product(row) != 1:
        return f"the output has shape {value.type}, a binary classifier has one score a sample"
    return None


def _thresholds(options: Options, context: emit.Context, data: samples.TestData) -> dict[str, float]:
    if options.thresholds is not None:
        return thresholds.read(options.thresholds)
    if context.binary and data.labels is not None:
        return thresholds.from_labels(data.arrays[data.expected[0]], data.labels)
    return dict(thresholds.PLACEHOLDERS)

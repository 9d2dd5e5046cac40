"""The pipeline: each stage is a function between frozen types, none reaches back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from onnx2rust import emit, frontends, importer, npz, output, passes, planner, resources, samples, thresholds
from onnx2rust.dims import evaluate, product, symbols
from onnx2rust.dtypes import DType
from onnx2rust.errors import Problem, UnsupportedError, UsageError
from onnx2rust.options import Options
from onnx2rust.planner import Plan
from onnx2rust.program import Program
from onnx2rust.report import files as report_files


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


def convert(source: Path | str, out: Path | str, options: Options | None = None, progress: Progress = lambda _: None) -> Project:
    """Converts the model at `source` into a Rust project at `out`.

    `progress` hears the name of each stage as it begins. Raises an `Onnx2RustError` (exit codes in `errors.py`) with all
    problems at once; then nothing has been written.
    """
    options = options or Options()
    source, out = Path(source), Path(out)
    output.refuse_existing(out, options.force)
    progress("reading the model")
    loaded = frontends.load(source, options)
    return convert_loaded(loaded, source.resolve().name, out, options, progress)


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


def convert_loaded(
    loaded: frontends.Loaded, source: str, out: Path, options: Options, progress: Progress = lambda _: None
) -> Project:
    """The stages behind the frontend; `source` is the model's file name."""
    options = replace(options, name=options.name or Path(source).stem)
    progress("lowering operators to layers")
    program = lower(loaded, options)
    plan = planner.plan(program, options)
    progress("running the reference")
    context, data, notes = _context(loaded, program, source, options)
    progress("writing the crate")
    rendered = emit.render(plan, options, context)
    crate = output.MARKER
    people = f"saved_model_from_{loaded.kind}"
    files: dict[str, bytes] = {f"{crate}/{name}": text.encode() for name, text in rendered.files.items()}
    weights = npz.encode(rendered.weights)
    files[f"{crate}/model/model_weights.npz"] = weights
    files[f"{crate}/model/thresholds.json"] = thresholds.text(_thresholds(options, context, data)).encode()
    files[f"{crate}/testdata/features.npz"] = npz.encode(data.arrays)
    files |= {f"{crate}/tf-layers/{name}": content for name, content in resources.tf_layers_files().items()}
    for name, content in report_files(loaded, program, weights, rendered.model, source).items():
        files[f"{people}/{name}"] = content
    output.write(out, files)
    return Project(out, out / crate, rendered.crate, rendered.model, (*loaded.notes, *notes), program, plan)


def _context(
    loaded: frontends.Loaded, program: Program, source: str, options: Options
) -> tuple[emit.Context, samples.TestData, list[str]]:
    notes = []
    why_not = _not_binary(program)
    binary = options.binary_classification is not False and why_not is None
    if why_not and options.binary_classification:
        raise UsageError(f"--binary-classification: {why_not}", "convert with --no-binary-classification")
    if why_not and options.binary_classification is None:
        notes.append(f"converted as not a binary classifier: {why_not}")
    rtol, atol = (max(column) for column in zip(DType.F32.tolerance, *(v.dtype.tolerance for v in program.outputs), strict=True))
    data = samples.make(loaded.proto, program, options.features, rtol, atol)
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
        rtol=rtol,
        atol=atol,
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

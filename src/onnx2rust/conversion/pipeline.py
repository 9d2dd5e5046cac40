"""The pipeline: each stage is a function between frozen types, none reaches back."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from onnx2rust import emit, frontends, importer, passes, samples
from onnx2rust.base import naming
from onnx2rust.base.errors import MismatchError, Onnx2RustError, Problem, UnsupportedError, UsageError
from onnx2rust.base.naming import Escaped, Names, crate_name, type_name
from onnx2rust.base.options import Options, for_each
from onnx2rust.conversion import classifier, rounding
from onnx2rust.emit import layer_crate, thresholds
from onnx2rust.files import folders, leftovers, npz
from onnx2rust.files.folders import Content
from onnx2rust.frontends import protos
from onnx2rust.hosts import HOSTS, Model, Shell
from onnx2rust.ir.dims import evaluate, symbols
from onnx2rust.ir.program import Program
from onnx2rust.passes.rewriting import Passed
from onnx2rust.plan import batching, memory, planner
from onnx2rust.plan.planner import Plan
from onnx2rust.report import files as report_files


@dataclass(frozen=True)
class Generated:
    """All that a conversion writes, in memory: `crate` below `folders.MARKER` (without its copy of tf-layers),
    `people` below `saved_model_from_<kind>`."""

    kind: str
    crate: dict[str, Content]
    rendered: emit.Rendered
    people: dict[str, Content]
    notes: tuple[str, ...]
    program: Program
    plan: Plan
    departures: tuple[Problem, ...]
    """What the user's features file says that the outputs are, and the reference does not compute."""

    def files(self, place: str = "") -> dict[str, Content]:
        """The output's files, by path, in the folder `place`."""
        if self.departures:
            raise MismatchError(list(self.departures))
        folder = {f"{place}{folders.MARKER}/{name}": content for name, content in self.crate.items()}
        return folder | {f"{place}saved_model_from_{self.kind}/{name}": content for name, content in self.people.items()}

    def project(self, out: Path, recovered: Sequence[str]) -> Project:
        """What stands at `out` now."""
        notes = (*recovered, *self.notes)
        return Project(out, out / folders.MARKER, self.rendered.crate, self.rendered.model, notes, self.program, self.plan)


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
    shells: tuple[Shell, ...] = ()
    """For other languages, in the workspace."""


Progress = Callable[[str], None]
MAX_ELEMENTS = 1 << 28
"""Elements of one tensor: 1 GiB of f32."""
WEIGHTS = "model/model_weights.npz"
"""The weights file's path in a crate."""


def convert(
    model: Path | str | onnx.ModelProto, out: Path | str, options: Options | None = None, *, progress: Progress = lambda _: None
) -> Project:
    """Converts `model`, a file, a folder or a ModelProto, into a Rust project at `out` (`onnx2rust convert`).

    `progress` hears the name of each stage as it begins. Raises an `Onnx2RustError` that holds all problems at once; then
    nothing has been written and nothing at `out` has been touched.
    """
    out = Path(out)
    with protos.as_paths([model]) as (source,):
        folders.refuse_inside(out, source)
        recovered = leftovers.recover(folders.resolved(out).parent)
        try:
            return _converted(source, out, options or Options(), recovered, progress)
        except Onnx2RustError as error:
            for note in recovered:
                error.add_note(note)
            raise


def _converted(source: Path, out: Path, options: Options, recovered: list[str], progress: Progress) -> Project:
    replaced = folders.refuse_existing(out, options.force)
    progress("reading the model")
    loaded = frontends.load(source, options)
    layers = layer_crate.chosen(options.layers, out / folders.MARKER)
    found = generate(loaded, source.resolve().name, options, progress, layers=layers)
    layer_crate.check(options.layers, found.rendered.features)
    files = found.files()
    progress("writing the files")
    if layers is None:
        own = layer_crate.copied(found.rendered.crate)
        copy = layer_crate.files(own.package, found.rendered.features)
        files |= {f"{folders.MARKER}/{own.path}/{name}": content for name, content in copy.items()}
    folders.write(out, files, replaced)
    return found.project(out, recovered)


def convert_workspace(
    models: Sequence[Path | str],
    out: Path | str,
    options: Options | Sequence[Options] | None = None,
    *,
    hosts: Sequence[str] = (),
    progress: Progress = lambda _: None,
) -> list[Project]:
    """Converts every model into a folder of the cargo workspace `out`, all with one copy of the layers
    (`onnx2rust convert --workspace`), and a shell for each of `hosts` (`convert --host`). `options` are for all models, or one
    for each.

    Raises as `convert`, with the problems of all models (each says whose); then nothing has been written.
    """
    paths, out = [Path(m) for m in models], Path(out)
    each = for_each(Options() if options is None else options, len(paths))
    _refuse_for_many(each)
    _refuse_files(hosts, each)
    if any(HOSTS[kind].static for kind in hosts):
        each = [replace(own, static=True) for own in each]
    for source in paths:
        folders.refuse_inside(out, source)
    recovered = leftovers.recover(folders.resolved(out).parent)
    folders.refuse_existing(out, None)  # what users have changed in shells is theirs
    progress(f"reading {len(paths)} models")
    names = Names(["target"])  # cargo's own folder in the workspace
    crates = [names.unique(_crate_of(source, own)) for source, own in zip(paths, each, strict=True)]
    shared = layer_crate.shared(crates, f"../../{layer_crate.FOLDER}")
    files: dict[str, Content] = {}
    results: list[tuple[Generated, tuple[Shell, ...]]] = []
    failures: list[tuple[Path, Onnx2RustError]] = []
    for source, loaded, own, crate in zip(paths, frontends.load_many(paths, each), each, crates, strict=True):
        try:
            if isinstance(loaded, Onnx2RustError):
                raise loaded
            found = generate(loaded, source.resolve().name, replace(own, crate_name=crate), progress, layers=shared)
            files |= found.files(f"{found.rendered.crate}/")
            _refuse_stacks(hosts, found, own)
            shells = _shells(hosts, found, source.name)
            files |= {f"{shell.package}/{name}": content for shell in shells for name, content in shell.files.items()}
            results.append((found, shells))
        except Onnx2RustError as error:
            failures.append((source, error))
    if failures:
        raise _all_of(failures)
    progress("writing the files")
    features = {f for found, _ in results for f in found.rendered.features}
    files |= {f"{layer_crate.FOLDER}/{name}": c for name, c in layer_crate.files(shared.package, features).items()}
    members = [f"{found.rendered.crate}/{folders.MARKER}" for found, _ in results]
    members += [shell.package for _, shells in results for shell in shells]
    files["Cargo.toml"] = emit.workspace(members).encode()
    folders.write(out, files)
    return [replace(found.project(out / found.rendered.crate, recovered), shells=shells) for found, shells in results]


def _crate_of(source: Path, options: Options) -> Escaped:
    """What the crate of a model in a workspace is called, if no other has the name."""
    return crate_name(options.crate_name or type_name(naming.sayable(options.name, source.resolve().stem)))


def _shells(kinds: Sequence[str], found: Generated, source: str) -> tuple[Shell, ...]:
    """The shells of a model in a workspace; raises UnsupportedError with what is wrong for all of them."""
    rendered, picture = found.rendered, found.people["model_overview.png"]
    crate, model = Escaped(rendered.crate), Escaped(rendered.model)
    batch = batching.counted(found.program)
    beside = Model(
        crate,
        model,
        rendered.border,
        source,
        f"../{crate}/{folders.MARKER}",
        bool(rendered.tensors),
        picture,
        None if batch is None else Escaped(batch),
        tomllib.loads(rendered.files["Cargo.toml"])["package"]["version"],
        rendered.external,
    )
    shells: list[Shell] = []
    problems: list[Problem] = []
    for kind in dict.fromkeys(kinds):
        try:
            shells.append(HOSTS[kind].shell(beside))
        except UnsupportedError as error:
            problems += error.problems
    if problems:
        raise UnsupportedError(problems)
    return tuple(shells)


def _refuse_for_many(each: Sequence[Options]) -> None:
    """Raises UsageError for options that are for one model, or for a crate that stands alone."""
    problems = [
        Problem(f"--{option.replace('_', '-')}: is for one model, {len(each)} are given")
        for option in ("name", "crate_name", "features", "thresholds")
        if len(each) > 1 and len({getattr(own, option) for own in each}) == 1 and getattr(each[0], option) is not None
    ]
    if any(own.layers != "copy" for own in each):
        problems.append(Problem("--layers: a workspace has a copy that its crates share"))
    if any(own.force for own in each):
        problems.append(Problem("--force: a workspace is not replaced", hint="remove the folder, or choose another one"))
    if problems:
        raise UsageError(problems)


def _refuse_files(kinds: Sequence[str], each: Sequence[Options]) -> None:
    """Raises UnsupportedError if weights are to be a file, and a host's shell cannot read one."""
    wanted = next((own.weights for own in each if own.external), None)
    problems = [
        Problem(f"--weights {wanted}: --host {kind}: {why}", hint="leave --weights out: they are a part of the program then")
        for kind in dict.fromkeys(kinds)
        if wanted and (why := HOSTS[kind].fileless)
    ]
    if problems:
        raise UnsupportedError(problems)


def _refuse_stacks(kinds: Sequence[str], found: Generated, options: Options) -> None:
    """Raises UnsupportedError if buffers of fixed size, which lie where their owner lies, are too many for a host's threads."""
    fixed = memory.of(found.plan).bytes if options.static else 0
    hint = "convert for it into a folder of its own, without --static and --host embedded: its buffers grow then"
    what = f"buffers of fixed size, {fixed} bytes, are too many for a thread's stack"
    problems = [Problem(f"--host {kind}: {what}", hint=hint) for kind in dict.fromkeys(kinds) if not HOSTS[kind].static]
    if fixed > memory.ON_STACK and problems:
        raise UnsupportedError(problems)


def _all_of(failures: Sequence[tuple[Path, Onnx2RustError]]) -> Onnx2RustError:
    """One error of the first one's kind, with the problems of all."""
    problems = [
        replace(problem, where=f"{source}: {problem.where}" if problem.where else str(source))
        for source, error in failures
        for problem in error.problems
    ]
    return type(failures[0][1])(problems)


def lower(loaded: frontends.Loaded, options: Options) -> Program:
    """ModelProto → Program, passes included."""
    return passed(loaded, options).program


def passed(loaded: frontends.Loaded, options: Options, trace: passes.Trace | None = None) -> Passed:
    """What all passes return of a model; `trace` as in `passes.run`."""
    program = importer.read(loaded.proto, options, loaded.weights)
    _refuse_huge(program)
    # what it makes of a kernel are other numbers, which no fewer bits say, and its tiles take memory that small processors lack
    return passes.run(program, trace, without=("winograd",) if options.storage or options.static else ())


def imported(loaded: frontends.Loaded, options: Options) -> onnx.GraphProto:
    """The graph whose nodes the steps of the first program come from."""
    return importer.rewritten(loaded.proto, options, loaded.weights).graph


def _refuse_huge(program: Program) -> None:
    """A few bytes of a model can ask for any size: refuse what no machine should be made to allocate."""
    hint = f"onnx2rust takes tensors of up to {MAX_ELEMENTS} elements (open sizes counted as 1)"
    problems = [
        Problem(f"has the type {v.type}, which is {elements} elements", where, hint)
        for where, v in [*((f"input {v.name!r}", v) for v in program.inputs)]
        + [(str(step.origin), v) for step in program.walk() for v in step.results()]
        if v.type.room is not None and (elements := evaluate(v.type.room, dict.fromkeys(symbols(v.type.room), 1))) > MAX_ELEMENTS
    ]
    if problems:
        raise UnsupportedError(problems)


def generate(
    loaded: frontends.Loaded,
    source: str,
    options: Options,
    progress: Progress = lambda _: None,
    *,
    drawn: bool = True,
    layers: layer_crate.LayerCrate | None = None,
    prefix: str = "",
) -> Generated:
    """The stages behind the frontend; `source` is the model's file name, `layers` the crate of layers
    unless it is a copy of its own, `prefix` what `emit.Context` says. Unless `drawn`, the picture is laid out but has no pixels:
    drawing some hundred layers takes most of a second, all else that is written for people some milliseconds."""
    given = options.name
    options = replace(options, name=naming.sayable(given, Path(source).stem))
    progress("lowering operators to layers")
    exact, rounded = loaded, 0
    if options.storage is not None:
        loaded, rounded = rounding.rounded_model(exact, options.storage)
    if options.static and options.weights != "embedded":
        what = f"--static: weights are read where the program lies, and not with --weights {options.weights}"
        raise UsageError(what, "leave --weights out")
    program = lower(loaded, options)
    plan = planner.plan(program, options)
    fixed = memory.of(plan) if options.static else None
    progress("running the reference")
    binary = _is_binary(program, options)
    data = samples.make(exact.proto, program, options.features, weights=exact.weights)
    notes = [*loaded.notes, *data.notes]
    if fixed:
        flash = emit.embedded_bytes(program)
        notes.append(
            f"RAM: {fixed.bytes} bytes of values, what layers work in (`Workspace::BYTES` is both), and the stack; "
            f"flash: {flash} bytes of weights before they are packed, and code"
        )
    if options.storage is not None:
        of_rounded = samples.make(loaded.proto, program, options.features, weights=loaded.weights, predictions=False)
        notes.append(rounding.told(options.weights, data, of_rounded, rounded))
        data = replace(of_rounded, departures=data.departures)
    progress("generating the crate")
    context = emit.Context(
        source,
        loaded.kind,
        samples=data.samples,
        batched=data.batched,
        expected=data.expected,
        prefix=prefix,
        drawn=options.features is None,
        rtol=data.tolerance[0],
        atol=data.tolerance[1],
        layers=layers,
        slack=data.slack,
        apart=data.apart,
    )
    if binary:
        context = _classifying(context, options, data)
    if context.placeholder_thresholds:
        notes.append("thresholds.json holds placeholders: give --thresholds, or `labels` in the features file")
    rendered = emit.render(plan, options, context)
    crate = crate_files(rendered)
    if data.samples:
        crate["testdata/features.npz"] = npz.encode(data.arrays)
    people = report_files(exact, program, crate[WEIGHTS], rendered.model, source, drawn=drawn)
    if given and (lost := naming.lost(given)):
        notes.append(f"--name {given!r}: the struct is called {rendered.model}, Rust names are ASCII here ({lost} is left out)")
    if options.crate_name and rendered.crate != options.crate_name:
        notes.append(f"--crate-name {options.crate_name!r}: the crate is called {rendered.crate}")
    return Generated(loaded.kind, crate, rendered, people, tuple(notes), program, plan, data.departures)


def crate_files(rendered: emit.Rendered) -> dict[str, Content]:
    """What a crate is built from, by path."""
    return {name: text.encode() for name, text in rendered.files.items()} | {WEIGHTS: npz.pieces(rendered.weights)}


def _is_binary(program: Program, options: Options) -> bool:
    """Whether the crate is to be a binary classifier. Raises UsageError where the user asks for one that cannot be."""
    why_not = classifier.cannot_be(program)
    if options.binary_classification and why_not:
        raise UsageError(f"--binary-classification: {why_not}", "convert with --no-binary-classification")
    if options.thresholds is not None and (why_not or options.binary_classification is False):
        raise UsageError(f"--thresholds {options.thresholds}: {why_not or 'the crate is to be no binary classifier'}")
    if options.binary_classification is not None or options.thresholds is not None:
        return options.binary_classification is not False
    return why_not is None and classifier.ends_in_probability(program)


def _classifying(context: emit.Context, options: Options, data: samples.TestData) -> emit.Context:
    """With the thresholds of a binary classifier: the user's, or what the user's labels say."""
    if options.thresholds is not None:
        return replace(context, binary=True, levels=thresholds.read(options.thresholds))
    if data.labels is None:
        return replace(context, binary=True, placeholder_thresholds=True)
    levels = thresholds.from_labels(data.arrays[data.expected[0]], data.labels)
    return replace(context, binary=True, levels=levels, negatives=int((data.labels == 0).sum()))

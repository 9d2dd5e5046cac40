"""The lines of `predict`: sizes, checks, steps, outputs; long programs are cut into private methods."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from onnx2rust.batching import Segment
from onnx2rust.emit.code import (
    CPU,
    FIRST,
    INPUTS,
    LAYERS,
    SAMPLES,
    SHARED,
    TURN,
    WORKSPACE,
    Do,
    Function,
    Local,
    Printer,
    Size,
    Statement,
    code,
    defines,
    joined,
)
from onnx2rust.emit.sizes import SizeTable
from onnx2rust.emit.steps import Writer
from onnx2rust.layers.base import View
from onnx2rust.naming import Escaped, Names, code_span, ident, scopes, string, without_common
from onnx2rust.program import Program, Step, Value

BLOCK = 60
"""Steps that a reader can take in at once; longer programs are cut near this."""


@dataclass
class Unit:
    """A step and its statements."""

    step: Step
    path: tuple[str, ...]
    """The scopes that the step stands in, and what it is called there."""
    segment: Segment | None
    statements: list[Statement]


@dataclass
class Method:
    """A private method that runs some of the steps."""

    name: Escaped
    doc: Escaped
    arguments: str
    lines: list[str]
    call: str


@dataclass
class Body:
    """`predict` and the methods it calls."""

    predict: list[str]
    methods: list[Method] = field(default_factory=list)
    dims: list[str] = field(default_factory=list)
    functions: tuple[str, ...] = ()
    """Functions of tf_layers that the lines call."""


def write(writer: Writer, outputs: Sequence[Escaped]) -> Body:
    """Writes the whole program."""
    program = writer.plan.program
    of_step = {step: s for s in writer.plan.segments for step in program.steps[s.start : s.end]}
    units = []
    paths = without_common([scopes(step.origin.node, step.origin.op) for step in program.steps])
    for step, path in zip(program.steps, paths, strict=True):
        if not isinstance(step.layer, View):
            with writer.taking(of_step.get(step)):
                units.append(Unit(step, path, of_step.get(step), writer.step(step)))
    tail = _outputs(writer, program, outputs)
    head: list[Statement] = [_check(writer, v) for v in program.inputs]
    sizes = SizeTable({**writer.scope.symbols, TURN: SAMPLES.name}, writer.scope.variables)
    early, settled = sizes.settle(program.symbols, *(u.statements for u in units), tail, head)
    for unit, statements in zip(units, settled, strict=False):
        unit.statements = statements
    start = head + early
    printer = Printer(sizes)
    given = [writer.scope.symbols[s] for s in program.symbols]
    fields = dict(zip(map(str, given), program.symbols, strict=True))
    runs = [list(run) for _, run in itertools.groupby(units, lambda unit: unit.segment)]
    if len(units) <= BLOCK * 3 // 2:
        inner = [s for unit in units for s in unit.statements]
        used = printer.reads([*start, *inner, *tail])
        loops = [t for run in runs for t in _loop(writer, run[0].segment, printer.lines(_of(run), used))]
        lines = [
            *_sizes(fields, used | _turns(writer)),
            *printer.lines(start, used),
            *_prelude(printer.reads([*inner, *tail])),
            *loops,
        ]
        return Body(lines + printer.lines(tail, used), functions=tuple(sorted(printer.functions)))

    groups = [(_groups(run), run[0].segment) for run in runs]
    late = printer.free(tail) - {str(v.name) for v in (CPU, LAYERS, INPUTS, WORKSPACE)}
    dims, methods = _methods(
        printer, [g for run, _ in groups for g in run], late, [*given, *_made(early), FIRST.name, SAMPLES.name]
    )
    lines = []
    known = [n for n in dims if n in given or n in _made(early)]
    if dims:
        rest = ["..Dims::default()"] if len(dims) > len(known) else []
        late_found = any(n not in (*known, FIRST.name, SAMPLES.name) for n in dims)
        lines.append(f"let {'mut ' if late_found else ''}d = Dims {{ {', '.join([*known, *rest])} }};")
    used = printer.reads(start) | set(known) | printer.free(tail)
    called = iter(methods)
    for run, segment in groups:
        inner_lines = [f"self.{m.name}({m.call})?;" for m in itertools.islice(called, len(run))]
        changed = [n for n in (FIRST.name, SAMPLES.name) if n in dims] if segment else []
        if changed:
            inner_lines.insert(0, f"let d = Dims {{ {', '.join([*changed, *(['..d'] if len(dims) > len(changed) else [])])} }};")
        lines += _loop(writer, segment, inner_lines)
    if late & set(dims) - set(known):
        shown = [n for n in dims if n in late]
        lines.append(f"let Dims {{ {', '.join([*shown, *([] if len(shown) == len(dims) else ['..'])])} }} = d;")
    first = [*_sizes(fields, used | _turns(writer)), *printer.lines(start, used)]
    last = [*_prelude(printer.reads(tail)), *printer.lines(tail, used)]
    return Body(first + lines + last, methods, dims, tuple(sorted(printer.functions)))


def _of(units: Iterable[Unit]) -> list[Statement]:
    return [s for unit in units for s in unit.statements]


def _made(statements: Iterable[Statement]) -> list[str]:
    return [name for s in statements for name in defines(s)]


def _sizes(fields: Mapping[str, str], used: set[str]) -> list[str]:
    """The symbols that are read, as variables."""
    if not fields:
        return []
    shown = [field if field == local else f"{field}: {local}" for local, field in fields.items() if local in used]
    return [f"let Sizes {{ {', '.join([*shown, *([] if len(shown) == len(fields) else ['..'])])} }} = sizes;"]


def _check(writer: Writer, value: Value) -> Statement:
    name = writer.inputs[value]
    shape = joined(Size(d) for d in value.shape)
    return Do(code(Function("check_input"), f"({string(name)}, ", INPUTS, f".{name}.len(), &[", shape, "])?"))


def _outputs(writer: Writer, program: Program, names: Sequence[Escaped]) -> list[Statement]:
    found: list[Statement] = []
    for value, name in zip(program.outputs, names, strict=True):
        shape = joined(Size(d, f"{name}_{k}") for k, d in enumerate(value.shape))
        found.append(Do(code(f"{name}: TensorView {{ data: ", writer.read(value), ", shape: [", shape, "] }"), end=","))
    return [Do(code("Ok(Outputs {"), end=""), *found, Do(code("})"), end="")]


def _prelude(used: set[str]) -> list[str]:
    """The variables that the lines use."""
    lets = ((CPU, "self.cpu"), (LAYERS, "self.layers"))
    return [f"let {v.name} = {value};" for v, value in lets if v.name in used]


def _turns(writer: Writer) -> set[str]:
    """The variables that the loops over samples read."""
    return {str(writer.scope.symbols[s.batch]) for s in writer.plan.segments}


def _loop(writer: Writer, segment: Segment | None, lines: list[str]) -> list[str]:
    """The lines of a segment's steps, once for each few samples."""
    if segment is None:
        return lines
    batch, few = writer.scope.symbols[segment.batch], segment.samples
    head = [f"for first in 0..{batch} {{"]
    if few > 1:
        head = [f"for first in (0..{batch}).step_by({few}) {{", f"let samples = ({batch} - first).min({few});"]
    size = "One" if few == 1 else "A few"
    return [
        f"// Samples do not depend on each other. {size} at a time, so that a layer finds in the cache what the one before it wrote.",
        *head,
        *lines,
        "}",
    ]


def _methods(printer: Printer, groups: list[list[Unit]], late: set[str], given: list[str]) -> tuple[list[str], list[Method]]:
    """A method for each of the groups, and the sizes that they share: those of `given`, and those found while running, that one of them
    reads, or that are read behind them (`late`)."""
    found = [name for group in groups for name in _made(_of(group))]
    shareable = list(dict.fromkeys([*given, *found]))
    takes = [printer.free(_of(group)) & set(shareable) for group in groups]
    shared = set[str]().union(late, *takes)
    dims = [n for n in shareable if n in shared]
    names, methods = Names(), []
    for number, (group, takes_here) in enumerate(zip(groups, takes, strict=True)):
        statements = list(_sharing(_of(group), shared.intersection(found)))
        used = printer.reads(statements)
        arguments, call = [], []
        if takes_here or SHARED.name in used:
            changes = SHARED.name in used
            arguments.append("d: &mut Dims" if changes else "d: &Dims")
            call.append("&mut d" if changes else "&d")
        for name, type_ in ((INPUTS.name, "Inputs<'_>"), (WORKSPACE.name, "&mut Workspace")):
            if name in used:
                arguments.append(f"{name}: {type_}")
                call.append(name)
        shown = ", ".join(n for n in dims if n in takes_here)
        head = [f"let Dims {{ {shown}, .. }} = *d;"] if takes_here else []
        name, doc = _scope(group, number + 1)
        lines = head + _prelude(used) + printer.lines(statements, used)
        methods.append(Method(names.unique(name), doc, ", ".join(arguments), lines, ", ".join(call)))
    return dims, methods


def _sharing(statements: Iterable[Statement], shared: set[str]) -> Iterable[Statement]:
    """The statements; what they find and other methods read is put into `d`."""
    for statement in statements:
        yield statement
        for name in defines(statement):
            if name in shared:
                yield Do(code(SHARED, f".{name} = ", Local(name)))


def _groups(units: list[Unit]) -> list[list[Unit]]:
    """Cuts a long run where the fewest scopes go on, once a method is large enough; at BLOCK steps at the latest."""
    groups: list[list[Unit]] = []
    while len(units) > BLOCK * 3 // 2:
        cut = min(range(BLOCK, BLOCK // 2 - 1, -1), key=lambda k: _shared(units[k - 1].path, units[k].path))
        groups.append(units[:cut])
        units = units[cut:]
    return [*groups, units]


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many scopes the two have in common."""
    same = 0
    for a, b in zip(one[:-1], other[:-1], strict=False):
        if a != b:
            break
        same += 1
    return same


def _scope(group: list[Unit], number: int) -> tuple[Escaped, Escaped]:
    """What a method is called, and what its documentation says: the scope that all its steps stand in, or the first and the last one."""
    first, last = group[0].path, group[-1].path
    common = min(_shared(first, unit.path) for unit in group)
    # where the steps have no scope in common, the outer ones of the first and the last step
    inside = [first[:common]] if common else list(dict.fromkeys(p[:1] for p in (first, last) if len(p) > 1))
    name = ident("_to_".join("_".join(e) for e in inside), f"part_{number}")
    shown = " to ".join(code_span("/".join(e)) for e in inside)
    steps = f"{len(group)} steps, {code_span(group[0].step.name)} to {code_span(group[-1].step.name)}."
    return Escaped(f"run_{name}"), Escaped(f"{shown}: {steps}" if shown else steps)

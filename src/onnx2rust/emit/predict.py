"""The lines of `predict`: sizes, checks, steps, outputs; long programs are cut into private methods."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from onnx2rust.base.naming import Escaped, Names, ident
from onnx2rust.emit import borders, lengths
from onnx2rust.emit.alike import Kind, anonymous, common_name, common_text, read
from onnx2rust.emit.code import (
    CPU,
    FIRST,
    INPUTS,
    LAYERS,
    SAMPLES,
    SHARED,
    TURN,
    WORKSPACE,
    Code,
    Comment,
    Do,
    Function,
    Let,
    Local,
    Piece,
    Size,
    Statement,
    Turn,
    code,
    defines,
    expression,
    joined,
    members,
)
from onnx2rust.emit.control import Writer
from onnx2rust.emit.cutting import Method, Part, Unit, named, parts_of
from onnx2rust.emit.lines import Printer
from onnx2rust.emit.sizes import SizeTable
from onnx2rust.ir.layer import View
from onnx2rust.ir.places import paths
from onnx2rust.ir.program import Program
from onnx2rust.plan.batching import Segment


@dataclass(frozen=True)
class Predict:
    """`predict` and the methods it calls."""

    lines: tuple[Escaped, ...]
    methods: tuple[Method, ...]
    dims: tuple[Escaped, ...]
    """Fields of `Dims`."""
    functions: frozenset[str]
    """Functions of tf_layers that the lines call."""
    single: frozenset[str]
    """Layers and constants that are read outside of alike blocks."""
    parts: tuple[Part, ...]
    """What the lines were written of, in order."""
    scratch: tuple[Escaped, ...] = ()
    """In a crate of fixed size: how much scratch each step needs."""

    @property
    def scratch_reads(self) -> bool:
        """Whether any of those steps has a layer with parameters."""
        return any(s.startswith(f"{LAYERS.name}.") for s in self.scratch)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of alike blocks."""
        return tuple(method.kind for method in self.methods if method.kind)


def write(writer: Writer, outputs: Sequence[Escaped]) -> Predict:
    """Writes the whole program."""
    program = writer.plan.program
    of_step = {step: s for s in writer.plan.segments for step in program.steps[s.start : s.end]}
    writers = {s: replace(writer, segment=s) for s in (None, *writer.plan.segments)}
    units = [
        Unit(step, path, of_step.get(step), writers[of_step.get(step)].step(step))
        for step, path in paths(program.steps).items()
        if not isinstance(step.layer, View)
    ]
    parts = parts_of(units)
    for part in parts:
        for segment, run in itertools.groupby(part.units, lambda unit: unit.segment):
            if segment:
                _name_views(writer, list(run), segment is not part.around)
    tail = _outputs(writer, program, outputs)
    head: list[Statement] = [Do(c) for v in program.inputs if (c := borders.check(v, writer.inputs[v]))]
    count = _counts(program)
    sizes = SizeTable({**writer.scope.symbols, TURN: SAMPLES.name}, writer.scope.variables)
    early, settled = sizes.settle(program.symbols, *(u.statements for u in units), tail, head, count)
    for unit, statements in zip(units, settled, strict=False):
        unit.statements = statements
    start = head + early + count
    printer = Printer(sizes)
    given = [writer.scope.symbols[s] for s in program.symbols]
    fields = dict(zip(map(str, given), program.symbols, strict=True))
    used = printer.reads([*start, *_of(units), *tail])
    inline = [s for part in parts if not part.method for s in _of(part.units)]
    found = set(_made(s for part in parts if part.method for s in _of(part.units)))
    late = printer.free(tail) - {str(v.name) for v in (CPU, LAYERS, INPUTS, WORKSPACE)}
    dims, methods = _methods(writer, printer, parts, late, [*given, *_made(early), FIRST.name, SAMPLES.name])
    known = [n for n in dims if n in given or n in _made(early)]
    turn = [n for n in (FIRST.name, SAMPLES.name) if n in dims]
    lines = []
    if set(dims) - set(turn):
        rest = ["..Dims::default()"] if len(dims) > len(known) else []
        late_found = any(n not in (*known, *turn) for n in dims)
        lines.append(f"let {'mut ' if late_found else ''}{SHARED.name} = Dims {{ {', '.join([*known, *rest])} }};")
    for around, group in itertools.groupby(parts, lambda part: part.around):
        inner: list[str] = []
        turns = False
        for _, alike in itertools.groupby(group, lambda part: id((part.called and part.called.kind) or part)):
            part, *others = alike
            if part.called:
                inner += _calls(part.called, 1 + len(others))
                turns |= part.called.turn
                continue
            taken = printer.free(_of(part.units)) & found
            inner += [f"let Dims {{ {', '.join(n for n in dims if n in taken)}, .. }} = d;"] if taken else []
            inner += _lines(writer, printer, part, used, set(dims) - set(known))
        if around and turns:
            inner.insert(0, f"let d = Dims {{ {', '.join([*turn, *(['..d'] if len(dims) > len(turn) else [])])} }};")
        lines += _loop(writer, around, inner)
    if late & found:
        lines.append(_taken("Dims", [n for n in dims if n in late & found], len(dims), "d"))
    here = printer.reads([*start, *inline, *tail]) | set(known) | printer.free(tail) | _turns(writer)
    first = [*_sizes(fields, here), *printer.lines(start, here), *_prelude(printer.reads([*inline, *tail]))]
    in_own_fields = [s for part in parts if not (part.called and part.called.kind) for s in _of(part.units)]
    lines = [*first, *lines, *printer.lines(tail, used)]
    single = frozenset(members([*in_own_fields, *tail]))
    shared = tuple(map(Escaped, dims))
    functions = frozenset(printer.functions)
    return Predict(tuple(map(Escaped, lines)), tuple(methods), shared, functions, single, tuple(parts))


def with_scratch(text: Predict, writer: Writer) -> Predict:
    """The same with what each step, whose sizes are known, needs of scratch."""
    printer = Printer(SizeTable({}, Names()), {n: f for kind in text.kinds for n, f in kind.paths().items()})
    steps = [step for step in writer.plan.program.walk() if step.layer.scratch]
    return replace(text, scratch=tuple(Escaped(printer.text(writer.scratch_len(step))) for step in steps))


def _calls(method: Method, blocks: int) -> list[str]:
    """The call of a method, or the calls for as many alike blocks."""
    if method.kind is None:
        return [f"self.{method.name}({method.call})?;"]
    place, last = f"&self.layers.{method.kind.array}", method.block + blocks
    call = f"self.{method.name}({{}}{', ' if method.call else ''}{method.call})?;"
    if blocks == 1:
        return [call.format(f"{place}[{method.block}]")]
    chosen = "" if blocks == len(method.kind.blocks) else f"[{method.block}..{last}]"
    return [f"for block in {place}{chosen} {{", call.format("block"), "}"]


def _name_views(writer: Writer, units: list[Unit], named: bool) -> None:
    """Takes a view of what the steps of a loop's turn read or write in more than one place, and names it after what it holds;
    where they are not `named`, methods stand in the loop."""
    found: dict[str, list[Turn]] = {}
    for piece in (p for s in _of(units) for p in expression(s).pieces):
        if isinstance(piece, Turn):
            found.setdefault(piece.place, []).append(piece)
    views: dict[str, Local] = {}
    lets: list[Statement] = []
    for place, turns in found.items():
        mutable = [turn for turn in turns if turn.mutable]
        moved = bool(mutable) and not all(turn.passed for turn in turns)
        if named and len(turns) > 1 and not moved and len({turn.elements for turn in turns}) == 1:
            view = views[place] = Local(writer.scope.variables.unique(ident(turns[0].name)))
            lets.append(Let((view.name,), Code((mutable or turns)[0].text)))

    def written(piece: Piece) -> tuple[Piece, ...]:
        if not isinstance(piece, Turn):
            return (piece,)
        return (views[piece.place],) if piece.place in views else piece.text

    for unit in units:
        unit.statements = [
            replace(s, value=Code(tuple(q for p in s.value.pieces for q in written(p)))) if isinstance(s, Do) else s
            for s in unit.statements
        ]
    units[0].statements[:0] = lets


def _of(units: Iterable[Unit]) -> list[Statement]:
    return [s for unit in units for s in unit.statements]


def _made(statements: Iterable[Statement]) -> list[str]:
    return [name for s in statements for name in defines(s)]


def _sizes(fields: Mapping[str, str], used: set[str]) -> list[str]:
    """The symbols that are read, as variables."""
    if not fields:
        return []
    shown = [field if field == local else f"{field}: {local}" for local, field in fields.items() if local in used]
    return [_taken("Sizes", shown, len(fields), "sizes")]


def _taken(struct: str, fields: Sequence[str], count: int, source: str) -> str:
    """The pattern that takes some of `count` fields."""
    return f"let {struct} {{ {', '.join([*fields, *(['..'] * (len(fields) < count))])} }} = {source};"


def _outputs(writer: Writer, program: Program, names: Sequence[Escaped]) -> list[Statement]:
    found: list[Statement] = []
    for value, name in zip(program.outputs, names, strict=True):
        found.append(Do(borders.handed_out(value, name, writer.read(value)), end=","))
    return [Do(code("Ok(Outputs {"), end=""), *found, Do(code("})"), end="")]


def _counts(program: Program) -> list[Statement]:
    """The check that no tensor is too large to be counted."""
    shapes = [code("&[", joined(Size(d) for d in shape), "]") for shape in lengths.largest(program)]
    return [Do(code(Function("check_lengths"), "(&[", joined(shapes), "])?"))] if shapes else []


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
    size = "One" if few == 1 else f"At most {few}"
    touched = f"{segment.touched / (1 << 20):.1f} MiB" if segment.touched >= 1 << 20 else f"{-(-segment.touched // 1024)} KiB"
    return [
        f"// Samples do not depend on each other. {size} at a time: a layer reads and writes up to {touched} for each, and "
        "finds in the",
        "// cache what the one before it wrote.",
        *head,
        *lines,
        "}",
    ]


def _lines(writer: Writer, printer: Printer, part: Part, used: set[str], shared: Iterable[str] = ()) -> list[str]:
    """The lines of a part, with the loops that begin and end in it; what they find of `shared` is put into `d`."""
    of_shared = set(shared)
    part.shown, part.lines_of = part, lambda unit: printer.lines(_sharing(unit.statements, of_shared), used)
    return [
        line
        for segment, run in itertools.groupby(part.units, lambda unit: unit.segment)
        for line in _loop(writer, None if segment is part.around else segment, printer.lines(_sharing(_of(run), of_shared), used))
    ]


def _takes(writer: Writer, printer: Printer, part: Part) -> set[str]:
    """The variables that a part's lines read and do not define."""
    own = {unit.segment for unit in part.units} - {None, part.around}
    bound = {FIRST.name, SAMPLES.name} if own else set[str]()
    return (printer.free(_of(part.units)) - bound) | {str(writer.scope.symbols[s.batch]) for s in own if s}


def _methods(
    writer: Writer, printer: Printer, parts: Sequence[Part], late: set[str], given: Sequence[str]
) -> tuple[list[str], list[Method]]:
    """The methods, and the sizes that they share: those that one of them reads, and those that one of them finds and `predict`
    reads (`late`, or in a part that is no method)."""
    found = [name for part in parts for name in _made(_of(part.units))]
    in_methods = {name for part in parts if part.method for name in _made(_of(part.units))}
    shareable = list(dict.fromkeys([*given, *found]))
    takes = [_takes(writer, printer, part) & set(shareable) for part in parts]
    needed = late & in_methods
    for part, takes_here in zip(parts, takes, strict=True):
        needed |= takes_here if part.method else takes_here & in_methods
    dims = [n for n in shareable if n in needed]
    names, methods = Names(), list[Method]()
    shared = needed.intersection(found)
    alike: dict[tuple[object, ...], list[Part]] = {}
    for number, (part, takes_here) in enumerate(zip(parts, takes, strict=True)):
        if not part.method:
            continue
        used = printer.reads(_sharing(_of(part.units), shared))
        arguments, call = [], []
        if takes_here or SHARED.name in used:
            changes = SHARED.name in used
            arguments.append("d: &mut Dims" if changes else "d: &Dims")
            call.append("&mut d" if changes else "&d")
        for name, type_ in ((INPUTS.name, "Inputs<'_>"), (WORKSPACE.name, "&mut Workspace")):
            if name in used:
                arguments.append(f"{name}: {type_}")
                call.append(name)
        head = [f"let Dims {{ {', '.join(n for n in dims if n in takes_here)}, .. }} = *d;"] if takes_here else []
        name, place = named(parts, number, f"part_{1 + sum(p.method for p in parts[:number])}")
        turn = not takes_here.isdisjoint((FIRST.name, SAMPLES.name))
        lines = [Escaped(line) for line in head]
        part.called = Method(name, place, len(part.units), Escaped(", ".join(arguments)), lines, ", ".join(call), turn)
        layers = read(_of(part.units))
        bare = Part(
            [replace(u, statements=[s for s in u.statements if not isinstance(s, Comment)]) for u in part.units], part.around
        )
        text = _lines(writer, anonymous(printer, layers), bare, used, shared)
        comments = sum(isinstance(s, Comment) for s in _of(part.units))
        key = (
            (id(part.around), comments, *arguments, *head, *text, *(writer.types[name] for name in layers))
            if layers
            else (number,)
        )
        alike.setdefault(key, []).append(part)
    for part, *others in alike.values():
        method = part.called
        assert method is not None
        own = _unite(writer, printer, [part, *others]) if others else printer
        used = own.reads(_sharing(_of(part.units), shared)) - ({LAYERS.name} if method.kind else set())
        method.lines += map(Escaped, _prelude(used) + _lines(writer, own, part, used, shared))
        method.name = names.unique(method.name)
        for block, other in enumerate(others, 1):
            other.called, other.shown = replace(method, block=block), part
        methods.append(method)
    return dims, methods


def _unite(writer: Writer, printer: Printer, parts: Sequence[Part]) -> Printer:
    """Makes the method of the first of alike parts that of all of them; returns the printer of its lines."""
    methods = [part.called for part in parts if part.called]
    first, last = methods[0], methods[-1]
    names = [m.name.removeprefix("run_") for m in methods]
    words = "" if any("_to_" in name or name.startswith("part_") for name in names) else common_name(names)
    blocks = [read(_of(part.units)) for part in parts]
    kind = Kind(words, blocks, "'w" if any("'w" in writer.types[name] for name in blocks[0]) else "")
    kind.name(writer.scope.own, writer.weights.reserve)
    kind.place = Escaped(f"{first.place}, …, {last.place}")
    first.kind = kind
    first.place = Escaped(f"One of the alike blocks, {kind.place}")
    first.name = Escaped(f"run_{ident(words, 'block')}")
    comments = ([s.text for s in _of(part.units) if isinstance(s, Comment)] for part in parts)
    shown = iter([common_text(of_one) for of_one in zip(*comments, strict=True)])
    for unit in parts[0].units:
        unit.statements = [replace(s, text=next(shown)) if isinstance(s, Comment) else s for s in unit.statements]
    own = f"{LAYERS.name}: &{kind.struct}" + ("<'_>" if kind.lifetime else "")
    first.arguments = Escaped(", ".join(filter(None, [own, first.arguments])))
    return replace(printer, members=kind.called(0))


def _sharing(statements: Iterable[Statement], shared: set[str]) -> Iterable[Statement]:
    """The statements; what they find and other methods read is put into `d`."""
    for statement in statements:
        yield statement
        for name in defines(statement):
            if name in shared:
                yield Do(code(SHARED, f".{name} = ", Local(name)))

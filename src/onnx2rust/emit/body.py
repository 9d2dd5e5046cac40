"""The lines of `predict`: sizes, checks, steps, outputs; long programs are cut into private methods."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onnx2rust.batching import Segment
from onnx2rust.dims import Dim
from onnx2rust.emit.steps import Writer
from onnx2rust.layers.base import View
from onnx2rust.naming import Escaped, Names, ident, string
from onnx2rust.program import Program, Step, Value

Text = tuple[Step, list[str]]
"""A step and its lines."""
BLOCK = 60
"""Steps that a reader can take in at once; longer programs are cut near this."""


@dataclass
class Block:
    """A private method that runs some of the steps."""

    name: Escaped
    doc: Escaped
    arguments: str
    lines: list[str]


@dataclass
class Body:
    """`predict` and the methods it calls."""

    predict: list[str]
    blocks: list[Block] = field(default_factory=list)
    dims: list[str] = field(default_factory=list)
    checks: tuple[str, ...] = ()
    """Functions of tf_layers that check sizes."""


def write(writer: Writer, outputs: Sequence[Escaped]) -> Body:
    """Writes the whole program. Twice: the first time finds out which sizes need a name, and where they are used."""
    program = writer.plan.program
    given = set(program.symbols)
    steps = [step for step in program.steps if not isinstance(step.layer, View)]
    segments = {step: s for s in writer.plan.segments for step in program.steps[s.start : s.end]}
    writer.shares_dims = len(steps) > BLOCK * 3 // 2
    for _ in range(2):
        writer.known, writer.computed, writer.loops = set(given), set(), 0
        texts = []
        for step in steps:
            writer.segment = segments.get(step)
            texts.append((step, writer.step(step)))
        writer.segment = None
        tail = _outputs(writer, program, outputs)
        writer.late = [n for n in writer.sizes.named if not n.needs <= given]
    early = [n for n in writer.sizes.named if n.needs <= given and not writer.sizes.home(n)]
    head = [_check(writer, v, v.shape) for v in program.inputs]
    lines = [line for _, ts in texts for line in ts]
    used = _names_used(head + [n.let for n in early] + lines + tail, program.symbols)
    start: list[str] = []
    if program.symbols:
        rest = [] if len(used) == len(program.symbols) else [".."]
        start.append(f"let Sizes {{ {', '.join([*used, *rest])} }} = sizes;")
    start += head + [n.let for n in early]
    if segments:
        start.append(f"let samples = {program.symbols[0]};")
    named = {"window_count" if n.windows else "size" for n in writer.sizes.named}
    checks = tuple(sorted(named | ({"elements"} if writer.checks_elements else set())))
    if not writer.shares_dims:
        turns = [([line for _, ts in group for line in ts], segments.get(group[0][0])) for group in _runs(texts, segments)]
        loops = [line for inner, segment in turns for line in _loop(segment, inner)]
        return Body(start + _prelude(lines) + loops + tail, checks=checks)
    names = Names()
    found = list(dict.fromkeys(re.findall(r"^d\.([a-z_0-9]+) =", "\n".join(lines), re.M)))
    fields = [*program.symbols, *(str(n.name) for n in early)]
    if segments:
        fields += ["first: 0", "samples"]
    dims = [*(f.split(":")[0] for f in fields), *found]
    calls: list[str] = []
    blocks: list[Block] = []
    for group in _runs(texts, segments):
        segment = segments.get(group[0][0])
        cut = _cut(group, dims, names, len(blocks))
        inner = [f"self.{b.name}({_call_arguments(b.arguments)})?;" for b in cut]
        calls += _loop(segment, [f"let d = Dims {{ {segment.batch}, first, ..d }};", *inner] if segment else inner)
        blocks += cut
    if dims:
        if len(used) != len(program.symbols):
            start[0] = f"let Sizes {{ {', '.join(program.symbols)} }} = sizes;"
        rest = ["..Dims::default()"] if found else []
        start.append(f"let {'mut ' if found else ''}d = Dims {{ {', '.join([*fields, *rest])} }};")
    late = _names_used(tail, found)
    late_tail = [f"let Dims {{ {', '.join([*late, '..'])} }} = d;"] if late else []
    return Body(start + calls + late_tail + _prelude(tail) + tail, blocks, dims, checks)


def _check(writer: Writer, value: Value, shape: tuple[Dim, ...]) -> str:
    name = writer.inputs[value]
    dims = ", ".join(writer.sizes.rust(d) for d in shape)
    return f"check_input({string(name)}, inputs.{name}.len(), &[{dims}])?;"


def _outputs(writer: Writer, program: Program, names: Sequence[Escaped]) -> list[str]:
    fields = []
    for value, name in zip(program.outputs, names, strict=True):
        shape = ", ".join(writer.sizes.rust(d, f"{name}_{k}") for k, d in enumerate(value.shape))
        fields.append(f"{name}: TensorView {{ data: {writer.read(value)}, shape: [{shape}] }},")
    return ["Ok(Outputs {", *fields, "})"]


def _names_used(lines: Sequence[str], names: Sequence[str]) -> list[str]:
    # not the fields of anything: `l.first` is a layer
    code = "\n".join(t for t in lines if not t.startswith("//"))
    words = set(re.findall(r"(?<![a-z0-9_])(?<![^.]\.)[a-z_][a-z0-9_]*", code))
    return [n for n in names if n in words]


def _prelude(lines: Sequence[str]) -> list[str]:
    """The variables that the lines use."""
    code = "\n".join(t for t in lines if not t.lstrip().startswith("//"))
    prelude = ["let cpu = self.cpu;"] if re.search(r"\bcpu\b", code) else []
    return prelude + (["let l = self.layers;"] if re.search(r"\bl\.", code) else [])


def _runs(texts: list[Text], segments: Mapping[Step, Segment]) -> list[list[Text]]:
    """The steps of one segment together, and those between segments."""
    return [list(group) for _, group in itertools.groupby(texts, lambda text: segments.get(text[0]))]


def _loop(segment: Segment | None, lines: list[str]) -> list[str]:
    """The lines of a segment's steps, once for each few samples."""
    if segment is None:
        return lines
    batch = segment.batch
    return [
        "// Samples do not depend on each other. A few at a time, so that a layer finds in the cache what the one before it wrote.",
        f"for first in (0..samples).step_by({segment.samples}) {{",
        f"let {batch} = (samples - first).min({segment.samples});",
        *lines,
        "}",
    ]


def _cut(texts: list[Text], dims: list[str], names: Names, before: int) -> list[Block]:
    blocks: list[Block] = []
    for number, group in enumerate(_groups(texts), before):
        lines = [line for _, ts in group for line in ts]
        first, last = group[0][0], group[-1][0]
        code = "\n".join(lines)
        used = _names_used(lines, dims)
        defined = set(re.findall(r"d\.([a-z_0-9]+) =", code))
        used = [u for u in used if u not in defined or not _defined_first(lines, u)]
        arguments = []
        if used or defined:
            arguments.append("d: &mut Dims" if defined else "d: &Dims")
        if re.search(r"\binputs\.", code):
            arguments.append("inputs: Inputs<'_>")
        arguments.append("ws: &mut Workspace")
        head = [f"let Dims {{ {', '.join(used)}, .. }} = *d;"] if used else []
        scope = ident(_scope(group), f"part_{number + 1}")
        name = names.unique(f"run_{scope}")
        doc = Escaped(f"Steps `{first.name}` to `{last.name}`.")
        blocks.append(Block(name, doc, ", ".join(arguments), head + _prelude(lines) + lines))
    return blocks


def _defined_first(lines: list[str], name: str) -> bool:
    """Whether the block itself defines the name before it uses it."""
    for line in lines:
        if re.search(rf"\b{name}\b", line):
            return line.startswith("let ") and re.search(rf"\b{name}\b", line.split("=")[0]) is not None
    return False


def _groups(texts: list[Text]) -> list[list[Text]]:
    """Cuts where the name scope changes, once a block is large enough; at BLOCK steps wherever that is."""
    groups: list[list[Text]] = [[]]
    for item in texts:
        current = groups[-1]
        if len(current) >= BLOCK or (len(current) >= BLOCK // 2 and _top(current[-1][0]) != _top(item[0])):
            groups.append([])
        groups[-1].append(item)
    return groups


def _top(step: Step) -> str:
    return re.split(r"[/.]", step.origin.node)[0]


def _scope(group: list[Text]) -> str:
    return _top(group[0][0])


def _call_arguments(arguments: str) -> str:
    """What predict passes for a block's parameters."""
    names = [a.split(":") for a in arguments.split(", ")]
    return ", ".join(("&mut d" if "&mut" in kind else "&d") if n == "d" else n for n, kind in names)

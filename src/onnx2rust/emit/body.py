"""The lines of `predict`: sizes, checks, steps, outputs; long programs are cut into private methods."""

from __future__ import annotations

import itertools
import re
from collections import Counter
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
    start = head + [n.let for n in early]
    if segments:
        start.append(f"let samples = {program.symbols[0]};")
    if program.symbols and not writer.shares_dims:
        used = _names_used(start + lines + tail, program.symbols)
        rest = [] if len(used) == len(program.symbols) else [".."]
        start.insert(0, f"let Sizes {{ {', '.join([*used, *rest])} }} = sizes;")
    named = {"window_count" if n.windows else "size" for n in writer.sizes.named}
    checks = tuple(sorted(named | ({"elements"} if writer.checks_elements else set())))
    if not writer.shares_dims:
        turns = [([line for _, ts in run for line in ts], segments.get(run[0][0])) for run in _runs(texts, segments)]
        loops = [line for inner, segment in turns for line in _loop(segment, inner)]
        return Body(start + _prelude(lines) + _without_unread(loops, tail) + tail, checks=checks)
    found = list(dict.fromkeys(re.findall(r"^d\.([a-z_0-9]+) =", "\n".join(lines), re.M)))
    fields = {name: name for name in [*program.symbols, *(str(n.name) for n in early)]}
    if segments:
        fields |= {"first": "first: 0", "samples": "samples"}
    late = _names_used(tail, found)
    runs = [_groups(run) for run in _runs(texts, segments)]
    blocks, read = _cut([group for run in runs for group in run], [*fields, *found], late)
    dims = [n for n in [*fields, *found] if n in read or n in late]
    if dims:
        given_dims = [fields[n] for n in fields if n in dims]
        rest = ["..Dims::default()"] if len(dims) > len(given_dims) else []
        start.append(f"let {'mut ' if rest else ''}d = Dims {{ {', '.join([*given_dims, *rest])} }};")
    used = _names_used(start + tail, program.symbols)
    if program.symbols:
        rest = [] if len(used) == len(program.symbols) else [".."]
        start.insert(0, f"let Sizes {{ {', '.join([*used, *rest])} }} = sizes;")
    called = iter(blocks)
    calls = []
    for run in runs:
        segment = segments.get(run[0][0][0])
        inner = [f"self.{b.name}({_call_arguments(b.arguments)})?;" for b in itertools.islice(called, len(run))]
        changed = [n for n in (segment.batch, "first") if n in dims] if segment else []
        if changed:
            rest = ["..d"] if len(dims) > len(changed) else []
            inner.insert(0, f"let d = Dims {{ {', '.join([*changed, *rest])} }};")
        calls += _loop(segment, inner)
    late_tail = [f"let Dims {{ {', '.join([*late, *([] if len(late) == len(dims) else ['..'])])} }} = d;"] if late else []
    return Body(start + calls + late_tail + _prelude(tail) + tail, blocks, dims, checks)


def _without_unread(lines: list[str], tail: list[str]) -> list[str]:
    """The lines without the names of sizes that they find and neither they nor `tail` read."""
    words = Counter(_words(lines + tail))

    def shown(line: str) -> str:
        found = re.match(r"let \[([^\]]*)\] = ", line)
        if found is not None:
            return f"let [{', '.join(n if words[n] > 1 else '_' for n in found[1].split(', '))}] = {line[found.end() :]}"
        checked = re.match(r"let (\w+) = (?:size|window_count)\(", line)
        return line if checked is None or words[checked[1]] > 1 else re.sub(r"^let \w+", "let _", line)

    # the number of iterations is there for rows that were collected
    counted = [re.fullmatch(r"let (\w+) = i_\d+;", line) for line in lines]
    return [shown(line) for line, count in zip(lines, counted, strict=True) if count is None or words[count[1]] > 1]


def _words(lines: Sequence[str]) -> list[str]:
    """Variables (and functions, types…) that the lines name: no comments, texts, fields or methods."""
    code = "\n".join(t for t in lines if not t.lstrip().startswith("//"))
    code = re.sub(r'"(?:\\.|[^"\\])*"', "", code)
    return re.findall(r"(?<!\w)(?:(?<!\.)|(?<=\.\.))[a-z_][a-z0-9_]*\b(?!: )", code)


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
    words = set(_words(lines))
    return [n for n in names if n in words]


def _prelude(lines: Sequence[str]) -> list[str]:
    """The variables that the lines use."""
    words = _words(lines)
    return [let for name, let in (("cpu", "let cpu = self.cpu;"), ("l", "let l = self.layers;")) if name in words]


def _runs(texts: list[Text], segments: Mapping[Step, Segment]) -> list[list[Text]]:
    """The steps of one segment together, and those between segments."""
    return [list(run) for _, run in itertools.groupby(texts, lambda text: segments.get(text[0]))]


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


def _cut(texts: list[list[Text]], dims: list[str], late: list[str]) -> tuple[list[Block], set[str]]:
    """A method for each of the groups, and those of `dims` that they read; `late` are read behind them."""
    groups = [([step for step, _ in group], [line for _, ts in group for line in ts]) for group in texts]
    takes = []
    for _, lines in groups:
        defined = set(re.findall(r"^d\.([a-z_0-9]+) =", "\n".join(lines), re.M))
        used = _names_used([t for t in lines if not t.startswith("d.")], dims)
        takes.append([u for u in used if u not in defined or not _defined_first(lines, u)])
    read = {name for names in takes for name in names}
    names = Names()
    blocks = []
    for number, ((steps, lines), used) in enumerate(zip(groups, takes, strict=True)):
        kept = [t for t in lines if not t.startswith("d.") or t[2:].split(" =")[0] in read | set(late)]
        kept = _without_unread(kept, [])
        words = set(_words(kept))
        arguments = []
        if used or "d" in words:
            arguments.append("d: &mut Dims" if "d" in words else "d: &Dims")
        if "inputs" in words:
            arguments.append("inputs: Inputs<'_>")
        if "ws" in words:
            arguments.append("ws: &mut Workspace")
        head = [f"let Dims {{ {', '.join(used)}, .. }} = *d;"] if used else []
        name = names.unique(f"run_{ident(_top(steps[0]), f'part_{number + 1}')}")
        doc = Escaped(f"Steps `{steps[0].name}` to `{steps[-1].name}`.")
        blocks.append(Block(name, doc, ", ".join(arguments), head + _prelude(kept) + kept))
    return blocks, read


def _defined_first(lines: list[str], name: str) -> bool:
    """Whether the block itself defines the name before it uses it."""
    first = next((line for line in lines if name in _words([line])), "")
    return first.startswith("let ") and name in _words([first.split("=")[0]])


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


def _call_arguments(arguments: str) -> str:
    """What predict passes for a block's parameters."""
    names = [a.split(":") for a in arguments.split(", ") if a]
    return ", ".join(("&mut d" if "&mut" in kind else "&d") if n == "d" else n for n, kind in names)

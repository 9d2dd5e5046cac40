"""Program → Plan: which value lives in which workspace slot.

Values whose lifetimes do not overlap share a slot of their element type; a layer that can work in place writes over an
input that dies there. Two placements are tried (in order of execution with best fit; largest first) and the smaller one is kept:
on real models they differ by up to a third, either way.

A segment (see `batching`) is a loop: what it reads from outside stays alive until its last step, and what outlives it has its
buffer from its first step on. Such values are whole; all others of a segment are as large as the samples of one turn. They, and
the scratch memory of the segment's layers, share no slot with others: turns that ran at once would need a `Part` each of the
workspace, and of the whole buffers they write different elements.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from onnx2rust.base.options import Options
from onnx2rust.ir import views
from onnx2rust.ir.dims import Dim, evaluate, symbols
from onnx2rust.ir.program import Program, Step, Value
from onnx2rust.ir.types import Type
from onnx2rust.layers.control import Loop
from onnx2rust.plan import batching
from onnx2rust.plan.batching import Segment

NOMINAL = 16
"""What a symbol is taken to be when sizes are compared."""
FOREVER = 1 << 60


@dataclass(frozen=True, eq=False)
class Plan:
    """A program and the placement of its values. `root` resolves views: values with one root share their elements. `whole` are
    the values (roots) whose buffers hold all samples, also while a segment runs."""

    program: Program
    slots: tuple[Type, ...]
    slot_of: dict[Value, int]
    in_place: dict[Step, int]
    contents: dict[int, list[Value]]
    segments: tuple[Segment, ...]
    whole: frozenset[Value]
    of_turns: frozenset[int]
    """Slots of values that exist for one turn of a segment."""
    order: tuple[Step, ...]
    """All steps, those of bodies included, as they are executed: what is alive is counted in places of it."""
    lives: dict[Value, tuple[int, int]]
    """From which place of `order` to which (inclusive) the values that lie in slots are alive."""
    _root: dict[Value, Value]

    def bytes(self, slot: int, size: Callable[[Dim], int]) -> int:
        """The bytes of a slot where sizes are what `size` says."""
        return max((v.type.bytes(size) for v in self.contents[slot]), default=0)

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """Where the slots are in the workspace: `s0`, `s1`…, and `part.s0`… for values of turns."""
        counts = {True: itertools.count(), False: itertools.count()}
        return tuple(f"{'part.' * (k in self.of_turns)}s{next(counts[k in self.of_turns])}" for k in range(len(self.slots)))

    def scratch(self, in_turns: bool) -> bool:
        """Whether layers inside (or outside) of segments need room while they run."""
        turns = {step for s in self.segments for step in self.program.steps[s.start : s.end]}
        return any(step.layer.scratch and (step in turns) is in_turns for step in self.program.walk())

    def root(self, value: Value) -> Value:
        """The value whose elements these are."""
        return views.root(value, self._root)


@dataclass(eq=False)
class _Buffer:
    """Values that share memory because each is computed in place of the one before, and when they are alive."""

    type: Type
    start: int
    end: int
    values: list[Value] = field(default_factory=list)
    samples: int = NOMINAL
    of_turn: bool = False
    """Whether its values exist for one turn of a segment."""

    @functools.cached_property
    def size(self) -> int:
        """Bytes; asked for when the buffer has all its values."""
        return max(v.type.bytes(lambda dim: nominal(dim, self.samples)) for v in self.values)


def nominal(dim: Dim, samples: int = NOMINAL) -> int:
    """The size if every symbol were NOMINAL (or `samples`)."""
    return max(0, evaluate(dim, dict.fromkeys(symbols(dim), samples)))


def plan(program: Program, options: Options) -> Plan:
    """Places every value of the program (and of its bodies)."""
    order: list[tuple[int, Step]] = []
    starts: dict[Step, int] = {}
    _number(program.steps, order, starts)
    root, external = views.sources(step for _, step in order), set[Value]()
    for _, step in order:
        if isinstance(step.layer, Loop):
            loop = step.layer.parts(step)
            # a state lives in the loop's output from the start
            root.update({state: result for state, (_, result) in zip(loop.body.states, loop.states, strict=True)})
            external |= {loop.body.iteration, loop.body.condition}

    def resolve(value: Value) -> Value:
        return views.root(value, root)

    last: dict[Value, int] = {}
    for position, step in order:
        for value in step.uses():
            last[resolve(value)] = max(last.get(resolve(value), -1), position)
        for body in step.bodies:
            for value in body.outputs:
                last[resolve(value)] = max(last.get(resolve(value), -1), position)
    for value in program.outputs:
        last[resolve(value)] = FOREVER

    segments = batching.segments(program)
    spans = [(starts[program.steps[s.start]], starts[program.steps[s.end - 1]], s) for s in segments]
    made = {v: starts[step] for _, step in order for v in step.results() if resolve(v) is v}
    whole: set[Value] = set()
    for first, end, segment in spans:
        read = {resolve(v) for step in program.steps[segment.start : segment.end] for v in step.uses()}
        for value in read:
            if value.const is None and made.get(value, -1) < first:
                last[value] = max(last[value], end)
                whole.add(value)
        for value, start in made.items():
            if first <= start <= end < last.get(value, start):
                made[value] = first
                whole.add(value)

    external |= {resolve(v) for v in program.inputs}
    buffers: dict[Value, _Buffer] = {}
    in_place: dict[Step, int] = {}
    for position, step in order:
        for output in step.results():
            if resolve(output) is not output:
                continue
            # a loop's states live in its outputs until its last iteration ends, even if nobody reads them behind it
            end = max(last.get(output, position), position)
            start = made[output]
            shared = _reusable(step, output, position, last, buffers, resolve, external) if options.inplace else None
            if shared is not None:
                index, buffer = shared
                in_place[step] = index
                buffer.values.append(output)
                buffer.start, buffer.end = min(buffer.start, start), end
                buffers[output] = buffer
            else:
                buffers[output] = _Buffer(output.type, start, end, [output])
    unique = list(dict.fromkeys(buffers.values()))
    for buffer in unique:
        if whole.intersection(buffer.values):
            whole.update(buffer.values)
        else:
            inside = [s.samples for first, end, s in spans if first <= buffer.start <= end]
            buffer.samples, buffer.of_turn = min([NOMINAL, *inside]), bool(inside)
    placements = [[[b] for b in unique]] if not options.memdrop else [_as_executed(unique), _largest_first(unique)]
    best = min(placements, key=lambda slots: sum(max(b.size for b in slot) for slot in slots))
    slot_of = {v: k for k, slot in enumerate(best) for b in slot for v in b.values}
    contents = {k: [v for b in slot for v in b.values] for k, slot in enumerate(best)}
    types = tuple(slot[0].type for slot in best)
    of_turns = frozenset(k for k, slot in enumerate(best) if slot[0].of_turn)
    steps = tuple(step for _, step in order)
    lives = {v: (made[v], min(max(last.get(v, made[v]), made[v]), len(steps) - 1)) for v in slot_of}
    return Plan(program, types, slot_of, in_place, contents, segments, frozenset(whole | external), of_turns, steps, lives, root)


def _number(steps: Iterable[Step], order: list[tuple[int, Step]], starts: dict[Step, int]) -> None:
    """Positions in order of execution; a step with bodies stands behind them, but its outputs exist from its start."""
    for step in steps:
        begin = len(order)
        for body in step.bodies:
            _number(body.steps, order, starts)
        starts[step] = begin
        order.append((len(order), step))


def _reusable(
    step: Step,
    output: Value,
    position: int,
    last: dict[Value, int],
    buffers: dict[Value, _Buffer],
    resolve: Callable[[Value], Value],
    external: set[Value],
) -> tuple[int, _Buffer] | None:
    if step.outputs[0] is not output:
        return None
    sources = [None if v is None else resolve(v) for v in step.inputs]
    for index in step.layer.in_place:
        source = sources[index] if index < len(sources) else None
        if (
            source is not None
            and source in buffers
            and source not in external
            and sources.count(source) == 1
            and last.get(source) == position
            and buffers[source].end == position
            and source.type.buffer == output.type.buffer
            and source.type.room == output.type.room
        ):
            return index, buffers[source]
    return None


def _alike(a: _Buffer, b: _Buffer) -> bool:
    """Whether they may share a slot where they are not alive at once."""
    return a.type.buffer == b.type.buffer and a.of_turn is b.of_turn


def _as_executed(buffers: list[_Buffer]) -> list[list[_Buffer]]:
    slots: list[list[_Buffer]] = []
    for buffer in sorted(buffers, key=lambda b: b.start):
        free = [s for s in slots if _alike(s[0], buffer) and all(b.end < buffer.start for b in s)]
        capacity = {id(s): max(b.size for b in s) for s in free}
        fitting = [s for s in free if capacity[id(s)] >= buffer.size]
        if fitting:
            min(fitting, key=lambda s: capacity[id(s)]).append(buffer)
        elif free:
            max(free, key=lambda s: capacity[id(s)]).append(buffer)
        else:
            slots.append([buffer])
    return slots


def _largest_first(buffers: list[_Buffer]) -> list[list[_Buffer]]:
    slots: list[list[_Buffer]] = []
    for buffer in sorted(buffers, key=lambda b: (-b.size, b.start)):
        for slot in slots:
            if _alike(slot[0], buffer) and all(b.end < buffer.start or buffer.end < b.start for b in slot):
                slot.append(buffer)
                break
        else:
            slots.append([buffer])
    return slots

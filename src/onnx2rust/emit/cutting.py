"""Where a long program is cut into methods, and what they are called: by the scopes of the model, and by blocks that repeat."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from onnx2rust.base.naming import Escaped, code_span, ident
from onnx2rust.emit.alike import Kind
from onnx2rust.emit.code import Statement
from onnx2rust.ir.program import Step
from onnx2rust.plan.batching import Segment

BLOCK = 60
"""Steps that a reader can take in at once; programs of half as many more are cut into methods of half as many at most."""
FEW = 6
"""Fewer steps are no method: they stand in `predict` itself."""


@dataclass
class Unit:
    """A step and its statements."""

    step: Step
    path: tuple[str, ...]
    """The scopes that the step stands in, and what it is called there."""
    segment: Segment | None
    statements: list[Statement]

    @functools.cached_property
    def words(self) -> tuple[str, ...]:
        """The words of its scopes, each with what stands behind it: `layer_0/mlp.up/MatMul` → layer_ 0/ mlp. up/."""
        return tuple(re.findall(r"[^/._]*[/._]+|[^/._]+", "".join(f"{p}/" for p in self.path[:-1])))


@dataclass
class Part:
    """Consecutive steps; `method` runs them, or they stand in `predict` itself. `around` is the
    loop that goes on before or behind them."""

    units: list[Unit]
    around: Segment | None = None
    method: bool = True
    called: Method | None = None
    shown: Part | None = None
    """The part whose lines are written for it: itself, or the first of alike ones."""
    lines_of: Callable[[Unit], list[str]] | None = None
    """The lines that are written for one of its units, if they are its own."""


@dataclass
class Method:
    """A private method that runs some of the steps."""

    name: Escaped
    place: Escaped
    """What of the model it runs."""
    steps: int
    arguments: Escaped
    lines: list[Escaped]
    call: str
    turn: bool
    """Whether it reads which samples the loop around it is at."""
    kind: Kind | None = None
    """The alike blocks that it runs: the same method for all of them."""
    block: int = 0
    """Which of them a part of the program is."""

    @property
    def doc(self) -> Escaped:
        """What its documentation says."""
        return Escaped(f"{self.place}: {self.steps} step{'s' * (self.steps > 1)}{' each' if self.kind else ''}.")


def parts_of(units: list[Unit]) -> list[Part]:
    """Cuts a long program where the model's scopes begin and end. A loop stands in one part, or parts stand in it. A short one
    stands in `predict`."""
    if len(units) <= BLOCK * 3 // 2:
        return [Part(units, method=False)]
    cuts = {0, *itertools.accumulate(map(len, _cut(units, 0, _repeats(units))))}
    start, loops = 0, []
    for segment, run in itertools.groupby(units, lambda unit: unit.segment):
        end = start + len(list(run))
        if segment and any(start < cut < end for cut in cuts):
            loops.append(segment)
            cuts |= {start, end}
        start = end
    found = []
    for begin, end in itertools.pairwise(sorted(cuts)):
        around = units[begin].segment
        found.append(Part(units[begin:end], around if around in loops else None, end - begin >= FEW))
    return found


def _cut(units: list[Unit], depth: int, begins: set[Step]) -> list[list[Unit]]:
    """Parts of steps whose first `depth` words are the same: whole scopes where they are not too long. Neighbours of a few steps
    stay together, up to one that `begins` something."""
    most = max(1, BLOCK // 2)
    if len(units) <= most:
        return [units]
    runs = [list(run) for _, run in itertools.groupby(units, lambda unit: unit.words[: depth + 1])]
    if len(runs) == 1:
        if len(units[0].words) > depth:
            return _cut(units, depth + 1, begins)
        runs = [[unit] for unit in units]
    found: list[list[Unit]] = []
    joins = False
    for part in (part for run in runs for part in _cut(run, depth + 1, begins)):
        few = len(part) < FEW
        if joins and few and part[0].step not in begins and len(found[-1]) + len(part) <= most:
            found[-1] = found[-1] + part
        else:
            found.append(part)
        joins = few
    return found


def _repeats(units: list[Unit]) -> set[Step]:
    """Where the same layers in the same order begin again: blocks whose scopes do not tell."""
    kinds = [type(unit.step.layer) for unit in units]
    most, best, covered = max(1, BLOCK // 2), list[int](), 0
    for length in range(1, most + 1):
        same = [one is other for one, other in zip(kinds, kinds[length:], strict=False)]
        # of short blocks, several together
        step = length if length >= FEW else length * (most // length)
        starts, begin, blocks = list[int](), 0, 0
        for alike, run in itertools.groupby(same):
            end = begin + len(list(run))
            if alike and end - begin >= length:
                # what is left over is taken to stand in front: an embedding often ends like a block
                starts += range(begin + (end - begin) % length, end + 1, step)
                blocks += (end - begin) // length + 1
            begin = end
        if blocks * length > covered:
            best, covered = starts, blocks * length
    return {units[k].step for k in best}


def named(parts: Sequence[Part], number: int, fallback: str) -> tuple[Escaped, Escaped]:
    """What a method is called, and what it runs: its scope if all steps of that are here, or where it begins and ends."""
    group = parts[number].units
    first, last = group[0].words, group[-1].words
    common = first[: min(_same(first, unit.words) for unit in group)]
    around = [parts[k].units[end].words for k, end in ((number - 1, -1), (number + 1, 0)) if 0 <= k < len(parts)]
    scope = common[: _scope_end(common, backwards=True)]
    own = [words for words in (scope, common) if words and all(other[: len(words)] != words for other in around)]
    inside = own[:1] or [words[: _scope_end(words, len(common))] for words in (first, last)]
    shown = ["".join(words).rstrip("/._") for words in dict.fromkeys(inside)]
    name = ident("_to_".join(filter(None, shown)), fallback)
    ends = shown if all(shown) else dict.fromkeys((group[0].step.name, group[-1].step.name))
    return Escaped(f"run_{name}"), Escaped(" to ".join(map(code_span, ends)))


def _scope_end(words: tuple[str, ...], begin: int = 0, *, backwards: bool = False) -> int:
    """Where the scope ends that the word at `begin` stands in; `backwards`: the last one that is whole."""
    ends = [k + 1 for k, word in enumerate(words) if word.endswith("/") and k >= begin]
    return ends[-1 if backwards else 0] if ends else 0


def _same(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many words the two begin with in common."""
    return next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))

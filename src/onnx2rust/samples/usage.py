"""What a model does with its inputs, so that random ones make sense: ids stay within their table,
axes exist, parts sum up, masks are 0 or 1.

Each input is followed through operators that keep its values (casts, reshapes…) to the operators that give them a meaning
(`facts`). What that is may depend on shapes at run time: ONNX's shape inference tells them at each set of sizes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from onnx2rust.base.sequences import pairs, sequence
from onnx2rust.ir.dims import evaluate
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Program, Value
from onnx2rust.ir.types import MapType, OptionalType, SequenceType, TensorType, UnrankedType
from onnx2rust.model.graph import all_graphs, all_nodes
from onnx2rust.model.symbols import shapes_at, without_weights
from onnx2rust.model.weights import NONE, Weights, array
from onnx2rust.ops import facts_of
from onnx2rust.registry.facts import Keeps
from onnx2rust.registry.reads import Unknown, Use
from onnx2rust.registry.rules import Among, Mask, Rule, Shape, Within

Array = np.ndarray[Any, Any]
Sizes = dict[str, int]
UNKNOWN_IDS = 8
"""Integers below this are drawn where nothing says what they are."""
WORDS = ("", "a", "Zebra", "two words", "naïve", "日本", "-1", "0.5")
"""Strings that are drawn where nothing says what they are."""
ITEMS, ITEM_SIZE = 3, 2
"""Items that a sequence is drawn with, and their sizes (the first one's, where they differ) that the model does not say; pairs of
a map."""
LARGEST = 1 << 22
"""Inputs of more elements in all are drawn only if there are no smaller ones: it is lengths that are tried, not patience."""


@dataclass(frozen=True)
class _Reading:
    """A node that reads an input's elements: all of them in their order (`exact`) or some of them, `shift` added to each."""

    node: onnx.NodeProto
    index: int
    exact: bool
    shift: int


@dataclass
class Usage:
    """How a model uses its inputs; `at` tells what that means at some sizes."""

    proto: onnx.ModelProto
    program: Program
    weights: Weights = field(default_factory=dict)
    readings: dict[str, list[_Reading]] = field(default_factory=dict)
    _constants: dict[str, onnx.TensorProto] = field(default_factory=dict)
    _bare: onnx.ModelProto | None = None
    _rules: dict[tuple[int, ...], dict[str, Rule]] = field(default_factory=dict)

    def at(self, sizes: Sizes) -> dict[str, Rule]:
        """The rule for each input that has one."""
        key = tuple(evaluate(d, sizes) for v in self.program.tensor_inputs for d in v.shape)
        if key not in self._rules:
            shapes = _Shapes(self, sizes)
            found = {v.name: self._rule(v, shapes) for v in self.program.inputs}
            self._rules[key] = {name: one for name, one in found.items() if one is not None}
        return self._rules[key]

    def _rule(self, value: Value, shapes: _Shapes) -> Rule | None:
        name = value.name.lower()
        joined: Rule | None = None
        if value.dtype is DType.BOOL or ("mask" in name and value.dtype is not DType.STRING):
            joined = Mask()
        elif "length" in name and value.dtype.is_int:
            joined = Within(1, shapes.shortest())
        for reading in self.readings[value.name]:
            use = Use(reading.node, shapes.of, self._values, np.dtype(value.dtype.numpy).name)
            one = _wanted(use, reading.index)
            if isinstance(one, Within):
                one = one.shifted(-reading.shift)
            if one is not None and (reading.exact or isinstance(one, (Within, Mask))):
                joined = one if joined is None else joined.joined(one)
        return joined

    def _values(self, name: str) -> Array | None:
        tensor = self._constants.get(name)
        return None if tensor is None else array(tensor, self.weights)

    def inferred(self, shapes: dict[str, Shape]) -> dict[str, tuple[int | None, ...]]:
        """The shapes that ONNX infers inside the model when its inputs have these."""
        self._bare = self._bare or without_weights(self.proto)
        return shapes_at(self._bare, shapes)


class _Shapes:
    """The shapes of a run with these sizes; ONNX is asked only for what is neither an input nor a constant."""

    def __init__(self, usage: Usage, sizes: Sizes) -> None:
        self._usage = usage
        self._given = {v.name: tuple(evaluate(d, sizes) for d in v.shape) for v in usage.program.tensor_inputs}
        self._inner: dict[str, tuple[int | None, ...]] | None = None

    def of(self, name: str) -> Shape | None:
        """The shape of a value."""
        if name in self._given:
            return self._given[name]
        tensor = self._usage._constants.get(name)
        if tensor is not None:
            return tuple(tensor.dims)
        if self._inner is None:
            self._inner = self._usage.inferred(self._given)
        found = self._inner.get(name, (None,))
        return None if None in found else tuple(d for d in found if d is not None)

    def shortest(self) -> int:
        """A length counts along one of the first two axes of another input."""
        return max(1, min((s for shape in self._given.values() if len(shape) > 1 for s in shape[:2]), default=1))


def of_inputs(proto: onnx.ModelProto, program: Program, weights: Weights = NONE) -> Usage:
    """The usage of every input of the program."""
    nodes = list(all_nodes(proto.graph))
    found = Usage(proto, program, weights)
    found._constants = {t.name: t for graph in all_graphs(proto.graph) for t in graph.initializer}
    found._constants |= {
        n.output[0]: a.t for n in nodes if n.op_type == "Constant" for a in n.attribute if a.name == "value" and n.output
    }
    found.readings = {value.name: list(_uses(nodes, value, found)) for value in program.inputs}
    return found


def _uses(nodes: list[onnx.NodeProto], start: Value, usage: Usage) -> Iterator[_Reading]:
    """Every reading of an input's elements."""
    kept = tuple(k for k in Keeps if start.dtype.is_int or k is not Keeps.SOME_IDS)
    reached = {start.name: (True, 0)}
    for node in nodes:
        for index, name in enumerate(node.input):
            if name not in reached:
                continue
            exact, shift = reached[name]
            yield _Reading(node, index, exact, shift)
            known = facts_of(node.op_type, node.domain)
            # what a cast reads (bits of a mask) are elements that it keeps, other rules are about something besides the data
            if known.keeps in kept and (index not in known.reads or (index, known.keeps) == (0, Keeps.ALL)):
                more = _added(node, index, usage)
                for output in node.output:
                    reached.setdefault(output, (exact and known.keeps is Keeps.ALL, shift + more))


def _wanted(use: Use, index: int) -> Rule | None:
    """What the elements of a node's input may be; None if anything."""
    known = facts_of(use.node.op_type, use.node.domain)
    entry = known.reads.get(index)
    if entry is None:
        return None
    try:
        return entry(use)
    except (Unknown, IndexError):
        return Within(known.unknown, known.unknown)


def _added(node: onnx.NodeProto, index: int, usage: Usage) -> int:
    """What an Add or Sub of a known number adds to the elements."""
    if node.op_type not in ("Add", "Sub") or len(node.input) != 2:
        return 0
    other = usage._values(node.input[1 - index])
    if other is None or other.size != 1 or other.dtype.kind not in "iu" or (node.op_type == "Sub" and index):
        return 0
    return int(other.reshape(-1)[0]) * (-1 if node.op_type == "Sub" else 1)


# -- drawing ---------------------------------------------------------------------------------------------------------


def draw_all(program: Program, usage: Usage, sizes: Sizes, rng: np.random.Generator) -> dict[str, Array]:
    """Random content for all inputs, at the given sizes."""
    rules = usage.at(sizes)
    return {v.name: np.asarray(draw(v, rules.get(v.name), sizes, rng)) for v in program.inputs}


def draw(value: Value, rule: Rule | None, sizes: Sizes, rng: np.random.Generator) -> Array:
    """Random content for an input. A sequence has some items, an optional tensor one or none; sizes that may differ between items
    do, or do not; a tensor of any rank has up to three axes. The rule for a map is one for its keys."""
    if isinstance(value.type, MapType):
        keys, values = (Value(value.name, TensorType(t, (ITEMS,))) for t in (value.type.keys, value.dtype))
        return pairs(draw(keys, rule, sizes, rng), draw(values, None, sizes, rng))
    if isinstance(value.type, SequenceType):
        apart = int(rng.integers(0, 2))
        count = int(rng.integers(0, 4) > 0) if isinstance(value.type, OptionalType) else ITEMS
        types = [value.type.item(ITEM_SIZE + apart * k) for k in range(count)]
        return sequence(draw(Value(value.name, t), rule, sizes, rng) for t in types)
    if isinstance(value.type, UnrankedType):
        known = TensorType(value.dtype, tuple(rng.integers(1, ITEM_SIZE + 1, rng.integers(0, 4)).tolist()))
        return draw(Value(value.name, known), rule, sizes, rng)
    shape = tuple(evaluate(d, sizes) for d in value.shape)
    kind = value.dtype.numpy
    if rule is not None:
        return rule.draw(shape, value.dtype.is_float, rng).astype(kind)
    if value.dtype is DType.STRING:
        return Among(WORDS).draw(shape, False, rng)
    if value.dtype.is_float:
        return np.asarray(rng.standard_normal(shape)).astype(kind)
    if value.dtype.bits == 8:
        low = 0 if value.dtype is DType.U8 else -128
        return rng.integers(low, low + 256, shape).astype(kind)
    return rng.integers(0, UNKNOWN_IDS, shape).astype(kind)


def attempts(
    program: Program, usage: Usage, fixed: Sizes, lengths: Iterable[int], rng: np.random.Generator
) -> Iterator[tuple[Sizes, dict[str, Array]]]:
    """Sizes and inputs to try, one after the other, until the reference can run them: each open size gets a length, but for the
    `fixed` ones and those that follow from others. Where all are fixed, other inputs are drawn."""
    plans: list[Sizes] = []
    for sizes in _plans(program, usage, fixed, lengths):
        if sizes not in plans:
            plans.append(sizes)
    elements = [sum(math.prod(evaluate(d, sizes) for d in v.shape) for v in program.tensor_inputs) for sizes in plans]
    limit = max(LARGEST, min(elements))
    for sizes, count in zip(plans, elements, strict=True):
        if count <= limit:
            yield sizes, draw_all(program, usage, sizes, rng)
    if len(plans) == 1:
        for _ in range(FIXED_ATTEMPTS):
            yield plans[0], draw_all(program, usage, plans[0], rng)


FIXED_ATTEMPTS = 4
"""How often other inputs are drawn for a model that leaves no choice of sizes."""


def _plans(program: Program, usage: Usage, fixed: Sizes, lengths: Iterable[int]) -> Iterator[Sizes]:
    sums = _sums(program, usage)
    totals = _totals(program, fixed)
    free = [s for s in program.symbols if s not in fixed and s not in sums]
    others = [s for s in free if s not in totals]
    tried = tuple(lengths)
    # all alike, and then each another one: not all models take equal sizes
    for plan in (
        *(dict.fromkeys(free, length) for length in tried),
        *({s: tried[(k + i) % len(tried)] for i, s in enumerate(free)} for k in range(len(tried))),
    ):
        sizes = plan | fixed
        for symbol, parts in sums.items():
            if symbol not in fixed:
                sizes[symbol] = sum(sizes.get(p, int(p) if p.isdigit() else 0) for p in parts)
        yield {s: sizes[s] for s in program.symbols}
        if totals and not sums and len(others) > 1:
            yield {s: sum(sizes[o] for o in others) if s in totals else sizes[s] for s in program.symbols}


def _sums(program: Program, usage: Usage) -> dict[str, list[str]]:
    """Sizes that a model calls by the sum of others (`past_sequence_length + sequence_length`), as exporters do for decoders."""
    infos = {i.name: i for i in usage.proto.graph.input}
    symbol_of: dict[str, str] = {}
    for value in program.tensor_inputs:
        dims = infos[value.name].type.tensor_type.shape.dim if value.name in infos else ()
        symbol_of |= {
            d.dim_param: str(s) for d, s in zip(dims, value.shape, strict=False) if d.dim_param and not isinstance(s, int)
        }
    found = {}
    for name, symbol in symbol_of.items():
        parts = [p.strip() for p in re.split(r"\+", name)]
        if len(parts) > 1 and all(p in symbol_of or p.isdigit() for p in parts):
            found[symbol] = [symbol_of.get(p, p) for p in parts]
    return found


def _totals(program: Program, fixed: Sizes) -> list[str]:
    """Open sizes that only masks have: of past and present together, in a decoder."""
    of_masks = {str(d) for v in program.tensor_inputs for d in v.shape if "mask" in v.name.lower()}
    of_others = {str(d) for v in program.tensor_inputs for d in v.shape if "mask" not in v.name.lower()}
    return [s for s in program.symbols if s in of_masks - of_others and s not in fixed]

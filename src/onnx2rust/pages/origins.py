"""Which ONNX nodes became which layer.

Passes keep the values that layers compute (`passes.rewriting`): what the last of some fused nodes made, the layer makes. So a
layer comes from all steps of the program as it was imported that lead to its results from the results of other layers. The
importer keeps the values of nodes likewise, where it puts others in their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx

from onnx2rust.ir.program import Origin, Program, Step, Value
from onnx2rust.passes.rewriting import Passed


@dataclass
class Traced:
    """Sees a program after each pass (`passes.Trace`)."""

    imported: Program | None = None
    unnamed: Program | None = None
    """The last one before the pass that names steps, which makes all values anew."""
    _last: Program | None = field(default=None, repr=False)

    def __call__(self, name: str, passed: Passed) -> None:
        """After the pass `name`."""
        self.imported = passed.program if name == "import" else self.imported
        self.unnamed = self._last if name == "names" else self.unnamed
        self._last = passed.program


def nodes_of(traced: Traced, program: Program, graph: onnx.GraphProto, imported: onnx.GraphProto) -> dict[Step, tuple[int, ...]]:
    """For each step of the main program the places in the graph of the nodes that it comes from, in order. `imported` is the
    graph that the importer has read, in which others may stand in their place."""
    places, stands_for = _places(imported), _replaced(graph, imported)
    before = (traced.unnamed or program).steps
    assert traced.imported is not None
    maker = {value: step for step in traced.imported.steps for value in step.results()}
    made = {value for step in before for value in step.results()}
    found: dict[Step, tuple[int, ...]] = {}
    for step, old in zip(program.steps, before, strict=True):
        origins = {step.origin, *(s.origin for s in _behind(list(old.results()), maker, made))}
        own = {_place(places, (o.node, o.op), o.index) for o in origins}
        found[step] = tuple(sorted({place for node in own if node is not None for place in stands_for[node]}))
    # what a pass has put around a layer (transpositions) makes values of its own: it comes from the layer's nodes
    together: dict[Origin, set[int]] = {}
    for step, own_places in found.items():
        together.setdefault(step.origin, set()).update(own_places)
    return {step: own_places or tuple(sorted(together[step.origin])) for step, own_places in found.items()}


def _replaced(graph: onnx.GraphProto, imported: onnx.GraphProto) -> list[set[int]]:
    """For each node of the imported graph the places of the model's nodes that it stands for: those that lead to its results from
    what both graphs have. What makes a value that the model does not have stands for what its readers stand for."""
    maker = {name: place for place, node in enumerate(graph.node) for name in node.output if name}
    kept = {name for node in imported.node for name in node.output}
    readers: dict[str, list[int]] = {}
    for number, node in enumerate(imported.node):
        for name in filter(None, node.input):
            readers.setdefault(name, []).append(number)
    found: list[set[int]] = [set() for _ in imported.node]
    for number, node in reversed([*enumerate(imported.node)]):  # readers stand behind
        waiting = [maker[name] for name in node.output if name in maker]
        if not waiting:
            found[number] = {place for name in node.output for reader in readers.get(name, ()) for place in found[reader]}
        while waiting:
            place = waiting.pop()
            if place not in found[number]:
                found[number].add(place)
                waiting += [maker[name] for name in graph.node[place].input if name in maker and name not in kept]
    return found


def _behind(results: list[Value], maker: Mapping[Value, Step], made: set[Value]) -> list[Step]:
    """The imported steps that lead to the results, up to what other steps make."""
    found: dict[Step, None] = {}
    waiting = [maker[v] for v in results if v in maker]
    while waiting:
        step = waiting.pop()
        if step not in found:
            found[step] = None
            waiting += [maker[v] for v in step.uses() if v in maker and v not in made]
    return list(found)


def _places(graph: onnx.GraphProto) -> dict[tuple[str, str], list[int]]:
    """Where nodes of a name and operator stand (names need not be unique)."""
    found: dict[tuple[str, str], list[int]] = {}
    for place, node in enumerate(graph.node):
        name = node.name or (node.output[0] if node.output else "")
        found.setdefault((name, node.op_type), []).append(place)
    return found


def _place(places: Mapping[tuple[str, str], Sequence[int]], key: tuple[str, str], index: int) -> int | None:
    """The place of an origin, None if it is no node of the main graph."""
    known = places.get(key, ())
    return index if index in known else next(iter(known), None)

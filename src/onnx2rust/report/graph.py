"""Which layer feeds which: the graph that the other reports describe and draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onnx2rust.base.naming import Names
from onnx2rust.ir.program import Program, Step, Value


@dataclass(frozen=True, eq=False)
class Node:
    """An input of the model (`step` is None) or a layer; `inbounds` are the nodes whose results it reads, each once."""

    name: str
    step: Step | None
    results: tuple[Value, ...]
    inbounds: tuple[Node, ...] = ()
    bodies: tuple[Graph, ...] = ()


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in order of execution, inputs first; `outputs` are (name, the node that computes it)."""

    nodes: tuple[Node, ...]
    outputs: tuple[tuple[str, Value, Node | None], ...]

    def outbounds(self) -> dict[Node, list[Node]]:
        """For each node, those that read its results."""
        found: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for source in node.inbounds:
                found[source].append(node)
        return found


def graph(program: Program) -> Graph:
    """The program's graph. What a body of If or Loop takes from outside, its step reads."""
    names = Names()
    nodes: list[Node] = []
    maker: dict[Value, Node] = {}

    def add(node: Node) -> None:
        nodes.append(node)
        maker.update(dict.fromkeys(node.results, node))

    for value in program.inputs:
        add(Node(str(names.unique(value.name)), None, (value,)))
    for step in program.steps:
        sources = dict.fromkeys(maker[v] for v in step.uses() if v in maker)
        bodies = tuple(graph(body) for body in step.bodies)
        add(Node(str(names.unique(step.name)), step, tuple(step.results()), tuple(sources), bodies))
    outputs = tuple((name, value, maker.get(value)) for name, value in zip(program.output_names, program.outputs, strict=True))
    return Graph(tuple(nodes), outputs)


def computation_graph(of: Graph) -> dict[str, Any]:
    """`computation_graph.json`: layer → inbounds, outbounds; layers inside If and Loop under its `bodies`."""
    outbounds = of.outbounds()
    found: dict[str, Any] = {}
    for node in of.nodes:
        entry: dict[str, Any] = {
            "inbounds": [n.name for n in node.inbounds],
            "outbounds": [n.name for n in outbounds[node]],
        }
        if node.bodies:
            entry["bodies"] = [computation_graph(body) for body in node.bodies]
        found[node.name] = entry
    return found

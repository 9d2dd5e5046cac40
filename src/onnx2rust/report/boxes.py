"""What stands in the boxes of the picture; too large a graph is drawn by name scopes instead of layers."""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.program import Step, Value
from onnx2rust.report import keras
from onnx2rust.report.architecture import parameters
from onnx2rust.report.graph import Graph, Node

ENDS = Kind("input, output", (70, 78, 90))
SCOPE = Kind("several layers", (50, 110, 150))


@dataclass(frozen=True)
class Box:
    """Lines of text (title, what it is, numbers), and the kind that decides the colour."""

    kind: Kind
    lines: tuple[str, ...]


def boxes(graph: Graph, most: int) -> tuple[list[Box], list[tuple[int, int]]]:
    """At most `most` boxes in order of execution (inputs, layers or scopes, outputs), and who feeds whom."""
    groups = _groups(graph, most)
    found: list[Box] = []
    number: dict[Node, int] = {}
    edges: dict[tuple[int, int], None] = {}
    for title, nodes in groups:
        number.update(dict.fromkeys(nodes, len(found)))
        for node in nodes:
            for source in node.inbounds:
                if number[source] != len(found):
                    edges[number[source], len(found)] = None
        found.append(_group(title, nodes))
    if len(graph.outputs) > most // 8:
        edges |= {(number[node], len(found)): None for _, _, node in graph.outputs if node is not None}
        found.append(Box(ENDS, (f"{len(graph.outputs)} outputs", f"{graph.outputs[0][0]} … {graph.outputs[-1][0]}")))
        return found, list(edges)
    for name, value, source_node in graph.outputs:
        if source_node is not None:
            edges[number[source_node], len(found)] = None
        found.append(Box(ENDS, (name, f"output {_type(value)}")))
    return found, list(edges)


def _box(node: Node) -> Box:
    if node.step is None:
        return Box(ENDS, (node.name, f"input {_type(node.results[0])}"))
    shapes = ", ".join(_shape(v) for v in node.results)
    count = parameters(node.step)
    numbers = f"{shapes}  {_params(count)}" if count else shapes
    inside = sum(n.step is not None for body in node.bodies for n in body.nodes)
    what = f"{keras.class_name(node.step)} around {inside} layers" if node.bodies else summary(node.step)
    return Box(node.step.layer.kind, (node.name, what, numbers))


def _group(title: str, nodes: list[Node]) -> Box:
    if len(nodes) == 1:
        return _box(nodes[0])
    if nodes[0].step is None:
        return Box(ENDS, (f"{len(nodes)} inputs", f"{nodes[0].name} … {nodes[-1].name}"))
    steps = [n.step for n in nodes if n.step is not None]
    kinds = Counter(keras.class_name(s) for s in steps)
    what = ", ".join(k if n == 1 else f"{n} {k}" for k, n in kinds.most_common(3))
    count = sum(parameters(s) for s in steps)
    numbers = f"{_shape(nodes[-1].results[0])}  " if nodes[-1].results else ""
    numbers += _params(count) if count else ""
    return Box(SCOPE, (title, f"{len(steps)} layers: {what}", numbers))


def summary(step: Step) -> str:
    """`Conv2D 3x3 /2 same relu`: the class and the parameters that a reviewer looks for."""
    config = keras.config(step)
    parts = [keras.class_name(step)]
    parts += [str(config[key]) for key in ("units", "filters") if key in config]
    parts += ["x".join(map(str, config[key])) for key in ("kernel_size", "pool_size") if key in config]
    strides = config.get("strides")
    if isinstance(strides, list) and any(s != 1 for s in strides):
        parts.append("/" + "x".join(map(str, strides if len(set(strides)) > 1 else strides[:1])))
    if isinstance(config.get("padding"), str) and "kernel_size" in config:
        parts.append(config["padding"])
    applied = config.get("activation")
    name = applied["name"] if isinstance(applied, dict) else applied
    if name and name != "linear":
        parts.append(name)
    parts += [f"{key} {_text(config[key])}" for key in ("dims", "axis") if config.get(key) is not None]
    return " ".join(parts)


def _params(count: int) -> str:
    return "1 param" if count == 1 else f"{quantity(count)} params"


def quantity(n: int) -> str:
    """`950`, `12.3 k`, `4.56 M`."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if n >= size:
            return f"{n / size:.{2 if n < 10 * size else 1}f} {unit}"
    return str(n)


def _groups(graph: Graph, most: int) -> list[tuple[str, list[Node]]]:
    """Each node by itself; or, of a large graph, runs of one name scope, as deep as the picture allows, or else chains of
    layers, or else runs of equal length; many inputs as one.

    Runs are contiguous in the order of execution and chains are fed at their head alone: neither can feed each other in
    a circle.
    """
    inputs = [n for n in graph.nodes if n.step is None]
    head = [("inputs", inputs)] if len(inputs) > most // 8 else [(n.name, [n]) for n in inputs]
    layers = [n for n in graph.nodes if n.step is not None]
    if len(layers) <= most:
        return head + [(n.name, [n]) for n in layers]
    scopes = (itertools.groupby(layers, functools.partial(_prefix, depth)) for depth in (6, 5, 4, 3, 2, 1))
    by_scope = ([(title, list(run)) for title, run in runs] for runs in scopes)
    chains = (_chains(graph, layers, longest) for longest in (3, 5, 9, 17))
    size = -(-len(layers) // most)
    runs = [layers[k : k + size] for k in range(0, len(layers), size)]
    equal = [(f"{run[0].name} … {run[-1].name}", run) for run in runs]
    return head + next((groups for groups in itertools.chain(by_scope, chains) if len(groups) <= most), equal)


def _chains(graph: Graph, layers: list[Node], longest: int) -> list[tuple[str, list[Node]]]:
    """A layer with weights and those that only carry its result on: a convolution, its normalisation, its activation."""
    outbounds = graph.outbounds()
    last = {node for _, _, node in graph.outputs}
    chains: dict[Node, list[Node]] = {}
    for node in layers:
        source = node.inbounds[0] if len(node.inbounds) == 1 else None
        chain = chains.get(source) if source is not None else None
        heavy = node.step is not None and node.step.layer.multiply_adds() != 0
        if chain and source and len(outbounds[source]) == 1 and source not in last and not heavy and len(chain) < longest:
            chain.append(node)
            chains[node] = chain
        else:
            chains[node] = [node]
    return [(chain[0].name, chain) for node, chain in chains.items() if chain[0] is node]


def _prefix(depth: int, node: Node) -> str:
    assert node.step is not None
    parts = [p for p in re.split(r"[/.]+", node.step.origin.node) if p]
    return "/".join(parts[: min(depth, max(1, len(parts) - 1))]) or node.name


def _type(value: Value) -> str:
    return f"{value.type.held} {_shape(value)}"


def _shape(value: Value) -> str:
    """Outermost first; what is longer than a name is left out."""
    return f"[{', '.join(text if len(text := '?' if d is None else str(d)) <= 16 else '…' for d in value.type.axes)}]"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

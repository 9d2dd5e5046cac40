"""What the page says of each layer: all that the reports for people say, its nodes, its code, its buffer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import onnx

from onnx2rust.emit import Excerpt
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Step
from onnx2rust.pages import nodes
from onnx2rust.plan.planner import Plan
from onnx2rust.report import edges
from onnx2rust.report import layout as plane
from onnx2rust.report.boxes import Box, boxes, summary
from onnx2rust.report.graph import Graph, Node
from onnx2rust.report.layout import Layout

LANDSCAPE = 1.7
"""Width by height of the whole graph, about: screens are wide."""
MOST_BOXES = 1 << 30
"""Every layer has its box: the page shows those in sight."""


def drawing(graph: Graph) -> dict[str, Any]:
    """Kinds with their colours, boxes with their places (those of the graph's nodes, then the outputs), and lines."""
    found, pairs = boxes(graph, MOST_BOXES)
    whole = plane.ordered([len(box.lines) for box in found], pairs)
    height = math.sqrt(whole.height * (whole.width + plane.COLUMN_GAP) / LANDSCAPE)
    placed = plane.place(whole, max(700.0, height))
    kinds = list(dict.fromkeys(box.kind for box in found))
    return {
        "kinds": [{"name": kind.name, "colour": list(kind.colour)} for kind in kinds],
        "boxes": [_box(box, kinds.index(box.kind), placed, k) for k, box in enumerate(found)],
        "lines": [_line(line) for line in edges.lines(placed)],
        "pairs": [list(pair) for pair in pairs],
    }


def _box(box: Box, kind: int, placed: Layout, number: int) -> dict[str, Any]:
    item = placed.boxes[number]
    place = [round(v, 1) for v in (item.x - item.width / 2, item.y, item.width, item.height)]
    return {"kind": kind, "lines": list(box.lines), "place": place}


def _line(line: edges.Line) -> dict[str, Any]:
    points = [round(v, 1) for point in line.points for v in point]
    tip = None if line.tip is None else [round(v, 1) for v in line.tip]
    return {"of": line.source, "points": points, "curved": line.curved, "skips": line.skips, "tip": tip}


def layers(
    graph: Graph,
    described: Mapping[str, Any],
    origins: Mapping[Step, Sequence[int]],
    excerpts: Mapping[Step, Excerpt],
    plan: Plan,
    size: Callable[[Dim], int],
) -> list[dict[str, Any]]:
    """An entry for each node of the graph; `described` is what `model_architecture.json` says of the layers."""
    return [_layer(node, described[node.name], origins, excerpts, plan, size) for node in graph.nodes]


def _layer(
    node: Node,
    described: Mapping[str, Any],
    origins: Mapping[Step, Sequence[int]],
    excerpts: Mapping[Step, Excerpt],
    plan: Plan,
    size: Callable[[Dim], int],
) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": node.name, "inputs": [n.name for n in node.inbounds]}
    kept = ("class", "config", "input_shapes", "output_shapes", "output_types", "weights", "parameters", "rust")
    entry |= {key: described[key] for key in kept if key in described}
    step = node.step
    if step is None:
        return entry | {"summary": "input", "nodes": [], "work": 0}
    work = step.layer.multiply_adds()
    slots = [plan.names[plan.slot_of[root]] for v in step.results() if (root := plan.root(v)) in plan.slot_of]
    entry |= {
        "summary": summary(step),
        "nodes": list(origins.get(step, ())),
        "work": size(work),
        "work_text": "" if isinstance(work, int) else str(work),
        "view": isinstance(step.layer, View),
        "slots": slots,
        "in_place": step in plan.in_place,
        "inside": [inner.name for body in node.bodies for inner in body.nodes if inner.step is not None],
    }
    code = excerpts.get(step)
    return entry | ({"code": {"place": code.place, "lines": code.lines, "layer": code.layer}} if code else {})


def onnx_nodes(graph: onnx.GraphProto, origins: Mapping[Step, Sequence[int]]) -> list[dict[str, Any]]:
    """All nodes of the main graph; `folded` are those that no layer comes from: they are computed at conversion."""
    used = {place for places in origins.values() for place in places}
    return [nodes.described(node) | {"folded": place not in used} for place, node in enumerate(graph.node)]

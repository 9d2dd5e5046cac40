"""What verifying and timing found, as the page shows it: of the whole model, and layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import onnx

from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Program, Step
from onnx2rust.timing.reports import BenchReport, BenchRow
from onnx2rust.verification.reports import ModelReport, OutputReport


def parity(report: ModelReport, graph: onnx.GraphProto) -> dict[str, Any]:
    """Distances of the outputs, and of each node's results (built with every value as an output, node by node)."""
    places = {name: place for place, node in enumerate(graph.node) for name in node.output if name}
    values = report.nodes.outputs if report.nodes is not None else ()
    return {
        "passed": report.passed,
        "ran": bool(report.draws),
        "draws": report.draws,
        "outputs": [_output(o) for o in report.outputs],
        "verdict": report.nodes.verdict if report.nodes is not None else "",
        "nodes": [_output(o) | {"node": places[o.name]} for o in values if o.name in places],
        "problems": [] if report.error is None else [str(p) for p in report.error.problems],
        "notes": report.notes,
    }


def _output(report: OutputReport) -> dict[str, Any]:
    found = report.comparison
    return {
        "name": report.name,
        "dtype": report.dtype,
        "passed": found.passed,
        "crate": found.max_abs,
        "relative": found.max_rel,
        "onnxruntime": report.reference,
        "ulp": found.max_ulp,
        "elements": found.elements,
        "said": found.problem,
        "worst": None if found.worst is None else str(found.worst),
        "where": report.where,
    }


def times(report: BenchReport, program: Program, number: Mapping[Step, int], origins: Mapping[Step, Sequence[int]]) -> Any:
    """The first row of a measurement: engines, and each layer beside the nodes of onnxruntime that it comes from."""
    found: dict[str, Any] = {"machine": report.machine, "notes": report.notes, "rows": []}
    for row in report.rows:
        engines = {name: {"median": t.median, "p10": t.p10, "runs": t.runs} for name, t in row.times.items()}
        found["rows"].append({"label": row.label, "engines": engines, "ratio": row.ratio("onnxruntime")})
    if report.rows:
        found |= _layers(report.rows[0], program, number, origins)
    return found


def _layers(row: BenchRow, program: Program, number: Mapping[Step, int], origins: Mapping[Step, Sequence[int]]) -> dict[str, Any]:
    """Nanoseconds of the layers by their numbers. onnxruntime fuses nodes too: what it does for a layer is what is called after
    one of its nodes; the rest (layouts it changes, nodes it has made) is its own."""
    own: dict[int, float] = {}
    for step, layer in zip((s for s in program.walk() if not isinstance(s.layer, View)), row.layers, strict=True):
        if step in number:
            own[number[step]] = own.get(number[step], 0.0) + layer.ns
    # of several layers that come from a node, the one that takes longest is what the node is about
    by_time = sorted(origins.items(), key=lambda item: own.get(number[item[0]], 0.0))
    layer_of = {place: number[step] for step, places in by_time for place in places}
    theirs: dict[int, float] = {}
    rest = []
    for node in row.nodes:
        known = [layer_of[place] for place in node.places if place in layer_of]
        if known:
            theirs[known[0]] = theirs.get(known[0], 0.0) + node.ns
        else:
            rest.append(asdict(node))
    return {"layers": own, "onnxruntime": theirs, "rest": rest}

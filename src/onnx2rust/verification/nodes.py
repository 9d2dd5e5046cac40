"""Per-node comparison: the model with every intermediate tensor as an output, through the same pipeline.

Exposing a value keeps passes from fusing it away, so every node's result can be held against the reference's. The first node (in
topological order) whose results depart has inputs that agree: it is where the error begins.
"""

from __future__ import annotations

from dataclasses import replace

import onnx

from onnx2rust.frontends import Loaded
from onnx2rust.model.graph import infer_shapes, label
from onnx2rust.verification.reports import NodeReport, OutputReport

SHOWN = 5
"""Values that a report shows."""


def expose(loaded: Loaded) -> Loaded:
    """The model with every tensor that a node of the main graph produces as a further output."""
    proto = onnx.ModelProto()
    proto.CopyFrom(loaded.proto)
    graph = proto.graph
    present = {o.name for o in graph.output}
    inferred = infer_shapes(loaded.proto).graph
    # sequences and optionals have no element type, and are left out
    known = (v for v in (*inferred.value_info, *inferred.output) if v.type.HasField("tensor_type"))
    tensors = {v.name: v.type.tensor_type.elem_type for v in known}
    for node in graph.node:
        for name in node.output:
            if name and name not in present and name in tensors:
                present.add(name)
                graph.output.append(onnx.helper.make_tensor_value_info(name, tensors[name], None))
    return replace(loaded, proto=proto)


def report(proto: onnx.ModelProto, exposed: list[OutputReport], whole_passes: bool) -> NodeReport:
    """Names the first node that departs and says what that means."""
    by_name = {o.name: o for o in exposed}
    departing: list[OutputReport] = []
    first: str | None = None
    for index, node in enumerate(proto.graph.node):
        own = [by_name[n] for n in node.output if n in by_name and not by_name[n].comparison.passed]
        if own and first is None:
            first = label(node, index)
        departing += own
    if first is not None:
        verdict = f"{first} is the first to depart: its inputs agree, its result does not"
        if whole_passes:
            verdict += " (the outputs of the whole model agree all the same)"
    elif whole_passes:
        verdict = f"all {len(exposed)} values agree"
    else:
        verdict = (
            f"all {len(exposed)} values agree when each is an output, the model as it is generated does not: a pass (fusion, "
            "layout or the sharing of memory) is at fault, not an operator"
        )
    return NodeReport(first, verdict, len(exposed), tuple(departing[:SHOWN]), tuple(exposed))

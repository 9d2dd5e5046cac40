"""ONNX nodes as text: operator, what goes in and out, attributes."""

from __future__ import annotations

from typing import Any

import onnx

LONGEST = 120
"""Characters of an attribute that are shown."""


def described(node: onnx.NodeProto) -> dict[str, Any]:
    """A node for the page."""
    return {
        "op": f"{node.domain}::{node.op_type}" if node.domain else node.op_type,
        "name": node.name,
        "in": list(node.input),
        "out": list(node.output),
        "attributes": [f"{a.name} = {_attribute(a)}" for a in node.attribute],
    }


def _attribute(attribute: onnx.AttributeProto) -> str:
    kind = onnx.AttributeProto
    if attribute.type == kind.TENSOR:
        text = f"tensor {list(attribute.t.dims)}"
    elif attribute.type in (kind.GRAPH, kind.GRAPHS):
        graphs = [attribute.g] if attribute.type == kind.GRAPH else attribute.graphs
        text = ", ".join(f"graph of {len(g.node)} nodes" for g in graphs)
    elif attribute.type in (kind.FLOAT, kind.INT, kind.STRING, kind.FLOATS, kind.INTS, kind.STRINGS):
        value = onnx.helper.get_attribute_value(attribute)
        many = attribute.type in (kind.FLOATS, kind.INTS, kind.STRINGS)
        text = ", ".join(map(_plain, list(value[:40]) + ["…"] * (len(value) > 40))) if many else _plain(value)
        text = f"[{text}]" if many else text
    else:
        text = kind.AttributeType.Name(attribute.type).lower()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return value[: LONGEST * 4].decode("utf-8", "replace")
    return f"{value:.7g}" if isinstance(value, float) else str(value)

"""Who reads what in a graph."""

from __future__ import annotations

from collections.abc import Sequence

import onnx


class Readers:
    """Which operators read each name of a graph; the graph itself reads its outputs (as operator "")."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._of: dict[str, set[str]] = {}
        for node in graph.node:
            names = set(node.input)
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.GRAPH:
                    names |= _all_names(attribute.g)
            for name in names:
                self._of.setdefault(name, set()).add(node.op_type)
        for output in graph.output:
            self._of.setdefault(output.name, set()).add("")

    def of(self, names: Sequence[str]) -> set[str]:
        """The operators that read one of the names."""
        return {op for name in names for op in self._of.get(name, ())}


def _all_names(graph: onnx.GraphProto) -> set[str]:
    inner = [_all_names(a.g) for n in graph.node for a in n.attribute if a.type == onnx.AttributeProto.GRAPH]
    return {name for n in graph.node for name in n.input}.union(*inner) | {o.name for o in graph.output}

"""Who reads what in a graph."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from onnx2rust.model.graph import names_read


class Readers:
    """Which operators read each name of a graph; the graph itself reads its outputs (as operator "")."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._of: dict[str, set[str]] = {}
        for node in graph.node:
            for name in names_read(node):
                self._of.setdefault(name, set()).add(node.op_type)
        for output in graph.output:
            self._of.setdefault(output.name, set()).add("")

    def of(self, names: Sequence[str]) -> set[str]:
        """The operators that read one of the names."""
        return {op for name in names for op in self._of.get(name, ())}

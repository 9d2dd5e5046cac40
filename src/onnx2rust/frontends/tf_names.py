"""Names, order and symbols of a model that tf2onnx wrote: the author's where there are any, derived from place otherwise.

tf2onnx numbers what it inserts (`convolution__15`, `const_fold_opt__43`, `unk__81`) as it goes. Nothing of that survives:
a node is called after its scope and operator, a constant after the first node that reads it and its role there
(`conv2d_1/kernel`), and the order is a walk from the outputs. One model gives the same bytes every time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import onnx

from onnx2rust.frontends import tf_order
from onnx2rust.frontends.base import Port, Traced
from onnx2rust.model import graph as graphs
from onnx2rust.model import schemas, symbols
from onnx2rust.ops import facts_of

_COUNTER = re.compile(r"__\d+")
_SUFFIX = re.compile(r"_\d+$")
_CALLS = re.compile(r"^(StatefulPartitionedCall|PartitionedCall|ConstantFolding|Func)(_\d+)?$")
_FUNCTION = re.compile(r"^\w*?_(while_cond|while_body|cond_true|cond_false)(_frozen)?(_rewritten)?_\d+_")
_QUANTIZED = re.compile(r"_(dequant|quantize)$")
_FOLLOWS = frozenset(["Add", "Relu", "Clip", "Tanh", "Sigmoid"])  # what TFLite fuses behind an operator
_MODEL = re.compile(r"^(model|functional|sequential)(_\d+)*$")


def clean(model: onnx.ModelProto, traced: Traced) -> None:
    """Rename and reorder everything in `model` (in place), its inputs and outputs in the order of the ports."""
    graph, ports = model.graph, [*traced.inputs, *traced.outputs]
    by_name = {value.name: value for value in graph.input}
    ordered = [by_name.pop(port.tensor) for port in traced.inputs if port.tensor in by_name]
    tf_order.replace(graph.input, [*ordered, *by_name.values()])
    for body in list(graphs.all_graphs(graph))[1:]:
        tf_order.settle_identities(body)
    tf_order.canonical(graph)
    while tf_order.merge_equal(graph):
        tf_order.canonical(graph)
    names = _Names(Scopes.of(model, traced))
    _fill_shapes(graph, ports)
    names.wanted = {port.tensor: port.name for port in ports}
    names.used_tensors.update(names.wanted.values())
    names.plan(graph)
    names.apply(graph)
    tf_order.order_constants(graph)
    graph.name = "model"
    graph.doc_string = ""
    symbols.name_unknown(model)
    used = {node.domain or "" for g in graphs.all_graphs(graph) for node in g.node}
    tf_order.replace(model.opset_import, [o for o in model.opset_import if o.domain in ("", *used)])


def _fill_shapes(graph: onnx.GraphProto, ports: Sequence[Port]) -> None:
    """TensorFlow knows the rank of ports for which tf2onnx forgot it (those behind table lookups)."""
    shapes = {port.tensor: port.shape for port in ports}
    for value in (*graph.input, *graph.output):
        shape = shapes.get(value.name)
        if shape is None or value.type.tensor_type.HasField("shape"):
            continue
        value.type.tensor_type.shape.SetInParent()
        for size in shape:
            dim = value.type.tensor_type.shape.dim.add()
            if size is not None:
                dim.dim_value = size


@dataclass
class Scopes:
    """How a TensorFlow node name becomes a readable one: which leading scopes say nothing, which suffixes are counters."""

    layers: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    common: tuple[str, ...] = ()
    strip_top: bool = False

    @classmethod
    def of(cls, model: onnx.ModelProto, traced: Traced) -> Scopes:
        """Look at all node names of `model` at once: a prefix goes only if every scoped node has it."""
        scopes = cls(traced.layers, traced.prefixes)
        all_nodes = [node for graph in graphs.all_graphs(model.graph) for node in graph.node]
        paths = [parts for node in all_nodes if len(parts := scopes._parts(node.name)) > 1]
        while paths and all(len(p) > 2 and p[0] == paths[0][0] for p in paths):
            scopes.common += (paths[0][0],)
            paths = [p[1:] for p in paths]
        tops = sorted({p[0] for p in paths})
        numbered = bool(tops) and all(_SUFFIX.search(top) for top in tops)
        scopes.strip_top = numbered and not scopes.layers and len({_SUFFIX.sub("", t) for t in tops}) == len(tops)
        return scopes

    def clean(self, name: str, op_type: str = "") -> str:
        """`functional_1/conv2d_1/convolution__15` → `conv2d/Transpose` (an inserted node is called after its operator)."""
        parts = self._parts(name)
        for prefix in self.common:
            if len(parts) > 1 and parts[0] == prefix:
                parts = parts[1:]
        if self.strip_top and len(parts) > 1:
            parts = [_SUFFIX.sub("", parts[0]), *parts[1:]]
        leaf = name.rsplit("/", 1)[-1]
        if op_type and (_COUNTER.search(leaf) or _QUANTIZED.search(leaf) or _CALLS.match(parts[-1])):
            parts = [*parts[:-1], op_type]
        return "/".join(parts) or op_type or "node"

    def _parts(self, name: str) -> list[str]:
        name = _FUNCTION.sub("", name)
        name = name.rsplit(";", 1)[-1]  # TFLite joins the names of the operators it fused
        name = _QUANTIZED.sub("", re.sub(r":\d+", "", name).removesuffix("_prequant"))
        parts = [part for part in _COUNTER.sub("", name).split("/") if part]
        parts = [part for part in parts[:-1] if not _CALLS.match(part)] + parts[-1:]
        while len(parts) > 1 and (_SUFFIX.sub("", parts[0]) in self.prefixes or parts[0] in self.prefixes):
            parts = parts[1:]
        if len(parts) > 1 and _MODEL.match(parts[0]) and not self.layers & {parts[0], _SUFFIX.sub("", parts[0])}:
            parts = parts[1:]
        return [*(self._layer(part) for part in parts[:-1]), *parts[-1:]]

    def _layer(self, part: str) -> str:
        """Keras 3 enters each layer's scope twice, and TensorFlow makes the second unique: `conv2d_1` is layer `conv2d`."""
        stripped = _SUFFIX.sub("", part)
        return stripped if stripped in self.layers else part


@dataclass
class _Names:
    """The renaming of one model: planned over all graphs first, so that names are unique in the whole file."""

    scopes: Scopes
    wanted: dict[str, str] = field(default_factory=dict)
    used_nodes: set[str] = field(default_factory=set)
    used_tensors: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    def plan(self, graph: onnx.GraphProto) -> None:
        """Choose all names, in the order of the nodes, outer graphs first."""
        for current in graphs.all_graphs(graph):
            names = _lend_scopes([self.scopes.clean(node.name, node.op_type) for node in current.node], current)
            constants = graphs.initializers(current)
            for node, wish in zip(current.node, names, strict=True):
                node.name = self._unique(wish, self.used_nodes)
                for index, old in enumerate(node.output):
                    self._want(old, node.name if index == 0 else f"{node.name}:{index}")
                for index, old in enumerate(node.input):
                    if old in constants:
                        self._want(old, _constant_name(node, index))
                for body in graphs.subgraphs(node):
                    for index, value in enumerate(body.input):
                        self._want(value.name, f"{node.name}/{_body_input(node, index)}")
                    for inner in (inner for graph in graphs.all_graphs(body) for inner in graph.node):
                        for index, old in enumerate(inner.input):
                            if old in constants:
                                self._want(old, f"{node.name}/{_constant_name(inner, index).rsplit('/', 1)[-1]}")
        for current in graphs.all_graphs(graph):  # constants that only leave a graph, or that nothing reads
            for index, name in enumerate(sorted(graphs.initializers(current) - self.wanted.keys())):
                self._want(name, f"constant_{index}")

    def _want(self, old: str, wish: str) -> None:
        """A name for the tensor `old`, if it has none yet."""
        if old and old not in self.wanted:
            self.wanted[old] = self._unique(wish, self.used_tensors)

    def apply(self, graph: onnx.GraphProto) -> None:
        """Write the planned tensor names into every graph."""
        new = self.wanted
        for number, current in enumerate(graphs.all_graphs(graph)):
            for value in (*current.input, *current.output):
                value.name = new[value.name]
                for dim in value.type.tensor_type.shape.dim:
                    if dim.HasField("dim_param") or (dim.HasField("dim_value") and dim.dim_value < 0):
                        dim.Clear()
            for tensor in current.initializer:
                tensor.name = new[tensor.name]
            del current.value_info[:]
            if number:
                current.name = f"body_{number}"
            for node in current.node:
                node.doc_string = ""
                node.input[:] = [new[name] if name else "" for name in node.input]
                node.output[:] = [new[name] if name else "" for name in node.output]

    def _unique(self, wish: str, used: set[str]) -> str:
        name = wish
        while name in used:
            self.counts[wish] += 1
            name = f"{wish}_{self.counts[wish]}"
        used.add(name)
        return name


def _constant_name(node: onnx.NodeProto, index: int) -> str:
    """Scope of the reader + role of the input: `dense/kernel`."""
    scope = node.name.rsplit("/", 1)[0] if "/" in node.name else node.name
    roles = facts_of(node.op_type, node.domain).constants
    if index >= len(roles) and (schema := schemas.schema(node.op_type, node.domain, onnx.defs.onnx_opset_version())) is not None:
        roles = tuple(formal.name.lower() for formal in schema.inputs)
    return f"{scope}/{roles[index] if index < len(roles) else 'constant'}"


def _body_input(node: onnx.NodeProto, index: int) -> str:
    if node.op_type == "Loop":
        return ("iteration", "condition")[index] if index < 2 else f"state_{index - 2}"
    return f"input_{index}"


def _lend_scopes(names: list[str], graph: onnx.GraphProto) -> list[str]:
    """A node inserted between two layers has no scope: an activation or bias takes its writer's, others their reader's."""
    names = list(names)
    reader: dict[str, int] = {}
    writer: dict[str, int] = {}
    for index, node in enumerate(graph.node):
        writer.update(dict.fromkeys(node.output, index))
        for name in node.input:
            reader.setdefault(name, index)
        source = writer.get(node.input[0]) if node.input else None
        if "/" not in names[index] and node.op_type in _FOLLOWS and source is not None and "/" in names[source]:
            names[index] = f"{names[source].rsplit('/', 1)[0]}/{names[index]}"
    for index in range(len(names) - 1, -1, -1):
        user = next((reader[out] for out in graph.node[index].output if out in reader), None)
        if "/" not in names[index] and user is not None and "/" in names[user]:
            names[index] = f"{names[user].rsplit('/', 1)[0]}/{names[index]}"
    return names

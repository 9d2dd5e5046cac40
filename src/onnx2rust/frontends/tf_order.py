"""Order of the nodes and constants of a model that tf2onnx wrote, and one of each that are equal:
by structure, never by tf2onnx's numbers."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from onnx2rust.model import graph as graphs


def canonical(graph: onnx.GraphProto) -> None:
    """Order by a depth-first walk from the outputs, bodies first: it depends on the structure alone, not on old names."""
    for node in graph.node:
        for body in graphs.subgraphs(node):
            canonical(body)
    writer = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    done: set[int] = set()
    order: list[int] = []
    for root in [value.name for value in graph.output]:
        stack = [(writer[root], False)] if root in writer else []
        while stack:
            index, ready = stack.pop()
            if ready:
                order.append(index)
            elif index not in done:
                done.add(index)
                stack.append((index, True))
                sources = [writer[name] for name in reads_in_order(graph.node[index]) if name in writer]
                stack.extend((source, False) for source in reversed(sources) if source not in done)
    nodes = [graph.node[index] for index in order]
    replace(graph.node, nodes)


def settle_identities(body: onnx.GraphProto) -> None:
    """Keep in a body only the Identity nodes its outputs need, in order of the outputs.

    Where one value leaves a body twice, tf2onnx removes either Identity, depending on addresses in memory.
    """
    alias = {node.output[0]: node.input[0] for node in body.node if node.op_type == "Identity"}

    def root(name: str) -> str:
        while name in alias:
            name = alias[name]
        return name

    _reread(body, {name: root(name) for name in alias})
    nodes = [node for node in body.node if node.op_type != "Identity"]
    writer = {name: node.name for node in nodes for name in node.output}
    free = set(writer)
    for index, value in enumerate(body.output):
        source = root(value.name)
        value.name = source
        if source in free:
            free.remove(source)
        else:
            value.name = f"{source}__{index}"
            nodes.append(onnx.helper.make_node("Identity", [source], [value.name], name=f"{writer.get(source, source)}__{index}"))
    replace(body.node, nodes)


def merge_equal(graph: onnx.GraphProto) -> bool:
    """Constants with equal values, and nodes that compute the same from the same, become one: the first in order.

    Per graph; nodes with bodies or random results, and those that write a graph output, stay. Whether anything changed.
    """
    changed = False
    for current in graphs.all_graphs(graph):
        place = _places(current)
        new: dict[str, str] = {}
        kept = {value.name for value in current.output}
        seen: dict[tuple[object, ...], str] = {}
        for tensor in sorted(current.initializer, key=lambda t: place.get(t.name, len(place))):
            bare = onnx.TensorProto()
            bare.CopyFrom(tensor)
            bare.name = ""
            first = seen.setdefault((bare.SerializeToString(deterministic=True),), tensor.name)
            if first != tensor.name and tensor.name not in kept:
                new[tensor.name] = first
        for node in current.node:
            inputs = tuple(new.get(name, name) for name in node.input)
            if node.op_type.startswith("Random") or any(True for _ in graphs.subgraphs(node)):
                continue
            attributes = sorted(a.SerializeToString(deterministic=True) for a in node.attribute)
            key = (node.op_type, node.domain, inputs, *attributes, len(node.output))
            for index, name in enumerate(node.output):
                first = seen.setdefault((*key, index), name)
                if first != name and name and first and not kept & set(node.output):
                    new[name] = first
        if any(tensor.name in new for tensor in current.initializer):
            replace(current.initializer, [t for t in current.initializer if t.name not in new])
        changed = changed or bool(new)
        _reread(current, new)
    return changed


def _reread(graph: onnx.GraphProto, new: Mapping[str, str]) -> None:
    """Nodes of the graph, and its bodies, read tensors by other names."""
    for current in graphs.all_graphs(graph):
        for node in current.node:
            node.input[:] = [new.get(name, name) for name in node.input]
        for value in current.output if current is not graph else ():
            value.name = new.get(value.name, value.name)


def reads_in_order(node: onnx.NodeProto) -> list[str]:
    names = list(node.input)
    for body in graphs.subgraphs(node):
        for graph in graphs.all_graphs(body):
            names += [name for inner in graph.node for name in inner.input]
            names += [value.name for value in graph.output]
    return [name for name in dict.fromkeys(names) if name]


def _places(graph: onnx.GraphProto) -> dict[str, int]:
    """In which order the graph's nodes and outputs first read each name."""
    names = [*(name for node in graph.node for name in reads_in_order(node)), *(value.name for value in graph.output)]
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def order_constants(graph: onnx.GraphProto) -> None:
    """Constants in the order of first use; those that nothing reads go."""
    for current in graphs.all_graphs(graph):
        place = _places(current)
        kept = [tensor for tensor in current.initializer if tensor.name in place]
        replace(current.initializer, sorted(kept, key=lambda tensor: place[tensor.name]))


def replace(repeated, items) -> None:  # type: ignore[no-untyped-def]  # protobuf names no type for its fields
    """Set a repeated protobuf field to `items`, which may be its own elements in another order."""
    copies = [type(item).FromString(item.SerializeToString()) for item in items]
    del repeated[:]
    repeated.extend(copies)

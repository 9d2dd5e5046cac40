"""Plain work on `onnx.GraphProto`, shared by all frontends: walk, sort, cut, find names that clash."""

from __future__ import annotations

import difflib
import graphlib
import heapq
from collections import Counter
from collections.abc import Iterator, Sequence

import onnx
import onnx.shape_inference

from onnx2rust.base.errors import InvalidModelError, Problem, UsageError

MAX_NAME_BYTES = 32_000
"""Longest name of an input or output; a member of an .npz file has at most 65,535 bytes."""


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The bodies a node carries (If, Loop, Scan), in attribute order."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == onnx.AttributeProto.GRAPHS:
            yield from attribute.graphs


def all_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """`graph` and every body inside it, outermost first. Iterative: depth is bounded by the file, not by Python's stack."""
    stack = [graph]
    while stack:
        current = stack.pop()
        yield current
        inner = [body for node in current.node for body in subgraphs(node)]
        stack.extend(reversed(inner))


def all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """The nodes of `graph` and of every body inside it."""
    return (node for inner in all_graphs(graph) for node in inner.node)


def initializers(graph: onnx.GraphProto) -> set[str]:
    """Names of the graph's constants, dense and sparse."""
    return {t.name for t in graph.initializer} | {t.values.name for t in graph.sparse_initializer}


def names_read(node: onnx.NodeProto) -> set[str]:
    """Every name a node reads from the graph it stands in, those its bodies capture included."""
    read = {name for name in node.input if name}
    for body in subgraphs(node):
        read |= names_captured(body)
    return read


def names_captured(body: onnx.GraphProto) -> set[str]:
    """Names a body uses and does not define: they come from the graphs around it."""
    defined = {value.name for value in body.input} | initializers(body)
    read: set[str] = {value.name for value in body.output}
    for node in body.node:
        defined.update(node.output)
        read |= names_read(node)
    return read - defined


def label(node: onnx.NodeProto, index: int) -> str:
    """How messages call a node: its name, or its operator and place if it has none."""
    return f"{node.op_type} {node.name!r}" if node.name else f"{node.op_type} (node {index})"


def check_names(graph: onnx.GraphProto) -> list[Problem]:
    """Tensor names written twice, in each graph by itself (SSA form), and output names that nothing defines."""
    problems: list[Problem] = []
    for value in (*graph.input, *graph.output):
        if "\0" in value.name or len(value.name.encode()) > MAX_NAME_BYTES:
            what = "NUL characters" if "\0" in value.name else f"more than {MAX_NAME_BYTES} bytes"
            problems.append(
                Problem(f"the name has {what}: no array of an .npz file can have it", where=f"tensor {value.name[:60]!r}")
            )
    for current in all_graphs(graph):
        writers: dict[str, str] = {value.name: "graph input" for value in current.input}
        for twice, count in Counter(value.name for value in current.input).items():
            if count > 1:
                problems.append(Problem(f"graph input {twice!r} is declared {count} times"))
        for name in initializers(current):
            writers.setdefault(name, "initializer")
        for index, node in enumerate(current.node):
            for name in node.output:
                if name and name in writers:
                    problems.append(Problem(f"tensor {name!r} is already written by {writers[name]}", where=label(node, index)))
                writers[name] = label(node, index)
    return problems


def topological_sort(graph: onnx.GraphProto) -> None:
    """Put every graph's nodes in an order where each comes after what it reads; stable: a sorted graph stays as it is.

    Raises `InvalidModelError` naming the nodes of a cycle, or the names that nothing defines.
    """
    stack: list[tuple[onnx.GraphProto, frozenset[str]]] = [(graph, frozenset())]
    problems: list[Problem] = []
    while stack:
        current, outer = stack.pop()
        problems += _sort_one(current, outer)
        known = outer | initializers(current) | {v.name for v in current.input}
        known = known.union(*(node.output for node in current.node))
        stack.extend((body, known) for node in current.node for body in subgraphs(node))
    if problems:
        raise InvalidModelError(problems)


def _sort_one(graph: onnx.GraphProto, outer: frozenset[str]) -> list[Problem]:
    """Kahn's algorithm, always taking the ready node that stood first in the file."""
    writer = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    given = outer | initializers(graph) | {value.name for value in graph.input}
    reads = [names_read(node) for node in graph.node]
    problems = [
        Problem(f"reads {name!r}, which nothing defines", where=label(graph.node[index], index))
        for index, names in enumerate(reads)
        for name in sorted(names)
        if name not in writer and name not in given
    ]
    problems += [
        Problem(f"graph output {value.name!r} is defined by nothing")
        for value in graph.output
        if value.name not in writer and value.name not in given
    ]
    if problems:
        return problems
    sorter = graphlib.TopologicalSorter({k: {writer[n] for n in names if n in writer} for k, names in enumerate(reads)})
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        return [_cycle(graph, error.args[1][:-1])]
    ready = sorted(sorter.get_ready())
    order: list[int] = []
    while ready:
        order.append(heapq.heappop(ready))
        sorter.done(order[-1])
        for index in sorter.get_ready():
            heapq.heappush(ready, index)
    if order != list(range(len(order))):
        copies = [onnx.NodeProto.FromString(graph.node[index].SerializeToString()) for index in order]
        del graph.node[:]
        graph.node.extend(copies)
    return []


def _cycle(graph: onnx.GraphProto, cycle: list[int]) -> Problem:
    """What is said of nodes of which each is read by the next, and the last by the first."""
    first = cycle.index(min(cycle))
    cycle = cycle[first:] + cycle[:first]
    shown = [label(graph.node[index], index) for index in cycle[:8]]
    tail = " → …" if len(cycle) > 8 else f" → {shown[0]}"
    return Problem("the graph has a cycle: " + " → ".join(shown) + tail)


def sort_top_k(graph: onnx.GraphProto) -> bool:
    """Makes every TopK a sorted one: an order that one with sorted=0 may give too, and the only one
    that two programs agree on. Whether there was any."""
    free = [
        attribute
        for node in all_nodes(graph)
        if node.op_type == "TopK" and node.domain == ""
        for attribute in node.attribute
        if attribute.name == "sorted" and attribute.i == 0
    ]
    for attribute in free:
        attribute.i = 1
    return bool(free)


def drop_constant_inputs(graph: onnx.GraphProto) -> list[str]:
    """Graph inputs that have an initializer are constants with a default (IR < 4): they stop being inputs."""
    constant = initializers(graph)
    places = [k for k, value in enumerate(graph.input) if value.name in constant]
    dropped = [graph.input[k].name for k in places]
    for k in reversed(places):
        del graph.input[k]
    return dropped


def cut(model: onnx.ModelProto, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Keep only what leads from `inputs` to `outputs` (either may be empty: then the model's own stay).

    A named input may be any tensor of the main graph; what computed it goes. Inputs that are no longer needed go too.
    Raises `UsageError` for names that do not exist or inputs that are missing.
    """
    if not inputs and not outputs:
        return
    graph = model.graph
    written = {name for node in graph.node for name in node.output if name}
    own_inputs = {value.name: value for value in graph.input}
    known = written | own_inputs.keys() | initializers(graph)
    problems = [
        Problem(f"no tensor is called {name!r}", where=option, hint=_similar(name, known))
        for option, names in (("--input", inputs), ("--output", outputs))
        for name in names
        if name not in known
    ]
    if problems:
        raise UsageError(problems)
    types = {value.name: value for value in [*graph.input, *graph.output, *graph.value_info]}
    wanted = list(outputs) or [value.name for value in graph.output]
    stops = set(inputs)
    keep, needed = _reach(graph, wanted, stops)
    constants = initializers(graph)
    free = [name for name in needed if name in own_inputs and name not in stops and name not in constants]
    if inputs and free:
        raise UsageError([Problem(f"the outputs also need input {name!r}", where="--input", hint="name it too") for name in free])
    new_inputs = list(inputs) or [name for name in own_inputs if name in needed]
    unused = [name for name in inputs if name not in needed]
    if unused:
        raise UsageError([Problem(f"the outputs do not depend on {name!r}", where="--input") for name in unused])
    values_in = [types.get(name) or onnx.ValueInfoProto(name=name) for name in new_inputs]
    values_out = [types.get(name) or onnx.ValueInfoProto(name=name) for name in wanted]
    _retype(model, [*values_in, *values_out])
    new = onnx.GraphProto(
        name=graph.name,
        doc_string=graph.doc_string,
        node=[node for index, node in enumerate(graph.node) if index in keep],
        initializer=[tensor for tensor in graph.initializer if tensor.name in needed],
        sparse_initializer=[tensor for tensor in graph.sparse_initializer if tensor.values.name in needed],
        value_info=[value for value in graph.value_info if value.name in needed],
        input=values_in,
        output=values_out,
    )
    graph.CopyFrom(new)


def _retype(model: onnx.ModelProto, values: Sequence[onnx.ValueInfoProto]) -> None:
    """A tensor inside the graph has no declared type, or none with a shape: ask ONNX shape
    inference, on a copy, for these only."""
    if all(map(_is_told, values)):
        return
    inferred = infer_shapes(model)
    types = {value.name: value.type for value in [*inferred.graph.value_info, *inferred.graph.output] if _is_told(value)}
    missing = []
    for value in values:
        if not _is_told(value):
            if value.name in types:
                value.type.CopyFrom(types[value.name])
            elif not value.type.WhichOneof("value"):
                missing.append(Problem(f"the type of {value.name!r} is not known", hint="cut the model elsewhere"))
    if missing:
        raise UsageError(missing)


def _is_told(value: onnx.ValueInfoProto) -> bool:
    return value.type.tensor_type.HasField("shape") or value.type.WhichOneof("value") not in (None, "tensor_type")


def _reach(graph: onnx.GraphProto, wanted: Sequence[str], stops: set[str]) -> tuple[set[int], set[str]]:
    """Indices of the nodes that `wanted` depends on without passing `stops`, and every name met on the way."""
    writer = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    keep: set[int] = set()
    seen: set[str] = set()
    stack = list(wanted)
    while stack:
        name = stack.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in stops or name not in writer:
            continue
        if writer[name] not in keep:
            keep.add(writer[name])
            stack.extend(names_read(graph.node[writer[name]]))
    return keep, seen


def _similar(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=3)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else ""


# -- shape inference -------------------------------------------------------------------------------------------------

_CRASHES = frozenset(["DictVectorizer", "EyeLike", "LabelEncoder", "RegexFullMatch", "TreeEnsemble"])
"""Operators at which onnx 1.23 ends the process where an input has no type: behind a Normalizer, for one, whose results it cannot
infer. A test tries all that onnx knows."""
_HIDDEN = "onnx2rust.hidden."


def infer_shapes(model: onnx.ModelProto, *, data_prop: bool = False) -> onnx.ModelProto:
    """A copy with the types and shapes of values, as far as onnx can tell them. Raises
    onnx.shape_inference.InferenceError as onnx does."""
    nodes = _crashing(model)
    if not nodes:
        return onnx.shape_inference.infer_shapes(model, data_prop=data_prop)
    hidden = onnx.ModelProto()
    hidden.CopyFrom(model)
    for node in _crashing(hidden):
        node.op_type = _HIDDEN + node.op_type
    inferred = onnx.shape_inference.infer_shapes(hidden, data_prop=data_prop)
    typed = {tensor.name for graph in all_graphs(inferred.graph) for tensor in graph.initializer}
    typed |= {i.name for g in all_graphs(inferred.graph) for i in (*g.input, *g.value_info) if i.type.WhichOneof("value")}
    if all(name in typed for node in nodes for name in node.input):
        return onnx.shape_inference.infer_shapes(model, data_prop=data_prop)
    for node in all_nodes(inferred.graph):
        node.op_type = node.op_type.removeprefix(_HIDDEN)
    return inferred


def _crashing(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [node for node in all_nodes(model.graph) if node.op_type in _CRASHES]

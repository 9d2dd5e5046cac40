"""The ONNX specification as a judge of files: `onnx.checker`'s complaint, and which ones are about
a model that runs all the same.

The checker wants more than onnxruntime does: a name for the graph, a type and a shape for every output, no operator that only
onnxruntime has in ONNX's domain. Such a model is converted, with the complaint as a note. What is ill-formed is refused, all of
it at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import onnx
from onnx import checker

from onnx2rust.base.errors import InvalidModelError, Problem
from onnx2rust.model import graph as graphs
from onnx2rust.model import schemas, weights

BOOLEANS = frozenset(
    [
        "align_corners", "allowzero", "antialias", "broadcast", "ceil_mode", "center_point_box", "count_include_pad",
        "detect_negative", "detect_positive", "exclude_outside", "exclusive", "fmod", "input_forget", "interleaved",
        "inverse", "is_case_sensitive", "is_causal", "is_test", "keepdims", "largest", "layout", "linear_before_reset",
        "new_axis", "noop_with_empty_axes", "onesided", "output_sequence", "periodic", "reverse", "saturate",
        "select_last_index", "sorted", "spatial", "storage_order", "training_mode", "transA", "transB", "upper",
    ]
)  # fmt: skip
"""Attributes of ONNX's own operators that are integers and mean yes or no, whichever operator has them."""


def check(model: onnx.ModelProto) -> list[str]:
    """Notes about what the checker alone minds; raises InvalidModelError with everything that is ill-formed.

    Domains other than ONNX's own are the importer's to judge: the checker skips operators it has no schema for.
    """
    _as_written_now(model)
    # the checker sees none of these; onnx's shape inference reads past its list where num_outputs lies, and ends the process
    problems = [
        Problem(what, where=graphs.label(node, index))
        for graph in graphs.all_graphs(model.graph)
        for index, node in enumerate(graph.node)
        if node.domain == ""
        for attribute in node.attribute
        for what in _out_of_range(node, attribute)
    ]
    notes = []
    inside = _without_outside_data(model)
    try:
        checker.check_model(inside, full_check=False, skip_opset_compatibility_check=True)
    except checker.ValidationError as error:
        ill_formed = list(_ill_formed(inside))
        problems += ill_formed
        if not ill_formed:
            notes.append(f"onnx.checker does not take the model, onnxruntime does: {first_line(error)}")
    except ValueError as error:  # a model above protobuf's limit once its external data is in
        if "2GiB" not in str(error) and "2GB" not in str(error):
            raise
    if problems:
        raise InvalidModelError(problems)
    return notes


def _without_outside_data(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose tensors that have their data elsewhere are empty: the checker would look for files."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in filter(weights.is_outside, copy.graph.initializer):
        tensor.ClearField("data_location")
        tensor.ClearField("external_data")
        tensor.dims[:] = [0]
    return copy


def _out_of_range(node: onnx.NodeProto, attribute: onnx.AttributeProto) -> Iterator[str]:
    """What an attribute's value breaks. For an integer that stands for a boolean, onnxruntime takes what is neither 0 nor 1 for
    yes, for no or for an error, each operator as it likes."""
    if attribute.name in BOOLEANS and attribute.i not in (0, 1):
        yield f"{attribute.name} is {attribute.i}; it is yes or no: 1 or 0"
    if (node.op_type, attribute.name) == ("Split", "num_outputs") and attribute.i != len(node.output):
        yield f"{len(node.output)} outputs, but num_outputs is {attribute.i}"
    if attribute.name == "softcap" and not attribute.f >= 0:  # NaN neither
        yield f"softcap is {attribute.f:g}; it cannot be negative"
    if attribute.name == "p" and attribute.type == onnx.AttributeProto.INT and attribute.i < 1:
        yield f"p is {attribute.i}; it is 1 or more"
    if attribute.name == "qk_matmul_output_mode" and attribute.i not in range(4):
        yield f"qk_matmul_output_mode is {attribute.i}; it is 0, 1, 2 or 3"


def _as_written_now(model: onnx.ModelProto) -> None:
    """What onnxruntime reads in one way, and has two spellings: ONNX's own domain, and tensors that
    bring values besides their bytes."""
    every = list(graphs.all_graphs(model.graph))
    for item in (*model.opset_import, *(node for graph in every for node in graph.node)):
        if item.domain in schemas.ONNX_DOMAINS:
            item.domain = ""
    for tensor in (tensor for graph in every for tensor in graph.initializer):
        if tensor.HasField("raw_data"):
            for field in ("float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
                tensor.ClearField(field)


def _ill_formed(model: onnx.ModelProto) -> Iterator[Problem]:
    """What is wrong with each node and tensor by itself. (Names and order have been checked before: `graph.check_names`.)"""
    context = checker.C.CheckerContext()
    context.ir_version = model.ir_version
    context.opset_imports = {entry.domain: entry.version for entry in model.opset_import}
    for graph in graphs.all_graphs(model.graph):
        for value in graph.input:
            if not value.type.WhichOneof("value") and graph is model.graph:
                yield Problem("has no type", where=f"graph input {value.name!r}")
        names = Counter([*(t.name for t in graph.initializer), *(t.values.name for t in graph.sparse_initializer)])
        for name, count in names.items():
            if count > 1:
                yield Problem(f"is defined {count} times", where=f"initializer {name!r}")
        for tensor in graph.initializer:
            yield from _complaint(checker.check_tensor, tensor, context, f"initializer {tensor.name!r}")
        for sparse in graph.sparse_initializer:
            yield from _complaint(checker.check_sparse_tensor, sparse, context, f"initializer {sparse.values.name!r}")
        for index, node in enumerate(graph.node):
            if schemas.only_in_onnxruntime(node.op_type, node.domain, context.opset_imports.get(node.domain, 0)):
                continue
            yield from _complaint(checker.check_node, _without_bodies(node), context, graphs.label(node, index))


def _complaint(judge: Callable[[Any, Any], None], item: Any, context: Any, where: str) -> Iterator[Problem]:
    try:
        judge(item, context)
    except checker.ValidationError as error:
        yield Problem(f"breaks the ONNX specification: {first_line(error)}", where=where)


def _without_bodies(node: onnx.NodeProto) -> onnx.NodeProto:
    """The node alone: its bodies' nodes are judged by themselves, and may read names that only their place knows."""
    if not any(True for _ in graphs.subgraphs(node)):
        return node
    alone = onnx.NodeProto()
    alone.CopyFrom(node)
    for body in graphs.subgraphs(alone):
        body.CopyFrom(onnx.GraphProto(name="body"))
    return alone


def first_line(error: Exception) -> str:
    """What an exception of onnx says, without the context that it adds in further lines."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return text if len(text) <= 500 else text[:500] + "…"

"""Checks that every node agrees with its ONNX schema, and expands operators that ONNX itself defines by a function."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
import onnx.inliner
import onnx.shape_inference

from onnx2rust.base.errors import Problem, Refuse
from onnx2rust.ir.program import Origin, Value
from onnx2rust.model import schemas
from onnx2rust.model.graph import all_graphs, all_nodes, infer_shapes
from onnx2rust.ops import lookup


def check_types(node: onnx.NodeProto, origin: Origin, inputs: Sequence[Value | None]) -> None:
    """Refuses inputs that are missing, element types that the schema does not allow, and inputs of
    unlike types where it wants one type."""
    schema = schemas.schema(node.op_type, origin.domain, origin.opset)
    if schema is None:
        return
    allowed = {c.type_param_str: set(c.allowed_type_strs) for c in schema.type_constraints}
    bound: dict[str, str] = {}
    problems = []
    for index, value in enumerate(inputs):
        formal = schema.inputs[min(index, len(schema.inputs) - 1)] if schema.inputs else None
        if formal is None:
            continue
        if value is None:
            # onnxruntime, which folds constants, may crash on it
            if formal.option != onnx.defs.OpSchema.FormalParameterOption.Optional:
                problems.append(Problem(f"input {index} ({formal.name}) is missing"))
            continue
        actual = value.type.spelling
        if actual not in allowed.get(formal.type_str, {formal.type_str}):
            problems.append(Problem(f"input {index} ({formal.name}) cannot be of type {value.type.kind}"))
        heterogeneous = formal.option == onnx.defs.OpSchema.FormalParameterOption.Variadic and not formal.is_homogeneous
        if formal.type_str in allowed and not heterogeneous:
            first = bound.setdefault(formal.type_str, value.type.kind)
            if first != value.type.kind:
                problems.append(Problem(f"input {index} ({formal.name}) is {value.type.kind}, another one is {first}"))
    if problems:
        raise Refuse(problems, invalid=True)


def expand_functions(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Replaces operators that have no lowering here but a function body in ONNX by that body."""
    wanted = set()
    opsets = {o.domain: o.version for o in proto.opset_import}
    for node in all_nodes(proto.graph):
        opset = opsets.get(node.domain, 1)
        if not isinstance(lookup(node.op_type, node.domain, opset), Problem):
            continue
        schema = schemas.schema(node.op_type, node.domain, opset)
        if schema and (schema.has_function or schema.has_context_dependent_function):  # type: ignore[attr-defined]  # not in its stubs
            wanted.add((node.domain, node.op_type))
    if wanted:
        proto = _with_defaults(proto, wanted, opsets)
    for operator in sorted(wanted):
        proto = _expand(proto, operator)
    return proto


def _with_defaults(proto: onnx.ModelProto, wanted: set[tuple[str, str]], opsets: dict[str, int]) -> onnx.ModelProto:
    """The model with default attributes written out on the wanted nodes: ONNX's inliner leaves out
    those that a node does not state."""
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    for node in all_nodes(model.graph):
        if (node.domain, node.op_type) in wanted:
            schema = onnx.defs.get_schema(node.op_type, opsets.get(node.domain, 1), node.domain)
            stated = {a.name for a in node.attribute}
            node.attribute.extend(
                a.default_value for n, a in schema.attributes.items() if n not in stated and a.default_value.type
            )
    return model


def _expand(proto: onnx.ModelProto, operator: tuple[str, str]) -> onnx.ModelProto:
    """One operator's function put in its place, or the model as it was where ONNX's inliner cannot
    (then the importer refuses the node)."""
    for typed in (False, True):
        try:
            model = _typed(proto) if typed else proto
            return onnx.inliner.inline_selected_functions(model, [operator], exclude=False, inline_schema_functions=True)
        except (RuntimeError, onnx.shape_inference.InferenceError):
            # functions that depend on their input types need all of them known
            continue
    return proto


def _typed(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that states the type of every value, those of constants too: ONNX's inliner does not
    look at the constants themselves."""
    model = infer_shapes(proto)
    for graph in all_graphs(model.graph):
        stated = {info.name for info in (*graph.input, *graph.value_info)}
        graph.value_info.extend(
            onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            for tensor in graph.initializer
            if tensor.name not in stated
        )
    return model

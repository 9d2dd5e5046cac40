"""TensorFlow function or graph → ONNX, nothing left over and nothing lost in silence. Runs in the child only."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Sequence
from typing import Any

import onnx
import tensorflow as tf
from tf2onnx import optimizer, tf_loader, tfonnx, utils
from tf2onnx.graph import Node

from onnx2rust.base.errors import Problem, UnsupportedError
from onnx2rust.frontends import tf_handlers, tf_names
from onnx2rust.frontends.base import Port, Traced
from onnx2rust.model import graph as graphs
from onnx2rust.model.schemas import ML, ONNX_DOMAINS

OPSET = 18  # the highest that tf2onnx 1.17 has handlers for


class _Collector(logging.Handler):
    """tf2onnx tells the log, and nobody else, which nodes and rewriters failed: listen."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.failed: list[tuple[str, str]] = []  # node, reason
        self.unknown: list[tuple[str, str]] = []  # node, operator

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        args = record.args if isinstance(record.args, tuple) else ()
        if str(record.msg).startswith("Failed to convert node") and args:
            self.failed.append((str(args[0]), _reason(cause)))
        elif str(record.msg).startswith("Tensorflow op [") and len(args) == 2:
            self.unknown.append((str(args[0]), str(args[1])))
        elif str(record.msg).startswith("rewriter") and len(args) == 2:
            name = getattr(args[0], "__name__", str(args[0]))
            self.failed.append((f"tf2onnx {name}", _reason(args[1])))


def _reason(error: object) -> str:
    return " ".join(str(error).removeprefix("make_sure failure: ").split())[:300]


def freeze(function: Any, trackable: Any, inputs: Sequence[Port], outputs: Sequence[Port]) -> tuple[Any, dict[bytes, Any]]:
    """A concrete function as a GraphDef whose variables are constants and whose calls are inlined; and its tables.

    Functions marked for XLA (Keras compiles grouped convolutions) stay calls unless the mark goes: second round.
    """
    ends = ([port.tensor for port in ports] for ports in (inputs, outputs))
    graph_def, tables = tf_loader.from_trackable(trackable, function, *ends, False)
    return optimized(graph_def, inputs, outputs) if unmark_calls(graph_def) else graph_def, tables


def optimized(graph_def: Any, inputs: Sequence[Port], outputs: Sequence[Port]) -> Any:
    """The graph between the ports, as TensorFlow's grappler leaves it."""
    with tf.Graph().as_default():
        tf.import_graph_def(graph_def, name="")
        return tf_loader.tf_optimize([port.tensor for port in inputs], [port.tensor for port in outputs], graph_def)


def unmark_calls(graph_def: Any) -> bool:
    """Let the inliner at calls that are marked for XLA; whether there were any."""
    marked = False
    functions = graph_def.library.function
    attribute_maps = [node.attr for node in graph_def.node] + [function.attr for function in functions]
    attribute_maps += [node.attr for function in functions for node in function.node_def]
    for attributes in attribute_maps:
        for key in ("_XlaMustCompile", "_noinline"):
            if key in attributes:
                del attributes[key]
                marked = True
    return marked


def _renumber_functions(graph_def: Any) -> None:
    """Loop bodies and branches are numbered by the process (`…_while_cond_2288`): number them by the graph instead.

    tf2onnx orders and merges by name, so these numbers would decide which of two equal nodes stays.
    """
    parts = [(re.fullmatch(r"(.*?)_?(\d*)", f.signature.name), f.signature.name) for f in graph_def.library.function]
    ordered = sorted((match[1], int(match[2] or 0), name) for match, name in parts if match is not None)
    new = {name: f"{stem}_{index}" for index, (stem, _, name) in enumerate(ordered)}
    graph_def.library.function.sort(key=lambda f: new[f.signature.name])
    for function in graph_def.library.function:
        function.signature.name = new[function.signature.name]
    nodes = [*graph_def.node, *(node for function in graph_def.library.function for node in function.node_def)]
    for node in nodes:
        for value in node.attr.values():
            for called in (value.func, *value.list.func) if value.HasField("func") else value.list.func:
                called.name = new.get(called.name, called.name)


def to_onnx(traced: Traced, tflite: str | None = None) -> onnx.ModelProto:
    """Convert the graph, or the TFLite file, whose operators tf2onnx first turns into TensorFlow's.

    Raises `UnsupportedError` naming every operator that ONNX, or the converter, does not have.
    """
    tf_handlers.register()
    inputs, outputs = ([port.tensor for port in ports] for ports in (traced.inputs, traced.outputs))
    arguments: dict[str, Any] = {"input_names": inputs, "output_names": outputs}
    with tf.Graph().as_default() as graph:
        if tflite is not None:
            arguments |= {"tf_graph": None, "tflite_path": tflite}
        else:
            _renumber_functions(traced.graph_def)
            tf.import_graph_def(traced.graph_def, name="")
            arguments |= {"tf_graph": graph, "initialized_tables": traced.tables}
        model, failed = _process(arguments)
    return finish(model, failed, traced)


def _hash_nodes_by_age() -> None:
    """tf2onnx walks sets of nodes, whose order is that of addresses in memory: count nodes instead, from 0 for each model."""
    serials = itertools.count()

    def by_age(node: Any) -> int:
        return int(node.__dict__.setdefault("_onnx2rust_serial", next(serials)))

    Node.__hash__ = by_age


def _process(arguments: dict[str, Any]) -> tuple[onnx.ModelProto, list[tuple[str, str]]]:
    collector = _Collector()
    logger = logging.getLogger("tf2onnx")
    logger.addHandler(collector)
    utils.INTERNAL_NAME = 1  # its counter of new names: the same for every model of this process
    _hash_nodes_by_age()
    try:
        graph = tfonnx.process_tf_graph(continue_on_error=True, opset=OPSET, **arguments)
        # catch_errors copies the whole graph, weights included, before each of its dozens of passes.
        # Its merging of equal nodes keeps one or the other depending on addresses in memory: tf_names merges instead.
        passes = {name: make for name, make in optimizer._get_optimizers().items() if name != "merge_duplication"}
        graph = optimizer.optimize_graph(graph, catch_errors=bool(collector.failed), optimizers=passes)
        return graph.make_model("onnx2rust"), collector.failed
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, AssertionError) as error:
        problems = [Problem(f"TensorFlow operator {op} has no ONNX form", name) for name, op in collector.unknown]
        problems += [Problem(f"conversion failed: {why}", name) for name, why in collector.failed]
        raise UnsupportedError(problems or [Problem(f"tf2onnx gave up: {_reason(error)}")]) from error
    finally:
        logger.removeHandler(collector)


def finish(model: onnx.ModelProto, failed: Sequence[tuple[str, str]], traced: Traced) -> onnx.ModelProto:
    """Refuse what is left over, then give the model its own names, order and symbols."""
    problems = _bfloat16(traced) or _left_over(model, failed, traced)
    if problems:
        raise UnsupportedError(problems)
    tf_names.clean(model, traced)
    return model


def _bfloat16(traced: Traced) -> list[Problem]:
    """tf2onnx mixes bfloat16 up with float16 and writes models that no checker accepts."""
    if traced.graph_def is None:
        return []
    scopes = tf_names.Scopes(traced.layers, traced.prefixes)
    names = [
        scopes.clean(node.name)
        for node in traced.graph_def.node
        if node.op != "Const" and any(value.type == tf.bfloat16.as_datatype_enum for value in node.attr.values())
    ]
    where = {name.split("/")[0] for name in names if "/" in name} or set(names)
    hint = "build the model with the float32 policy and load the same weights"
    return [Problem("bfloat16 cannot be converted", layer, hint) for layer in sorted(where)]


def _left_over(model: onnx.ModelProto, failed: Sequence[tuple[str, str]], traced: Traced) -> list[Problem]:
    reasons = dict(failed)
    problems: list[Problem] = []
    scopes = tf_names.Scopes.of(model, traced)
    for graph in graphs.all_graphs(model.graph):
        for node in graph.node:
            reason = reasons.pop(node.name, "")
            known = node.domain in ONNX_DOMAINS and onnx.defs.has(node.op_type, OPSET, "")
            if node.domain == ML or (known and not reason):
                continue
            what = f"TensorFlow operator {node.op_type.removeprefix('TFL_')} has no ONNX form"
            problems.append(Problem(f"{what} ({reason})" if reason else what, where=scopes.clean(node.name)))
    problems += [Problem(f"conversion failed: {why}", where=where) for where, why in reasons.items()]
    hint = "the model asks for something ONNX cannot express; cut it out with --input/--output, or replace the layer"
    return [Problem(p.what, p.where, hint) for p in problems]


def port(tensor: Any, name: str) -> Port:
    """The port of a TensorFlow tensor."""
    rank = tensor.shape.rank
    return Port(tensor.name, name, None if rank is None else tuple(tensor.shape.as_list()))


def own_inputs(function: Any) -> list[Any]:
    """The placeholders of a concrete function, without those that stand for captured tensors: weights and tables."""
    captured = {tensor.name for tensor in function.graph.internal_captures}
    return [tensor for tensor in function.inputs if tensor.name not in captured and tensor.dtype != tf.resource]

"""One function per TensorFlow source: from a path to a frozen graph with the author's port names. Runs in the child only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import onnx
import tensorflow as tf
from google.protobuf.message import DecodeError

from onnx2rust.base.errors import InvalidModelError, Problem, UnsupportedError, UsageError
from onnx2rust.frontends import tf_convert
from onnx2rust.frontends.base import Port, Traced
from onnx2rust.frontends.tf_keras_files import NeedsKeras2, distinct, keras_module, trace_keras
from onnx2rust.frontends.tf_lite import trace_tflite
from onnx2rust.frontends.tf_lite_sparse import write_dense

__all__ = ["NeedsKeras2", "convert", "warm_up"]


def warm_up() -> None:
    """Import Keras, which the first model would otherwise do."""
    keras_module()


def convert(request: dict[str, Any]) -> tuple[onnx.ModelProto, list[str]]:
    """Serve one request of the parent (see `tensorflow.py`): the model, and notes for the user."""
    path, frontend = request["source"], request["frontend"]
    notes: list[str] = []
    if frontend == "tflite":
        return _tflite(path, request["signature"], Path(request["target"]).with_suffix(".tflite"), notes), notes
    if frontend == "keras":
        traced = trace_keras(path, request["custom_objects"])
    elif frontend == "saved-model":
        traced = _saved_model(path, request["signature"], notes)
    else:
        traced = _graph_def(path, request["inputs"], request["outputs"], notes)
    return tf_convert.to_onnx(traced), notes


def _tflite(path: str, signature: str | None, scratch: Path, notes: list[str]) -> onnx.ModelProto:
    traced = trace_tflite(path, signature, notes)
    if write_dense(path, scratch):
        notes.append("sparse weights are written out: the crate computes with their zeros")
        path = str(scratch)
    try:
        return tf_convert.to_onnx(traced, path)
    finally:
        scratch.unlink(missing_ok=True)


def _saved_model(path: str, signature: str | None, notes: list[str]) -> Traced:
    imported = _load_saved_model(path)
    function = _choose(imported, signature, path, notes)
    tensors = tf_convert.own_inputs(function)
    names = _input_names(function, len(tensors))
    inputs = [tf_convert.port(*pair) for pair in zip(tensors, names, strict=True)]
    outputs = [tf_convert.port(*pair) for pair in zip(function.outputs, _output_names(function), strict=True)]
    plain = _plain_functions(imported)
    inputs = _author_order(inputs, [_spec_names(f.structured_input_signature[0]) for f in plain])
    results = [f.structured_outputs for f in plain if isinstance(f.structured_outputs, list | tuple)]
    outputs = _author_order(sorted(outputs, key=_natural), [_spec_names(result) for result in results])
    graph_def, tables = tf_convert.freeze(function, imported, inputs, outputs)
    return Traced(graph_def, inputs, outputs, tables)


def _load_saved_model(path: str) -> Any:
    try:
        return tf.saved_model.load(path)
    except (OSError, tf.errors.OpError, ValueError, LookupError, AttributeError, TypeError, RuntimeError) as error:
        text = " ".join(str(error).split())
        unregistered = re.search(r"Op type not registered '([^']+)'", text)
        if unregistered:
            raise UnsupportedError(f"{path}: uses the custom TensorFlow operator {unregistered[1]}") from error
        raise InvalidModelError(f"{path}: not a readable SavedModel: {text[:300]}") from error


def _choose(imported: Any, asked: str | None, path: str, notes: list[str]) -> Any:
    """The function to convert: the signature asked for, the only one, `serving_default`, or the module's `__call__`."""
    signatures = {name: f for name, f in imported.signatures.items() if not name.startswith("__")}
    listed = ", ".join(sorted(signatures))
    if asked is not None:
        if asked in signatures:
            return signatures[asked]
        functions = _concrete(imported, asked)
        if len(functions) == 1:
            return functions[0]
        hint = f"the model has: {listed}" if listed else "the model has no signatures"
        raise UsageError(Problem(f"no signature is called {asked!r}", where=path, hint=hint))
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    if "serving_default" in signatures:
        if signatures.keys() - {"serve", "serving_default"}:  # Keras 3 exports one function under both names
            notes.append(f"signature serving_default was chosen of: {listed}")
        return signatures["serving_default"]
    if signatures:
        raise UsageError(Problem(f"the model has several signatures: {listed}", where=path, hint="choose with --signature"))
    functions = _inference_only(_concrete(imported, "__call__"))
    if len(functions) == 1:
        notes.append("the model has no signature: its __call__ was converted")
        return functions[0]
    what = "several traced forms of __call__" if functions else "no signature and no traced __call__"
    raise UnsupportedError(Problem(f"the model has {what}", path, "save it with tf.saved_model.save(module, path, signatures=…)"))


def _concrete(imported: Any, name: str) -> list[Any]:
    return list(getattr(getattr(imported, name, None), "concrete_functions", []))


def _inference_only(functions: list[Any]) -> list[Any]:
    """Keras traces calls for training and inference, with the flag among the arguments."""
    inference = [f for f in functions if True not in tf.nest.flatten(f.structured_input_signature)]
    return inference if len(functions) > 1 else functions


def _plain_functions(imported: Any) -> list[Any]:
    """Restored functions that take and return what the author's did: lists in their order, not sorted dictionaries."""
    found = [f for name in ("serve", "__call__") for f in _concrete(imported, name)]
    return _inference_only(found) or found


def _input_names(function: Any, count: int) -> list[str]:
    args, kwargs = function.structured_input_signature
    names = _spec_names(args)
    for key in sorted(kwargs):
        own = _spec_names(kwargs[key])
        names += [key] if len(own) == 1 else own
    if len(names) != count:
        names = [t.name for t in function.inputs][:count]
    return distinct(re.sub(r":\d+$", "", name or f"input_{i}") for i, name in enumerate(names))


def _output_names(function: Any) -> list[str]:
    """Names in the order of `function.outputs`, which is that of the flattened structure (dictionaries sorted)."""
    outputs = function.structured_outputs
    if isinstance(outputs, dict) and len(outputs) == len(function.outputs):
        return sorted(outputs)
    return [f"output_{index}" for index in range(len(function.outputs))]


def _spec_names(structure: Any) -> list[str]:
    return [spec.name for spec in tf.nest.flatten(structure) if isinstance(spec, tf.TensorSpec)]


def _author_order(ports: list[Port], orders: list[list[str]]) -> list[Port]:
    """`ports` in the first of `orders` that holds the same names; as they are if none does."""
    by_name = {port.name: port for port in ports}
    for names in orders:
        if len(names) == len(ports) and set(names) == by_name.keys():
            return [by_name[name] for name in names]
    return ports


def _natural(port: Port) -> tuple[str, int, str]:
    """`output_10` comes after `output_2`."""
    match = re.fullmatch(r"(.*?)(\d+)", port.name)
    return (match[1], int(match[2]), "") if match else (port.name, -1, "")


def _graph_def(path: str, inputs: list[str], outputs: list[str], notes: list[str]) -> Traced:
    graph_def = tf.compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(Path(path).read_bytes())
    except DecodeError as error:
        raise InvalidModelError(f"{path}: not a frozen TensorFlow graph, or truncated") from error
    if not graph_def.node:
        raise InvalidModelError(f"{path}: the graph has no nodes; it is not a frozen TensorFlow graph")
    nodes = {node.name: node for node in graph_def.node}
    placeholders = [node.name for node in graph_def.node if node.op == "Placeholder"]
    variables = [n.name for n in graph_def.node if n.op in ("VariableV2", "VarHandleOp", "Variable")]
    if variables:
        what = f"the graph has variables ({', '.join(variables[:3])}…), so it is not frozen"
        raise InvalidModelError(Problem(what, where=path, hint="freeze it, or give the SavedModel"))
    if not outputs:
        read = {re.sub(r"^\^|:\d+$", "", name) for node in graph_def.node for name in node.input}
        ends = [node.name for node in graph_def.node if node.name not in read and node.op not in ("Const", "NoOp")]
        hint = f"give --input and --output; it has placeholders {', '.join(placeholders) or 'none'}"
        hint += f" and ends in {', '.join(ends[:8]) or 'none'}"
        raise UsageError(Problem("a frozen graph does not say what its inputs and outputs are", where=path, hint=hint))
    if not inputs:
        inputs = placeholders
        notes.append(f"all placeholders were taken as inputs: {', '.join(inputs)}")
    missing = [name for name in [*inputs, *outputs] if re.sub(r":\d+$", "", name) not in nodes]
    if missing:
        raise UsageError([Problem(f"no node is called {name!r}", where=path) for name in missing])
    ports = [[Port(n if ":" in n else f"{n}:0", n.removesuffix(":0")) for n in names] for names in (inputs, outputs)]
    try:
        tf_convert.unmark_calls(graph_def)
        graph_def = tf_convert.optimized(graph_def, *ports)
    except (ValueError, tf.errors.OpError) as error:
        raise InvalidModelError(f"{path}: TensorFlow refuses the graph: {' '.join(str(error).split())[:300]}") from error
    return Traced(graph_def, ports[0], ports[1], {})

"""TFLite files: read their ports, refuse what would convert to something wrong. Runs in the child only."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

from tf2onnx.tflite.BuiltinOperator import BuiltinOperator
from tf2onnx.tflite.Model import Model
from tf2onnx.tflite.TensorType import TensorType
from tf2onnx.tflite.VarHandleOptions import VarHandleOptions

from onnx2rust.base.errors import InvalidModelError, Problem, UnsupportedError, UsageError
from onnx2rust.frontends.base import Port, Traced


def trace_tflite(path: str, signature: str | None, notes: list[str]) -> Traced:
    """Ports of the main subgraph, in the file's order, called as its signature calls them (else: tensor names, cleaned)."""
    data = Path(path).read_bytes()
    try:
        model = Model.GetRootAsModel(bytearray(data), 0)
        if model.SubgraphsLength() == 0:
            raise InvalidModelError(f"{path}: the file holds no graph")
        graph = model.Subgraphs(0)
        _refuse_int16(graph, path)
        _refuse_state(model, graph, path)
        named = _signature_names(model, signature, path)
        inputs = [_port(graph, graph.Inputs(i), named, notes) for i in range(graph.InputsLength())]
        outputs = [_port(graph, graph.Outputs(i), named, notes) for i in range(graph.OutputsLength())]
    except (struct.error, IndexError, ValueError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise InvalidModelError(f"{path}: damaged or truncated TFLite file ({error})") from error
    return Traced(None, inputs, outputs, {})


def _refuse_int16(graph: Any, path: str) -> None:
    wide = []
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        quantization = tensor.Quantization()
        if tensor.Type() == TensorType.INT16 and quantization is not None and quantization.ScaleLength():
            wide.append(tensor.Name().decode(errors="replace"))
    if wide:
        what = f"int16x8 quantization ({len(wide)} int16 tensors, the first {wide[0]!r})"
        raise UnsupportedError(Problem(f"{what} has no ONNX form", where=path, hint="convert with int8 activations, or float"))


def _refuse_state(model: Any, graph: Any, path: str) -> None:
    """Variables that live between calls, by name: ONNX has nothing that remembers."""
    names = set()
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        if model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode() == BuiltinOperator.VAR_HANDLE:
            options, union = VarHandleOptions(), operator.BuiltinOptions()
            options.Init(union.Bytes, union.Pos)
            names.add((options.SharedName() or b"").decode(errors="replace"))
    if names:
        variables = ", ".join(repr(name) for name in sorted(names))
        hint = "make the state an input and an output of the model before it is converted to TFLite"
        raise UnsupportedError(Problem(f"state is kept between calls, in variables {variables}", where=path, hint=hint))


def _signature_names(model: Any, asked: str | None, path: str) -> dict[int, str]:
    """Tensor index → name, from the signature of subgraph 0 (files from before 2021 have none)."""
    keys: list[str] = []
    for index in range(model.SignatureDefsLength()):
        signature = model.SignatureDefs(index)
        key = (signature.SignatureKey() or b"").decode()
        keys.append(key)
        if signature.SubgraphIndex() != 0 or (asked is not None and key != asked):
            continue
        maps = [signature.Inputs(i) for i in range(signature.InputsLength())]
        maps += [signature.Outputs(i) for i in range(signature.OutputsLength())]
        return {m.TensorIndex(): m.Name().decode() for m in maps}
    if asked is not None:
        if asked in keys:
            raise UnsupportedError(Problem(f"signature {asked!r} is not the file's main graph", where=path))
        hint = f"the file has: {', '.join(keys)}" if keys else "the file has no signatures"
        raise UsageError(Problem(f"no signature is called {asked!r}", where=path, hint=hint))
    return {}


def _port(graph: Any, index: int, named: dict[int, str], notes: list[str]) -> Port:
    tensor = graph.Tensors(index).Name().decode()
    if index in named:
        return Port(tensor, named[index])
    name = re.sub(r"^serving_default_|:\d+$", "", tensor)
    if name != tensor:
        notes.append(f"{tensor} is called {name}")
    return Port(tensor, name)

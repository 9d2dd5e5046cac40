"""Reading `.onnx` files that nobody vouches for: bounded, checked, and told in the user's words.

A hostile file may claim dimensions of petabytes, point its weights at `/etc/passwd`, nest bodies a thousand deep or be
noise. Nothing here allocates what a file merely claims: dimensions are only multiplied and compared with the bytes present.
"""

from __future__ import annotations

import graphlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import external_data_helper

from onnx2rust.base.errors import InvalidModelError, Problem, UnsupportedError
from onnx2rust.base.options import Options
from onnx2rust.frontends import checker
from onnx2rust.frontends.base import KINDS, Loaded
from onnx2rust.model import graph as graphs
from onnx2rust.model import symbols
from onnx2rust.model.weights import Array, detached

MAX_FILE_BYTES = 2**31 - 1  # protobuf's own limit on one message
MAX_EXTERNAL_BYTES = 16 * 2**30  # all external tensors of a model together
MAX_BODY_DEPTH = 16  # If in Loop in If…; deeper is a bomb, not a model (protobuf itself stops near 30)

_UNIT_BITS: dict[int, int] = {  # storage of one element in raw or external data
    onnx.TensorProto.FLOAT: 32, onnx.TensorProto.UINT8: 8, onnx.TensorProto.INT8: 8, onnx.TensorProto.UINT16: 16,
    onnx.TensorProto.INT16: 16, onnx.TensorProto.INT32: 32, onnx.TensorProto.INT64: 64, onnx.TensorProto.BOOL: 8,
    onnx.TensorProto.FLOAT16: 16, onnx.TensorProto.DOUBLE: 64, onnx.TensorProto.UINT32: 32,
    onnx.TensorProto.UINT64: 64, onnx.TensorProto.COMPLEX64: 64, onnx.TensorProto.COMPLEX128: 128,
    onnx.TensorProto.BFLOAT16: 16, onnx.TensorProto.FLOAT8E4M3FN: 8, onnx.TensorProto.FLOAT8E4M3FNUZ: 8,
    onnx.TensorProto.FLOAT8E5M2: 8, onnx.TensorProto.FLOAT8E5M2FNUZ: 8, onnx.TensorProto.UINT4: 4,
    onnx.TensorProto.INT4: 4, onnx.TensorProto.FLOAT4E2M1: 4,
}  # fmt: skip


def load(source: Path, options: Options) -> Loaded:
    """Read an ONNX file with its external data and bring it to the shape described in `onnx2rust.frontends`."""
    model = parse(source)
    if any(not isinstance(text, str) for text in _strings(model)):
        raise InvalidModelError(f"{source}: a name in the file is not UTF-8; the file is corrupted")
    try:
        check_header(model)
        weights = read_data(model, source.parent)
        model = without_room(model)
        notes = prepare(model, options)
    except UnicodeDecodeError as error:  # a string that only onnx's own C++ looks at
        raise InvalidModelError(f"{source}: a string in the file is not UTF-8; the file is corrupted") from error
    return Loaded(model, KINDS["onnx"], "onnx", tuple(notes), weights)


def without_room(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model in memory of its own: protobuf keeps what a message has lost as long as the message lives."""
    fresh = onnx.ModelProto()
    fresh.ParseFromString(model.SerializeToString())
    return fresh


def prepare(model: onnx.ModelProto, options: Options) -> list[str]:
    """Inline, check, sort and cut `model` in place; returns what the user should know."""
    notes: list[str] = []
    if model.functions:
        names = sorted({function.name for function in model.functions})
        notes.append(f"model-local functions were inlined: {', '.join(names)}")
        model.CopyFrom(inline_functions(model))
    problems = graphs.check_names(model.graph)
    if problems:
        raise InvalidModelError(problems)
    graphs.topological_sort(model.graph)
    notes += checker.check(model)
    if graphs.sort_top_k(model.graph):
        notes.append("TopK with sorted=0 gives elements in any order: here, and in the reference, they are sorted")
    dropped = graphs.drop_constant_inputs(model.graph)
    if dropped:
        notes.append(f"inputs with an initializer are constants, not inputs: {', '.join(dropped)}")
    graphs.cut(model, options.inputs, options.outputs)
    if not model.graph.output:
        raise InvalidModelError(Problem("the graph has no outputs", hint="--output NAME gives a tensor of it"))
    symbols.name_unknown(model)
    return notes


def parse(source: Path) -> onnx.ModelProto:
    """The file as a protobuf; anything that is not one is an `InvalidModelError`."""
    size = source.stat().st_size
    if size > MAX_FILE_BYTES:
        what = f"{source}: {size} bytes; an ONNX file holds at most 2 GiB"
        raise InvalidModelError(what, hint="save the weights as external data")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(source.read_bytes())
    except DecodeError as error:
        raise InvalidModelError(f"{source}: not an ONNX file, or truncated ({error})") from error
    if not model.HasField("graph"):
        raise InvalidModelError(f"{source}: the file holds no graph; it is not an ONNX model, or truncated")
    return model


def check_header(model: onnx.ModelProto) -> None:
    """IR version and opsets must be ones this version knows; bodies must not nest without end."""
    problems = []
    newest_ir = onnx.IR_VERSION
    if not 1 <= model.ir_version <= newest_ir:
        problems.append(Problem(f"IR version {model.ir_version} is unknown (1 to {newest_ir} are)"))
    newest = onnx.defs.onnx_opset_version()
    seen: dict[str, int] = {}
    for entry in model.opset_import:
        domain = "" if entry.domain == "ai.onnx" else entry.domain
        if seen.setdefault(domain, entry.version) != entry.version:
            problems.append(Problem(f"domain {domain or 'ai.onnx'!r} is imported in two versions"))
        if domain == "" and not 1 <= entry.version <= newest:
            hint = "export the model with a lower opset" if entry.version > newest else ""
            problems.append(Problem(f"opset {entry.version} is unknown (1 to {newest} are)", hint=hint))
    if "" not in seen and any(n.domain in ("", "ai.onnx") for g in graphs.all_graphs(model.graph) for n in g.node):
        problems.append(Problem("the model does not say which opset it uses (no opset_import for ai.onnx)"))
    if problems:
        raise InvalidModelError(problems)
    level, depth = [model.graph], 0
    while level:
        if depth > MAX_BODY_DEPTH:
            raise InvalidModelError(f"bodies (If, Loop, Scan) nest deeper than {MAX_BODY_DEPTH}")
        level = [body for graph in level for node in graph.node for body in graphs.subgraphs(node)]
        depth += 1
    if model.training_info:
        raise UnsupportedError("the file holds training information", hint="export the model for inference")


def _parts(model: onnx.ModelProto) -> tuple[list[onnx.GraphProto], list[onnx.NodeProto]]:
    """Every graph and every node in the file, the main graph first: those of bodies and functions too."""
    of_functions = [node for function in model.functions for node in function.node]
    tops = [model.graph, *(body for node in of_functions for body in graphs.subgraphs(node))]
    found = [graph for top in tops for graph in graphs.all_graphs(top)]
    return found, [*of_functions, *(node for graph in found for node in graph.node)]


def _strings(model: onnx.ModelProto) -> Iterator[object]:
    """Every name in the file. protobuf does not check them, and hands out bytes where they are not UTF-8."""
    every, nodes = _parts(model)
    for function in model.functions:
        yield from (function.name, function.domain, *function.input, *function.output, *function.attribute)
    for entry in model.opset_import:
        yield entry.domain
    for graph in every:
        yield graph.name
        for value in (*graph.input, *graph.output, *graph.value_info):
            yield value.name
            yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)
        yield from (tensor.name for tensor in graph.initializer)
        yield from (tensor.values.name for tensor in graph.sparse_initializer)
    for node in nodes:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    for tensor in _tensors(model):
        yield from (text for entry in tensor.external_data for text in (entry.key, entry.value))


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every dense tensor in the file: initializers and attributes, in all bodies and functions."""
    every, nodes = _parts(model)
    for graph in every:
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors


def read_data(model: onnx.ModelProto, folder: Path) -> dict[str, Array]:
    """Takes the large initializers out of the main graph, wherever they lie, and puts all other external data into the model;
    refuses files outside `folder`, lies about sizes, and too much of it."""
    problems: list[Problem] = []
    weights: dict[str, Array] = {}
    total = 0
    # those of the main graph come first
    initializers = len(model.graph.initializer)
    for number, tensor in enumerate(_tensors(model)):
        where = f"tensor {tensor.name!r}"
        bits = _UNIT_BITS.get(tensor.data_type)
        if any(dim < 0 for dim in tensor.dims):
            problems.append(Problem(f"negative dimension in {list(tensor.dims)}", where=where))
            continue
        external = tensor.data_location == onnx.TensorProto.EXTERNAL
        if bits is None:
            if external:
                problems.append(Problem("external data of a type that has no fixed size", where=where))
            continue
        need = (math.prod(tensor.dims) * bits + 7) // 8
        if external:
            total += need
            if total > MAX_EXTERNAL_BYTES:
                raise InvalidModelError(f"the model claims more than {MAX_EXTERNAL_BYTES} bytes of external data")
            found = _external_bytes(tensor, folder, need)
            if isinstance(found, str):
                problems.append(Problem(found, where=where))
                continue
        elif tensor.HasField("raw_data"):
            found = tensor.raw_data
            if len(found) != need:
                what = f"shape {list(tensor.dims)} needs {need} bytes, the file has {len(found)}"
                problems.append(Problem(what, where=where))
                continue
        else:
            continue
        taken = detached(tensor, found) if number < initializers else None
        if taken is not None:
            weights[tensor.name] = taken
        elif external:
            tensor.raw_data = found
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
    if problems:
        raise InvalidModelError(problems)
    return weights


def _external_bytes(tensor: onnx.TensorProto, folder: Path, need: int) -> bytes | str:
    """The `need` bytes of one external tensor, or what is wrong with it."""
    try:
        info = external_data_helper.ExternalDataInfo(tensor)
        offset = int(info.offset or 0)
        length = int(info.length) if info.length else need
    except (ValueError, TypeError) as error:
        return f"external data entry cannot be read ({error})"
    location = info.location
    if not location:
        return "external data without a location"
    if os.path.isabs(location) or "\\" in location or "\0" in location or ".." in Path(location).parts:
        return f"external data at {location!r} lies outside the model's folder"
    path = folder / location
    root = folder.resolve()
    if not path.resolve().is_relative_to(root):
        return f"external data at {location!r} lies outside the model's folder"
    if any(part.is_symlink() for part in [path, *path.parents][: len(Path(location).parts)]):
        return f"external data at {location!r} is a symbolic link"
    if not path.is_file():
        return f"external data file {location!r} is missing"
    if offset < 0 or length != need:
        return f"shape {list(tensor.dims)} needs {need} bytes, its external data has {length} at offset {offset}"
    if offset + length > path.stat().st_size:
        return f"external data file {location!r} ends before byte {offset + length}; it is truncated"
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def inline_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace calls of model-local functions by their bodies; one that calls itself, directly or through others, is an error."""
    from onnx import inliner

    keys = {(function.domain, function.name) for function in model.functions}
    calls: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for function in model.functions:
        bodies = (body for node in function.node for body in graphs.subgraphs(node))
        inner = (node for body in bodies for graph in graphs.all_graphs(body) for node in graph.node)
        calls[function.domain, function.name] = {(n.domain, n.op_type) for n in (*function.node, *inner)} & keys
    try:
        graphlib.TopologicalSorter(calls).prepare()
        return inliner.inline_local_functions(model)
    except graphlib.CycleError as error:
        raise InvalidModelError(f"model-local function {min(error.args[1])[1]!r} calls itself") from error
    except (RuntimeError, ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise InvalidModelError(f"a model-local function cannot be inlined: {checker.first_line(error)}") from error

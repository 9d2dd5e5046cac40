"""Keras files (`.keras`, `.h5`), of Keras 3 and 2: load without running code from the file, trace. Runs in the child only."""

from __future__ import annotations

import importlib.machinery
import inspect
import itertools
import json
import os
import sys
import traceback
import types
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import tensorflow as tf

from onnx2rust.base.errors import InvalidModelError, Problem, UnsupportedError, UsageError
from onnx2rust.frontends import tf_convert
from onnx2rust.frontends.base import Traced

_LEGACY = os.environ.get("TF_USE_LEGACY_KERAS") == "1"
_KERAS_MODULES = ("keras", "tf_keras", "tensorflow", "builtins")
_GIVE_SOURCE = "models are code: if you trust it, give its Python source with --custom-objects module.py"


class NeedsKeras2(Exception):
    """The file was written by Keras 2, and this process has Keras 3."""


def trace_keras(path: str, custom_objects: str | None) -> Traced:
    """Load the model in `path` and trace its inference call on its own input shapes."""
    config, version = _read_config(path)
    if int(version.split(".")[0]) < 3 and not _LEGACY:
        raise NeedsKeras2
    custom = _custom_objects(custom_objects)
    _refuse_code(config, custom, path, given=custom_objects is not None)
    model = _load(path, custom)
    _refuse_open_time(model, path)
    call, ports, outputs = _legacy_call(model, path) if _LEGACY else _call(model, path)
    specs = [tf.TensorSpec(shape, dtype, name=f"onnx2rust_input_{i}") for i, (_, shape, dtype) in enumerate(ports)]
    function = tf.function(call, autograph=False).get_concrete_function(*specs)
    tensors = tf_convert.own_inputs(function)
    in_ports = [tf_convert.port(tensor, name) for tensor, (name, _, _) in zip(tensors, ports, strict=True)]
    names = outputs or [f"output_{i}" for i in range(len(function.outputs))]
    names = distinct(names, (port.name for port in in_ports))
    out_ports = [tf_convert.port(*pair) for pair in zip(function.outputs, names, strict=True)]
    graph_def, tables = tf_convert.freeze(function, model, in_ports, out_ports)
    layers = frozenset(layer.name for layer in model._flatten_layers(include_self=False))
    keras_module().backend.clear_session()
    return Traced(graph_def, in_ports, out_ports, tables, layers, frozenset([model.name]))


def _refuse_open_time(model: Any, path: str) -> None:
    """Where Keras 3 (seen in 3.15.1) is wrong itself: in a traced `TimeDistributed` it takes the
    number of samples for that of steps."""
    what = "TimeDistributed over an axis of open size: Keras traces as many steps as there are samples"
    hint = "fix the length of its input, or use the layer inside by itself: Dense works on the last axis of any input"
    problems = [
        Problem(what, f"{path}, {layer.name!r}", hint)
        for layer in model._flatten_layers(include_self=False)
        if type(layer).__name__ == "TimeDistributed" and not _LEGACY and _steps(layer) is None
    ]
    if problems:
        raise UnsupportedError(problems)


def _steps(layer: Any) -> int | None:
    """The size of the axis that a `TimeDistributed` walks along."""
    try:
        shape = layer.input.shape
    except (AttributeError, ValueError):  # called several times, or in a model without a graph: nothing is known
        return -1
    return shape[1]  # type: ignore[no-any-return]  # Keras has no types


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """The names; those that clash with an earlier one, or with one that is taken, get a number."""
    found, used = list[str](), set(taken)
    for name in names:
        candidates = itertools.chain([name], (f"{name}_{count}" for count in itertools.count(1)))
        found.append(next(n for n in candidates if n not in used))
        used.add(found[-1])
    return found


def _read_config(path: str) -> tuple[dict[str, Any], str]:
    """The architecture as JSON and the Keras version that wrote it."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                config = json.loads(archive.read("config.json"))
                metadata = json.loads(archive.read("metadata.json"))
            return config, str(metadata.get("keras_version", "3"))
        import h5py

        with h5py.File(path, "r") as file:
            config, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "2")
            if config is None:
                hint = "save the whole model (model.save), not only its weights"
                raise InvalidModelError(Problem("the file holds weights, not a model", where=path, hint=hint))
            return json.loads(config), version.decode() if isinstance(version, bytes) else str(version)
    except (OSError, KeyError, json.JSONDecodeError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise InvalidModelError(f"{path}: damaged Keras file ({error})") from error


def _walk(config: Any) -> Iterator[dict[str, Any]]:
    stack = [config]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            stack.extend(reversed(item))


def _refuse_code(config: dict[str, Any], custom: dict[str, Any], path: str, given: bool) -> None:
    """A model file must not bring its own code: no Lambda with bytecode, no class that is neither Keras nor the user's."""
    problems: list[Problem] = []
    for item in _walk({key: value for key, value in config.items() if key != "compile_config"}):
        name, inner = item.get("class_name"), item.get("config")
        if name == "Lambda" and isinstance(inner, dict) and _holds_code(inner.get("function"), inner):
            layer = inner.get("name", "lambda")
            what = "a Lambda layer holds Python code, which is never run from a file"
            hint = "model.export(…) writes a SavedModel without Python code, which converts; or use a registered Layer class"
            problems.append(Problem(what, f"{path}, layer {layer!r}", hint))
        elif name == "__lambda__" or inner == "__lambda__":
            what = "the file holds a Python lambda, which is never run from a file"
            problems.append(Problem(what, path, "name the function and give it with --custom-objects"))
        module, registered = item.get("module"), item.get("registered_name")
        if not isinstance(name, str) or "config" not in item or name in ("__tuple__", "__tensor__", "__numpy__", "__lambda__"):
            continue
        foreign = isinstance(module, str) and module.split(".")[0] not in _KERAS_MODULES
        packaged = isinstance(registered, str) and ">" in registered and not registered.startswith("keras>")
        if (foreign or packaged) and not {name, registered} & custom.keys():
            layer = inner.get("name", name) if isinstance(inner, dict) else name
            hint = f"define or import {name} in the --custom-objects module" if given else _GIVE_SOURCE
            problems.append(Problem(f"{name} is not part of Keras", f"{path}, {layer!r}", hint))
    if problems:
        raise UnsupportedError(list(dict.fromkeys(problems)))


def _holds_code(function: Any, config: dict[str, Any]) -> bool:
    if isinstance(function, dict):
        return function.get("class_name") == "__lambda__"
    return isinstance(function, list) or config.get("function_type") == "lambda"


@cache
def _custom_objects(path: str | None) -> dict[str, Any]:
    """Run the user's module and take its classes and functions, by name and by registered name."""
    if path is None:
        return {}
    name = "onnx2rust_custom_objects"
    loader = importlib.machinery.SourceFileLoader(name, path)  # whatever the file's suffix is
    module = types.ModuleType(name)
    module.__file__ = path
    sys.modules[name] = module  # dataclasses and pickling look themselves up there
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        where = f"--custom-objects {path}" + (f", line {lines[-1]}" if lines else "")
        raise UsageError(Problem(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}", where)) from error
    found = {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value))
    }
    saving = keras_module().saving
    for value in list(found.values()):
        found[saving.get_registered_name(value)] = value
    return found


def keras_module() -> Any:
    """The Keras of this process: version 2 or 3."""
    if _LEGACY:
        import tf_keras

        return tf_keras
    import keras

    return keras


def _load(path: str, custom: dict[str, Any]) -> Any:
    keras = keras_module()
    source = Path(path)
    try:
        if source.suffix.lower() in (".keras", ".h5", ".hdf5"):
            return keras.models.load_model(path, custom_objects=custom, compile=False, safe_mode=True)
        import tempfile  # the loaders go by the suffix

        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / ("model.keras" if zipfile.is_zipfile(path) else "model.h5")
            link.symlink_to(source)
            return keras.models.load_model(str(link), custom_objects=custom, compile=False, safe_mode=True)
    except (ValueError, TypeError, LookupError, OSError, AttributeError, ImportError, NotImplementedError) as error:
        text = " ".join(str(error).split())
        if "Could not locate" in text or "Unknown layer" in text or "Unknown object" in text or "not find" in text:
            what = f"the file uses classes that are not part of Keras: {text[:300]}"
            raise UnsupportedError(Problem(what, path, _GIVE_SOURCE)) from error
        raise InvalidModelError(f"{path}: Keras cannot load it: {text[:400]}") from error


_Ports = list[tuple[str, Any, Any]]


def _call(model: Any, path: str) -> tuple[Callable[..., list[Any]], _Ports, list[str]]:
    """Keras 3: a function of flat tensors, its ports (name, shape, dtype), the names of its outputs."""
    tree = keras_module().tree
    structure = getattr(model, "_inputs_struct", None)
    if structure is None and not model.inputs:
        return _subclassed_call(model, path)
    tensors = tree.flatten(structure) if structure is not None else list(model.inputs)
    names = [t._keras_history.operation.name for t in tensors]
    order = list(range(len(tensors)))
    if isinstance(structure, dict) and all(not tree.is_nested(v) for v in structure.values()):
        by_id = {id(tensor): index for index, tensor in enumerate(tensors)}
        order = [by_id[id(tensor)] for tensor in structure.values()]
        names = [next(k for k, v in structure.items() if v is tensor) for tensor in tensors]
    if any(getattr(tensor, "sparse", False) or getattr(tensor, "ragged", False) for tensor in tensors):
        raise UnsupportedError(Problem("sparse and ragged inputs have no ONNX form", where=path))
    ports = [(names[i], tensors[i].shape, tensors[i].dtype) for i in order]

    def call(*args: Any) -> list[Any]:
        flat = [arg for _, arg in sorted(zip(order, args, strict=True), key=lambda pair: pair[0])]
        packed = tree.pack_sequence_as(structure, flat) if structure is not None else flat[0]
        return _flat(model(packed, training=False))

    outputs = getattr(model, "_outputs_struct", None)
    if isinstance(outputs, dict):
        return call, ports, list(outputs)
    flat_outputs = tree.flatten(outputs) if outputs is not None else list(model.outputs)
    return call, ports, [t._keras_history.operation.name for t in flat_outputs]


def _subclassed_call(model: Any, path: str) -> tuple[Callable[..., list[Any]], _Ports, list[str]]:
    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes:
        hint = "call the model once before saving it, or save it with model.export(…)"
        raise UnsupportedError(Problem("the model does not say what its inputs look like", where=path, hint=hint))
    keys = [key.removesuffix("_shape") for key in shapes]
    nested = [key for key, shape in zip(keys, shapes.values(), strict=True) if _is_nested(shape)]
    if nested:
        hint = "save it with model.export(…)"
        raise UnsupportedError(Problem(f"argument {nested[0]!r} is a structure of tensors", where=path, hint=hint))
    ports = [(key, (None, *tuple(shape)[1:]), model.input_dtype) for key, shape in zip(keys, shapes.values(), strict=True)]

    def call(*args: Any) -> list[Any]:
        if len(args) == 1:
            return _flat(model(args[0], training=False))
        return _flat(model(**dict(zip(keys, args, strict=True)), training=False))

    return call, ports, []


def _is_nested(shape: Any) -> bool:
    return isinstance(shape, dict) or any(isinstance(part, list | tuple | dict) for part in shape)


def _flat(result: Any) -> list[Any]:
    """Outputs as a list, dictionaries in their own order."""
    if isinstance(result, dict):
        return [tensor for value in result.values() for tensor in _flat(value)]
    if isinstance(result, list | tuple):
        return [tensor for value in result for tensor in _flat(value)]
    return [result]


def _legacy_call(model: Any, path: str) -> tuple[Callable[..., list[Any]], _Ports, list[str]]:
    """The same for Keras 2."""
    if not model.inputs:
        hint = "save it as a SavedModel"
        raise UnsupportedError(Problem("the model does not say what its inputs look like", where=path, hint=hint))
    structure = getattr(model, "_nested_inputs", None)
    ports = [(n, t.shape, t.dtype) for n, t in zip(model.input_names, model.inputs, strict=True)]

    def call(*args: Any) -> list[Any]:
        packed = tf.nest.pack_sequence_as(structure, list(args)) if structure is not None else args[0]
        result = model(packed, training=False)
        return [result[name] for name in sorted(result)] if isinstance(result, dict) else _flat(result)

    nested = getattr(model, "_nested_outputs", None)
    return call, ports, sorted(nested) if isinstance(nested, dict) else list(model.output_names)

"""Cases for the harness made by hand: a few nodes, inputs, and onnxruntime's answer."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import harness
import numpy as np
import onnx
import onnxruntime
from onnx import helper

from onnx2rust.base.sequences import for_engine

Arrays = dict[str, Any]
_rng = np.random.default_rng(20)


def reseed() -> None:
    """What is drawn from here on does not depend on what was drawn before."""
    global _rng
    _rng = np.random.default_rng(20)


def floats(*shape: int, low: float = -3, high: float = 3, dtype: Any = np.float32) -> np.ndarray[Any, Any]:
    """Uniform in [low, high)."""
    return _rng.uniform(low, high, shape).astype(dtype)


def ints(*shape: int, low: int = -50, high: int = 50, dtype: Any = np.int64) -> np.ndarray[Any, Any]:
    """Uniform in [low, high)."""
    return _rng.integers(low, high, shape).astype(dtype)


def of_tests() -> Iterator[harness.Case]:
    """The cases of every test here that has a list of them (`CASES`): other tests take them too."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        yield from getattr(importlib.import_module(path.stem), "CASES", ())


def case(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    inputs: Arrays,
    *,
    opset: int = 17,
    open_axes: dict[str, Any] | None = None,
    known: Arrays | None = None,
    outputs: Sequence[str] = ("y",),
    rtol: float = 1e-5,
    atol: float = 1e-6,
    ml: int = 0,
    any_rank: Collection[str] = (),
) -> harness.Case:
    """A model of these nodes; `open_axes` names the axes of an input whose size is open; onnxruntime says what is right.
    `ml` is the version of ai.onnx.ml, if it has operators of that. For the names in `any_rank` the model states no shape."""
    others = {n.domain for n in nodes} - {"", "ai.onnx.ml"}
    opsets = [helper.make_opsetid(d, v) for d, v in {"": opset, "ai.onnx.ml": ml, **dict.fromkeys(others, 1)}.items() if v]
    infos = [_unranked(n, a) if n in any_rank else declared(n, a, (open_axes or {}).get(n)) for n, a in inputs.items()]
    initializers = [onnx.numpy_helper.from_array(a, n) for n, a in (known or {}).items()]
    results = [helper.make_empty_tensor_value_info(o) for o in outputs]
    graph = helper.make_graph(list(nodes), name, infos, results, initializers)
    version = 10 if opset >= 21 else 8
    model = helper.make_model(graph, opset_imports=opsets, ir_version=version)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, {n: for_engine(a, False) if _is_map(a) else a for n, a in inputs.items()})
    for info, value in zip(graph.output, expected, strict=True):
        sizes = None if isinstance(value, list) else [None] * np.ndim(value)
        info.CopyFrom(_unranked(info.name, value) if info.name in any_rank else declared(info.name, value, sizes))
    model = helper.make_model(graph, opset_imports=opsets, ir_version=version)
    return harness.Case(f"case_{name}", model, [(list(inputs.values()), expected)], rtol, atol)


def _unranked(name: str, content: Any) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.asarray(content).dtype), None)


def declared(name: str, content: Any, dims: Sequence[int | str | None] | None) -> onnx.ValueInfoProto:
    """What a model says of an input or output: a tensor, a map (an array of pairs), or a sequence (a list) of items with these
    sizes."""
    if _is_map(content):
        key, value = (helper.np_dtype_to_tensor_dtype(content[part].dtype) for part in ("keys", "values"))
        return helper.make_value_info(name, helper.make_map_type_proto(key, helper.make_tensor_type_proto(value, [])))
    if isinstance(content, list):
        code = helper.np_dtype_to_tensor_dtype(content[0].dtype if content else np.dtype(np.float32))
        return helper.make_tensor_sequence_value_info(name, code, dims)
    array = np.asarray(content)
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape if dims is None else dims
    )


def _is_map(content: Any) -> bool:
    return isinstance(content, np.ndarray) and content.dtype.names is not None


def node(op: str, *inputs: str, into: Sequence[str] = ("y",), **attributes: Any) -> onnx.NodeProto:
    """A node whose result is y."""
    return helper.make_node(op, list(inputs), list(into), **attributes)

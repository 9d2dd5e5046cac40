"""Computing at conversion what is known at conversion.

Numbers are computed by onnxruntime, the reference that the generated crate is compared with (by ONNX's own reference
evaluator where onnxruntime lacks a kernel). Shape arithmetic on symbolic sizes is done by numpy on arrays of dims, so
that `Shape → Gather → Concat → Reshape` melts away.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx.reference
import onnx.shape_inference

from onnx2rust import dims
from onnx2rust.dtypes import DType
from onnx2rust.program import Origin, Value
from onnx2rust.reference import session

NOT_FOLDED = frozenset(
    ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli", "If", "Loop", "Scan")
)
MAX_ELEMENTS = 1 << 24
"""Constants larger than this are not made out of small ones: a model's size must not explode at conversion."""
MAX_SIZES = 1024
"""Arrays of up to so many elements may be sizes that an output's shape is made of."""

Array = np.ndarray[Any, Any]


@dataclass
class Growth:
    """How many more elements than their inputs have the constants of a model may still get: a file of a few bytes must not become
    gigabytes by folding, neither at once nor by doubling."""

    left: int = 2 * MAX_ELEMENTS

    def allows(self, elements: int) -> bool:
        """Whether one constant may grow by so many."""
        return elements <= min(self.left, MAX_ELEMENTS)


def fold(
    node: onnx.NodeProto, origin: Origin, inputs: Sequence[Value | None], attributes: dict[str, Any], growth: Growth
) -> list[Array] | None:
    """The node's outputs if they can be computed now, else None."""
    if node.op_type in NOT_FOLDED:
        return None
    if any(v is not None and v.const is not None and v.const.dtype == object for v in inputs):
        return _fold_dims(node, origin, inputs, attributes)
    feeds = {f"i{k}": v.array for k, v in enumerate(inputs) if v is not None and v.array is not None}
    model = _single(node, origin, feeds, [f"i{k}" if v is not None else "" for k, v in enumerate(inputs)])
    given = sum({id(a): a.size for a in feeds.values()}.values())
    expected = _elements(model, feeds)
    if _too_large(node, inputs, attributes) if expected is None else not growth.allows(expected - given):
        return None
    outputs = _run(model, feeds)
    if outputs is not None:
        growth.left -= max(0, sum(a.size for a in outputs) - given)
    return outputs


def _elements(model: onnx.ModelProto, feeds: dict[str, Array]) -> int | None:
    """How many elements the outputs will have, None if ONNX's shape inference cannot tell."""
    known = onnx.ModelProto()
    known.CopyFrom(model)
    # what may be a size is shown to the inference; large arrays are data
    known.graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in feeds.items() if a.size <= MAX_SIZES)
    try:
        outputs = onnx.shape_inference.infer_shapes(known).graph.output
    except onnx.shape_inference.InferenceError:
        return None
    total = 0
    for output in outputs:
        shape = output.type.tensor_type.shape
        if not output.type.tensor_type.HasField("shape") or not all(d.HasField("dim_value") for d in shape.dim):
            return None
        total += math.prod(d.dim_value for d in shape.dim)
    return total


def _too_large(node: onnx.NodeProto, inputs: Sequence[Value | None], attributes: dict[str, Any]) -> bool:
    """Whether an operator whose output is sized by a *value* would make more than MAX_ELEMENTS."""
    arrays = [None if v is None else v.array for v in inputs]
    wanted = 0.0
    if node.op_type in ("ConstantOfShape", "Expand", "Reshape") and arrays[-1] is not None:
        wanted = float(np.prod(np.abs(arrays[-1].astype(float))))
    elif node.op_type == "Tile" and arrays[0] is not None and arrays[1] is not None:
        wanted = arrays[0].size * float(np.prod(arrays[1].astype(float)))
    elif node.op_type in ("Range", "OneHot", "Pad", "Resize", "Upsample", "EyeLike"):
        if node.op_type == "Range" and all(a is not None for a in arrays):
            start, limit, delta = (float(a.ravel()[0]) for a in arrays if a is not None)
            wanted = abs((limit - start) / delta) if delta else float("inf")
        elif node.op_type in ("Pad", "Resize", "Upsample", "OneHot"):
            wanted = (
                float("inf") if any(a is not None and a.size and np.abs(a.astype(float)).max() > 1e6 for a in arrays[1:]) else 0
            )
    return wanted > MAX_ELEMENTS


def _single(node: onnx.NodeProto, origin: Origin, feeds: dict[str, Array], names: list[str]) -> onnx.ModelProto:
    """A model of this node alone; its inputs are called i0, i1…"""
    single = onnx.NodeProto()
    single.CopyFrom(node)
    del single.input[:]
    single.input.extend(names)
    outputs = [f"o{k}" for k in range(len(node.output))]
    del single.output[:]
    single.output.extend(outputs)
    infos = [
        onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in feeds.items()
    ]
    graph = onnx.helper.make_graph([single], "fold", infos, [onnx.ValueInfoProto(name=o) for o in outputs])
    opsets = [onnx.helper.make_opsetid(origin.domain, origin.opset)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)


def _run(model: onnx.ModelProto, feeds: dict[str, Array]) -> list[Array] | None:
    try:
        return [np.asarray(a) for a in session(model).run(None, feeds)]
    except (
        Exception
    ):  # onnxruntime raises its own classes, all derived from Exception, for "no such kernel" and "bad model" alike
        pass
    try:
        return [np.asarray(a) for a in onnx.reference.ReferenceEvaluator(model).run(None, feeds)]
    except Exception:  # the same for the reference evaluator: then the node is lowered, and refused there if it is wrong
        return None


# -- shape arithmetic ------------------------------------------------------------------------------------------------


def _fold_dims(
    node: onnx.NodeProto, origin: Origin, inputs: Sequence[Value | None], attributes: dict[str, Any]
) -> list[Array] | None:
    arrays = [None if v is None else v.const for v in inputs]
    handler = _HANDLERS.get(node.op_type)
    if handler is None or any(a is not None and a.dtype.kind == "f" for a in arrays):
        return None
    try:
        result = handler(arrays, attributes, origin.opset)
    except (ValueError, TypeError, IndexError):  # what does not fit is for the lowering to refuse
        return None
    if result is None:
        return None
    results = result if isinstance(result, list) else [result]
    return [r if isinstance(r, np.ndarray) and r.dtype == bool else np.asarray(r, dtype=object) for r in results]


def dims_dtype(node: onnx.NodeProto, inputs: Sequence[Value | None], attributes: dict[str, Any]) -> DType:
    """The integer type that the outputs of symbolic shape arithmetic have in the model."""
    if node.op_type == "Cast":
        return DType.I32 if attributes.get("to") == onnx.TensorProto.INT32 else DType.I64
    kinds = [v.dtype for v in inputs if v is not None and v.const is not None and v.const.dtype == object]
    return kinds[0] if kinds else DType.I64


def _elementwise(function: Callable[[Any, Any], Any]) -> Callable[[list[Any], dict[str, Any], int], Any]:
    def handler(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
        each = np.frompyfunc(lambda a, b: function(_dim(a), _dim(b)), 2, 1)
        return functools.reduce(each, arrays)

    return handler


def _quotient(function: Callable[[Any, Any], Any]) -> Callable[[list[Any], dict[str, Any], int], Any]:
    """A division of sizes that cannot be negative: below zero, ONNX rounds towards zero and dims round down. A divisor of zero is left to
    the run."""
    whole = _elementwise(function)

    def handler(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
        left, right = ([_dim(v) for v in a.ravel().tolist()] for a in arrays)
        if not all(map(dims.never_negative, left + right)) or 0 in right:
            return None
        return whole(arrays, attributes, opset)

    return handler


def _dim(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _ints(array: Any) -> list[int] | None:
    values = [] if array is None else [_dim(v) for v in np.asarray(array).ravel().tolist()]
    return values if all(isinstance(v, int) for v in values) else None


def _gather(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
    indices = arrays[1]
    return None if indices.dtype == object else np.take(arrays[0], indices.astype(int), axis=attributes.get("axis", 0))


def _concat(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
    return np.concatenate([a.astype(object) for a in arrays], axis=attributes.get("axis", 0))


def _axes(arrays: list[Any], attributes: dict[str, Any]) -> list[int] | None:
    if "axes" in attributes:
        return list(attributes["axes"])
    return _ints(arrays[1]) if len(arrays) > 1 and arrays[1] is not None else None


def _unsqueeze(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
    axes = _axes(arrays, attributes)
    return None if axes is None else np.expand_dims(arrays[0], tuple(axes))


def _squeeze(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
    axes = _axes(arrays, attributes)
    return np.squeeze(arrays[0], None if axes is None else tuple(axes))


def _slice(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
    data = arrays[0]
    if "starts" in attributes:
        starts, ends, axes, steps = attributes["starts"], attributes["ends"], attributes.get("axes"), None
    else:
        starts, ends = _ints(arrays[1]), _ints(arrays[2])
        axes = _ints(arrays[3]) if len(arrays) > 3 and arrays[3] is not None else None
        steps = _ints(arrays[4]) if len(arrays) > 4 and arrays[4] is not None else None
    if starts is None or ends is None:
        return None
    index = [slice(None)] * data.ndim
    for k, (start, end) in enumerate(zip(starts, ends, strict=True)):
        step = steps[k] if steps else 1
        axis = axes[k] if axes else k
        if step < 0:
            start = max(start, -data.shape[axis])  # too far in front is the first element
        stop = None if step < 0 and end < -data.shape[axis] else end
        index[axis] = slice(start, stop, step)
    return data[tuple(index)]


def _reshape(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
    shape = _ints(arrays[1])
    return None if shape is None or 0 in shape else arrays[0].reshape(shape)


def _reduce_prod(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
    axes = _axes(arrays, attributes)
    if not axes and attributes.get("noop_with_empty_axes"):
        return arrays[0]
    keep = bool(attributes.get("keepdims", 1))
    return np.prod(arrays[0], axis=tuple(axes) if axes else None, keepdims=keep)


def _where(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
    if arrays[0].dtype == object and any(not isinstance(v, bool) for v in arrays[0].ravel().tolist()):
        return None
    return np.where(arrays[0].astype(bool), arrays[1].astype(object), arrays[2].astype(object))


def _equal(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
    """Known only where the difference is, or its sign: a size is never negative, so it never equals -1."""
    left, right = np.broadcast_arrays(arrays[0].astype(object), arrays[1].astype(object))
    answers = []
    for a, b in zip(left.ravel().tolist(), right.ravel().tolist(), strict=True):
        difference = _dim(a) - _dim(b)
        if isinstance(difference, int):
            answers.append(difference == 0)
        elif dims.never_negative(difference - 1) or dims.never_negative(-difference - 1):
            answers.append(False)
        else:
            return None
    return np.array(answers, dtype=bool).reshape(left.shape)


def _cast(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
    integers = (onnx.TensorProto.INT64, onnx.TensorProto.INT32)
    return arrays[0] if attributes.get("to") in integers else None


def _split(arrays: list[Any], attributes: dict[str, Any], opset: int) -> Any:
    sizes = attributes.get("split") or (_ints(arrays[1]) if len(arrays) > 1 else None)
    axis = attributes.get("axis", 0)
    if not sizes:
        return None
    if sum(sizes) != arrays[0].shape[axis] or min(sizes) < 0:
        raise ValueError(f"parts of {sizes} are not an axis of {arrays[0].shape[axis]}")
    return list(np.split(arrays[0], np.cumsum(sizes)[:-1], axis=axis))


_HANDLERS: dict[str, Callable[[list[Any], dict[str, Any], int], Any]] = {
    "Add": _elementwise(lambda a, b: a + b),
    "Sub": _elementwise(lambda a, b: a - b),
    "Mul": _elementwise(lambda a, b: a * b),
    "Div": _quotient(lambda a, b: a // b),
    "Mod": _quotient(lambda a, b: a % b),
    "Max": _elementwise(dims.maximum),
    "Min": _elementwise(dims.minimum),
    "Gather": _gather,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Reshape": _reshape,
    "Identity": lambda arrays, attributes, opset: arrays[0],
    "Neg": lambda arrays, attributes, opset: np.frompyfunc(lambda a: -a, 1, 1)(arrays[0]),
    "ReduceProd": _reduce_prod,
    "Where": _where,
    "Equal": _equal,
    "Cast": _cast,
    "Split": _split,
}

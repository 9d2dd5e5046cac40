"""Computing at conversion what is known at conversion.

Numbers are computed by onnxruntime, the reference that the generated crate is compared with (by ONNX's own reference
evaluator where onnxruntime lacks a kernel). Shape arithmetic on symbolic sizes is done by numpy on arrays of dims, so
that `Shape → Gather → Concat → Reshape` melts away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx.reference
import onnx.shape_inference

from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import KnownSizes, Origin, Value
from onnx2rust.model import reference
from onnx2rust.ops import facts_of

RANDOM = frozenset(("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli"))
"""Operators that compute something else each time."""
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
) -> Sequence[Array | KnownSizes] | None:
    """The node's outputs if they can be computed now, else None."""
    if node.op_type in RANDOM or not facts_of(node.op_type, node.domain).folded:
        return None
    if any(v is not None and v.sizes is not None for v in inputs):
        return _fold_sizes(node, inputs, attributes)
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
        return [np.asarray(a) for a in reference.session(model).run(None, feeds)]
    except reference.ERRORS:  # "no such kernel" and "bad model" alike
        pass
    try:
        return [np.asarray(a) for a in onnx.reference.ReferenceEvaluator(model).run(None, feeds)]
    except Exception:  # onnx's evaluator raises anything: then the node is lowered, and refused there if it is wrong
        return None


# -- shape arithmetic ------------------------------------------------------------------------------------------------


def _fold_sizes(
    node: onnx.NodeProto, inputs: Sequence[Value | None], attributes: dict[str, Any]
) -> list[Array | KnownSizes] | None:
    arrays = [None if v is None else v.array if v.sizes is None else v.sizes for v in inputs]
    computed = facts_of(node.op_type, node.domain).sizes
    if computed is None or any(a is not None and a.dtype.kind == "f" for a in arrays):
        return None
    try:
        result = computed(arrays, attributes)
    except (ValueError, TypeError, IndexError):  # what does not fit is for the lowering to refuse
        return None
    if result is None:
        return None
    results = result if isinstance(result, list) else [result]
    return [r if isinstance(r, np.ndarray) and r.dtype == bool else KnownSizes(np.asarray(r, dtype=object)) for r in results]


def sizes_dtype(node: onnx.NodeProto, inputs: Sequence[Value | None], attributes: dict[str, Any]) -> DType:
    """The integer type that the outputs of symbolic shape arithmetic have in the model."""
    if node.op_type == "Cast":
        return DType.I32 if attributes.get("to") == onnx.TensorProto.INT32 else DType.I64
    kinds = [v.dtype for v in inputs if v is not None and v.sizes is not None]
    return kinds[0] if kinds else DType.I64

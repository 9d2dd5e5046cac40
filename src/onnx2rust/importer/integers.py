"""Products of dequantised tensors become products of the integers themselves.

A quantised model in QDQ form has its products between `DequantizeLinear` and `QuantizeLinear`. With x = (p − z)·s and
w = (q − v)·t, s one number and t one for each output,

    Σ x·w = s·t · Σ (p − z)·(q − v)

where the sum on the right is exact in 32 bits. So, for 8-bit p and constant 8-bit q,

    QuantizeLinear(Conv(x, w, b))   →   QLinearConv
    QuantizeLinear(MatMul(x, w))    →   QLinearMatMul
    Conv(x, w, b), MatMul(x, w)     →   DequantizeLinear(ConvInteger or MatMulInteger, s·t), plus b
    Gemm(x, w, b)                   →   as MatMul, w transposed at conversion where it says so, plus b

the last two wherever nobody quantises the product at once. A `Relu` between the product and a `QuantizeLinear` whose zero point
is the least of its type changes nothing: what is below 0 saturates there. b disappears into `QLinearConv` if it is a 32-bit
integer in steps of s·t.

Left as they are: sums that could leave 32 bits; scales of other types than float32; depthwise convolutions, which are no products
of matrices and faster in floats, unless weights are to be small; weights whose scales do not belong to outputs; bodies.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, NodeProto, TensorProto, helper, numpy_helper

from onnx2rust.model.graph import names_read
from onnx2rust.model.schemas import ONNX_DOMAINS
from onnx2rust.model.weights import Array, Weights
from onnx2rust.model.weights import array as array_of

_BYTES = (TensorProto.UINT8, TensorProto.INT8)
_LEAST = {TensorProto.UINT8: 0, TensorProto.INT8: -128}
_LARGEST = 255 * 255
"""Of a product of two differences of bytes."""
_NEAR = 2.0**-21
"""How far apart a bias's scale and the product of the other two may be: they are rounded to float32."""


def read(proto: onnx.ModelProto, weights: Weights, *, depthwise: bool = False) -> onnx.ModelProto:
    """The model with its products of integers, itself if it has none; with `depthwise`, those convolutions too."""
    if not any(node.op_type == "DequantizeLinear" for node in proto.graph.node):
        return proto
    opset = next((o.version for o in proto.opset_import if o.domain in ONNX_DOMAINS), 1)
    return _Graph(proto, weights, opset, depthwise).rewritten()


@dataclass(frozen=True)
class _Steps:
    """A tensor of integers, what a step of them is worth, and what stands for 0: names, and the constants as numbers."""

    values: str
    scale: str
    zero: str
    step: Array
    origin: Array
    axis: int


class _Graph:
    """The main graph of a model, by name."""

    def __init__(self, proto: onnx.ModelProto, weights: Weights, opset: int, depthwise: bool) -> None:
        graph = proto.graph
        self.proto, self.weights, self.opset, self.depthwise = proto, weights, opset, depthwise
        self.nodes = list(graph.node)
        self.tensors = {t.name: t for t in graph.initializer}
        for node in self.nodes:
            if node.op_type == "Constant" and _is_onnx(node):
                self.tensors |= {name: a.t for name in node.output for a in node.attribute if a.name == "value"}
        self.makers = {name: node for node in self.nodes for name in node.output}
        self.readers: dict[str, list[NodeProto]] = {}
        for node in self.nodes:
            for name in names_read(node):
                self.readers.setdefault(name, []).append(node)
        self.outputs = {output.name for output in graph.output}
        self.names = {*self.tensors, *self.makers, *(i.name for i in graph.input)}
        self.made: list[TensorProto] = []
        """Constants that the rewritten graph has besides."""

    def rewritten(self) -> onnx.ModelProto:
        instead: dict[int, list[NodeProto]] = {}
        for node in self.nodes:
            if node.op_type in ("Conv", "MatMul", "Gemm") and _is_onnx(node):
                instead |= self._product(node)
        if not instead:
            return self.proto
        model = onnx.ModelProto()
        model.CopyFrom(self.proto)
        del model.graph.node[:]
        nodes = [new for node in self.nodes for new in instead.get(id(node), [node])]
        model.graph.node.extend(self._read(nodes))
        model.graph.initializer.extend(self.made)
        return model

    def _read(self, nodes: list[NodeProto]) -> list[NodeProto]:
        """The nodes without those that made floats which are no longer read."""
        reads = Counter(name for node in nodes for name in names_read(node))
        return [n for n in nodes if n.op_type != "DequantizeLinear" or reads[n.output[0]] or n.output[0] in self.outputs]

    # -- one product -------------------------------------------------------------------------------------------------

    def _product(self, node: NodeProto) -> dict[int, list[NodeProto]]:
        """What stands in the place of the product and of what comes behind it, by the identity of nodes."""
        x, w = self._steps(node.input[0]), self._steps(node.input[1])
        if x is None or w is None or x.step.size != 1 or not self._fits(node, w):
            return {}
        shape = self.tensors[w.values].dims
        terms = math.prod(shape) // max(1, shape[_outputs(node, len(shape))])
        bias = node.input[2] if len(node.input) > 2 else ""
        steps = self._bias(bias, x, w) if bias and node.op_type == "Conv" else None
        largest = terms * _LARGEST + (0 if steps is None else int(np.abs(self._array(steps).astype(np.int64)).max(initial=0)))
        if largest >= 2**31:
            return {}
        if not bias or steps is not None:
            behind = self._quantised(node.output[0])
            if behind is not None:
                return self._at_once(node, (x, w), steps, behind)
        return self._to_floats(node, (x, w), bias)

    def _at_once(
        self, node: NodeProto, operands: tuple[_Steps, _Steps], bias: str | None, behind: list[NodeProto]
    ) -> dict[int, list[NodeProto]]:
        """The product that quantises its result."""
        (x, w), last = operands, behind[-1]
        before, weights, op, attributes = self._operator(node, w)
        new = NodeProto(op_type="QLinear" + op, name=node.name, attribute=attributes, output=last.output)
        new.input.extend([x.values, x.scale, x.zero, weights, w.scale, w.zero, last.input[1], last.input[2]])
        new.input.extend([bias] if bias else [])
        # Where the last of them stood: its scale may be made behind the product.
        return {**{id(gone): [] for gone in (node, *behind)}, id(last): [*before, new]}

    def _to_floats(self, node: NodeProto, operands: tuple[_Steps, _Steps], bias: str) -> dict[int, list[NodeProto]]:
        """The product of integers, its floats, and the bias."""
        x, w = operands
        scale = x.step.reshape(()) * w.step
        if scale.ndim and self.opset < 13:  # one scale a tensor
            return {}
        before, weights, op, own = self._operator(node, w)
        inputs = [x.values, weights, x.zero, *([w.zero] if w.origin.any() else [])]
        sums, floats = self._fresh(node.output[0], "sums"), self._fresh(node.output[0], "floats") if bias else node.output[0]
        attributes: dict[str, Any] = {}
        if scale.ndim:
            attributes["axis"] = 1 if op == "Conv" else -1
        found = [
            *before,
            NodeProto(op_type=f"{op}Integer", name=node.name, attribute=own, input=inputs, output=[sums]),
            helper.make_node(
                "DequantizeLinear", [sums, self._constant(sums, "scale", scale)], [floats], _part(node, "scale"), **attributes
            ),
        ]
        if bias and op == "Conv":
            rank = len(self.tensors[w.values].dims)
            shape = self._constant(sums, "shape", np.array([-1, *[1] * (rank - 2)], np.int64))
            column = self._fresh(sums, "bias")
            found.append(helper.make_node("Reshape", [bias, shape], [column], _part(node, "shape")))
            bias = column
        if bias:
            found.append(helper.make_node("Add", [floats, bias], node.output, _part(node, "bias")))
        return {id(node): found}

    def _operator(self, node: NodeProto, w: _Steps) -> tuple[list[NodeProto], str, str, Sequence[AttributeProto]]:
        """What makes the weights, their name, what the product is called without its types, and its attributes."""
        if node.op_type != "Gemm":
            return [], w.values, node.op_type, node.attribute
        if not _attribute(node, "transB"):
            return [], w.values, "MatMul", []
        turned = self._fresh(w.values, "transposed")
        return [helper.make_node("Transpose", [w.values], [turned], _part(node, "weights"), perm=[1, 0])], turned, "MatMul", []

    # -- what is known -----------------------------------------------------------------------------------------------

    def _steps(self, name: str) -> _Steps | None:
        """What makes these floats, if it is a `DequantizeLinear` of bytes whose scale and zero point are known."""
        node = self.makers.get(name)
        if node is None or node.op_type != "DequantizeLinear" or not _is_onnx(node) or len(node.input) < 3:
            return None
        values, scale, zero = node.input
        if not self._is(scale, TensorProto.FLOAT) or not self._is(zero, *_BYTES) or _attribute(node, "block_size"):
            return None
        step = self._array(scale)
        step = step.reshape(()) if step.size == 1 else step
        return _Steps(values, scale, zero, step, self._array(zero), _attribute(node, "axis", 1))

    def _fits(self, node: NodeProto, w: _Steps) -> bool:
        """Whether the weights are known, and their scales belong to outputs."""
        if not self._is(w.values, *_BYTES) or self.tensors[w.values].data_type != self.tensors[w.zero].data_type:
            return False
        shape = self.tensors[w.values].dims
        rank, along = len(shape), _outputs(node, len(shape))
        if node.op_type != "Conv":
            factors = [a.f for a in node.attribute if a.name in ("alpha", "beta")]
            if rank != 2 or _attribute(node, "transA") or any(f != 1 for f in factors):
                return False
        elif rank < 3 or (_attribute(node, "group", 1) > 1 and shape[1] == 1 and not self.depthwise):
            return False
        return w.step.ndim == 0 or (w.axis in (along, along - rank) and w.step.shape == (shape[along],))

    def _bias(self, name: str, x: _Steps, w: _Steps) -> str | None:
        """The integers of a bias in steps of the product's."""
        node = self.makers.get(name)
        if node is None or node.op_type != "DequantizeLinear" or not _is_onnx(node):
            return None
        values, scale, *zero = node.input
        if not self._is(values, TensorProto.INT32) or not self._is(scale, TensorProto.FLOAT):
            return None
        if zero and (not self._is(zero[0], TensorProto.INT32) or self._array(zero[0]).any()):
            return None
        outputs = self.tensors[w.values].dims[0]
        found, expected = self._array(scale), x.step.reshape(()).astype(np.float64) * w.step
        if list(self.tensors[values].dims) != [outputs] or found.size not in (1, outputs):
            return None
        near = np.abs(found.reshape(-1) - expected.reshape(-1)) <= _NEAR * np.abs(expected.reshape(-1))
        return values if near.all() else None

    def _quantised(self, name: str) -> list[NodeProto] | None:
        """What turns the floats into bytes, with known numbers, if nobody else reads them: a `QuantizeLinear`, perhaps behind a
        `Relu` that it makes needless."""
        chain = list(self._only_readers(name))
        last = chain[-1] if chain else None
        if last is None or last.op_type != "QuantizeLinear" or len(last.input) < 3:
            return None
        _, scale, zero = last.input
        if not self._is(scale, TensorProto.FLOAT) or not self._is(zero, *_BYTES):
            return None
        (step, origin) = self._array(scale), self._array(zero)
        if step.size != 1 or origin.size != 1:
            return None
        return chain if len(chain) == 1 or int(origin.reshape(())) == _LEAST[self.tensors[zero].data_type] else None

    def _only_readers(self, name: str) -> Iterator[NodeProto]:
        """The only reader, and its only reader if it is a `Relu`."""
        for _ in range(2):
            readers = self.readers.get(name, [])
            if len(readers) != 1 or name in self.outputs or not _is_onnx(readers[0]):
                return
            (node,) = readers
            yield node
            if node.op_type != "Relu":
                return
            name = node.output[0]

    def _is(self, name: str, *types: int) -> bool:
        """Whether it is a constant of such a type."""
        return name in self.tensors and self.tensors[name].data_type in types

    def _array(self, name: str) -> Array:
        return array_of(self.tensors[name], self.weights)

    # -- names -------------------------------------------------------------------------------------------------------

    def _fresh(self, name: str, kind: str) -> str:
        """A name that the graph does not have."""
        found = f"{name}/{kind}"
        while found in self.names:
            found += "_"
        self.names.add(found)
        return found

    def _constant(self, name: str, kind: str, array: Array) -> str:
        fresh = self._fresh(name, kind)
        self.made.append(numpy_helper.from_array(np.asarray(array), fresh))
        return fresh


def _outputs(node: NodeProto, rank: int) -> int:
    """The axis of weights that counts outputs."""
    return 0 if node.op_type == "Conv" or _attribute(node, "transB") else rank - 1


def _attribute(node: NodeProto, name: str, default: int = 0) -> int:
    return next((int(a.i) for a in node.attribute if a.name == name), default)


def _part(node: NodeProto, name: str) -> str:
    """What a node is called that does a part of the work."""
    return f"{node.name}/{name}" if node.name else ""


def _is_onnx(node: NodeProto) -> bool:
    return node.domain in ONNX_DOMAINS

"""float16 as onnxruntime's CPU provider computes it: in float32, rounded where a float16 tensor really exists.

onnxruntime has few kernels for float16. Around every other node it puts casts, `float16 → float32 → node → float32 → float16`,
and then removes the pairs `float32 → float16 → float32` between two such nodes, also those that the model itself wrote: a chain
of products is rounded once, at its end. (Observed in the graphs that onnxruntime 1.32 saves,
`SessionOptions.optimized_model_filepath`; its source is insert_cast_transformer.cc.) Here the rounding waits in the same way:
`Builder.narrow` remembers the float32 value, and whoever reads the float16 one in float32 gets that (`Builder.widen`).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import onnx

from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Origin, Value
from onnx2rust.model import schemas
from onnx2rust.model.readers import Readers
from onnx2rust.ops import all_facts, facts_of
from onnx2rust.registry.facts import Half

_WRITTEN_OUT = 18
"""The opset at which onnxruntime writes out activations as the functions that ONNX defines them by, for want of a float16 kernel:
at later ones it keeps them. HardSigmoid ends with Min and Max there, for which it has float16 kernels: its
result is rounded. Relu is one Max."""


class Door:
    """How one node meets float16: `inputs` are what its lowering gets, `outputs` makes its results
    what the model says they are."""

    def __init__(
        self, g: Builder, node: onnx.NodeProto, origin: Origin, inputs: Sequence[Value | None], readers: Readers
    ) -> None:
        self._g = g
        halves = [v for v in inputs if v is not None and v.dtype is DType.F16]
        self._native = native = node.op_type in _native(origin.opset)
        casts = node.op_type in _casts()
        # joined: no float16 tensor exists between the node and its neighbours
        joined = bool(halves) and (not native or self._joined(node, origin.opset, halves, readers))
        wide = bool(halves) and not casts and (joined or facts_of(node.op_type).half is Half.ROUNDS)
        self._rounds = not joined or (origin.opset == _WRITTEN_OUT and self._ends_in_choice(node, origin.opset, halves, readers))
        self._narrowed = _outputs_of_f16(origin, inputs) if wide else set[int]()
        if casts:
            self.inputs = list(inputs)
            return
        ready = list(inputs) if joined else [v if v is None else g.rounded(v) for v in inputs]
        self.inputs = [v if v is None or not wide or v.dtype is not DType.F16 else g.widen(v) for v in ready]

    def _ends_in_choice(self, node: onnx.NodeProto, opset: int, halves: list[Value], readers: Readers) -> bool:
        """Whether what onnxruntime writes out for the node ends with a float16 kernel. (Where Relu
        begins does not matter: a maximum may be rounded before or after.)"""
        return node.op_type == "HardSigmoid" or (node.op_type == "Relu" and not self._joined(node, opset, halves, readers))

    def _joined(self, node: onnx.NodeProto, opset: int, halves: list[Value], readers: Readers) -> bool:
        """Whether a node for which onnxruntime has a float16 kernel runs in float32 all the same."""
        users = readers.of(node.output)
        if node.op_type == "Transpose" and "" not in users:
            # onnxruntime pushes transposes through casts
            return self._g.waits(halves[0])
        # a node alone between two that run in float32 does so too
        computed = [v for v in halves if v.const is None]
        holds_graph = any(a.type == onnx.AttributeProto.GRAPH for a in node.attribute)
        alone = bool(computed) and all(map(self._g.waits_after_layer, computed)) and not holds_graph
        chooses = {"", "Relu"} if opset == _WRITTEN_OUT else {""}
        return alone and bool(users) and not users & (_native(opset) | _casts() | chooses)

    def outputs(self, results: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
        """The results, those that are float16 in the model as such; rounded at once where onnxruntime's own kernel does."""
        g = self._g
        return tuple(
            v
            if v is None or k not in self._narrowed or v.dtype is not DType.F32
            else (g.rounded(g.narrow(v)) if self._rounds else g.narrow(v, after_layer=not self._native))
            for k, v in enumerate(results)
        )


@functools.cache
def _native(opset: int) -> frozenset[str]:
    """Operators with a float16 kernel in onnxruntime."""
    kernels = (Half.MOVES, Half.ROUNDS)
    return frozenset(op for op, known in all_facts().items() if known.half in kernels and opset >= known.half_since)


@functools.cache
def _casts() -> frozenset[str]:
    return frozenset(op for op, known in all_facts().items() if known.half is Half.CASTS)


def _outputs_of_f16(origin: Origin, inputs: Sequence[Value | None]) -> set[int]:
    """Positions of the outputs whose type the schema ties to an input that is float16."""
    schema = schemas.schema(origin.op, origin.domain, origin.opset)
    if schema is None:
        return set()
    last = len(schema.inputs) - 1
    half = {schema.inputs[min(k, last)].type_str for k, v in enumerate(inputs) if v is not None and v.dtype is DType.F16}
    formal = [o.type_str in half for o in schema.outputs]
    variadic = bool(schema.outputs) and schema.outputs[-1].option == onnx.defs.OpSchema.FormalParameterOption.Variadic
    return {k for k in range(64 if variadic else len(formal)) if formal[min(k, len(formal) - 1)]}

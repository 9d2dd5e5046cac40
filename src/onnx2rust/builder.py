"""What a lowering works with: it adds steps, makes constants and refuses.

Helpers here do what many operators need (view, transpose, sizes read while running), folding as they go when their
input is known, so that lowerings need not ask.
"""

from __future__ import annotations

import inspect
from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from onnx2rust.dims import Dim, product, symbol
from onnx2rust.dtypes import DType
from onnx2rust.errors import Problem
from onnx2rust.layers.base import PLAIN, DimsToTensor, Layer, ReadSizes, Variant, View, Weight
from onnx2rust.layers.movement import Transpose
from onnx2rust.naming import Names, step_names
from onnx2rust.program import Origin, Program, Step, TensorType, Value
from onnx2rust.registry import Operator

if TYPE_CHECKING:
    from onnx2rust.importer import _Importer


class Refuse(Exception):  # noqa: N818  (it is a verdict on a node, turned into a Problem by the importer)
    """A lowering says no to its node: `invalid` if the model is wrong, else it is merely not supported."""

    def __init__(self, what: str | list[Problem], hint: str = "", *, invalid: bool = False) -> None:
        self.problems = [Problem(what, hint=hint)] if isinstance(what, str) else what
        self.invalid = invalid
        super().__init__(str(what))


class Builder:
    """Collects the steps of the program (or body) that is being read."""

    def __init__(self, importer: _Importer) -> None:
        self.importer = importer
        self.steps: list[Step] = []
        self.scope: MutableMapping[str, Any] = {}
        self.origin = Origin("", "", "", 1, 0)
        self.names = Names()

    def enter(self, origin: Origin, env: MutableMapping[str, Any]) -> None:
        """The node that the next steps come from, and the names it can see."""
        self.origin = origin
        self.scope = env

    @property
    def opset(self) -> int:
        """The opset of the current node's domain."""
        return self.origin.opset

    # -- steps -------------------------------------------------------------------------------------------------------

    def step(self, layer: Layer, inputs: Sequence[Value | None], *types: TensorType | None, **more: Any) -> Any:
        """Adds `layer(inputs)`; returns its output value, or a tuple of them if several types (None: not wanted) are given."""
        name = self.names.unique(*step_names(self.origin.node, self.origin.op))
        outputs = tuple(
            None if t is None else Value(name if i == 0 else f"{name}.{i}", t) for i, t in enumerate(types)
        )
        ready = tuple(None if v is None else self.materialise(v) for v in inputs)
        self.steps.append(Step(name, layer, ready, outputs, self.origin, **more))
        return outputs[0] if len(outputs) == 1 else outputs

    def constant(self, array: np.ndarray[Any, Any] | Sequence[Dim], name: str | None = None) -> Value:
        """A known value; a list of dims becomes a 1-D i64 tensor."""
        if not isinstance(array, np.ndarray):
            content = np.empty(len(array), dtype=object)
            content[:] = list(array)
            array = content
        return self.importer.constant(array, name or f"{step_names(self.origin.node, self.origin.op)[1]}/constant")

    def weight(self, value: Value, packing: Variant = PLAIN, array: np.ndarray[Any, Any] | None = None) -> Weight:
        """A weight for a layer's field, from a known value (or an array derived from it)."""
        content = value.array if array is None else array
        assert content is not None
        return Weight(value.name, content, packing)

    def materialise(self, value: Value) -> Value:
        """The value as a tensor that exists while the model runs: symbolic contents are written by a step."""
        if value.const is None or value.const.dtype != object:
            return value
        layer = DimsToTensor(tuple(value.dims() or ()))
        return self.step(layer, [], value.type)  # type: ignore[no-any-return]

    def body(self, graph: Any, arguments: list[Value], name: str) -> Program:
        """Lowers a graph attribute; it may use every name its node can see."""
        origin, scope = self.origin, self.scope
        program = self.importer.body(graph, scope, arguments, name)
        self.enter(origin, scope)
        return program

    def new_symbol(self, hint: str) -> str:
        """A symbol that a step will define."""
        return str(self.importer.symbol_names.unique(hint))

    # -- common helpers ----------------------------------------------------------------------------------------------

    def view(self, x: Value, *shape: Dim) -> Value:
        """The same elements under another shape."""
        if x.type.shape == tuple(shape):
            return x
        if x.const is not None:
            plain = [d for d in shape if isinstance(d, int)]
            if len(plain) == len(shape):
                return self.constant(x.const.reshape(plain), x.name)
        return self.step(View(), [x], x.type.with_shape(*shape))  # type: ignore[no-any-return]

    def transpose(self, x: Value, perm: Sequence[int]) -> Value:
        """y[i_perm[0], i_perm[1], …] = x[i_0, i_1, …]"""
        perm = tuple(perm)
        if perm == tuple(range(len(perm))):
            return x
        if x.const is not None:
            return self.constant(np.ascontiguousarray(np.transpose(x.const, perm)), x.name)
        shape = [x.shape[p] for p in perm]
        moved = [p for p in perm if x.shape[p] != 1]
        if moved == sorted(moved):
            return self.view(x, *shape)
        return self.step(Transpose(perm, x.shape), [x], x.type.with_shape(*shape))  # type: ignore[no-any-return]

    def to_channels_last(self, x: Value) -> Value:
        """[n, c, *s] → [n, *s, c]"""
        return self.transpose(x, [0, *range(2, x.rank), 1])

    def to_channels_first(self, x: Value) -> Value:
        """[n, *s, c] → [n, c, *s]"""
        return self.transpose(x, [0, x.rank - 1, *range(1, x.rank - 1)])

    def sizes(self, value: Value, name: str = "size") -> tuple[Dim, ...]:
        """The elements of an integer vector as dims; those only known while the model runs become symbols."""
        known = value.dims()
        if known is not None:
            return tuple(known)
        count = product(value.shape)
        if not isinstance(count, int):
            raise Refuse(f"the number of sizes in {value.name!r} is itself only known at run time")
        if count > 64:
            raise Refuse(f"{count} sizes in one tensor")
        value = self.cast_sizes(value)
        fresh = tuple(self.new_symbol(f"{name}_{i}" if count > 1 else name) for i in range(count))
        self.step(ReadSizes(), [value], defines=fresh)
        return tuple(symbol(s) for s in fresh)

    def cast_sizes(self, value: Value) -> Value:
        """An integer tensor as i64."""
        if value.dtype is DType.I64:
            return value
        raise Refuse(f"sizes of type {value.dtype}")

    # -- binding -----------------------------------------------------------------------------------------------------

    def bind(self, operator: Operator, inputs: Sequence[Value | None]) -> list[Any]:
        """The node's inputs as the lowering's positional arguments; refuses what the signature does not allow."""
        problems: list[Problem] = []
        arguments: list[Any] = []
        for index, value in enumerate(inputs):
            parameter = operator.kind(index)
            if parameter is None:
                problems.append(Problem(f"{operator.name} takes at most {len(operator.inputs)} inputs, not {len(inputs)}"))
                break
            optional = parameter.default is None or parameter.kind is inspect.Parameter.VAR_POSITIONAL
            annotation = str(parameter.annotation).removesuffix(" | None")
            if value is None and not optional:
                problems.append(Problem(f"{operator.name} needs its input {parameter.name!r}"))
            elif value is not None and annotation == "Const" and value.array is None:
                raise Refuse(
                    f"input {parameter.name!r} must be known at conversion",
                    f"{value.name!r} is computed while the model runs; make it a constant (initializer) of the model",
                )
            elif value is not None and annotation == "Sizes":
                arguments.append(self.sizes(value, parameter.name))
                continue
            arguments.append(value)
        for parameter in operator.inputs[len(inputs) :]:
            if parameter.default is inspect.Parameter.empty and parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
                problems.append(Problem(f"{operator.name} needs its input {parameter.name!r}"))
        if problems:
            raise Refuse(problems, invalid=True)
        return arguments

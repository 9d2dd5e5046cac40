"""The steps of a program while it is built, and what they are made of: values, constants, weights, symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.base.naming import Names, ident, step_name, weight_name
from onnx2rust.ir import dtypes
from onnx2rust.ir.dims import Dim, symbol, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import PLAIN, DimsToTensor, Layer, Variant, Weight
from onnx2rust.ir.program import KnownSizes, Origin, Step, Value
from onnx2rust.ir.types import TensorType, Type


class Steps:
    """Collects steps; knows which sizes the caller gives."""

    def __init__(self) -> None:
        self.collected: list[Step] = []
        self.origin = Origin("", "", "", 1, 0)
        self.small = False
        """Whether bytes of weights count more than time: the program is for a small processor."""
        self.given: dict[str, Dim] = {}
        """The open sizes of the model's inputs, by the model's names."""
        self._step_names = Names()
        self._symbol_names = Names()

    @property
    def opset(self) -> int:
        """The opset of the current node's domain."""
        return self.origin.opset

    def only(self, value: Value, *dtypes: DType) -> None:
        """Refuses a value of any other element type."""
        if value.dtype not in dtypes:
            *others, last = map(str, dtypes)
            known = f"{', '.join(others)} and {last} are" if others else f"{last} is"
            raise Refuse(f"{self.origin.op} of {value.dtype} is not supported", f"only {known}")

    # -- steps -------------------------------------------------------------------------------------------------------

    def step(self, layer: Layer, inputs: Sequence[Value | None], type_: Type, *unwanted: None, **more: Any) -> Value:
        """Adds `layer(inputs)` and returns its output; with a None for each further one, the first."""
        first = self.steps(layer, inputs, type_, *unwanted, **more)[0]
        assert first is not None
        return first

    @overload
    def steps(self, layer: Layer, inputs: Sequence[Value | None], *types: Type, **more: Any) -> tuple[Value, ...]: ...
    @overload
    def steps(
        self, layer: Layer, inputs: Sequence[Value | None], *types: Type | None, **more: Any
    ) -> tuple[Value | None, ...]: ...
    def steps(self, layer: Layer, inputs: Sequence[Value | None], *types: Type | None, **more: Any) -> tuple[Value | None, ...]:
        """Adds `layer(inputs)` and returns its outputs, of these types (None: it is not wanted)."""
        name = self._step_names.unique(step_name(self.origin.node, self.origin.op))
        outputs = tuple(None if t is None else Value(name if i == 0 else f"{name}.{i}", t) for i, t in enumerate(types))
        ready = tuple(None if v is None else self.materialise(v) for v in inputs)
        self.collected.append(Step(name, layer, ready, outputs, self.origin, **more))
        return outputs

    def opened(
        self, layer: Layer, inputs: Sequence[Value | None], dtype: DType, shape: Sequence[Dim | None], name: str = "size"
    ) -> Value:
        """Adds `layer(inputs)`, whose output has these sizes, and others that the step finds out where they are None."""
        names = {axis: self.new_symbol(f"{name}_{axis}") for axis, d in enumerate(shape) if d is None}
        found = tuple(symbol(names[axis]) if d is None else d for axis, d in enumerate(shape))
        return self.step(layer, inputs, TensorType(dtype, found), defines=tuple(names.values()))

    def sizes_by(self, layer: Layer, inputs: Sequence[Value | None], *hints: str) -> tuple[Dim, ...]:
        """Adds a step whose results are sizes; they are called like `hints`."""
        fresh = tuple(map(self.new_symbol, hints))
        self.steps(layer, inputs, defines=fresh)
        return tuple(map(symbol, fresh))

    # -- values ------------------------------------------------------------------------------------------------------

    def constant(
        self,
        content: np.ndarray[Any, Any] | KnownSizes | Sequence[Dim],
        name: str | None = None,
        dtype: DType = DType.I64,
        names: tuple[str, ...] | None = None,
    ) -> Value:
        """A known value; a list of dims becomes a 1-D tensor. Sizes have this type; `names` are what elements stand for. Strings
        get some. Raises Refuse for an element type that does not exist here."""
        name = name or f"{step_name(self.origin.node, self.origin.op)}/constant"
        if not isinstance(content, (np.ndarray, KnownSizes)):
            content = KnownSizes.of(list(content), len(content))
        if isinstance(content, KnownSizes) and all(isinstance(v, int) for v in content.elements.ravel().tolist()):
            content = content.elements.astype(dtype.numpy)
        if isinstance(content, KnownSizes):
            return Value(weight_name(name), TensorType(dtype, tuple(content.shape)), content)
        if content.dtype == object:
            texts = [t.decode("utf-8", "replace") if isinstance(t, bytes) else str(t) for t in content.ravel().tolist()]
            names = tuple(dict.fromkeys(texts))
            places = {text: k for k, text in enumerate(names)}
            content = np.array([places[t] for t in texts], np.int64).reshape(content.shape)
        known = dtypes.from_numpy(content.dtype)
        if known is None:
            raise Refuse(f"constant {name!r} has element type {content.dtype}, which is not supported")
        return Value(weight_name(name), TensorType(known, content.shape, names), content)

    def weight(self, value: Value, packing: Variant = PLAIN, array: np.ndarray[Any, Any] | None = None) -> Weight:
        """A weight for a layer's field, from a known value (or an array derived from it)."""
        content = value.array if array is None else array
        assert content is not None
        return Weight(value.name, content, packing)

    def materialise(self, value: Value) -> Value:
        """The value as a tensor that exists while the model runs: symbolic contents are written by a step."""
        if value.sizes is None:
            return self.settled(value)
        return self.step(DimsToTensor(tuple(value.dims() or ())), [], value.type)

    def settled(self, value: Value) -> Value:
        """The value after all that waits to be done to it."""
        return value

    # -- symbols -----------------------------------------------------------------------------------------------------

    def give(self, name: str, size: Dim | None) -> Dim:
        """The open size that the model calls `name`: a symbol, unless the caller has fixed it."""
        if name not in self.given:
            self.given[name] = symbol(self.new_symbol(name)) if size is None else size
        return self.given[name]

    def given_name(self, dim: Dim) -> str | None:
        """What the model calls a size that the caller gives; None for any other size."""
        return next((name for name, given in self.given.items() if given == dim and not isinstance(dim, int)), None)

    def visible_sizes(self) -> set[str]:
        """Symbols that exist before this node's step: given ones and those that earlier steps define."""
        return {s for d in self.given.values() for s in symbols(d)} | {s for step in self.collected for s in step.defines}

    def new_symbol(self, hint: str) -> str:
        """A symbol that a step will define."""
        return str(self._symbol_names.unique(ident(hint, "size")))

"""What a lowering works with: it adds steps, makes constants and refuses.

Helpers here do what many operators need (view, transpose, sizes read while running), folding as they go when their
input is known, so that lowerings need not ask.
"""

from __future__ import annotations

import inspect
from collections import ChainMap
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from onnx2rust.base.errors import Problem
from onnx2rust.base.naming import Names, ident, step_name
from onnx2rust.ir.dims import Dim, broadcast, product, symbol, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import PLAIN, Copy, DimsToTensor, Layer, ReadSizes, Variant, View, Weight
from onnx2rust.ir.program import KnownSizes, Origin, Program, Step, TensorType, Value
from onnx2rust.layers.cast import Cast
from onnx2rust.layers.movement import SameSize, Transpose
from onnx2rust.model.graph import names_captured
from onnx2rust.registry import Operator

if TYPE_CHECKING:
    from onnx2rust.importer import _Importer


class Refuse(Exception):
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
        self._pending: dict[Value, tuple[Value, tuple[int, ...]]] = {}
        self._moved: dict[Value, Value] = {}
        self._viewed: dict[Value, Value] = {}
        self._unrounded: dict[Value, Value] = {}
        self._after_layer: set[Value] = set()
        self._cast: dict[tuple[Value, DType], Value] = {}

    @contextmanager
    def inner_steps(self) -> Iterator[list[Step]]:
        """Collects the steps of a body; what was moved inside it does not exist outside."""
        saved = self.steps, dict(self._moved), dict(self._cast), self.scope, self.origin
        self.steps = []
        try:
            yield self.steps
        finally:
            self.steps, self._moved, self._cast, self.scope, self.origin = saved

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
        name = self.names.unique(step_name(self.origin.node, self.origin.op))
        outputs = tuple(None if t is None else Value(name if i == 0 else f"{name}.{i}", t) for i, t in enumerate(types))
        ready = tuple(None if v is None else self.materialise(v) for v in inputs)
        self.steps.append(Step(name, layer, ready, outputs, self.origin, **more))
        return outputs[0] if len(outputs) == 1 else outputs

    def constant(
        self, content: np.ndarray[Any, Any] | KnownSizes | Sequence[Dim], name: str | None = None, dtype: DType = DType.I64
    ) -> Value:
        """A known value; a list of dims becomes a 1-D tensor. Sizes have this type."""
        if not isinstance(content, (np.ndarray, KnownSizes)):
            content = KnownSizes.of(list(content), len(content))
        return self.importer.constant(content, name or f"{step_name(self.origin.node, self.origin.op)}/constant", dtype)

    def weight(self, value: Value, packing: Variant = PLAIN, array: np.ndarray[Any, Any] | None = None) -> Weight:
        """A weight for a layer's field, from a known value (or an array derived from it)."""
        content = value.array if array is None else array
        assert content is not None
        return Weight(value.name, content, packing)

    def materialise(self, value: Value) -> Value:
        """The value as a tensor that exists while the model runs: symbolic contents are written by a step."""
        if value.sizes is None:
            return self._settled(value)
        layer = DimsToTensor(tuple(value.dims() or ()))
        return self.step(layer, [], value.type)  # type: ignore[no-any-return]

    def body(
        self,
        graph: Any,
        arguments: list[Value],
        name: str,
        fresh_outputs: Sequence[int] = (),
        finish: Callable[[list[Value]], list[Value]] = lambda outputs: outputs,
    ) -> Program:
        """Lowers a graph attribute; it may use every name its node can see. `finish` may add steps for the outputs. Outputs in
        `fresh_outputs` are computed by steps of the body, each by one of its own: an output that is not is copied. What it reads from
        outside is a tensor there: a value that waits to be rounded is, once and not in every iteration."""
        outside = ((n, self.scope.get(n)) for n in sorted(names_captured(graph)))
        rounded = {n: self.rounded(v) for n, v in outside if isinstance(v, Value) and self.waits(v)}
        with self.binding(rounded):
            return self.importer.body(graph, self.scope, arguments, name, fresh_outputs, finish)

    @contextmanager
    def binding(self, names: dict[str, Value]) -> Iterator[None]:
        """Names that the bodies of the current node can see besides those that the node sees."""
        saved = self.scope
        self.scope = ChainMap(dict(names), saved)
        try:
            yield
        finally:
            self.scope = saved

    def inline(self, graph: Any) -> list[Value]:
        """Lowers a graph attribute as if its nodes stood in place of the node."""
        return self.importer.inline(graph, self.scope)

    def given_symbols(self) -> set[str]:
        """Symbols in the shapes of the model's inputs."""
        return {s for d in self.importer.symbol_of.values() for s in symbols(d)}

    def given_name(self, dim: Dim) -> str | None:
        """What the model calls a size that the caller gives; None for any other size."""
        return next((name for name, given in self.importer.symbol_of.items() if given == dim and not isinstance(dim, int)), None)

    def visible_sizes(self) -> set[str]:
        """Symbols that exist before this node's step: given ones and those that earlier steps define."""
        return self.given_symbols() | {s for step in self.steps for s in step.defines}

    @staticmethod
    def symbols(dim: Dim) -> set[str]:
        """Symbols in a dim."""
        return symbols(dim)

    def own_results(self, values: list[Value], chosen: Sequence[int]) -> list[Value]:
        """The values, those at `chosen` positions being results of steps collected here and not twice the same."""
        made = {v: v for step in self.steps for v in step.results()}
        sources = {s.outputs[0]: s.inputs[0] for s in self.steps if isinstance(s.layer, View)}
        taken: set[Value] = set()
        result = []
        for position, value in enumerate(values):
            root: Value | None = value
            while root in sources:
                root = sources[root]
            if position in chosen and (root not in made or root in taken):
                value = self.step(Copy(), [value], value.type)
                root = value
            assert root is not None
            taken.add(root)
            result.append(value)
        return result

    def new_symbol(self, hint: str) -> str:
        """A symbol that a step will define."""
        return str(self.importer.symbol_names.unique(ident(hint, "size")))

    # -- common helpers ----------------------------------------------------------------------------------------------

    def view(self, x: Value, *shape: Dim) -> Value:
        """The same elements under another shape. A view of a view looks at the source, or is the source."""
        x = self._viewed.get(x, x)
        if x.type.shape == tuple(shape):
            return x
        if x.const is not None:
            plain = [d for d in shape if isinstance(d, int)]
            if len(plain) == len(shape):
                return self._rearranged(x, lambda content: content.reshape(plain))
        if x in self._pending and [d for d in shape if d != 1] == [d for d in x.shape if d != 1]:
            # only axes of size 1 come or go: they can stand anywhere in memory, so the transpose can wait
            source, perm = self._pending[x]
            wide = [p for p in range(source.rank) if source.shape[p] != 1]
            units = len(shape) - len(wide)
            flat = self.view(source, *(source.shape[p] for p in wide), *([1] * units))
            moved = iter([wide.index(p) for p in perm if source.shape[p] != 1])
            ones = iter(range(len(wide), len(shape)))
            return self.transpose(flat, [next(ones) if d == 1 else next(moved) for d in shape])
        source = self._settled(x)
        y: Value = self.step(View(), [source], x.type.with_shape(*shape))
        self._viewed[y] = source
        return y

    def _rearranged(self, x: Value, rearrange: Callable[[Any], Any]) -> Value:
        content = rearrange(x.array) if x.sizes is None else KnownSizes(rearrange(x.sizes))
        return self.constant(content, x.name, x.dtype)

    def transpose(self, x: Value, perm: Sequence[int]) -> Value:
        """y axis k is x axis perm[k]. Nothing is moved yet: see `layout`."""
        source, first = self._pending.get(x, (x, tuple(range(x.rank))))
        perm = tuple(first[p] for p in perm)
        if x.const is not None:
            return self._rearranged(x, lambda content: np.array(np.transpose(content, perm), order="C"))
        if perm == tuple(range(len(perm))):
            return source
        y = Value(f"{source.name}.transposed", source.type.with_shape(*(source.shape[p] for p in perm)))
        self._pending[y] = (source, perm)
        return y

    def _move(self, y: Value) -> Value:
        """A transposed value as elements in memory; a view if only axes of size 1 change places."""
        if y not in self._moved:
            source, perm = self._pending[y]
            source = self._settled(source)
            kept = [p for p in perm if source.shape[p] != 1]
            still = kept == sorted(kept)
            self._moved[y] = self.view(source, *y.shape) if still else self.step(Transpose(perm, source.shape), [source], y.type)
        return self._moved[y]

    def _settled(self, x: Value) -> Value:
        x = self.rounded(x)
        return self._move(x) if x in self._pending else x

    # -- half precision: see half.py ---------------------------------------------------------------------------------

    def narrow(self, x: Value, *, after_layer: bool = False) -> Value:
        """x as float16. Nothing is rounded yet: a reader of the float16 value does that (`rounded`), or gets x itself (`unrounded`).
        `after_layer` says that x is the result of a layer, not of a cast of the model."""
        if x.array is not None:
            return self.constant(x.array.astype(DType.F16.numpy), x.name)
        y = Value(f"{x.name}.half", TensorType(DType.F16, x.shape))
        self._unrounded[y] = x
        if after_layer:
            self._after_layer.add(y)
        return y

    def waits(self, x: Value) -> bool:
        """Whether x waits to be rounded."""
        return x in self._unrounded

    def waits_after_layer(self, x: Value) -> bool:
        """Whether x waits to be rounded and is the result of a layer."""
        return x in self._after_layer

    def unrounded(self, x: Value) -> Value:
        """What a value that waits to be rounded will be made from; any other value is itself."""
        return self._unrounded.get(x, x)

    def rounded(self, x: Value) -> Value:
        """x after its rounding, if it waited for it."""
        return self.cast(self._unrounded[x], DType.F16) if x in self._unrounded else x

    def widen(self, x: Value) -> Value:
        """A float16 value as float32, as it was before it waits to be rounded."""
        if x.array is not None:
            return self.constant(x.array.astype(DType.F32.numpy), x.name)
        return self.cast(self.unrounded(x), DType.F32)

    def cast(self, x: Value, dtype: DType) -> Value:
        """x in another element type, computed once."""
        if x.dtype is dtype:
            return x
        if (x, dtype) not in self._cast:
            self._cast[x, dtype] = self.elementwise(lambda _: Cast(), [x], dtype)
        return self._cast[x, dtype]

    # -- layouts -----------------------------------------------------------------------------------------------------

    def layout(self, inputs: Sequence[Value], rank: int) -> tuple[tuple[int, ...], list[Value]]:
        """The inputs in one common memory layout, to work in whatever order their axes lie in memory.

        Transposes are not carried out where they stand: a transposed value remembers its source. An operator that can work in any
        order of axes asks for its inputs' `layout`: `(perm, values)`, where every value has `rank` axes (1s are put in front) and
        logical axis i is axis perm[i] of the values. It computes on them and returns `g.transpose(result, perm)`. So chains of such
        operators between channels-last layers run without moving anything, and transposes cancel. An operator that does not ask
        gets its input moved.
        """
        identity = tuple(range(rank))
        perm = next((self._pending[x][1] for x in inputs if x in self._pending and x.rank == rank), identity)
        values = []
        for x in inputs:
            if x in self._pending and x.rank == rank and self._pending[x][1] == perm:
                values.append(self._pending[x][0])
                continue
            full = self.view(x, *([1] * (rank - x.rank)), *x.shape)
            # storage axis perm[i] is logical axis i
            values.append(self.transpose(full, [perm.index(k) for k in range(rank)]))
        return perm, values

    def strides_of(self, x: Value) -> tuple[Value, tuple[Dim, ...]]:
        """The value as it lies in memory (a transpose not carried out), and the step along each of x's axes, in elements."""
        source, perm = self._pending.get(x, (x, tuple(range(x.rank))))
        inner = [product(source.shape[p + 1 :]) for p in perm]
        return source, tuple(inner)

    def elementwise(self, layer: Callable[..., Layer], inputs: Sequence[Value], dtype: DType, **more: Any) -> Value:
        """y = f(inputs) element by element with numpy's broadcasting, in the layout that the inputs have.

        `layer(*shapes)` makes the layer for the inputs' shapes (all of the output's rank)."""
        rank = max(x.rank for x in inputs)
        perm, values = self.layout(inputs, rank)
        shape = broadcast([v.shape for v in values])
        y = self.step(layer(*(v.shape for v in values)), values, TensorType(dtype, shape), **more)
        return self.transpose(y, perm)

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

    def same(self, left: Dim, right: Dim, what: str) -> Dim:
        """The size of an axis that two tensors share; a step compares sizes that only the run knows."""
        difference = left - right
        if isinstance(difference, int):
            if difference:
                raise Refuse(f"{what} {left} and {right} differ", invalid=True)
            return left
        if isinstance(left, int) or isinstance(right, int):
            raise Refuse(f"{what} {left} and {right} may differ", "fix the open size with --dim")
        size = self.new_symbol("same")
        self.step(SameSize((left, right)), [], defines=(size,))
        return symbol(size)

    def cast_sizes(self, value: Value) -> Value:
        """An integer tensor as i64."""
        if value.dtype is DType.I64:
            return value
        if not value.dtype.is_int:
            raise Refuse(f"sizes of type {value.dtype}")
        return self.step(Cast(), [value], TensorType(DType.I64, value.shape))  # type: ignore[no-any-return]

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

"""What a lowering works with: it adds steps, makes constants and refuses.

Helpers here do what many operators need (view, transpose, sizes read while running), folding as they go when their
input is known, so that lowerings need not ask. A builder is made in layers: steps, their memory layouts, half precision, and here
sizes and bodies.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

import onnx

from onnx2rust.base.errors import Refuse
from onnx2rust.builder.rounding import Rounding
from onnx2rust.ir import views
from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import ReadSizes
from onnx2rust.ir.program import Origin, Program, Step, Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers.shape import SameSize
from onnx2rust.layers.text import Names
from onnx2rust.model.graph import names_captured

Environment = MutableMapping[str, Any]
"""What names mean in a graph."""
Reader = Callable[[onnx.GraphProto, Environment, Sequence[Value]], list[Value]]
"""Lowers the nodes of a graph inside an environment, for these values of its inputs; returns its
outputs, fewer where some are refused."""


class Builder(Rounding):
    """Collects the steps of the program (or body) that is being read."""

    def __init__(self, read: Reader) -> None:
        super().__init__()
        self._read = read
        self._scope: Environment = {}

    def enter(self, origin: Origin, scope: Environment) -> None:
        """The node that the next steps come from, and the names it can see."""
        self.origin = origin
        self._scope = scope

    # -- graphs inside nodes -----------------------------------------------------------------------------------------

    def body(
        self,
        graph: onnx.GraphProto,
        arguments: Sequence[Value],
        name: str,
        fresh_outputs: Sequence[int] = (),
        finish: Callable[[list[Value]], list[Value]] = lambda outputs: outputs,
    ) -> Program:
        """Lowers a graph attribute; it may use every name its node can see. `finish` may add steps for the outputs. Outputs in
        `fresh_outputs` are computed by steps of the body, each by one of its own: an output that is not is copied. What it reads
        from outside is a tensor there: a value that waits to be rounded is, once and not in every iteration."""
        outside = ((n, self._scope.get(n)) for n in sorted(names_captured(graph)))
        rounded = {n: self.rounded(v) for n, v in outside if isinstance(v, Value) and self.waits(v)}
        with self.binding(rounded), self._inner_steps() as steps:
            outputs = [self.materialise(self.text(v)) for v in self._outputs(graph, arguments, name)]
            outputs = self._own_results(finish(outputs), fresh_outputs)
            return Program(name, tuple(arguments), tuple(outputs), tuple(o.name for o in graph.output), tuple(steps))

    def inline(self, graph: onnx.GraphProto) -> list[Value]:
        """Lowers a graph attribute as if its nodes stood in place of the node."""
        return self._outputs(graph, (), "branch")

    def _outputs(self, graph: onnx.GraphProto, arguments: Sequence[Value], name: str) -> list[Value]:
        outputs = self._read(graph, self._scope, arguments)
        if len(outputs) != len(graph.output):
            raise Refuse(f"its {name} cannot be converted")
        return outputs

    @contextmanager
    def binding(self, names: dict[str, Value]) -> Iterator[None]:
        """Names that the bodies of the current node can see besides those that the node sees."""
        saved = self._scope
        self._scope = ChainMap(dict(names), saved)
        try:
            yield
        finally:
            self._scope = saved

    @contextmanager
    def _inner_steps(self) -> Iterator[list[Step]]:
        """Collects the steps of a body; what was moved inside it does not exist outside."""
        saved = self.collected, dict(self._moved), dict(self._cast), self._scope, self.origin
        self.collected = []
        try:
            yield self.collected
        finally:
            self.collected, self._moved, self._cast, self._scope, self.origin = saved

    def _own_results(self, values: list[Value], chosen: Sequence[int]) -> list[Value]:
        """The values, those at `chosen` positions being results of steps collected here and not twice the same."""
        made = {v: v for step in self.collected for v in step.results()}
        sources = views.sources(self.collected)
        taken: set[Value] = set()
        result = []
        for position, value in enumerate(values):
            root = views.root(value, sources)
            if position in chosen and (root not in made or root in taken):
                value = self.step(value.type.copy, [value], value.type)
                root = value
            taken.add(root)
            result.append(value)
        return result

    # -- sizes -------------------------------------------------------------------------------------------------------

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
        return self.sizes_by(ReadSizes(), [value], *(f"{name}_{i}" if count > 1 else name for i in range(count)))

    def same(self, left: Dim, right: Dim, what: str) -> Dim:
        """The size of an axis that two tensors share; a step compares sizes that are known only at run time."""
        difference = left - right
        if isinstance(difference, int):
            if difference:
                raise Refuse(f"{what} {left} and {right} differ", invalid=True)
            return left
        if isinstance(left, int) or isinstance(right, int):
            raise Refuse(f"{what} {left} and {right} may differ", "fix the open size with --dim")
        return self.sizes_by(SameSize((left, right)), [], "same")[0]

    def text(self, x: Value) -> Value:
        """Strings as such: what is at those places in a table of names. What is no string stays as it is."""
        if not isinstance(x.type, TensorType) or x.type.names is None:
            return x
        return self.step(Names(x.type.names), [x], TensorType(DType.STRING, x.shape))

    def cast_sizes(self, value: Value) -> Value:
        """An integer tensor as i64."""
        if not value.dtype.is_int:
            raise Refuse(f"sizes of type {value.dtype}")
        return self.cast(value, DType.I64)

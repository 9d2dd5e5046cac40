"""The intermediate representation: a program is a list of steps, a step is a layer applied to values.

Everything is frozen; passes build new programs. Values are in single-assignment form and compare by identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from onnx2rust.ir.dims import Dim, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.types import TensorType, Type

if TYPE_CHECKING:
    from onnx2rust.ir.layer import Layer


@dataclass(frozen=True, eq=False)
class KnownSizes:
    """An integer tensor that is computed from sizes: `elements` are ints and `Dim`s, of which some are no numbers."""

    elements: np.ndarray[Any, Any]

    @staticmethod
    def of(dims: Any, *shape: int) -> KnownSizes:
        """A tensor of this shape, of a list of dims; a scalar of one."""
        elements = np.empty(shape, dtype=object)
        elements[...] = dims
        return KnownSizes(elements)

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return tuple(self.elements.shape)


@dataclass(frozen=True, eq=False)
class Value:
    """A named value. `const` is its content where that is known at conversion: a numpy array of the type's dtype, or sizes."""

    name: str
    type: Type
    const: np.ndarray[Any, Any] | KnownSizes | None = None

    @property
    def array(self) -> np.ndarray[Any, Any] | None:
        """The content if it is known as plain numbers."""
        return None if isinstance(self.const, KnownSizes) else self.const

    @property
    def sizes(self) -> np.ndarray[Any, Any] | None:
        """The content if it is known as sizes: an array of ints and dims."""
        return self.const.elements if isinstance(self.const, KnownSizes) else None

    @property
    def tensor(self) -> TensorType:
        """The type of a tensor. Who asks knows that it is one (a lowering's `Value` is: `importer.binding`)."""
        assert isinstance(self.type, TensorType)
        return self.type

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The type's shape."""
        return self.tensor.shape

    @property
    def dtype(self) -> DType:
        """The type's element type."""
        return self.type.dtype

    @property
    def rank(self) -> int:
        """Number of axes."""
        return self.tensor.rank

    @property
    def symbols(self) -> frozenset[str]:
        """Symbols in its type, and in what is known of its content."""
        return self.type.symbols if self.sizes is None else self.type.symbols.union(*map(symbols, self.dims() or ()))

    def dims(self) -> list[Dim] | None:
        """The elements of a known integer tensor, flattened, as dims."""
        content = self.array if self.sizes is None else self.sizes
        return None if content is None else [v if not isinstance(v, np.generic) else v.item() for v in content.ravel().tolist()]

    def __repr__(self) -> str:
        return f"%{self.name}: {self.type}"


@dataclass(frozen=True)
class Origin:
    """The ONNX node that a step comes from."""

    node: str
    op: str
    domain: str
    opset: int
    index: int

    def __str__(self) -> str:
        domain = f"{self.domain}::" if self.domain else ""
        return f"node {self.index} {self.node!r} ({domain}{self.op}, opset {self.opset})"


@dataclass(frozen=True, eq=False)
class Step:
    """`outputs = layer(inputs)`. An absent optional input or an unused optional output is None. `defines` are the
    symbols whose sizes this step finds out while the model runs. `bodies` are the branches of If and the body of Loop;
    they may use values of the program around them."""

    name: str
    layer: Layer
    inputs: tuple[Value | None, ...]
    outputs: tuple[Value | None, ...]
    origin: Origin
    defines: tuple[str, ...] = ()
    bodies: tuple[Program, ...] = ()

    def uses(self) -> Iterator[Value]:
        """Every value that the step reads, those that its bodies take from outside included."""
        yield from (v for v in self.inputs if v is not None)
        for body in self.bodies:
            yield from body.captured()

    def reads_tensors(self) -> bool:
        """Whether all its inputs are tensors."""
        return all(v is None or isinstance(v.type, TensorType) for v in self.inputs)

    def fits(self) -> bool:
        """Whether the layer is fallible in general, but not here."""
        return self._fallible and self.layer.fits(
            [v.tensor for v in self.inputs if v is not None and isinstance(v.type, TensorType)]
        )

    def can_fail(self) -> bool:
        """Whether running the layer on these inputs can fail."""
        return self._fallible and not self.fits()

    @property
    def _fallible(self) -> bool:
        fallible, given = self.layer.fallible, self.inputs
        return fallible if isinstance(fallible, bool) else any(k < len(given) and given[k] is not None for k in fallible)

    def symbols(self) -> set[str]:
        """Symbols in the sizes of its layer, and of what it reads and writes."""
        return self.layer.symbols().union(*(v.symbols for v in (*self.inputs, *self.outputs) if v is not None))

    def results(self) -> Iterator[Value]:
        """Every value that the step produces."""
        yield from (v for v in self.outputs if v is not None)


@dataclass(frozen=True)
class Labels:
    """What the numbers of an output stand for: its elements are places in `names`, or the places along its last axis are
    (`columns`)."""

    names: tuple[str, ...] | tuple[int, ...]
    columns: bool

    @staticmethod
    def of(type_: Type) -> Labels | None:
        """Those of a tensor, if there are any."""
        if not isinstance(type_, TensorType):
            return None
        if type_.names is not None:
            return Labels(type_.names, False)
        return None if type_.columns is None else Labels(type_.columns, True)


@dataclass(frozen=True, eq=False)
class Program:
    """A whole model, or a body of If/Loop. `symbols` are those that the caller must give a size, in order of appearance."""

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    output_names: tuple[str, ...]
    steps: tuple[Step, ...]
    symbols: tuple[str, ...] = ()
    labels: tuple[Labels | None, ...] = ()
    """What the numbers of each output stand for, where the model has names for them; empty in a body."""

    @property
    def tensor_inputs(self) -> tuple[Value, ...]:
        """The inputs that are tensors."""
        return tuple(v for v in self.inputs if isinstance(v.type, TensorType))

    def captured(self) -> Iterator[Value]:
        """Values used here but defined outside (of a body), constants excluded."""
        known = set(self.inputs)
        for step in self.steps:
            for value in step.uses():
                if value not in known and value.const is None:
                    known.add(value)
                    yield value
            known.update(step.results())
        yield from (v for v in self.outputs if v not in known and v.const is None)

    def walk(self) -> Iterator[Step]:
        """All steps, those of bodies included, in order of execution."""
        for step in self.steps:
            for body in step.bodies:
                yield from body.walk()
            yield step

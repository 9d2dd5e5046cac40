"""Types of values: tensors, sequences of them, optional ones, maps, tensors of any rank. Another kind is a class here, with its
layers.

The planner, the emitter and the borders ask a type what its buffer is; they know no kind of type by name.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from onnx2rust.ir.dims import Dim, multiple, product, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Copy, CopySequence, CopyUnranked, Layer


@dataclass(frozen=True)
class Type(ABC):
    """What all types say."""

    holder: ClassVar[str]
    """The struct that holds such a value: of those in the workspace, one at the root of tf_layers."""
    copy: ClassVar[Layer]
    """The layer that copies such a value."""
    dtype: DType
    """What its elements are."""

    @property
    def elements(self) -> str:
        """The Rust type that the struct is generic over."""
        return self.dtype.rust

    @property
    def buffer(self) -> str:
        """The struct with its generics: values may share a buffer where this is the same."""
        return f"{self.holder}<{self.elements}>"

    @property
    @abstractmethod
    def spelling(self) -> str:
        """What ONNX's schemas call it."""

    @property
    def kind(self) -> str:
        """What it is in words, without its shape."""
        return str(self)

    @property
    def dims(self) -> str:
        """How comments write what is known of its shape."""
        return str(self)

    @property
    def held(self) -> str:
        """What generated code holds, in words, without the shape."""
        return self.kind

    @property
    @abstractmethod
    def axes(self) -> tuple[Dim | None, ...]:
        """The sizes of a tensor, or of each tensor in it: None where they differ."""

    @property
    @abstractmethod
    def room(self) -> Dim | None:
        """Elements that the buffer must have room for before a layer writes to it; None where the layer itself makes room."""

    @abstractmethod
    def bytes(self, size: Callable[[Dim], int]) -> int:
        """About how much memory it takes where sizes are what `size` says."""

    def part(self, batch: str) -> int | None:
        """Elements of one sample, if it has as many equal parts along its first axis as there are samples (`batch`)."""
        return None

    @property
    def symbols(self) -> frozenset[str]:
        """Symbols in it."""
        return frozenset()

    @property
    def is_text(self) -> bool:
        """Whether its elements are strings, or stand for some."""
        return self.dtype is DType.STRING


@dataclass(frozen=True)
class TensorType(Type):
    """Element type and shape, outermost axis first.

    The strings of a constant, and what is chosen from them, are i64: places in `names`. `columns` says what the places along the
    last axis stand for, where the model does (a sequence of maps is a table with a column a key).
    """

    holder = "Slot"
    copy = Copy()
    dtype: DType
    shape: tuple[Dim, ...]
    names: tuple[str, ...] | None = None
    columns: tuple[str, ...] | tuple[int, ...] | None = None

    @property
    def held(self) -> str:
        """The element type, of places in a table too."""
        return str(self.dtype)

    @property
    def axes(self) -> tuple[Dim, ...]:
        return self.shape

    @property
    def room(self) -> Dim:
        return self.size

    def bytes(self, size: Callable[[Dim], int]) -> int:
        return self.dtype.bytes(size(self.size))

    def part(self, batch: str) -> int | None:
        """Its elements over the samples."""
        fits = all(isinstance(d, int) or multiple(d, batch) is not None for d in self.shape)
        return multiple(self.size, batch) if fits else None

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @functools.cached_property
    def size(self) -> Dim:
        """Number of elements."""
        return product(self.shape)

    @functools.cached_property
    def symbols(self) -> frozenset[str]:
        return frozenset().union(*map(symbols, self.shape))

    def with_shape(self, *shape: Dim) -> TensorType:
        """The same element type with another shape."""
        return TensorType(self.dtype, tuple(shape), self.names)

    @property
    def is_text(self) -> bool:
        """Whether its elements are strings, or places that stand for some."""
        return self.names is not None or self.dtype is DType.STRING

    @property
    def kind(self) -> str:
        return "string" if self.is_text else str(self.dtype)

    @property
    def spelling(self) -> str:
        return DType.STRING.spelling if self.is_text else self.dtype.spelling

    @property
    def dims(self) -> str:
        return f"[{', '.join(map(str, self.shape))}]"

    def __str__(self) -> str:
        return f"{self.kind}{self.dims}"


_LIKELY_SIZE = 1024
"""Elements that a tensor of unknown rank is taken to have where memory is estimated."""


@dataclass(frozen=True)
class UnrankedType(Type):
    """A tensor whose number of axes only the run decides: it is one of two tensors of different ranks, or has a shape of a length
    that is computed. What needs to know the rank gets it through layers that ask (`tf_layers::unranked`)."""

    holder = "Unranked"
    copy = CopyUnranked()
    dtype: DType

    @property
    def axes(self) -> tuple[Dim | None, ...]:
        return ()

    @property
    def room(self) -> None:
        return None

    def bytes(self, size: Callable[[Dim], int]) -> int:
        """Those of some elements."""
        return self.dtype.bytes(_LIKELY_SIZE)

    @property
    def spelling(self) -> str:
        return self.dtype.spelling

    @property
    def kind(self) -> str:
        return str(self.dtype)

    @property
    def dims(self) -> str:
        return "any shape"

    def __str__(self) -> str:
        return f"{self.kind} of any rank"


_LIKELY_ITEMS = 4
"""Items that a sequence is taken to have where memory is estimated."""


@dataclass(frozen=True)
class SequenceType(Type):
    """Tensors of one element type. `shape` says what is known of all their shapes: None for an axis whose size differs from item
    to item, or is known only when the model runs. Where it is None itself, even their rank is known only then."""

    holder = "Sequence"
    copy = CopySequence()
    dtype: DType
    shape: tuple[Dim | None, ...] | None
    empty: bool = False
    """Whether there is no item at all."""

    def joined(self, other: SequenceType) -> SequenceType:
        """The type of a sequence that may be this one or the other, or has the items of both."""
        if self.empty or other.empty:
            return replace(other if self.empty else self, empty=self.empty and other.empty)
        if self.shape is None or other.shape is None or len(self.shape) != len(other.shape):
            return replace(self, shape=None)
        return replace(self, shape=tuple(a if a == b else None for a, b in zip(self.shape, other.shape, strict=True)))

    def item(self, size: int) -> TensorType:
        """The type of an item whose sizes are this where they may differ."""
        return TensorType(self.dtype, tuple(size if d is None else d for d in self.axes))

    def within(self, visible: set[str]) -> SequenceType:
        """The same where only these symbols exist."""
        shape = None if self.shape is None else tuple(None if d is None or symbols(d) - visible else d for d in self.shape)
        return replace(self, shape=shape)

    @property
    def axes(self) -> tuple[Dim | None, ...]:
        return self.shape or ()

    @property
    def room(self) -> None:
        return None

    def bytes(self, size: Callable[[Dim], int]) -> int:
        """Those of some items, and of their shapes."""
        shape = self.shape or ()
        item = math.prod(size(d) for d in shape if d is not None)
        return _LIKELY_ITEMS * (self.dtype.bytes(item) + 8 * (len(shape) + 2))

    @functools.cached_property
    def symbols(self) -> frozenset[str]:
        """Symbols in the sizes that all items have."""
        return frozenset().union(*(symbols(d) for d in self.shape or () if d is not None))

    @property
    def spelling(self) -> str:
        return f"seq({self.dtype.spelling})"

    @property
    def kind(self) -> str:
        return f"sequence of {self.dtype}"

    @property
    def dims(self) -> str:
        """What is known of the items' shapes."""
        return f"a sequence of {self.items or 'any shape'}"

    def __str__(self) -> str:
        return self.kind + self.items

    @property
    def items(self) -> str:
        """The shape of its items in words, if anything is known of it."""
        return "" if self.shape is None else f"[{', '.join('?' if d is None else str(d) for d in self.shape)}]"


@dataclass(frozen=True)
class OptionalType(SequenceType):
    """A tensor, or none: a sequence of one item at most."""

    @property
    def spelling(self) -> str:
        return f"optional({self.dtype.spelling})"

    @property
    def kind(self) -> str:
        return f"optional {self.dtype}"

    @property
    def dims(self) -> str:
        """What is known of the tensor's shape."""
        return f"{self.items or 'any shape'} or nothing"


@dataclass(frozen=True)
class MapType(Type):
    """One value for each of some keys. Only a model's inputs are maps: no layer makes one, and no buffer holds one."""

    holder = "std::collections::BTreeMap"
    dtype: DType
    keys: DType

    @property
    def elements(self) -> str:
        """The Rust types of keys and values."""
        return f"{self.keys.rust}, {self.dtype.rust}"

    @property
    def axes(self) -> tuple[None]:
        return (None,)

    @property
    def room(self) -> None:
        """Nothing writes to it."""
        return None

    def bytes(self, size: Callable[[Dim], int]) -> int:
        """None of the workspace's."""
        return 0

    @property
    def spelling(self) -> str:
        """What ONNX's schemas call it."""
        return f"map({self.keys.onnx_name}, {self.dtype.onnx_name})".lower()

    def __str__(self) -> str:
        return f"map from {self.keys} to {self.dtype}"

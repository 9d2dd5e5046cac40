"""Types of values. There is one kind so far, tensors; another one (a sequence, an optional) is a class here, with its layers.

The planner, the emitter and the borders ask a type what its buffer is; they know no kind of type by name.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from onnx2rust.ir.dims import Dim, multiple, product, symbols
from onnx2rust.ir.dtypes import DType


@dataclass(frozen=True)
class Type(ABC):
    """What all types say."""

    holder: ClassVar[str]
    """Path inside tf_layers of the struct that holds such a value in the workspace."""

    @property
    @abstractmethod
    def elements(self) -> str:
        """The Rust types that the struct is generic over."""

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


@dataclass(frozen=True)
class TensorType(Type):
    """Element type and shape, outermost axis first.

    The strings of a constant, and what is chosen from them, are i64: places in `names`. `columns` says what the places along the
    last axis stand for, where the model does (a sequence of maps is a table with a column a key).
    """

    holder = "Slot"
    dtype: DType
    shape: tuple[Dim, ...]
    names: tuple[str, ...] | None = None
    columns: tuple[str, ...] | tuple[int, ...] | None = None

    @property
    def elements(self) -> str:
        return self.dtype.rust

    @property
    def room(self) -> Dim:
        """All its elements."""
        return self.size

    def bytes(self, size: Callable[[Dim], int]) -> int:
        """Those of its elements."""
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
        """Symbols in the shape."""
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
        """The element type in words."""
        return "string" if self.is_text else str(self.dtype)

    @property
    def spelling(self) -> str:
        """What ONNX's schemas call it."""
        return DType.STRING.spelling if self.is_text else self.dtype.spelling

    @property
    def dims(self) -> str:
        """The shape in words."""
        return f"[{', '.join(map(str, self.shape))}]"

    def __str__(self) -> str:
        return f"{self.kind}{self.dims}"

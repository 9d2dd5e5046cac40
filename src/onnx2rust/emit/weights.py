"""The tensors of a generated crate: what stands in `model_weights.npz`, how each is packed, and what it is called in Rust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx2rust import dtypes
from onnx2rust.dtypes import DType
from onnx2rust.layers.base import PLAIN, Variant, Weight
from onnx2rust.naming import Escaped, Names, ident, weight_name
from onnx2rust.program import Program, Value


@dataclass(frozen=True, eq=False)
class Entry:
    """One embedded weight: a tensor of the weights file under one packing."""

    member: str
    array: np.ndarray[Any, Any]
    packing: Variant
    name: Escaped
    dtype: DType


class WeightTable:
    """All entries of a program, in order of first use; equal arrays with equal packing are one entry."""

    def __init__(self, program: Program) -> None:
        self.entries: list[Entry] = []
        self._by_key: dict[tuple[bytes, str, tuple[int, ...], Variant], Entry] = {}
        self._member_of: dict[tuple[bytes, str, tuple[int, ...]], str] = {}
        self._members = Names()
        # constants and layers with parameters stand side by side in `Layers`
        self._idents = Names(step.name for step in program.walk())
        for step in program.walk():
            for weight in step.layer.weights():
                self.of(weight)
            for value in step.uses():
                if value.const is not None:
                    self.of_value(value)
        for value in _outputs(program):
            if value.const is not None:
                self.of_value(value)

    def of(self, weight: Weight) -> Entry:
        """The entry of a layer's weight."""
        array = np.asarray(weight.array, order="C")
        content = (array.tobytes(), str(array.dtype), array.shape)
        key = (*content, weight.packing)
        if key not in self._by_key:
            if content not in self._member_of:
                self._member_of[content] = self._members.unique(weight_name(weight.name))
            member = self._member_of[content]
            dtype = dtypes.from_numpy(array.dtype)
            assert dtype is not None
            entry = Entry(member, array, weight.packing, self._idents.unique(ident(member, "tensor")), dtype)
            self._by_key[key] = entry
            self.entries.append(entry)
        return self._by_key[key]

    def of_value(self, value: Value) -> Entry:
        """The entry of a constant that a step reads as an ordinary input."""
        assert value.array is not None
        return self.of(Weight(value.name, value.array, PLAIN))

    def reserve(self, name: str) -> Escaped:
        """A name for something else that stands in `Layers`."""
        return self._idents.unique(name)

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """The content of the weights file, sorted by name."""
        found = {e.member: e.array for e in self.entries}
        return {name: found[name] for name in sorted(found)}


def arrays(program: Program) -> dict[str, np.ndarray[Any, Any]]:
    """The tensors of the program's weights file, by name."""
    return WeightTable(program).arrays()


def _outputs(program: Program) -> list[Value]:
    values = list(program.outputs)
    for step in program.walk():
        for body in step.bodies:
            values += body.outputs
    return values

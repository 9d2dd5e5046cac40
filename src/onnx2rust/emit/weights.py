"""The tensors of a generated crate: what stands in `model_weights.npz`, how each is packed, and what it is called in Rust."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx2rust.base.arrays import digest
from onnx2rust.base.naming import Escaped, Names, code_span, ident, inside, string, weight_name
from onnx2rust.ir import dtypes
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import PLAIN, Variant, Weight
from onnx2rust.ir.places import common
from onnx2rust.ir.program import Program, Step, Value

_Content = tuple[bytes, str, tuple[int, ...]]
_Key = tuple[bytes, str, tuple[int, ...], Variant]


@dataclass(frozen=True, eq=False)
class Entry:
    """One embedded weight: a tensor of the weights file under one packing."""

    member: str
    array: np.ndarray[Any, Any]
    packing: Variant
    name: Escaped
    dtype: DType
    prefix: str
    """Put before the names in the file, which several models share."""

    @property
    def stored(self) -> DType:
        """The element type of what is embedded: 8-bit kernels are packed four to a word."""
        return DType.I32 if self.packing.name.startswith("Integer") else self.dtype

    @property
    def file(self) -> Escaped:
        """The file that the build script packs it into, as a Rust string: all lie in one folder, so that the prefix has
        no slash left."""
        return string(f"{self.prefix.replace('/', '__')}{self.name}.{'rs' if self.as_text else 'bin'}")

    @property
    def as_text(self) -> bool:
        """Whether the build script writes it as Rust, because not every byte pattern is one of its elements."""
        return self.dtype in (DType.BOOL, DType.F16)

    @property
    def doc(self) -> Escaped:
        """What is said of it."""
        return code_span(f"{self.member}: [{', '.join(map(str, self.array.shape))}]")

    @property
    def storage(self) -> Escaped:
        """The type of what the crate embeds."""
        return Escaped(self.stored.rust)

    def tensor(self, packing: str) -> Escaped:
        """What the build script reads, checks and packs."""
        shape = ", ".join(map(str, self.array.shape))
        return Escaped(
            f"Tensor {{ name: {string(self.prefix + self.member)}, dtype: Dtype::{self.dtype.variant}, shape: &[{shape}], "
            f"packing: {packing}, file: {self.file} }}"
        )


@dataclass(frozen=True)
class _Reader:
    """A step that reads a tensor."""

    step: str
    role: str
    """What the tensor is there: a field of the layer, or an input."""
    holds: bool
    """Whether the layer itself holds it."""


class WeightTable:
    """All entries of a program, in order of first use; equal arrays with equal packing are one entry.

    What one layer alone holds is called after it and the field (`conv1_kernel`), whatever exporter the tensor's name is from. A
    constant that is an input of a step keeps its own name without the scopes that all have; where that is but a counter, the step
    and what it is there say more (`embedding_table`). What several steps share has its own name.
    """

    def __init__(self, program: Program, prefix: str = "") -> None:
        self._prefix = prefix
        self.entries: list[Entry] = []
        self._by_key: dict[_Key, Entry] = {}
        self._member_of: dict[_Content, str] = {}
        self._members = Names()
        self._outer = tuple(word for scope in common(program.walk()) for word in scope.split("."))
        self._contents: dict[int, tuple[np.ndarray[Any, Any], _Content]] = {}
        # constants and layers with parameters stand side by side in `Layers`
        self._idents = Names(step.name for step in program.walk())
        self._readers: dict[_Key, set[_Reader]] = {}
        reads = [read for step in program.walk() for read in _reads(step)]
        for weight, reader in reads:
            self._readers.setdefault(self._key(weight), set()).add(reader)
        for weight, _ in reads:
            self.of(weight)
        for value in _outputs(program):
            if value.const is not None:
                self.of_value(value)

    def of(self, weight: Weight) -> Entry:
        """The entry of a layer's weight."""
        key = self._key(weight)
        if key not in self._by_key:
            content = key[:-1]
            if content not in self._member_of:
                self._member_of[content] = self._members.unique(weight_name(weight.name))
            member = self._member_of[content]
            array = np.asarray(weight.array, order="C")
            dtype = dtypes.from_numpy(array.dtype)
            assert dtype is not None
            entry = Entry(member, array, weight.packing, self._idents.unique(self._called(member, key)), dtype, self._prefix)
            self._by_key[key] = entry
            self.entries.append(entry)
        return self._by_key[key]

    def _key(self, weight: Weight) -> _Key:
        # found once for an array, which stays alive here: nothing else has its id
        if id(weight.array) not in self._contents:
            array = np.asarray(weight.array, order="C")
            content = (digest(array), str(array.dtype), array.shape)
            self._contents[id(weight.array)] = (weight.array, content)
        return (*self._contents[id(weight.array)][1], weight.packing)

    def _called(self, member: str, key: _Key) -> Escaped:
        path = tuple(re.split(r"[/.:]+", member))
        own, readers = inside(path, self._outer), self._readers.get(key, set())
        if len(readers) == 1:
            (reader,) = readers
            if reader.holds or _only_counts(own[-1]):
                return Escaped(f"{reader.step.rstrip('_')}_{reader.role}")
        return ident("_".join(own), "tensor")

    def of_value(self, value: Value) -> Entry:
        """The entry of a constant that a step reads as an ordinary input."""
        return self.of(_of_constant(value))

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


def embedded_bytes(program: Program) -> int:
    """How many bytes the tensors take that are part of a program, before they are packed: those that layers hold and those that
    are ordinary inputs, each once for every packing."""
    return sum(int(entry.array.nbytes) for entry in WeightTable(program).entries)


def _reads(step: Step) -> Iterator[tuple[Weight, _Reader]]:
    """The tensors that the step reads."""
    for role, weight in step.layer.constants().items():
        if isinstance(weight, Weight):
            yield weight, _Reader(step.name, role, True)
    roles = {k: name for record in step.layer.inputs_in for name, k in record.fields} | dict(enumerate(step.layer.input_names))
    values = {v: roles.get(k, "constant") for k, v in enumerate(step.inputs) if v is not None}
    for value in step.uses():
        if value.const is not None:
            yield _of_constant(value), _Reader(step.name, values.get(value, "constant"), False)


def _only_counts(word: str) -> bool:
    """Whether a tensor's name is what an exporter calls the constants that no author named: `Const_24_0`, `onnx::MatMul_123`."""
    return bool(re.search(r"(?:^|_)\d+$", word)) or word == "constant"


def _of_constant(value: Value) -> Weight:
    """A constant as what is read from the weights file."""
    assert value.array is not None
    return Weight(value.name, value.array, PLAIN)


def _outputs(program: Program) -> list[Value]:
    values = list(program.outputs)
    for step in program.walk():
        for body in step.bodies:
            values += body.outputs
    return values

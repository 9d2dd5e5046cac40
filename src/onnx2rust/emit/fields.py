"""The fields of `Layers`: layers with parameters, constants that steps read, and arrays of the layers of alike blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from onnx2rust.base.naming import Escaped, code_span
from onnx2rust.emit import literals
from onnx2rust.emit.control import Writer
from onnx2rust.emit.predict import Predict
from onnx2rust.emit.scope import Scope
from onnx2rust.emit.weights import Entry
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Program, Value


@dataclass(frozen=True)
class Field:
    """A field of a struct of layers, and the expression that makes it from `w: &Weights`."""

    field: Escaped
    type: Escaped
    literal: Escaped
    doc: Escaped
    borrows: bool
    """Whether its type has the lifetime of the weights."""
    reads: bool
    """Whether the expression reads weights."""
    halves: bool
    """Whether its type names F16."""


@dataclass(frozen=True)
class Struct:
    """A struct that holds layers: `Layers`, or that of alike blocks."""

    name: Escaped
    place: Escaped
    """Which blocks."""
    fields: tuple[Field, ...]
    lifetime: Escaped


@dataclass(frozen=True)
class Layers:
    """All fields of `Layers`, and the structs of alike blocks, which it holds arrays of."""

    fields: tuple[Field, ...]
    blocks: tuple[Struct, ...]

    @property
    def reads(self) -> bool:
        """Whether any of them is made from weights."""
        return any(f.reads for f in self.fields)

    @property
    def structs(self) -> tuple[Struct, ...]:
        """`Layers` itself, and those of alike blocks."""
        lifetime = Escaped("<'w>" if any(f.borrows for f in self.fields) else "")
        return (Struct(Escaped("Layers"), Escaped("all"), self.fields, lifetime), *self.blocks)


def layers(writer: Writer, scope: Scope, text: Predict) -> Layers:
    """The fields, as the file whose names are `scope` writes them."""
    found: dict[str, Field] = {f.field: f for f in (*_layers(writer, scope), *_constants(writer))}
    blocks = []
    arrays: dict[str, Field] = {}
    for kind in text.kinds:
        own = tuple(replace(found[name], field=member) for name, member in kind.called(0).items())
        block = Struct(kind.struct, kind.place, own, Escaped(kind.lifetime and f"<{kind.lifetime}>"))
        blocks.append(block)
        members = [{m: found[name] for name, m in kind.called(k).items()} for k in range(len(kind.blocks))]
        literal = ", ".join(f"{kind.struct} {{ {', '.join(f'{m}: {f.literal}' for m, f in of.items())} }}" for of in members)
        arrays[kind.blocks[0][0]] = Field(
            kind.array,
            Escaped(f"[{kind.struct}{block.lifetime}; {len(kind.blocks)}]"),
            Escaped(f"[{literal}]"),
            Escaped(f"{kind.place}, which are alike in all but their weights."),
            bool(kind.lifetime),
            any(f.reads for of in members for f in of.values()),
            False,
        )
    in_blocks = {name for kind in text.kinds for block in kind.blocks for name in block}
    fields: list[Field] = []
    for name, field in found.items():
        fields += [arrays[name]] if name in arrays else []
        fields += [field] if name in text.single or name not in in_blocks else []
    return Layers(tuple(fields), tuple(blocks))


def _layers(writer: Writer, scope: Scope) -> Iterator[Field]:
    """Layers with parameters."""
    for step in writer.plan.program.walk():
        layer = step.layer
        if isinstance(layer, View) or step.bodies or not layer.constants():
            continue
        scope.features |= layer.features()
        literal = literals.struct(layer, writer.weights, scope)
        type_ = literals.applied(scope.item(layer.rust), layer)
        doc = code_span(writer.describe(step))
        borrows, reads, halves = layer.holds_weights(), bool(layer.weights()), DType.F16.rust in layer.generics()
        yield Field(Escaped(step.name), Escaped(type_), Escaped(literal), doc, borrows, reads, halves)


def _constants(writer: Writer) -> Iterator[Field]:
    """Constants that steps or outputs read as ordinary values."""
    found: dict[str, Entry] = {}
    for value in _values(writer.plan.program):
        root = writer.plan.root(value)
        if root.const is not None:
            entry = writer.weights.of_value(root)
            found.setdefault(entry.name, entry)
    for entry in found.values():
        type_, literal = Escaped(f"&'w [{entry.stored.rust}]"), Escaped(f"w.{entry.name}")
        yield Field(entry.name, type_, literal, code_span(entry.member), True, True, entry.dtype is DType.F16)


def _values(program: Program) -> Iterator[Value]:
    yield from program.outputs
    for step in program.walk():
        yield from step.uses()
        for inner in step.bodies:
            yield from inner.outputs

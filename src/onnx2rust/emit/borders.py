"""What stands at a model's border: its inputs, outputs and open sizes, as the generated crate names, types and explains them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onnx2rust.base.naming import Escaped, Names, code_span, string
from onnx2rust.emit import lengths
from onnx2rust.emit.code import INPUTS, Code, Function, Size, code, joined
from onnx2rust.emit.scope import Scope
from onnx2rust.emit.sizes import grouped
from onnx2rust.ir.dims import Dim, evaluate, product, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Labels, Program, Value
from onnx2rust.ir.types import MapType, SequenceType, TensorType, Type, UnrankedType


@dataclass(frozen=True)
class Table:
    """What the elements of an output stand for, or its columns."""

    constant: Escaped
    rust: Escaped
    items: tuple[Escaped, ...]
    names: tuple[str | int, ...]
    """The same as the model has them, for other languages."""
    doc: Escaped
    """What is said of the constant."""
    how: Escaped
    """How the README says that it is used."""
    about: Escaped
    """What the field's documentation says."""


@dataclass(frozen=True)
class Length:
    """The constant that holds a tensor's elements, or those for each of the open size along its first axis."""

    constant: Escaped
    number: Escaped
    doc: Escaped


@dataclass(frozen=True)
class Tensor:
    """An input or an output."""

    field: Escaped
    """Of `Inputs` or `Outputs`."""
    name: Escaped
    """What the model file calls it, as a Rust string."""
    type: Type
    axes: Escaped
    shape_text: Escaped
    doc_local: Escaped
    """What examples call it."""
    doc_lines: tuple[Escaped, ...]
    """How they make it."""
    doc_shape: Escaped | None
    """Its shape where every open size is 1, if no run decides it; of a sequence, that of an item."""
    length: Length | None = None
    table: Table | None = None
    """The constant that says what its numbers stand for, if the model does."""

    @property
    def field_text(self) -> Escaped:
        """The field's name as a Rust string."""
        return string(self.field)

    @property
    def dtype(self) -> DType:
        """The type of its elements."""
        return self.type.dtype

    @property
    def is_tensor(self) -> bool:
        """Whether it is a tensor: a slice, and its shape."""
        return isinstance(self.type, TensorType)

    @property
    def sequence(self) -> bool:
        """Whether it is a sequence of tensors."""
        return isinstance(self.type, SequenceType)

    @property
    def holder(self) -> Escaped | None:
        """The struct of tf_layers that users make or read, if it is no slice."""
        return Escaped(self.type.holder) if isinstance(self.type, (SequenceType, UnrankedType)) else None

    @property
    def rust(self) -> Escaped:
        """The element type, or that of what holds them."""
        return Escaped(self.type.elements if self.is_tensor else self.type.buffer)

    @property
    def borrowed(self) -> Escaped:
        """The type that it has in `Inputs`."""
        return Escaped(f"&'a {f'[{self.rust}]' if self.is_tensor else self.rust}")

    @property
    def owned(self) -> Escaped:
        """The type that it has in `ArrayInputs`."""
        return Escaped(f"Vec<{self.rust}>" if self.is_tensor else self.rust)

    @property
    def reader(self) -> Escaped:
        """The method of `tf_layers::signature::Tensor` that reads it."""
        readers: dict[str | None, str] = {SequenceType.holder: "read_items", UnrankedType.holder: "read_unranked"}
        return Escaped(readers.get(self.holder, "read_pairs"))

    @property
    def array(self) -> Escaped:
        """The elements and the shape of an output that is a tensor, as arguments."""
        field = f"self.{self.field}"
        return Escaped(f"{field}.data, &{field}.shape" if self.is_tensor else f"{field}.data(), {field}.shape()")

    @property
    def view(self) -> Escaped:
        """The type that it has in `Outputs`."""
        return Escaped(f"TensorView<'a, {self.rust}, {len(self.type.axes)}>" if self.is_tensor else f"&'a {self.rust}")

    @property
    def signature(self) -> Escaped:
        """The element type's name where the crate says it as data."""
        return Escaped(f"tf_layers::signature::Dtype::{self.dtype.variant}")

    @property
    def zero(self) -> Escaped:
        """An element."""
        return Escaped(self.dtype.zero)


@dataclass(frozen=True)
class Symbol:
    """A size that the model leaves open."""

    name: Escaped
    doc: Escaped


@dataclass(frozen=True)
class Found:
    """How `Inputs::sizes` finds one open size: the length of `field` over the product of `others`."""

    variable: Escaped
    field: Escaped
    others: Escaped
    doc: Escaped

    @property
    def text(self) -> Escaped:
        """The field's name as a Rust string."""
        return string(self.field)


@dataclass(frozen=True)
class FoundSizes:
    """How `Inputs::sizes` finds all of them."""

    lines: tuple[Found, ...]
    fields: Escaped

    @property
    def doc(self) -> Escaped:
        """How, in words."""
        return Escaped(", ".join(line.doc for line in self.lines))


@dataclass(frozen=True)
class Border:
    """All that stands at a model's border."""

    symbols: tuple[Symbol, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    found: FoundSizes | None

    @property
    def doc_sizes(self) -> Escaped:
        """The fields of `Sizes` in an example: one of each."""
        return Escaped(" " + ", ".join(f"{s.name}: 1" for s in self.symbols) + " ")

    @property
    def doc_inputs(self) -> Escaped:
        """The fields of `Inputs` in an example."""
        return Escaped(" " + ", ".join(f"{i.field}: &{i.doc_local}" for i in self.inputs) + " ")

    def doc_imports(self, model: str) -> Escaped:
        """What an example imports."""
        sizes = ["Sizes"] if self.symbols and not self.found else []
        halves = ["F16"] if any(i.dtype is DType.F16 for i in self.inputs) else []
        return Escaped(", ".join(sorted(["Inputs", model, *sizes, *halves, *_holders(self.inputs)])))

    @property
    def holders(self) -> tuple[Escaped, ...]:
        """The structs of tf_layers that inputs and outputs are, where they are no slices."""
        return _holders((*self.inputs, *self.outputs))


def _holders(tensors: Sequence[Tensor]) -> tuple[Escaped, ...]:
    return tuple(sorted({t.holder for t in tensors if t.holder}))


def border(
    program: Program, model: Escaped, own: Scope, inputs: Mapping[Value, Escaped], outputs: Sequence[Escaped], locals_: Names
) -> Border:
    """The border of the program, whose struct is `model`, and whose inputs and outputs have these fields, in the file whose names
    are `own`; `locals_` are names for examples."""
    constants = Names(("INPUTS", "OUTPUTS", "SYMBOLS"))

    def tensor(value: Value, field: Escaped, name: str, local: Escaped, labels: Labels | None = None) -> Tensor:
        if isinstance(value.type, SequenceType):
            return _sequence(program, value.type, field, name, local)
        if isinstance(value.type, MapType):
            return _map(value.type, field, name, local)
        if isinstance(value.type, UnrankedType):
            return _unranked(value.type, field, name, local)
        one = dict.fromkeys(program.symbols, 1)
        sizes = [_at(d, one) for d in value.shape]
        known = [n for n in sizes if n is not None]
        all_known = len(known) == len(sizes)
        length = _length(program, value, field, constants)
        elements = f"{model}::{length.constant}" if length else math.prod(known)
        return Tensor(
            field,
            string(name),
            value.type,
            Escaped(f"[{', '.join(_axis(d, program) for d in value.shape)}]"),
            Escaped(f"`[{', '.join(map(str, value.shape))}]`"),
            local,
            (Escaped(f"let {local} = vec![{value.dtype.zero}; {elements}];"),),
            Escaped(f"[{', '.join(map(str, sizes))}]") if all_known else None,
            length,
            None if labels is None else _table(labels, field, model, constants),
        )

    # a program that a test has made may lack them
    labels = program.labels or [None] * len(outputs)
    return Border(
        tuple(Symbol(Escaped(s), _symbol_doc(program, s)) for s in program.symbols),
        tuple(tensor(v, inputs[v], v.name, locals_.unique(inputs[v])) for v in program.inputs),
        tuple(tensor(v, f, n, f, t) for v, f, n, t in zip(program.outputs, outputs, program.output_names, labels, strict=True)),
        _found(program, own, inputs),
    )


def _sequence(program: Program, type_: SequenceType, field: Escaped, name: str, local: Escaped) -> Tensor:
    """A sequence at the border."""
    items = ["Axis::Computed" if d is None else _axis(d, program) for d in type_.axes]
    axes = Escaped(f"[{', '.join(['Axis::Items', *items])}]")
    text = Escaped(f"items of {code_span(type_.items)}" if type_.items else "items of any shape")
    one = [d if isinstance(d, int) else 1 for d in type_.axes]
    doc_shape = Escaped(f"[{', '.join(map(str, one))}]")
    pushed = Escaped(f"{local}.push(&{doc_shape}, &[{type_.dtype.zero}; {math.prod(one)}])?;")
    lines = (Escaped(f"let mut {local} = Sequence::new();"), pushed)
    return Tensor(field, string(name), type_, axes, text, local, lines, doc_shape)


def _unranked(type_: UnrankedType, field: Escaped, name: str, local: Escaped) -> Tensor:
    """A tensor of any rank at the border."""
    line = Escaped(f"let {local} = {type_.holder}::of(&[1, 1], &[{type_.dtype.zero}])?;")
    return Tensor(field, string(name), type_, Escaped("[Axis::Any]"), Escaped("any shape"), local, (line,), None)


def _map(type_: MapType, field: Escaped, name: str, local: Escaped) -> Tensor:
    """A map at the border."""
    line = f"let {local} = {type_.holder}::from([({type_.keys.zero}, {type_.dtype.zero})]);"
    return Tensor(
        field, string(name), type_, Escaped("[Axis::Items]"), Escaped("values by their keys"), local, (Escaped(line),), None
    )


def check(value: Value, field: Escaped) -> Code | None:
    """The statement that holds an input against its shape, if it has one."""
    if isinstance(value.type, (MapType, UnrankedType)):
        return None
    if isinstance(value.type, SequenceType):
        sizes = ", ".join("None" if d is None else f"Some({d})" for d in value.type.axes)
        shape = "None" if value.type.shape is None else f"Some(&[{sizes}])"
        return code(INPUTS, f".{field}.check({string(field)}, {shape})?")
    shape_ = joined(Size(d) for d in value.shape)
    return code(Function("check_input"), f"({string(field)}, ", INPUTS, f".{field}.len(), &[", shape_, "])?")


def handed_out(value: Value, field: Escaped, elements: Code) -> Code:
    """The field of an output, whose elements are read so."""
    if not isinstance(value.type, TensorType):
        return code(f"{field}: ", elements)
    shape = joined(Size(d, f"{field}_{k}") for k, d in enumerate(value.shape))
    return code(f"{field}: TensorView {{ data: ", elements, ", shape: [", shape, "] }")


def _table(labels: Labels, field: Escaped, model: Escaped, constants: Names) -> Table:
    """The constant with the names that the model has for the numbers or columns of an output."""
    text = isinstance(labels.names[0], str)
    constant = constants.unique(f"{field.upper().rstrip('_')}_{'COLUMNS' if labels.columns else 'NAMES'}")
    items = tuple(string(str(n)) if text else Escaped(str(n)) for n in labels.names)
    rust = Escaped("&'static str" if text else "i64")
    path = f"{model}::{constant}"
    if labels.columns:
        about = Escaped(f", the columns of [`{path}`]")
        how = Escaped(f"Column k of `{field}` belongs to `{path}[k]`.")
        return Table(constant, rust, items, labels.names, Escaped(f"What the columns of `{field}` stand for."), how, about)
    doc = Escaped(f"What the numbers in `{field}` stand for: places in this list.")
    how = Escaped(f"The numbers in `{field}` stand for names: 0 for `{path}[0]`, and so on.")
    return Table(constant, rust, items, labels.names, doc, how, Escaped(f", places in [`{path}`]"))


def _length(program: Program, value: Value, field: Escaped, names: Names) -> Length | None:
    length = lengths.fixed(program, value)
    if length is None:
        return None
    number, symbol = length
    doc = f"Elements of `{field}`{'' if symbol is None else f' for each of `{symbol}`'}."
    return Length(names.unique(f"{field.upper().rstrip('_')}_LEN"), Escaped(grouped(number)), Escaped(doc))


def _at(dim: Dim, values: dict[str, int]) -> int | None:
    return max(0, evaluate(dim, values)) if symbols(dim) <= set(values) else None


def _axis(dim: Dim, program: Program) -> str:
    if isinstance(dim, int):
        return f"Axis::Size({dim})"
    return f'Axis::Symbol("{dim}")' if str(dim) in program.symbols else "Axis::Computed"


def _symbol_doc(program: Program, name: str) -> Escaped:
    where = [f"{code_span(v.name)} axis {k}" for v in program.tensor_inputs for k, d in enumerate(v.shape) if name in symbols(d)]
    return Escaped("Size of " + ", ".join(where))


def _found(program: Program, own: Scope, inputs: Mapping[Value, Escaped]) -> FoundSizes | None:
    found = lengths.found(program)
    if found is None:
        return None
    lines = tuple(
        Found(
            own.symbols[f.symbol],
            inputs[f.value],
            Escaped(", ".join(str(d) if isinstance(d, int) else own.symbols[str(d)] for d in f.others)),
            Escaped(f"`{f.symbol}` is the length of `{inputs[f.value]}`{_over(f.others)}"),
        )
        for f in found
    )
    fields = [s if own.symbols[s] == s else f"{s}: {own.symbols[s]}" for s in program.symbols]
    return FoundSizes(lines, Escaped(" " + ", ".join(fields) + " "))


def _over(others: Sequence[Dim]) -> str:
    factor = product(others)
    return "" if factor == 1 else f" / ({factor})" if " " in str(factor) else f" / {factor}"

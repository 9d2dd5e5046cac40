"""Layer classes beside the Rust structs that they mirror: what is unlike, in words.

`of_class` compares what a class states (fields, sizes, order of arguments, methods, Results) with the struct and its methods;
`of_step` compares a step: whether the kernel takes so many inputs and outputs, of these element types.
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

import rustdoc
from rustdoc import Crate, Method, Struct, Type

import onnx2rust.layers
from onnx2rust.ir import types as values
from onnx2rust.ir.layer import Dims, Element, Keras, Layer, Record, Same, SignedDims, Size, Variant, Weight
from onnx2rust.ir.program import Step, Value

SCRATCH = "&mut dyn Scratch"
NUMBERS = {int: {"usize", "isize", "u32", "i64", "i32"}, float: {"f32", "f64"}, bool: {"bool"}, str: {"&str"}}
"""What the fields of Python's types are in Rust, where they are not generic."""


def layers() -> list[type[Layer]]:
    """Every layer class of the package that has a struct."""
    for module in pkgutil.iter_modules(onnx2rust.layers.__path__):
        importlib.import_module(f"onnx2rust.layers.{module.name}")
    return [cls for cls in _below(Layer) if cls.rust and cls.__module__.startswith("onnx2rust.")]


def _below(cls: type[Layer]) -> Iterator[type[Layer]]:
    for child in cls.__subclasses__():
        yield child
        yield from _below(child)


@dataclass(frozen=True)
class Operands:
    """How many operands are passed by position."""

    inputs: int
    outputs: int


@dataclass(frozen=True)
class Argument:
    """An argument of a method: its type without what differs from step to step, its name if the class says one, and which input
    or output it is."""

    shape: str
    name: str = ""
    operand: int | Record | None = None
    written: bool = False


@dataclass(frozen=True)
class _Others:
    """All inputs but these."""

    named: tuple[int, ...]

    def __contains__(self, k: object) -> bool:
        return k not in self.named


@dataclass(frozen=True)
class Call:
    """A method of a layer and how it is called: which inputs that choose the method are there, which outputs that do, what is
    written in place."""

    name: str
    given: frozenset[int]
    statistics: bool
    in_place: int | None
    known: bool


SIZES = Call("sizes", frozenset(), False, None, False)


def methods(cls: type[Layer]) -> Iterator[Call]:
    """The methods that steps of this class call. Of inputs that choose one, no two are ever there (`of_step`)."""
    records = [r for r in cls.outputs_in if r.chooses]
    choices = [frozenset[int](), *(frozenset([k]) for k in sorted(cls.chooses))]
    for given, statistics, known in itertools.product(choices, [False, True][: 1 + len(records)], [False, True]):
        if known and cls.fits is Layer.fits:
            continue
        words = [cls.chooses[k] for k in sorted(given)] + [r.chooses for r in records if statistics]
        base = "_".join(["run_known" if known else "run", *words])
        yield Call(base, given, statistics, None, known)
        for k in cls.in_place:
            if k not in cls.chooses or k in given:
                right = k != 0 and k not in cls.chooses
                yield Call(base + ("_in_place_right" if right else "_in_place"), given, statistics, k, known)


def of_class(cls: type[Layer], crate: Crate) -> list[str]:
    """What the class and its struct say differently."""
    struct = crate.structs.get(cls.rust)
    if struct is None:
        return [f"{cls.rust} is no struct of tf-layers"]
    return [*_fields(cls, struct), *_sizes(cls, crate), *_records(cls, crate), *_methods(cls, struct)]


def _fields(cls: type[Layer], struct: Struct) -> Iterator[str]:
    hints = _hints(cls)
    stated = {name: hint for name, hint in hints.items() if _written(hint)}
    if list(stated) != list(struct.fields):
        yield f"fields {list(stated)} are {list(struct.fields)} in Rust"
        return
    for name, hint in stated.items():
        if not _alike(hint, struct.fields[name], struct):
            yield f"field {name}: {hint} is {struct.fields[name]} in Rust"
    if cls.holds_weights() != bool(struct.lifetimes):
        yield f"it has {struct.lifetimes} lifetimes in Rust"
    if stated and "checked" not in struct.methods:
        yield "it has no method `checked` in Rust"
    if Same in hints.values():
        yield from (f"it has no method `{m}` in Rust" for m in ("same_upper", "same_lower") if m not in struct.methods)


def _hints(cls: type[Layer]) -> dict[str, Any]:
    """The fields' annotations."""
    bare, hints = get_type_hints(cls), get_type_hints(cls, include_extras=True)
    names = [field.name for field in dataclasses.fields(cls)]
    return {name: bare[name] if any(isinstance(a, Keras) for a in get_args(hints[name])) else hints[name] for name in names}


def _written(hint: Any) -> bool:
    return hint not in (Size, Dims, SignedDims, Same, Element)


def _alike(hint: Any, of: Type, struct: Struct) -> bool:
    """Whether a field annotated so is of this Rust type."""
    parts = get_args(hint)
    if type(None) in parts:
        rest = [p for p in parts if p is not type(None)]
        return of.head == "Option" and len(rest) == 1 and _alike(rest[0], of.inner, struct)
    if parts and parts[-1] is Ellipsis:
        return of.head == "[]" and len(of.of) == 2 and _alike(parts[0], of.inner, struct)
    if hint is Weight:
        return of.head == "&" and of.inner.head == "[]"
    if hint is Variant:
        return not of.of and str(of) not in set().union(*NUMBERS.values())
    if parts:  # a number of the struct's element type
        return str(of) in struct.generics
    return str(of) in NUMBERS[hint]


def _sizes(cls: type[Layer], crate: Crate) -> Iterator[str]:
    """The struct that holds the sizes, if one does; in one that holds inputs too they stand among those (`_records`)."""
    if not cls.sizes_in or cls.sizes_in in [r.path for r in cls.inputs_in]:
        return
    struct = crate.structs.get(cls.sizes_in)
    hints = _hints(cls)
    names = [n for n in cls.size_names() if n not in (*cls.input_shapes, cls.output_shape)]
    if struct is None:
        yield f"{cls.sizes_in} is no struct of tf-layers"
    elif names != list(struct.fields):
        yield f"sizes {names} are {list(struct.fields)} in {cls.sizes_in}"
    else:
        yield from (
            f"size {n} is {struct.fields[n]} in {cls.sizes_in}" for n in names if _shape(struct.fields[n]) != _argument(hints[n])
        )


def _records(cls: type[Layer], crate: Crate) -> Iterator[str]:
    hints = _hints(cls)
    for record, optional, mutable in [(r, cls.optional_inputs(), False) for r in cls.inputs_in] + [
        (r, cls.optional_outputs(), True) for r in cls.outputs_in
    ]:
        struct = crate.structs.get(record.path)
        if struct is None:
            yield f"{record.path} is no struct of tf-layers"
            continue
        stated: dict[str, str] = {}
        if record.path == cls.sizes_in:
            outside = {*cls.input_shapes, cls.output_shape}
            stated |= {n: _argument(hints[n]) for n in cls.size_names() if n not in outside}
        for name, k in record.fields:
            if not mutable and k < len(cls.input_shapes):
                stated[cls.input_shapes[k]] = _argument(hints[cls.input_shapes[k]])
            borrowed = "&mut [_]" if mutable else "&[_]"
            stated[name] = f"Option<{borrowed}>" if k in optional else borrowed
        found = {name: _shape(of) for name, of in struct.fields.items()}
        if list(stated.items()) != list(found.items()):
            yield f"{stated} is {found} in {record.path}"
        if any(text.startswith("Option") for text in stated.values()) and "Default" not in struct.traits:
            yield f"{record.path} has optional fields and no Default"


def _argument(hint: Any) -> str:
    return "usize" if hint is Size else "[i64; _]" if hint is SignedDims else "[usize; _]"


def _shape(of: Type) -> str:
    """The type without what differs from step to step: element types and lengths."""
    if of.head == "[]":
        return f"[{of.inner}; _]" if len(of.of) == 2 else "[_]"
    if of.head in ("&", "&mut"):
        if of.inner.head == "[]" and of.inner.inner.head == "&":
            return "&[&[_]]"
        return f"{of.head}{' ' * (of.head == '&mut')}{'[_]' if _holds(of.inner) else _shape(of.inner)}"
    if of.head == "Option":
        return f"Option<{_shape(of.inner)}>"
    return of.head if of.head[0].isupper() and of.head != "Slot" else str(of)


def _holds(of: Type) -> bool:
    """Whether it holds a value that is no tensor: the class does not say what kind of value an operand is."""
    return of.head in {_name(kind.holder) for kind in values.Type.__subclasses__() if kind is not values.TensorType}


def _methods(cls: type[Layer], struct: Struct) -> Iterator[str]:
    if not {"run", "sizes"} & struct.methods.keys():
        yield "it has neither `run` nor `sizes` in Rust"
    if cls.sized_by is not None and "sizes" not in struct.methods:
        yield "it has no method `sizes` in Rust"
    if "sizes" in struct.methods:
        method = struct.methods["sizes"]
        reads = Operands(_count(method, "&[_]"), 0)
        yield from _arguments(method, arguments(cls, SIZES, reads))
        if str(method.result.head) != "Result" or method.result.inner.head != "[]":
            yield f"`sizes` returns {method.result} in Rust"
    if "run" not in struct.methods:
        return
    run = struct.methods["run"]
    yield from _scratch(cls, struct)
    base = Operands(_count(run, "&[_]") + _count(run, "&[&[_]]"), _count(run, "&mut [_]"))
    for call in methods(cls):
        if call.name not in struct.methods:
            yield f"it has no method `{call.name}` in Rust"
            continue
        method = struct.methods[call.name]
        yield from _arguments(method, arguments(cls, call, dataclasses.replace(base, inputs=base.inputs + len(call.given))))
        fails = cls.scratch or (not call.known and _fails(cls, call.given))
        if str(method.result) != ("Result<()>" if fails else "()"):
            yield f"`{call.name}` returns {method.result} in Rust"


def _scratch(cls: type[Layer], struct: Struct) -> Iterator[str]:
    """`scratch_len` takes the sizes, as `run` does or, where that takes them with inputs, one by one."""
    if cls.scratch != ("scratch_len" in struct.methods):
        yield f"it has {'no' if cls.scratch else 'a'} method `scratch_len` in Rust"
    elif cls.scratch:
        own = cls.sizes_in and cls.sizes_in not in [r.path for r in cls.inputs_in]
        hints = _hints(cls)
        sizes = [Argument(_argument(hints[name]), name) for name in cls.size_names()]
        taken = [Argument(_name(cls.sizes_in))] if own else sizes
        yield from _arguments(struct.methods["scratch_len"], [Argument("&Self"), *taken])


def _count(method: Method, shape: str) -> int:
    return [_shape(of) for _, of in method.arguments].count(shape)


def _arguments(method: Method, expected: list[Argument]) -> Iterator[str]:
    found = [(name, _shape(of)) for name, of in method.arguments]
    if [e.shape for e in expected] != [shape for _, shape in found]:
        yield f"`{method.name}` takes {[shape for _, shape in found]} in Rust, not {[e.shape for e in expected]}"
        return
    for stated, (name, _) in zip(expected, found, strict=True):
        if stated.name and name.isidentifier() and name.strip("_") not in ("", stated.name):
            yield f"`{method.name}` calls {stated.name} {name} in Rust"


def _fails(cls: type[Layer], given: frozenset[int]) -> bool:
    return cls.fallible if isinstance(cls.fallible, bool) else not given.isdisjoint(cls.fallible)


def arguments(cls: type[Layer], call: Call, passed: Operands) -> list[Argument]:
    """The arguments of a method that so many inputs and outputs are passed to by position."""
    hints = _hints(cls)
    found = [Argument("&Self"), Argument("Cpu")]
    sizes = {name: Argument(_argument(hints[name]), name) for name in cls.size_names()}
    shapes = [sizes.pop(name) for name in cls.input_shapes]
    written = sizes.pop(cls.output_shape, None)
    if cls.sizes_in not in [r.path for r in cls.inputs_in]:
        found += [Argument(_name(cls.sizes_in))] if cls.sizes_in else sizes.values()
    hidden = {k for r in cls.inputs_in for _, k in r.fields}
    absent = (cls.chooses.keys() - call.given) if call is not SIZES or cls.sized_by is None else _Others(cls.sized_by)
    places = (k for k in itertools.count() if k not in hidden and k not in absent)
    reads: dict[int, list[Argument]] = {}
    for k in itertools.islice(places, passed.inputs):
        text = "&mut [_]" if k == call.in_place else "&[&[_]]" if cls.variadic else "&[_]"
        reads[k] = [*shapes[k : k + 1], Argument(text, operand=k)]
    reads |= {r.first: [Argument(_name(r.path), operand=r)] for r in cls.inputs_in}
    found += [argument for _, both in sorted(reads.items()) for argument in both]
    if call is SIZES:
        return found
    hidden = {k for r in cls.outputs_in for _, k in r.fields}
    free = itertools.islice((k for k in itertools.count() if k not in hidden), passed.outputs)
    writes = {k: Argument("&mut [_]", operand=k, written=True) for k in free if k or call.in_place is None}
    if written is not None:
        found.append(written)
    records = [r for r in cls.outputs_in if call.statistics or not r.chooses]
    writes |= {r.first: Argument(_name(r.path), operand=r, written=True) for r in records}
    found += [argument for _, argument in sorted(writes.items())]
    return [*found, Argument(SCRATCH, "scratch")] if cls.scratch else found


def _name(path: str) -> str:
    return path.rpartition("::")[2]


# -- steps -----------------------------------------------------------------------------------------------------------


def of_step(step: Step, crate: Crate) -> list[str]:
    """What the kernel does not take of a step: its number of inputs and outputs, their element types, values of its fields."""
    cls, struct = type(step.layer), crate.structs[step.layer.rust]
    said = dict(zip(struct.generics, step.layer.generics(), strict=False))
    binding = {name: Type(said[name]) if name in said else default for name, default in struct.generics.items()}
    bound = {name: of for name, of in binding.items() if of is not None}
    found = [f for n, v in step.layer.constants().items() for f in _value(n, v, struct.fields[n], bound, crate)]
    if step.layer.constants() and len(bound) < len(binding):
        found.append(f"its struct is generic over {list(struct.generics)}, the step says {list(said.values())}")
    given = frozenset(k for k in cls.chooses if k < len(step.inputs) and step.inputs[k] is not None)
    made = frozenset(k for k, v in enumerate(step.outputs) if v is not None)
    statistics = any(r.chooses and made & {k for _, k in r.fields} for r in cls.outputs_in)
    calls = [c for c in methods(cls) if (c.given, c.statistics, c.known) == (given, statistics, step.fits())] if made else []
    if made and not calls:
        found.append(f"no method takes inputs {sorted(given)}")
    for call in [*calls, *([SIZES] if step.defines else [])]:
        if call.in_place is None or _overwrites(step, call.in_place):
            found += _call(step, call, struct.methods[call.name], dict(bound), crate)
    return found


def _overwrites(step: Step, k: int) -> bool:
    """Whether the output may lie where input k does."""
    source, result = step.inputs[k] if k < len(step.inputs) else None, step.outputs[0]
    return source is not None and result is not None and source.type.buffer == result.type.buffer


def _value(name: str, value: Any, of: Type, bound: Mapping[str, Type], crate: Crate) -> Iterator[str]:
    """What a field of this type cannot hold."""
    of = of.inner if of.head == "Option" and value is not None else of
    if isinstance(value, tuple):
        length = str(bound.get(of.of[1].head, of.of[1]))
        if length != str(len(value)):
            yield f"{name} has {len(value)} elements, [{of}] has {length}"
        for inner in value:
            yield from _value(name, inner, of.inner, bound, crate)
    elif isinstance(value, Variant):
        variants = crate.enums[value.enum].variants if value.enum in crate.enums else {}
        if _name(value.enum) != of.head or set(variants.get(value.name, ("?",))) != {k for k, _ in value.fields}:
            yield f"{name}: there is no {value} of {of}"
    elif isinstance(value, Weight):
        packings = crate.enums["pack::Packing"].variants
        if set(packings.get(value.packing.name, ("?",))) != {k for k, _ in value.packing.fields}:
            yield f"{name}: there is no packing {value.packing}"
        stored = value.array.dtype.name.replace("float", "f").replace("uint", "u").replace("int", "i")
        element = str(bound.get(of.inner.inner.head, of.inner.inner))
        if value.packing.name == "Copy" and stored != element.lower():
            yield f"{name} holds {stored}, not {element}"


def _call(step: Step, call: Call, method: Method, bound: dict[str, Type], crate: Crate) -> Iterator[str]:
    cls = type(step.layer)
    hidden_in, hidden_out = ({k for r in records for _, k in r.fields} for records in (cls.inputs_in, cls.outputs_in))
    left_out = () if call is not SIZES or cls.sized_by is None else _Others(cls.sized_by)
    reads = [v for k, v in enumerate(step.inputs) if v is not None and k not in hidden_in and k not in left_out]
    writes = [k for k, v in enumerate(step.outputs) if v is not None and k not in hidden_out]
    expected = arguments(cls, call, Operands(1 if cls.variadic else len(reads), len(writes)))
    complaints = list(_arguments(method, expected))
    yield from complaints
    if complaints:
        return
    for stated, (_, of) in zip(expected, method.arguments, strict=True):
        passed = step.outputs if stated.written else step.inputs
        for operand, pattern in _operands(stated, of, passed, crate):
            if not rustdoc.unify(pattern, _held(operand.type.buffer), bound, method.parameters):
                yield f"`{call.name}` takes {pattern} where the step has {operand.type.buffer}"
    for bound_ in method.bounds:
        subject, trait = _bound(bound_.subject, bound), _bound(bound_.trait, bound)
        if not any(p in method.parameters for p in (str(subject), *map(str, trait.of))) and not rustdoc.implements(
            subject, trait, crate
        ):
            yield f"`{call.name}` asks for {trait}, which {subject} is not"


def _operands(stated: Argument, of: Type, passed: Sequence[Value | None], crate: Crate) -> Iterator[tuple[Value, Type]]:
    """The values that an argument takes, and what they are in Rust."""
    if isinstance(stated.operand, Record):
        struct = crate.structs[stated.operand.path]
        generics = dict(zip(struct.generics, of.of, strict=True))
        for name, k in stated.operand.fields:
            value = passed[k] if k < len(passed) else None
            if value is not None:
                field = struct.fields[name]
                yield value, _bound((field.inner if field.head == "Option" else field).inner, generics)
    elif stated.operand is not None:
        chosen = passed if stated.shape == "&[&[_]]" else [passed[stated.operand]]
        held = of.inner.inner.inner if stated.shape == "&[&[_]]" else of.inner
        yield from ((v, held) for v in chosen if v is not None)


def _held(buffer: str) -> Type:
    """What a buffer is to a kernel: the elements of a tensor, or the struct that holds the value."""
    head, _, inner = buffer.removesuffix(">").partition("<")
    return Type("[]" if head == "Slot" else _name(head), tuple(map(_held, inner.split(", ")))) if inner else Type(head)


def _bound(of: Type, bound: Mapping[str, Type]) -> Type:
    return bound.get(of.head, of) if not of.of else Type(of.head, tuple(_bound(inner, bound) for inner in of.of))

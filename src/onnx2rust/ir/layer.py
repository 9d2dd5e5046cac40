"""What every layer states about itself; the emitter, the planner and the passes know nothing else of a layer.

A layer class mirrors a Rust struct of tf-layers. Its dataclass fields are, each kind in the order that Rust has,
* the struct's fields, known at conversion: ints, floats, bools, strings of Rust enum paths (`Variant`), tuples of
  those, None (for `Option`), and weights (`Weight`);
* its generic arguments, where they are not the length of a tuple (`Element`);
* the method by which it is told sizes before it runs, if it needs to know them (`Same`);
* the *dims* (`Size`, `Dims`, `SignedDims`, or their optional forms): they become arguments of `run`, where symbols have values.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import itertools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, ClassVar, Protocol, Union, dataclass_transform, get_args, get_origin, get_type_hints

import numpy as np

from onnx2rust.ir import dtypes, kinds
from onnx2rust.ir.dims import Dim, multiple, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.kinds import Kind

KIND = kinds.MOVEMENT


class Role(enum.Enum):
    """What a field is annotated with that is no field of the Rust struct."""

    SIZE = "an argument of `run`"
    SIGNED = "an argument of `run` that may be negative: passed as `[i64; N]` instead of `[usize; N]`"
    GENERIC = "a generic argument of the struct alone"
    TOLD = "the name of the method by which the struct is told `size` before it runs"


@dataclass(frozen=True)
class Keras:
    """What a field is annotated with that Keras calls otherwise; empty where Keras says it in another way, or not."""

    name: str


Element = Annotated[str, Role.GENERIC]
"""The Rust name of an element type."""
Same = Annotated[str, Role.TOLD]
"""`same_upper` or `same_lower` where pads are ONNX's SAME for a size known only at run time, else empty."""
Size = Annotated[Dim, Role.SIZE]
Dims = Annotated[tuple[Dim, ...], Role.SIZE]
SignedDims = Annotated[tuple[Dim, ...], Role.SIGNED]


@dataclass(frozen=True)
class Variant:
    """A value of a Rust enum: `Variant("activation::Activation", "LeakyRelu", alpha=0.1)`."""

    enum: str
    name: str
    fields: tuple[tuple[str, Any], ...] = ()
    feature: str = ""
    """Cargo feature of tf_layers that the variant lies behind, if it does."""

    @staticmethod
    def of(enum: str, name: str, **fields: Any) -> Variant:
        """The variant `enum::name { fields }`."""
        return Variant(enum, name, tuple(fields.items()))

    def __str__(self) -> str:
        return self.name + (f"({', '.join(f'{k}={v}' for k, v in self.fields)})" if self.fields else "")


def packing(name: str, **fields: Any) -> Variant:
    """How the build script lays a tensor out: a variant of `tf_layers::pack::Packing`."""
    return Variant.of("pack::Packing", name, **fields)


PLAIN = packing("Copy")


@dataclass(frozen=True, eq=False)
class Weight:
    """A tensor of the model's weights file: its name there, its content as the model has it, and the packing that
    the kernel wants. Two weights of one array and one packing become one static."""

    name: str
    array: np.ndarray[Any, Any]
    packing: Variant = PLAIN

    def __str__(self) -> str:
        return f"{self.name}[{', '.join(map(str, self.array.shape))}]"


@dataclass(frozen=True)
class Record:
    """A struct of tf-layers that `run` takes some of its inputs or outputs in, by name; those that are absent are not written."""

    path: str
    """Its path inside tf_layers: `recurrent::LstmInputs`."""
    fields: tuple[tuple[str, int], ...]
    """Its fields, and which inputs or outputs they are."""
    optional: tuple[int, ...]
    """Those that are an Option."""
    chooses: str = ""
    """What the method that takes it has in its name, if there is one without it, for where none of its fields is there."""

    @staticmethod
    def of(path: str, names: str, *places: int, chooses: str = "") -> Record:
        """The struct at `path` with these fields, separated by blanks, a `?` behind those that are an Option. They are the inputs
        or outputs at `places`, if not the first ones."""
        fields = tuple(zip(names.split(), places or itertools.count(), strict=False))
        bare = tuple((name.rstrip("?"), k) for name, k in fields)
        return Record(path, bare, tuple(k for name, k in fields if name.endswith("?")), chooses)

    @property
    def first(self) -> int:
        """Where it stands among what is passed by position: where its first field would."""
        return min(k for _, k in self.fields)


@dataclass(frozen=True)
class Mirror:
    """What a field's annotation says."""

    role: Role | None
    """None for a field of the Rust struct."""
    keras: str
    """What Keras calls it; empty if it does not."""
    option: bool
    """Whether it is an Option in Rust."""
    weight: bool

    @staticmethod
    def of(name: str, hint: Any) -> Mirror:
        """That of a field."""
        parts = (*get_args(hint), hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        said = [m for part in parts for m in getattr(part, "__metadata__", ())]
        role = next((m for m in said if isinstance(m, Role)), None)
        keras = next((m.name for m in said if isinstance(m, Keras)), name)
        return Mirror(role, keras, type(None) in parts, Weight in parts)


class Operand(Protocol):
    """The type of an input, as far as a layer asks for it: a tensor's."""

    @property
    def dtype(self) -> DType: ...

    @property
    def size(self) -> Dim: ...


@dataclass_transform(frozen_default=True)
@dataclass(frozen=True)
class Layer:
    """Base of all layers; each is a frozen dataclass. The class attributes say how the Rust side is called (docs/design.md)."""

    rust: ClassVar[str] = ""
    """Path of the struct inside tf_layers, if not that of the same names (`pool::MaxPool`); empty where there is none."""
    feature: ClassVar[str] = ""
    """Cargo feature of tf_layers that the struct lies behind, if not the name of its module."""
    generic_over: ClassVar[tuple[str, ...]] = ()
    """Fields that say what the struct's generic arguments are: a tuple's length, a weight's element type, an `Element` itself."""
    in_place: ClassVar[tuple[int, ...]] = ()
    """Inputs that the output may overwrite, best first: 0 → `run_in_place`, 1 → `run_in_place_right`."""
    fallible: ClassVar[bool | tuple[int, ...]] = False
    """Whether `run` returns a Result, or the optional inputs that make it return one. A layer that `fits` has a `run_known`
    besides, and so on, which returns nothing."""
    sizes_in: ClassVar[str] = ""
    """Path of the struct inside tf_layers that `run` takes its sizes in, by their names, if they do
    not stand one behind the other."""
    input_shapes: ClassVar[tuple[str, ...]] = ()
    """Which sizes are the shapes of the first inputs: each stands in front of its input, in a struct of `inputs_in` too."""
    output_shape: ClassVar[str] = ""
    """Which size is the shape of the output, and stands in front of it."""
    inputs_in: ClassVar[tuple[Record, ...]] = ()
    """Structs that `run` takes inputs in; the one at the path of `sizes_in` holds the sizes too."""
    outputs_in: ClassVar[tuple[Record, ...]] = ()
    """Structs that `run` takes outputs in."""
    scratch: ClassVar[bool] = False
    """Whether `run` takes `scratch: &mut dyn Scratch` last, and returns a Result: there may be no memory for it. How much it is,
    the struct's `scratch_len` says."""
    variadic: ClassVar[bool] = False
    """Whether inputs are passed as one slice of slices."""
    chooses: ClassVar[Mapping[int, str]] = {}
    """Inputs that may be absent, and what the method that takes them has in its name: with {1: "adding"} a step of two inputs is
    `run_adding`, one of one input is `run`. Nothing is ever passed as `None`."""
    input_names: ClassVar[tuple[str, ...]] = ()
    """What a constant is called that is an input, for the first of them."""
    sized_by: ClassVar[tuple[int, ...] | None] = None
    """Inputs that `sizes` takes, if not all of them."""
    windows: ClassVar[bool] = False
    """Whether the axes between the first and the last of the outputs count windows, of which there must be one at least."""
    independent: ClassVar[tuple[str, ...] | None] = None
    """Sizes whose (first) axis counts pieces that are computed one by one: piece i of every output depends on piece i of every
    input alone. Empty where that holds for the elements themselves, None where it does not hold."""

    kind: ClassVar[Kind] = kinds.OTHER
    """What the picture shows it as: `KIND` of the module that the class stands in."""
    keras: ClassVar[str] = ""
    """What Keras calls such a layer, if it has a name for it; `{d}` are the axes that a kernel slides along."""

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__()
        dataclass(frozen=True)(cls)
        cls.kind = getattr(sys.modules[cls.__module__], "KIND", cls.kind)
        settings.setdefault("rust", f"{cls.__module__.rpartition('.')[2]}::{cls.__name__}")
        settings.setdefault("feature", settings["rust"].partition("::")[0])
        for name, value in settings.items():
            if name not in Layer.__annotations__:
                raise TypeError(f"{cls.__name__}: no such layer setting: {name}")
            setattr(cls, name, value)

    @classmethod
    @functools.cache
    def mirror(cls) -> Mapping[str, Mirror]:
        """What its fields' annotations say."""
        hints = get_type_hints(cls, include_extras=True)
        return {field.name: Mirror.of(field.name, hints[field.name]) for field in dataclasses.fields(cls)}

    @classmethod
    def optional_inputs(cls) -> set[int]:
        """Inputs that are an Option in a struct of `inputs_in`."""
        return {k for record in cls.inputs_in for k in record.optional}

    @classmethod
    def optional_outputs(cls) -> set[int]:
        """Outputs that are an Option in a struct of `outputs_in`."""
        return {k for record in cls.outputs_in for k in record.optional}

    @classmethod
    def size_names(cls) -> tuple[str, ...]:
        """What the sizes are called that are passed to `run`."""
        return tuple(name for name, mirror in cls.mirror().items() if mirror.role in (Role.SIZE, Role.SIGNED))

    def generics(self) -> tuple[str, ...]:
        """Generic arguments of the Rust struct, without the lifetime that weights bring."""
        return tuple(_generic(getattr(self, name)) for name in self.generic_over)

    @classmethod
    def holds_weights(cls) -> bool:
        """Whether the Rust struct has a lifetime `'w`."""
        return any(mirror.weight for mirror in cls.mirror().values())

    def features(self) -> set[str]:
        """The cargo features of tf_layers that the struct and the values of its fields lie behind."""
        values = [v for value in self.constants().values() for v in (value if isinstance(value, tuple) else (value,))]
        return {self.feature, *(v.feature for v in values if isinstance(v, Variant) and v.feature)}

    def constants(self) -> dict[str, Any]:
        """The fields of the Rust struct."""
        return {name: getattr(self, name) for name, mirror in self.mirror().items() if mirror.role is None}

    def keras_name(self) -> str:
        """What Keras calls such a layer; `{d}` as in `keras`."""
        return self.keras or type(self).__name__

    def told(self) -> str:
        """The method by which the Rust struct is told `size` before it runs; empty where it need not know it."""
        return "".join(getattr(self, name) for name, mirror in self.mirror().items() if mirror.role is Role.TOLD)

    def sizes(self) -> dict[str, Dim | Dims]:
        """The sizes that are passed to `run`."""
        return {name: getattr(self, name) for name in self.size_names()}

    def symbols(self) -> set[str]:
        """Symbols in the sizes."""
        dims = (d for size in self.sizes().values() for d in (size if isinstance(size, tuple) else (size,)))
        return {s for d in dims for s in symbols(d)}

    def weights(self) -> list[Weight]:
        """All weights among the fields."""
        return [w for w in self.constants().values() if isinstance(w, Weight)]

    def fits(self, types: Sequence[Operand]) -> bool:
        """Whether what could fail in `run` is known not to, for inputs of these types."""
        return False

    def by_sample(self, batch: str) -> bool:
        """Whether one run for n samples (the symbol `batch`) is n runs for one each, on the n equal
        parts of inputs and outputs."""
        if self.independent is None:
            return False
        for name, dims in self.sizes().items():
            axes = dims if isinstance(dims, tuple) else (dims,)
            inner = axes[1:] if name in self.independent else axes
            if any(batch in symbols(d) for d in inner):
                return False
            # 1: broadcast, and the same for all samples
            if name in self.independent and axes and axes[0] != 1 and multiple(axes[0], batch) is None:
                return False
        return True

    def multiply_adds(self) -> Dim:
        """Multiply-adds of one run (0 where products are not what the layer is about)."""
        return 0

    def __str__(self) -> str:
        fields = {**self.constants(), **self.sizes()}
        return f"{type(self).__name__}({', '.join(f'{k}={_text(v)}' for k, v in fields.items() if v is not None)})"


def _generic(value: Any) -> str:
    if isinstance(value, Weight):
        dtype = dtypes.from_numpy(value.array.dtype)
        assert dtype is not None
        return dtype.rust
    return value if isinstance(value, str) else str(len(value))


def _text(value: Any) -> str:
    return f"[{', '.join(map(_text, value))}]" if isinstance(value, tuple) else str(value)


class View(Layer, rust=""):
    """The same elements under another shape: costs nothing, is never emitted."""


class AlongAxis(Layer, rust="", sizes_in="axis::AlongAxis"):
    """A layer that works along the middle of [outer, axis, inner]."""

    outer: Size
    axis: Size
    inner: Size


class Copy(Layer, rust="movement::Copy", independent=()):
    """y = x; gives a graph input or a constant a buffer of its own where one is needed."""


class CopySequence(Layer, rust="sequence::SequenceCopy", fallible=True):
    """The same for a sequence."""


class CopyUnranked(Layer, rust="unranked::UnrankedCopy", fallible=True):
    """The same for a tensor of unknown rank."""


class DimsToTensor(Layer, rust="shape::WriteSizes"):
    """Writes sizes that are only known while the model runs as i64 elements (ONNX Shape, and what is computed from it)."""

    values: SignedDims


class ReadSizes(Layer, rust="shape::ReadSizes", fallible=True):
    """Reads sizes from an i64 tensor while the model runs: defines one symbol an element; negative ones are errors."""

"""The generated crate's files, from a plan: computes what the templates say, and fills them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from onnx2rust.base import naming
from onnx2rust.base.naming import Escaped, Names, code_span, comment, crate_name, ident, string, toml_string, type_name
from onnx2rust.base.options import Options
from onnx2rust.base.version import VERSION
from onnx2rust.emit import identity, layer_crate, lengths, literals, predict, readme, storage, thresholds
from onnx2rust.emit.borders import Border, border
from onnx2rust.emit.control import Writer
from onnx2rust.emit.excerpts import Excerpt, excerpts
from onnx2rust.emit.fields import Layers
from onnx2rust.emit.fields import layers as fields_of_layers
from onnx2rust.emit.layer_crate import LayerCrate
from onnx2rust.emit.predict import Predict
from onnx2rust.emit.scope import LAYERS_FILE, MODEL_FILE, Scope
from onnx2rust.emit.templates import fill
from onnx2rust.emit.weights import Entry, WeightTable
from onnx2rust.files import npz
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Step, Value
from onnx2rust.ir.types import MapType
from onnx2rust.plan import memory
from onnx2rust.plan.memory import Memory
from onnx2rust.plan.planner import Plan

_TEMPLATES = (
    "build.rs",
    ".cargo/config.toml",
    ".gitignore",
    "README.md",
    "src/lib.rs",
    "src/model.rs",
    "src/layers.rs",
    "src/tensors.rs",
    "src/weights.rs",
    "src/arrays.rs",
    "tests/parity.rs",
    "tests/behaviour.rs",
    "benches/benchmarks.rs",
    "examples/predict.rs",
    "examples/weights.rs",
    # the last, because its version names all the others
    "Cargo.toml",
)


_NEED_SAMPLES = ("tests/parity.rs", "tests/behaviour.rs", "benches/benchmarks.rs")


@dataclass(frozen=True)
class Context:
    """What a crate's files need besides the plan."""

    source: str
    kind: str = "onnx"
    binary: bool = False
    placeholder_thresholds: bool = False
    samples: int = 1
    batched: bool = False
    expected: tuple[str, ...] = ("predictions",)
    prefix: str = ""
    """Put before the names of weights and their packed files, where several models share one
    weights file and one build script."""
    drawn: bool = True
    """Whether the test data are drawn, not given by the user."""
    negatives: int | None = None
    """The number of negative samples that the thresholds were computed from, if they were."""
    rtol: float = DType.F32.tolerance[0]
    atol: float = DType.F32.tolerance[1]
    levels: Mapping[str, float] = field(default_factory=lambda: dict(thresholds.PLACEHOLDERS))
    """The thresholds of a binary classifier."""
    layers: LayerCrate | None = None
    """The crate of layers, if it is not a copy of its own."""
    module: bool = False
    """Whether the model becomes a module of a larger crate, so that only the files in `src/` are written."""
    excerpts: bool = False
    """Whether what is rendered says which lines are whose (`Rendered.excerpts`)."""
    marked: bool = False
    """Whether every step calls `crate::profile::mark` first, so that it can be timed."""
    slack: tuple[float, ...] = ()
    """What the outputs of a quantised model may be off by in any case, one number each."""
    apart: float | None = None
    """What onnxruntime was less than from the model in float64 on the test data, as a share of an
    output's largest, if that is known."""

    def wants(self, template: str) -> bool:
        """Whether there is such a file."""
        in_module = template.startswith("src/") and template != "src/lib.rs"
        return (in_module or not self.module) and (self.samples > 0 or template not in _NEED_SAMPLES)


@dataclass(frozen=True)
class Rendered:
    """Text files by path, and the tensors of the weights file. `module` and `tensors` are what stands in `src/lib.rs` and in the
    build script besides text for people: with them, and the files in `src/`, the model is a module of a larger crate."""

    files: dict[str, str]
    weights: dict[str, np.ndarray[Any, Any]]
    crate: str
    model: str
    features: tuple[str, ...]
    """The families of layers that the code uses."""
    module: str
    tensors: tuple[str, ...]
    border: Border
    external: bool = False
    """Whether the weights are a file that a program reads."""
    marks: tuple[Step, ...] = ()
    """The steps by the numbers of their marks, if the context asks for marks."""
    excerpts: Mapping[Step, Excerpt] = field(default_factory=dict)
    """The code of each step, if the context asks for it."""


@dataclass(frozen=True)
class Crate:
    """What the manifest says, and what others call the crate."""

    name: Escaped
    description: Escaped
    rust_version: Escaped
    license: Escaped | None
    features: Escaped
    """Of the layers, in the manifest."""
    layers: Escaped
    """Where the crate of layers is, in the manifest."""
    layers_package: Escaped
    own_layers: bool
    """Whether it has a copy of them."""

    @property
    def toml(self) -> Escaped:
        """The name as a TOML string."""
        return toml_string(self.name)


@dataclass(frozen=True)
class Slot:
    """A buffer of the workspace."""

    name: Escaped
    rust: Escaped
    doc: Escaped


_SCRATCH = Slot(Escaped("scratch"), Escaped("Slot<f32>"), Escaped("Working memory of the layers"))


@dataclass(frozen=True)
class Contents:
    """What the templates are filled with, besides the context."""

    version: Escaped
    header: Escaped
    source: Escaped
    kind: Escaped
    title: Escaped
    crate: Crate
    model: Escaped
    border: Border
    layers: Layers
    statics: tuple[Entry, ...]
    tensors: tuple[Escaped, ...]
    buffers: tuple[Slot, ...]
    part: tuple[Slot, ...]
    """Those of layers that take a few samples at a time."""
    predict: Predict
    expected: tuple[Escaped, ...]
    expected_doc: tuple[Escaped, ...]
    rtol: Escaped
    atol: Escaped
    storage: tuple[Escaped, ...]
    """What stands for each tensor, if they are stored in one file."""
    external: bool
    """Whether that file is no part of the binary."""
    apart: Escaped | None
    slack: tuple[Escaped, ...]
    readme: readme.Numbers

    @property
    def stored(self) -> bool:
        """Whether the weights are one file."""
        return bool(self.storage)

    @property
    def fresh(self) -> Escaped:
        """How tests and benchmarks make the model."""
        return Escaped(f"{self.model}::{'built' if self.external else 'new'}()")

    @property
    def lifetime(self) -> bool:
        """Whether the model borrows weights."""
        return self.layers.structs[0].lifetime != ""

    def halves(self, template: str) -> bool:
        """Whether the file names the half-precision type."""
        inputs, outputs = ([t.dtype for t in tensors] for tensors in (self.border.inputs, self.border.outputs))
        tensors = [t.dtype for t in self.border.inputs if t.is_tensor]
        named = {
            "src/model.rs": [*inputs, *outputs, *(DType.F16 for s in (*self.buffers, *self.part) if DType.F16.rust in s.rust)],
            "src/lib.rs": [*inputs, *outputs],
            "src/modules.rs": [*inputs, *outputs],
            "src/layers.rs": [DType.F16 for struct in self.layers.structs for f in struct.fields if f.halves],
            "src/weights.rs": [DType.F16 for t in self.statics if t.stored is DType.F16],
            "src/arrays.rs": inputs,
            "tests/behaviour.rs": tensors[:1],
        }
        return DType.F16 in named.get(template, ())


def render(plan: Plan, options: Options, context: Context) -> Rendered:
    """All text files of the crate."""
    program = plan.program
    weights = WeightTable(program, context.prefix)
    arrays = weights.arrays()
    fields, out_names = Names(naming.INPUT_RESERVED), Names()
    inputs = {v: fields.unique(ident(v.name, "input")) for v in program.inputs}
    outputs = [out_names.unique(ident(name, "output")) for name in program.output_names]
    name = type_name(options.name or "Model")
    model = Escaped(name if name.endswith("Model") else f"{name}Model")
    own = Scope([*MODEL_FILE, model], [*program.symbols, *(s for step in program.walk() for s in step.defines)])
    marks = tuple(step for step in program.walk() if context.marked and not isinstance(step.layer, View))
    writer = Writer(plan, weights, inputs, own, lengths.counted(program), {step: number for number, step in enumerate(marks)})
    fixed = memory.of(plan) if options.static else None
    text = predict.write(writer, outputs)
    text = predict.with_scratch(text, writer) if fixed else text
    in_layers = Scope([*LAYERS_FILE, *(kind.struct for kind in text.kinds)])
    layers = fields_of_layers(writer, in_layers, text)
    at_border = border(program, model, own, inputs, outputs, Names(naming.DOC_LOCALS))
    hosted = _hosted(plan)
    stored = _stored(weights, options, context)
    needed = {*([] if fixed else ["alloc"]), *(["std"] if hosted else []), *(["store"] if stored else [])}
    features = tuple(sorted({"base", "npz", *needed, *own.features, *in_layers.features}))
    buffers, part = _buffers(plan, fixed, in_turns=False), _buffers(plan, fixed, in_turns=True)
    contents = Contents(
        version=Escaped(VERSION),
        header=comment(f"Generated by onnx2rust {VERSION} from {context.source}"),
        source=code_span(context.source),
        kind=Escaped(context.kind),
        title=Escaped(f"The model `{name}`."),
        crate=_crate(name, options, context, features),
        model=model,
        border=at_border,
        layers=layers,
        statics=tuple(weights.entries),
        tensors=tuple(e.tensor(literals.literal(e.packing, weights, Scope())) for e in weights.entries),
        buffers=buffers,
        part=part,
        predict=text,
        expected=tuple(string(e) for e in context.expected),
        expected_doc=tuple(code_span(e) for e in context.expected),
        rtol=_short(context.rtol),
        atol=_short(context.atol),
        storage=stored,
        external=bool(stored) and options.external,
        apart=None if context.apart is None else _short(context.apart),
        slack=tuple(Escaped(repr(s)) for s in context.slack),
        readme=readme.numbers(plan, arrays, context.negatives),
    )
    values = {**vars(context), **vars(contents.border), **vars(contents), "lifetime": contents.lifetime}
    values |= {"stored": contents.stored, "fresh": contents.fresh}
    values["doc_imports"] = at_border.doc_imports(model)
    values["holders"] = at_border.holders
    values["hosted"], values["fixed"] = hosted, fixed
    files = {"model/thresholds.json": thresholds.text(context.levels)} if context.binary else {}
    wanted = (t for t in _TEMPLATES if context.wants(t) and (contents.external or t != "examples/weights.rs"))
    for template in (*wanted, "src/modules.rs"):
        differ = {
            "crate_version": toml_string(identity.version(files, npz.checksum(arrays))) if template == "Cargo.toml" else None,
            "uses": (own if template == "src/model.rs" else in_layers).imports(),
            "has_f16": contents.halves(template),
            "root": _root(contents) if template == "src/model.rs" else (),
        }
        files[template] = fill(template, values | differ)
    module = files.pop("src/modules.rs")
    in_file = {context.prefix + name: array for name, array in arrays.items()}
    tensors = tuple(map(str, contents.tensors))
    shown = excerpts(text, weights, in_layers) if context.excerpts else {}
    crate, external = str(contents.crate.name), contents.external
    return Rendered(files, in_file, crate, str(model), features, module, tensors, at_border, external, marks, shown)


def _stored(weights: WeightTable, options: Options, context: Context) -> tuple[Escaped, ...]:
    """What stands for each tensor in a file of weights; nothing if there is no such file."""
    if options.weights == "embedded" or context.module:
        return ()
    found = tuple(storage.of(e.array, options.storage, e.packing) for e in weights.entries)
    return found if options.external or set(found) - {storage.PLAIN} else ()


def _crate(name: str, options: Options, context: Context, features: Sequence[str]) -> Crate:
    crate = crate_name(options.crate_name or name)
    layers = context.layers or layer_crate.copied(crate)
    return Crate(
        crate,
        toml_string(f"{name}, converted by onnx2rust"),
        toml_string(layer_crate.rust_version()),
        None if options.license is None else toml_string(options.license),
        Escaped(", ".join(toml_string(f) for f in features if f != "npz")),
        layers.toml(),
        comment(layers.package),
        context.layers is None,
    )


def workspace(members: Sequence[str]) -> str:
    """Cargo.toml of a workspace of crates that share a copy of the layers."""
    values = {
        "members": [toml_string(m) for m in members],
        "layers": toml_string(layer_crate.FOLDER),
        "version": Escaped(VERSION),
    }
    return fill("workspace.toml", values)


def _hosted(plan: Plan) -> bool:
    """Whether it needs the standard library: strings and maps are called as it calls them."""
    types = {*plan.slots, *(v.type for v in (*plan.program.inputs, *plan.program.outputs))}
    return any(t.dtype is DType.STRING or isinstance(t, MapType) for t in types)


def _root(contents: Contents) -> list[Escaped]:
    """What `src/model.rs` imports from the root of the layers."""
    border = contents.border
    holders = {slot.rust.partition("<")[0] for slot in (*contents.buffers, *contents.part)}
    functions = {*contents.predict.functions, *(["open_size"] if border.found else [])}
    functions |= {"largest"} if contents.predict.scratch else set()
    found = {"Cpu", "Error", *holders, *(["F16"] if contents.halves("src/model.rs") else [])}
    found |= set(border.holders)
    found |= {"TensorView"} if any(t.is_tensor for t in border.outputs) else set()
    return [Escaped(name) for name in (*sorted(found), *sorted(functions))]


def _buffers(plan: Plan, fixed: Memory | None, in_turns: bool) -> tuple[Slot, ...]:
    """The buffers of values that exist for one turn of a segment, or those of all others."""
    slots = [
        _slot(plan.names[k], _fixed(t.dtype.rust, fixed.slots[k]) if fixed else t.buffer, plan.contents[k])
        for k, t in enumerate(plan.slots)
        if (k in plan.of_turns) is in_turns
    ]
    scratch = replace(_SCRATCH, rust=Escaped(_fixed("f32", "SCRATCH"))) if fixed else _SCRATCH
    return (*slots, *([scratch] if plan.scratch(in_turns) else []))


def _fixed(element: str, count: int | str) -> str:
    """The type of a buffer that does not grow."""
    return f"Fixed<{element}, {count}>"


def _slot(name: str, rust: str, values: list[Value]) -> Slot:
    names = [code_span(v.name) for v in values]
    doc = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return Slot(Escaped(name.removeprefix("part.")), Escaped(rust), Escaped(doc))


def _short(number: float) -> Escaped:
    """`5e-6`."""
    digits, exponent = f"{number:.0e}".split("e")
    return Escaped(f"{digits}e{int(exponent)}")

"""The generated crate's files, from a plan: fills the templates' context and renders them."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jinja2
import numpy as np

from onnx2rust.base import naming
from onnx2rust.base.naming import Escaped, Names, code_span, comment, crate_name, ident, string, toml_string, type_name
from onnx2rust.base.options import Options
from onnx2rust.base.version import VERSION
from onnx2rust.emit import body, identity, layer_crate, lengths, literals, readme, rustfmt, thresholds
from onnx2rust.emit.layer_crate import LayerCrate
from onnx2rust.emit.scope import LAYERS_FILE, MODEL_FILE, Scope
from onnx2rust.emit.sizes import grouped
from onnx2rust.emit.steps import Writer
from onnx2rust.emit.weights import Entry, WeightTable
from onnx2rust.files import npz, resources
from onnx2rust.ir.dims import Dim, evaluate, product, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Program, Step, Value
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
    """Put before the names of weights and their packed files, where several models share one weights file and one build script."""
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
    marked: bool = False
    """Whether every step calls `crate::profile::mark` first, so that it can be timed."""
    slack: tuple[float, ...] = ()
    """What the outputs of a quantised model may be off by in any case, one number each."""
    apart: float | None = None
    """What onnxruntime was less than from the model in float64 on the test data, as a share of an output's largest, if that is known."""


@dataclass(frozen=True)
class Rendered:
    """Text files by path, and the tensors of the weights file. `module` and `tensors` are what stands in `src/lib.rs` and in the build script
    besides text for people: with them, and the files in `src/`, the model is a module of a larger crate."""

    files: dict[str, str]
    weights: dict[str, np.ndarray[Any, Any]]
    crate: str
    model: str
    features: tuple[str, ...]
    """The families of layers that the code uses."""
    module: str
    tensors: tuple[str, ...]
    marks: tuple[Step, ...] = ()
    """The steps by the numbers of their marks, if the context asks for marks."""


def render(plan: Plan, options: Options, context: Context) -> Rendered:
    """All text files of the crate."""
    program = plan.program
    weights = WeightTable(program)
    fields = Names(naming.INPUT_RESERVED)
    inputs = {v: fields.unique(ident(v.name, "input")) for v in program.inputs}
    out_names = Names()
    outputs = [out_names.unique(ident(name, "output")) for name in program.output_names]
    locals_ = Names(naming.DOC_LOCALS)
    doc_locals = {v: locals_.unique(inputs[v]) for v in program.inputs}
    defined = [s for step in program.walk() for s in step.defines]
    name = type_name(options.name or "Model")
    model = Escaped(name if name.endswith("Model") else f"{name}Model")
    own = Scope([*MODEL_FILE, model], [*program.symbols, *defined])
    writer = Writer(plan, weights, inputs, own, marks=[] if context.marked else None)
    text = body.write(writer, outputs)
    in_layers = Scope([*LAYERS_FILE, *(kind.struct for kind in text.kinds)])
    layers, kinds = _layers(writer, in_layers, text)
    found = _found(program, own, inputs)
    fixed = _lengths(program, [*inputs.items(), *zip(program.outputs, outputs, strict=True)])
    crate = crate_name(options.crate_name or name)
    lifetime = any("'w" in str(layer["type"]) for layer in layers)
    layers_crate = context.layers or layer_crate.copied(crate)
    features = tuple(sorted({"base", "npz", *writer.features}))
    tensors = [_build_entry(e, writer, context.prefix) for e in weights.entries]
    values = {
        "version": Escaped(VERSION),
        "header": comment(f"Generated by onnx2rust {VERSION} from {context.source}"),
        "description": {"toml": toml_string(f"{name}, converted by onnx2rust")},
        "source": code_span(context.source),
        "title": Escaped(f"The model `{name}`."),
        "crate": {"name": crate, "toml": toml_string(crate)},
        "rust_version": toml_string(layer_crate.rust_version()),
        "license": None if options.license is None else toml_string(options.license),
        "model": model,
        "features": Escaped(", ".join(toml_string(f) for f in features if f != "npz")),
        "layers_crate": layers_crate.toml(),
        "layers_package": comment(layers_crate.package),
        "own_layers": context.layers is None,
        "symbols": [{"name": Escaped(s), "doc": _symbol_doc(program, s)} for s in program.symbols],
        "inputs": [
            _tensor(v, inputs[v], v.name, program) | {"doc_local": doc_locals[v]} | length
            for v, length in zip(program.inputs, fixed, strict=False)
        ],
        "outputs": [
            _tensor(v, field, name, program) | length
            for v, field, name, length in zip(program.outputs, outputs, program.output_names, fixed[len(inputs) :], strict=True)
        ],
        "tensors": tensors,
        "statics": [_static(e, context.prefix) for e in weights.entries],
        "layers": layers,
        "kinds": kinds,
        "lifetime": lifetime,
        "reads_weights": any(re.search(r"\bw\.", layer["literal"]) for layer in layers),
        "slots": [{"rust": Escaped(d.rust), "doc": _slot_doc(plan.contents[k])} for k, d in enumerate(plan.slots)],
        "scratch": writer.needs_scratch,
        "functions": [Escaped(f) for f in sorted({*text.functions, *(["open_size"] if found else [])})],
        "dims": [Escaped(d) for d in text.dims],
        "sizes_struct": bool(text.dims),
        "predict": [Escaped(line) for line in text.predict],
        "blocks": [
            {"name": b.name, "doc": b.doc, "arguments": Escaped(b.arguments), "lines": [Escaped(t) for t in b.lines]}
            for b in text.methods
        ],
        "binary": context.binary,
        "placeholder_thresholds": context.placeholder_thresholds,
        "found": found,
        "samples": context.samples,
        "batched": context.batched,
        "expected": [string(e) for e in context.expected],
        "expected_doc": [code_span(e) for e in context.expected],
        "rtol": _short(context.rtol),
        "atol": _short(context.atol),
        "apart": None if context.apart is None else _short(context.apart),
        "slack": [Escaped(repr(s)) for s in context.slack],
        "kind": Escaped(context.kind),
        "drawn": context.drawn,
        "readme": readme.values(plan, weights.arrays(), context.negatives),
    }
    halves = any(v.dtype is DType.F16 for v in program.inputs)
    doc_one = dict.fromkeys(program.symbols, 1)
    values |= {
        "doc_imports": Escaped(
            ", ".join(
                sorted(
                    ["Inputs", str(model), *(["Sizes"] if program.symbols and not found else []), *(["F16"] if halves else [])]
                )
            )
        ),
        "doc_sizes": Escaped(" " + ", ".join(f"{s}: 1" for s in doc_one) + " "),
        "doc_inputs": Escaped(" " + ", ".join(f"{inputs[v]}: &{doc_locals[v]}" for v in program.inputs) + " "),
    }
    files = {"model/thresholds.json": thresholds.text(context.levels)} if context.binary else {}
    wanted = [
        t
        for t in _TEMPLATES
        if (context.samples or t not in _NEED_SAMPLES) and (not context.module or (t.startswith("src/") and t != "src/lib.rs"))
    ]
    for template in (*wanted, "src/modules.rs"):
        differ = {
            "crate_version": toml_string(_version(files, weights)) if template == "Cargo.toml" else None,
            "uses": (own if template == "src/model.rs" else in_layers).imports(),
            "has_f16": _has_f16(template, plan, weights, [*layers, *(f for kind in kinds for f in kind["fields"])]),
        }
        files[template] = fill(template, values | differ)
    module = files.pop("src/modules.rs")
    arrays = {context.prefix + name: array for name, array in weights.arrays().items()}
    return Rendered(files, arrays, str(crate), str(model), features, module, tuple(map(str, tensors)), tuple(writer.marks or ()))


def workspace(members: Sequence[str]) -> str:
    """Cargo.toml of a workspace of crates that share a copy of the layers."""
    values = {
        "members": [toml_string(m) for m in members],
        "layers": toml_string(layer_crate.FOLDER),
        "version": Escaped(VERSION),
    }
    return fill("workspace.toml", values)


def fill(template: str, values: Mapping[str, Any]) -> str:
    """A file made of a template, Rust in rustfmt's lines."""
    text = _environment().get_template(f"{template}.j2").render(values).rstrip() + "\n"
    return rustfmt.formatted(text) if template.endswith(".rs") else text


def _version(files: dict[str, str], weights: WeightTable) -> str:
    return identity.version(files, npz.checksum(weights.arrays()))


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resources.templates()),
        undefined=jinja2.StrictUndefined,
        finalize=_only_escaped,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=False,
    )


def _only_escaped(value: Any) -> Any:
    """Lets through what naming.py made, and numbers; any other text would be a way out of its place."""
    if isinstance(value, str) and not isinstance(value, Escaped):
        raise TypeError(f"unescaped text in a template: {value[:60]!r}")
    return value


def _tensor(value: Value, field: Escaped, name: str, program: Program) -> dict[str, Any]:
    one = dict.fromkeys(program.symbols, 1)
    numbers = [_at(d, one) for d in value.shape]
    length = None if any(n is None for n in numbers) else int(np.prod([n for n in numbers if n is not None] or [1]))
    return {
        "field": field,
        "name": string(name),
        "field_text": string(field),
        "rust": Escaped(value.dtype.rust),
        "dtype": Escaped(f"tf_layers::signature::Dtype::{_npz_dtype(value.dtype)}"),
        "rank": value.rank,
        "shape_text": Escaped(f"`[{', '.join(map(str, value.shape))}]`"),
        "axes": Escaped(f"[{', '.join(_axis(d, program) for d in value.shape)}]"),
        "zero": Escaped(
            {DType.BOOL: "false", DType.F16: "F16(0)"}.get(
                value.dtype, "0.0" if value.dtype.is_float else f"0_{value.dtype.rust}"
            )
        ),
        "doc_length": length,
        "doc_shape": Escaped(f"[{', '.join(map(str, numbers))}]") if length is not None else None,
    }


def _at(dim: Dim, values: dict[str, int]) -> int | None:
    return max(0, evaluate(dim, values)) if symbols(dim) <= set(values) else None


def _axis(dim: Dim, program: Program) -> str:
    if isinstance(dim, int):
        return f"Axis::Size({dim})"
    return f'Axis::Symbol("{dim}")' if str(dim) in program.symbols else "Axis::Computed"


def _npz_dtype(dtype: DType) -> str:
    return {"bool": "Bool"}.get(dtype.rust, dtype.rust.upper())


def _symbol_doc(program: Program, name: str) -> Escaped:
    where = [f"{code_span(v.name)} axis {k}" for v in program.inputs for k, d in enumerate(v.shape) if name in symbols(d)]
    return Escaped("Size of " + ", ".join(where))


def _slot_doc(values: list[Value]) -> Escaped:
    names = [code_span(v.name) for v in values]
    return Escaped(", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else ""))


def _layers(writer: Writer, scope: Scope, text: body.Body) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The fields of `Layers`, and the structs of alike blocks, which it holds arrays of."""
    found: dict[str, dict[str, Any]] = {}
    for step, type_, literal in writer.fields(scope):
        found[step.name] = _field(step.name, type_, literal, writer.describe(step))
    for e in _read_directly(writer, writer.plan.program):
        found[e.name] = _field(e.name, f"&'w [{e.stored.rust}]", f"w.{e.name}", e.member)
    kinds = []
    arrays: dict[str, dict[str, Any]] = {}
    for kind in text.kinds:
        fields = [{**found[name], "field": member} for name, member in kind.called(0).items()]
        lifetime = kind.lifetime and f"<{kind.lifetime}>"
        kinds.append({"struct": kind.struct, "lifetime": Escaped(lifetime), "fields": fields, "place": kind.place})
        blocks = (
            ", ".join(f"{member}: {found[name]['literal']}" for name, member in kind.called(k).items())
            for k in range(len(kind.blocks))
        )
        literal = ", ".join(f"{kind.struct} {{ {block} }}" for block in blocks)
        type_ = f"[{kind.struct}{lifetime}; {len(kind.blocks)}]"
        arrays[kind.blocks[0][0]] = {
            "field": kind.array,
            "type": Escaped(type_),
            "literal": Escaped(f"[{literal}]"),
            "doc": Escaped(f"{kind.place}, which are alike in all but their weights."),
        }
    in_blocks = {name for kind in text.kinds for block in kind.blocks for name in block}
    layers = []
    for name, field_ in found.items():
        layers += [arrays[name]] if name in arrays else []
        layers += [field_] if name in text.single or name not in in_blocks else []
    return layers, kinds


def _field(name: str, type_: str, literal: str, doc: str) -> dict[str, Any]:
    return {"field": Escaped(name), "type": Escaped(type_), "literal": Escaped(literal), "doc": code_span(doc)}


def _read_directly(writer: Writer, program: Program) -> list[Entry]:
    found: dict[str, Entry] = {}
    values = list(program.outputs)
    for step in program.walk():
        values += step.uses()
        for inner in step.bodies:
            values += inner.outputs
    for value in values:
        if writer.plan.root(value).const is not None:
            entry = writer.weights.of_value(writer.plan.root(value))
            found.setdefault(entry.name, entry)
    return list(found.values())


def _build_entry(entry: Entry, writer: Writer, prefix: str) -> Escaped:
    packing = literals.literal(entry.packing, writer.weights, Scope())
    shape = ", ".join(map(str, entry.array.shape))
    return Escaped(
        f"Tensor {{ name: {string(prefix + entry.member)}, dtype: Dtype::{_npz_dtype(entry.dtype)}, shape: &[{shape}], "
        f"packing: {packing}, file: {string(_flat(prefix) + _file(entry))} }}"
    )


_AS_TEXT = (DType.BOOL, DType.F16)
"""Element types whose arrays the build script writes as Rust, because not every byte pattern is one of them."""


def _file(entry: Entry) -> str:
    return f"{entry.name}.{'rs' if entry.stored in _AS_TEXT else 'bin'}"


def _static(entry: Entry, prefix: str) -> dict[str, Any]:
    return {
        "doc": code_span(f"{entry.member}: [{', '.join(map(str, entry.array.shape))}]"),
        "field": entry.name,
        "storage": Escaped(entry.stored.rust),
        "kind": Escaped("include" if entry.stored in _AS_TEXT else "bytes"),
        "file": string(_flat(prefix) + _file(entry)),
    }


def _flat(prefix: str) -> str:
    """The prefix of a file: packed weights lie in one folder."""
    return prefix.replace("/", "__")


def _found(program: Program, own: Scope, inputs: dict[Value, Escaped]) -> dict[str, Any] | None:
    """How `Inputs::sizes` finds the open sizes, if the lengths of the inputs say them."""
    found = lengths.found(program)
    if found is None:
        return None
    lines = [
        {
            "variable": own.symbols[f.symbol],
            "field": inputs[f.value],
            "text": string(inputs[f.value]),
            "others": Escaped(", ".join(str(d) if isinstance(d, int) else own.symbols[str(d)] for d in f.others)),
            "doc": Escaped(f"`{f.symbol}` is the length of `{inputs[f.value]}`{_over(f.others)}"),
        }
        for f in found
    ]
    fields = [s if own.symbols[s] == s else f"{s}: {own.symbols[s]}" for s in program.symbols]
    return {
        "lines": lines,
        "doc": Escaped(", ".join(str(line["doc"]) for line in lines)),
        "fields": Escaped(" " + ", ".join(fields) + " "),
    }


def _over(others: Sequence[Dim]) -> str:
    factor = product(others)
    return "" if factor == 1 else f" / ({factor})" if " " in str(factor) else f" / {factor}"


def _lengths(program: Program, tensors: Sequence[tuple[Value, Escaped]]) -> list[dict[str, Any]]:
    """For each input and output the constant that holds its length, if it has one."""
    names = Names(("INPUTS", "OUTPUTS", "SYMBOLS"))
    found: list[dict[str, Any]] = []
    for value, name in tensors:
        length = lengths.fixed(program, value)
        if length is None:
            found.append({"length": None})
            continue
        number, symbol = length
        each = "" if symbol is None else f" for each of `{symbol}`"
        constant = names.unique(f"{name.upper().rstrip('_')}_LEN")
        found.append({"length": constant, "number": Escaped(grouped(number)), "doc": Escaped(f"Elements of `{name}`{each}.")})
    return found


def _short(number: float) -> Escaped:
    """`5e-6`."""
    digits, exponent = f"{number:.0e}".split("e")
    return Escaped(f"{digits}e{int(exponent)}")


def _has_f16(template: str, plan: Plan, weights: WeightTable, layers: list[dict[str, Any]]) -> bool:
    """Whether the file names the half-precision type."""
    values = (*plan.program.inputs, *plan.program.outputs)
    uses = {
        "src/model.rs": any(v.dtype is DType.F16 for v in values) or DType.F16 in plan.slots,
        **dict.fromkeys(("src/lib.rs", "src/modules.rs"), any(v.dtype is DType.F16 for v in values)),
        "tests/behaviour.rs": any(v.dtype is DType.F16 for v in plan.program.inputs[:1]),
        "src/arrays.rs": any(v.dtype is DType.F16 for v in plan.program.inputs),
        "src/weights.rs": any(e.dtype is DType.F16 for e in weights.entries),
        "src/layers.rs": any("F16" in str(layer["type"]) for layer in layers),
    }
    return uses.get(template, False)

"""The public interface of tf-layers, as rustdoc writes it in JSON: structs, their fields and methods, and who implements a trait.

The JSON's form belongs to the toolchain and has a number; what is read here has been the same since `FORMATS` begins. On a stable
toolchain the option is behind `RUSTC_BOOTSTRAP`.
"""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rust_tools

CRATE = rust_tools.ROOT / "rust" / "tf-layers"
FORMATS = range(45, 60)
"""Rust 1.89, the oldest that tf-layers promises, to 1.97."""
Json = dict[str, Any]


class UnknownFormatError(Exception):
    """The toolchain writes something else than is read here."""


@dataclass(frozen=True)
class Type:
    """A Rust type: `Type("&mut", (Type("[]", (Type("T"),)),))` is `&mut [T]`. Of a path it has the last part, no lifetimes."""

    head: str
    of: tuple[Type, ...] = ()

    def __str__(self) -> str:
        inner = ", ".join(map(str, self.of))
        match self.head:
            case "&" | "&mut":
                return f"{self.head}{' ' * (self.head != '&')}{inner}"
            case "[]":
                return f"[{'; '.join(map(str, self.of))}]"
            case "()":
                return f"({inner})"
        return f"{self.head}<{inner}>" if self.of else self.head

    @property
    def inner(self) -> Type:
        """What it is a reference to, a slice of, or an option of."""
        return self.of[0]


@dataclass(frozen=True)
class Bound:
    """`subject: name<arguments>`."""

    subject: Type
    trait: Type


@dataclass(frozen=True)
class Method:
    """A function of an `impl` block, with the bounds of both."""

    name: str
    arguments: tuple[tuple[str, Type], ...]
    result: Type
    parameters: frozenset[str]
    """Its generic types and numbers, and those of the block."""
    bounds: tuple[Bound, ...]


@dataclass(frozen=True)
class Struct:
    """A struct, or a variant of an enum."""

    name: str
    generics: Mapping[str, Type | None]
    """Types and numbers, without lifetimes, and what each is if nothing is said."""
    lifetimes: int
    fields: Mapping[str, Type]
    methods: Mapping[str, Method]
    traits: frozenset[str]


@dataclass(frozen=True)
class Enum:
    """An enum: the fields of each variant."""

    variants: Mapping[str, Mapping[str, Type]]


@dataclass(frozen=True)
class Crate:
    """What the crate says of itself; items by their path inside it: `pool::MaxPool`."""

    structs: Mapping[str, Struct]
    enums: Mapping[str, Enum]
    implemented: Mapping[str, frozenset[tuple[Type, Type]]]
    """Of each trait of the crate: types, and the trait with its arguments."""


@functools.cache
def tf_layers() -> Crate:
    """The crate in the checkout, with all its features."""
    return read(CRATE)


def read(folder: Path) -> Crate:
    """The crate in a folder."""
    document = _written(folder)
    try:
        return _Reader(document).crate()
    except (KeyError, TypeError, ValueError) as error:
        known = f"read here are {FORMATS.start} to {FORMATS.stop - 1} ({Path(__file__).name})"
        raise UnknownFormatError(f"rustdoc writes its JSON in format {document['format_version']}, {known}: {error!r}") from error


def _written(folder: Path) -> Json:
    options = ("-Z", "unstable-options", "--output-format", "json", "--document-private-items")
    command = ["cargo", "rustdoc", "-q", "--offline", "--lib", "--all-features", "--", *options]
    environment = rust_tools.environment(RUSTC_BOOTSTRAP="1", RUSTDOCFLAGS="")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnknownFormatError(f"rustdoc of this toolchain writes no JSON: {done.stderr[-2000:]}")
    document: Json = json.loads((rust_tools.TARGET / "doc" / "tf_layers.json").read_text())
    return document


class _Reader:
    """Walks the document from the root module, so that a struct has the path under which it is public."""

    def __init__(self, document: Json) -> None:
        self.index: Json = document["index"]
        self.root = self.index[str(document["root"])]

    def crate(self) -> Crate:
        structs, enums = dict[str, Struct](), dict[str, Enum]()
        for path, item in self._items(self.root, ""):
            if "struct" in item["inner"]:
                structs[path] = self._struct(item)
            elif "enum" in item["inner"]:
                enums[path] = Enum({v["name"]: self._variant(v) for v in self._all(item["inner"]["enum"]["variants"])})
        traits = [i for i in self.index.values() if "trait" in i["inner"]]
        return Crate(structs, enums, {t["name"]: self._implemented(t) for t in traits})

    def _all(self, ids: list[int]) -> list[Json]:
        return [self.index[str(i)] for i in ids if str(i) in self.index]

    def _items(self, module: Json, path: str) -> Any:
        for item in self._all(module["inner"]["module"]["items"]):
            name, inner = item["name"], item["inner"]
            if "module" in inner:
                yield from self._items(item, f"{path}{name}::")
            elif "use" in inner and not inner["use"]["is_glob"] and str(inner["use"]["id"]) in self.index:
                yield f"{path}{inner['use']['name']}", self.index[str(inner["use"]["id"])]
            elif (
                "use" in inner
                and str(inner["use"]["id"]) in self.index
                and "module" in self.index[str(inner["use"]["id"])]["inner"]
            ):
                yield from self._items(self.index[str(inner["use"]["id"])], path)
            else:
                yield f"{path}{name}", item

    def _struct(self, item: Json) -> Struct:
        inner = item["inner"]["struct"]
        kind = inner["kind"]
        plain = kind["plain"]["fields"] if isinstance(kind, dict) and "plain" in kind else []
        fields = {f["name"]: self._type(f["inner"]["struct_field"]) for f in self._all(plain)}
        methods, traits = dict[str, Method](), set[str]()
        for block in self._all(inner["impls"]):
            impl = block["inner"]["impl"]
            if impl["trait"] is not None:
                traits.add(_last(impl["trait"]["path"]))
                continue
            outer = self._bounds(impl["generics"])
            for function in self._all(impl["items"]):
                if "function" in function["inner"]:
                    methods[function["name"]] = self._method(function, outer, self._parameters(impl["generics"]))
        params = inner["generics"]["params"]
        generics = {p["name"]: self._default(p["kind"]) for p in params if "lifetime" not in p["kind"]}
        return Struct(item["name"], generics, len(params) - len(generics), fields, methods, frozenset(traits))

    def _default(self, kind: Json) -> Type | None:
        default = kind["type"]["default"] if "type" in kind else None
        return None if default is None else self._type(default)

    def _variant(self, item: Json) -> dict[str, Type]:
        kind = item["inner"]["variant"]["kind"]
        if not isinstance(kind, dict):
            return {}
        ids = kind["struct"]["fields"] if "struct" in kind else kind["tuple"]
        return {f["name"]: self._type(f["inner"]["struct_field"]) for f in self._all(ids)}

    def _method(self, item: Json, outer: tuple[Bound, ...], parameters: frozenset[str]) -> Method:
        function = item["inner"]["function"]
        arguments = tuple((name, self._type(of)) for name, of in function["sig"]["inputs"])
        output = function["sig"]["output"]
        result = Type("()") if output is None else self._type(output)
        generics = function["generics"]
        bounds = (*outer, *self._bounds(generics))
        return Method(item["name"], arguments, result, parameters | self._parameters(generics), bounds)

    def _parameters(self, generics: Json) -> frozenset[str]:
        return frozenset(p["name"] for p in generics["params"] if "lifetime" not in p["kind"])

    def _bounds(self, generics: Json) -> tuple[Bound, ...]:
        found = [(Type(p["name"]), p["kind"]["type"]["bounds"]) for p in generics["params"] if "type" in p["kind"]]
        for where in generics["where_predicates"]:
            if "bound_predicate" in where:
                found.append((self._type(where["bound_predicate"]["type"]), where["bound_predicate"]["bounds"]))
        return tuple(Bound(subject, trait) for subject, bounds in found for trait in self._traits(bounds))

    def _traits(self, bounds: list[Json]) -> tuple[Type, ...]:
        return tuple(self._path(b["trait_bound"]["trait"]) for b in bounds if "trait_bound" in b)

    def _implemented(self, item: Json) -> frozenset[tuple[Type, Type]]:
        impls = [i["inner"]["impl"] for i in self._all(item["inner"]["trait"]["implementations"])]
        return frozenset((self._type(i["for"]), self._path(i["trait"])) for i in impls)

    def _path(self, path: Json) -> Type:
        arguments = ((path["args"] or {}).get("angle_bracketed") or {}).get("args", [])
        types = [self._type(a["type"]) if "type" in a else Type(a["const"]["expr"]) for a in arguments if "lifetime" not in a]
        return Type(_last(path["path"]), tuple(types))

    def _type(self, of: Json) -> Type:
        ((kind, inner),) = of.items()
        match kind:
            case "primitive" | "generic":
                return Type(inner)
            case "resolved_path":
                return self._path(inner)
            case "borrowed_ref":
                return Type("&mut" if inner["is_mutable"] else "&", (self._type(inner["type"]),))
            case "slice":
                return Type("[]", (self._type(inner),))
            case "array":
                return Type("[]", (self._type(inner["type"]), Type(inner["len"])))
            case "tuple":
                return Type("()", tuple(map(self._type, inner)))
            case "dyn_trait":
                return Type(f"dyn {' + '.join(str(self._path(t['trait'])) for t in inner['traits'])}")
            case "qualified_path":
                return Type(f"{self._type(inner['self_type'])}::{inner['name']}")
        return Type(kind)


def _last(path: str) -> str:
    return path.rpartition("::")[2]


NOT_EVERY: dict[str, set[str]] = {
    "Copy": {"String"},
    "NoUninit": {"String"},
    "Pod": {"String", "bool"},
    "Into<i64>": {"String", "F16", "f32", "f64", "u64"},
    "Into<i32>": {"String", "F16", "f32", "f64", "u64", "u32", "i64"},
}
"""Traits of others, and the element types that have them not; all have those that are not named here."""


def implements(element: Type, trait: Type, crate: Crate) -> bool:
    """Whether an element type has a trait."""
    if trait.head in crate.implemented:
        return (element, trait) in crate.implemented[trait.head]
    if str(element) in crate.structs:
        return trait.head in crate.structs[str(element)].traits
    return str(element) not in NOT_EVERY.get(str(trait), ())


def unify(pattern: Type, found: Type, bound: dict[str, Type], parameters: frozenset[str]) -> bool:
    """Whether a type has this form; what its parameters are is noted in `bound`."""
    if pattern.head in parameters:
        return bound.setdefault(pattern.head, found) == found
    inner = zip(pattern.of, found.of, strict=False)
    alike = pattern.head == found.head and len(pattern.of) == len(found.of)
    return alike and all(unify(p, f, bound, parameters) for p, f in inner)

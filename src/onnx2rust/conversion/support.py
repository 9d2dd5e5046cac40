"""`onnx2rust ops`: which operators are supported, and which nodes of a model are not."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx

from onnx2rust import frontends, importer, ops
from onnx2rust.base.errors import Problem, UnsupportedError, listed
from onnx2rust.base.options import Options
from onnx2rust.ir.dtypes import DType
from onnx2rust.model import schemas
from onnx2rust.model.graph import all_graphs


@dataclass(frozen=True)
class Supported:
    """An operator: the versions (`since_version`) that are supported, the first and last opset that mean one of them, the element
    types of its first input, and whether it runs as the function that ONNX defines it by."""

    name: str
    domain: str
    versions: tuple[int, ...]
    first_opset: int
    last_opset: int
    types: tuple[str, ...]
    by_function: bool

    def __str__(self) -> str:
        how = " (by its ONNX function)" if self.by_function else ""
        name = f"{self.domain}::{self.name}" if self.domain else self.name
        return f"{name:<32} opset {self.first_opset:>2} to {self.last_opset:<3} {', '.join(self.types)}{how}"


@dataclass(frozen=True)
class ModelSupport:
    """The verdict on a model: `problems` names every node that cannot be converted."""

    model: str
    nodes: int
    operators: dict[str, int]
    problems: tuple[Problem, ...]

    def data(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "ok": not self.problems,
            "exit_code": self.exit_code,
            "model": self.model,
            "nodes": self.nodes,
            "operators": self.operators,
            "unsupported": [asdict(p) for p in self.problems],
        }

    @property
    def exit_code(self) -> int:
        """0 if all nodes are supported."""
        return UnsupportedError.exit_code if self.problems else 0

    def text(self) -> str:
        """For people."""
        if not self.problems:
            return f"{self.model}: all {self.nodes} nodes are supported"
        return "\n".join([f"{self.model}: {len(self.problems)} problems in {self.nodes} nodes", *listed(self.problems)])


def operators() -> list[Supported]:
    """The operators that are supported, by domain and name, with opsets and element types (`onnx2rust ops`)."""
    lowered = ops.operators()
    functions: dict[tuple[str, str], list[int]] = {}
    for schema in schemas.every():
        key = ("" if schema.domain in schemas.ONNX_DOMAINS else schema.domain, schema.name)
        if key not in lowered and not schema.deprecated and _has_function(schema):
            functions.setdefault(key, []).append(schema.since_version)
    found = [_supported(name, domain, versions, by_function=False) for (domain, name), versions in lowered.items()]
    found += [_supported(name, domain, versions, by_function=True) for (domain, name), versions in functions.items()]
    return sorted(found, key=lambda s: (s.domain, s.name))


def supports(
    model: Path | str, options: Options | None = None, *, progress: Callable[[str], None] = lambda _: None
) -> ModelSupport:
    """Every node of a model that is not supported, and why (`onnx2rust ops MODEL`). An invalid model raises, as in `convert`."""
    options = options or Options()
    progress("reading the model")
    loaded = frontends.load(Path(model), options)
    nodes = [n for graph in all_graphs(loaded.proto.graph) for n in graph.node]
    counts = {name: sum(n.op_type == name for n in nodes) for name in sorted({n.op_type for n in nodes})}
    progress("lowering operators to layers")
    problems: list[Problem] = []
    try:
        importer.read(loaded.proto, options, loaded.weights)
    except UnsupportedError as error:
        problems = error.problems
    return ModelSupport(str(model), len(nodes), counts, tuple(problems))


def _supported(name: str, domain: str, since: Iterable[int], *, by_function: bool) -> Supported:
    versions = tuple(sorted(since))
    newest = _newest(domain) or max(versions)
    meant = [o for o in range(1, newest + 1) if schemas.since_version(name, domain, o) in versions]
    first, last = (min(meant), max(meant)) if meant else (min(versions), max(versions))
    return Supported(name, domain, versions, first, last, _types(name, domain, last), by_function)


@functools.cache
def _newest(domain: str) -> int:
    """The newest version of a domain that onnx knows, 0 if it does not know the domain."""
    if domain == "":
        return onnx.defs.onnx_opset_version()
    return max((s.since_version for s in schemas.every() if s.domain == domain), default=0)


def _types(name: str, domain: str, opset: int) -> tuple[str, ...]:
    """Element types that the specification allows for the first input (the first output, if there
    is none) and that exist here."""
    schema = schemas.schema(name, domain, opset)
    if schema is None:
        return ()
    allowed = {c.type_param_str: set(c.allowed_type_strs) for c in schema.type_constraints}
    formal = [*schema.inputs, *schema.outputs][0]
    names = allowed.get(formal.type_str, {formal.type_str})
    strings = ops.facts_of(name, domain).strings
    return tuple(str(t) for t in DType if t.is_known and t.spelling in names and (strings or t is not DType.STRING))


def _has_function(schema: Any) -> bool:
    return bool(schema.has_function or schema.has_context_dependent_function)

"""Which function lowers which operator: the function's signature *is* the operator's specification.

    @onnx_op("Conv", since=(1, 11, 22))
    def conv(g: Builder, x: Value, w: Const, b: Const | None = None, *, auto_pad="NOTSET", dilations=None, group=1, ...) -> Value:

Positional parameters are the node's inputs: `Value` any tensor, `Const` one that must be known at conversion (the
function gets the Value, its `array` is set), `Sizes` an integer tensor used as sizes (the function gets a tuple of dims; elements
only known at run time become symbols that a step defines), `| None` with default None where the specification says
optional, `*xs: Value` where it says variadic. Keyword-only parameters are the attributes with the schema's defaults;
no default means required. Where several operators have the same attributes, they are the fields of an `Attributes` class, and one
keyword takes them all. Anything else in a node is an error by construction, and a test compares every signature with `onnx.defs`.
`since` lists every version of the operator that the function serves; the signature is that of the newest, and what older ones
lack is listed beside it:

    @onnx_op("GRU", since=(7, 14, 22), added={14: "layout"})
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from onnx2rust.ir.program import Value
from onnx2rust.registry.facts import onnx_facts

Const = Value
Sizes = tuple[Any, ...]
Lowering = Callable[..., "Value | tuple[Value | None, ...]"]
F = TypeVar("F", bound=Lowering)


@dataclass(frozen=True)
class Attributes:
    """Base of the attributes that a lowering takes as one argument: a keyword that is annotated
    with a subclass. All have a default."""


@dataclass(frozen=True)
class Operator:
    """One registered lowering."""

    domain: str
    name: str
    version: int
    function: Lowering
    inputs: tuple[inspect.Parameter, ...]
    attributes: dict[str, inspect.Parameter]
    n_outputs: bool = field(default=False)
    """Whether the function wants to know how many outputs the node names (parameter `n_outputs`)."""
    groups: dict[str, type[Attributes]] = field(default_factory=dict)
    """Keywords of the function that take several attributes."""

    def kind(self, index: int) -> inspect.Parameter | None:
        """The parameter that takes input `index`, None if there is none."""
        if index < len(self.inputs):
            return self.inputs[index]
        last = self.inputs[-1] if self.inputs else None
        return last if last is not None and last.kind is inspect.Parameter.VAR_POSITIONAL else None


OPERATORS: dict[tuple[str, str], dict[int, Operator]] = {}
"""By domain and name, and then by version; `onnx2rust.ops` fills it, and whoever looks something up gets it from there."""


History = Mapping[int, str]
"""Names of inputs and attributes, separated by blanks, by the version that something happened to them in."""


def onnx_op(
    name: str,
    *,
    since: int | tuple[int, ...],
    domain: str = "",
    added: History | None = None,
    removed: History | None = None,
    optional: History | None = None,
    **known: Any,
) -> Callable[[F], F]:
    """Registers the decorated function as the lowering of versions `since` of an operator; raises ValueError if one of them has
    one. What was `added` later or `removed` before has the function's default; what became `optional` later is required. What
    else is `known` (`onnx_facts`) holds for all versions of the operator."""
    versions = (since,) if isinstance(since, int) else since
    if known:
        onnx_facts(name, domain=domain, **known)

    def register(function: F) -> F:
        others = OPERATORS.setdefault((domain, name), {})
        for version in versions:
            if version in others:
                first = others[version].function.__name__
                raise ValueError(f"{name} version {version} is lowered by {first}, and by {function.__name__}")
        for version in versions:
            absent = _names(added) - _names(added, version) | _names(removed, version)
            required = _names(optional) - _names(optional, version)
            others[version] = _operator(domain, name, version, function, absent, required)
        return function

    return register


def _names(history: History | None, version: float = math.inf) -> set[str]:
    """Those up to a version."""
    return {name for since, names in (history or {}).items() if since <= version for name in names.split()}


def _operator(domain: str, name: str, version: int, function: Lowering, absent: set[str], required: set[str]) -> Operator:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    groups = {p.name: group for p in parameters if (group := _group(function, p)) is not None}
    of_groups = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default) for g in groups.values() for f in fields(g)
    ]
    named = [p for p in (*parameters, *of_groups) if p.name not in absent and p.name not in groups]
    named = [p.replace(default=inspect.Parameter.empty) if p.name in required else p for p in named]
    inputs = tuple(p for p in named if p.kind is not inspect.Parameter.KEYWORD_ONLY)
    attributes = {p.name: p for p in named if p.kind is inspect.Parameter.KEYWORD_ONLY}
    counts = attributes.pop("n_outputs", None) is not None
    return Operator(domain, name, version, function, inputs, attributes, counts, groups)


def _group(function: Lowering, parameter: inspect.Parameter) -> type[Attributes] | None:
    """The class of attributes that a keyword is annotated with, if it is."""
    kind = function.__globals__.get(str(parameter.annotation))
    return kind if isinstance(kind, type) and issubclass(kind, Attributes) else None

"""Which function lowers which operator: the function's signature *is* the operator's specification.

    @onnx_op("Conv", since=(1, 11, 22))
    def conv(g: Builder, x: Value, w: Const, b: Const | None = None, *, auto_pad="NOTSET", dilations=None, group=1, ...) -> Value:

Positional parameters are the node's inputs: `Value` any tensor, `Const` one that must be known at conversion (the
function gets the Value, its `array` is set), `Sizes` an integer tensor used as sizes (the function gets a tuple of dims; elements
only known at run time become symbols that a step defines), `| None` with default None where the specification says
optional, `*xs: Value` where it says variadic. Keyword-only parameters are the attributes with the schema's defaults;
no default means required. Where several operators have the same attributes, they are the fields of an `Attributes` class, and one
keyword takes them all. Anything else in a node is an error by construction, and a test compares every signature with `onnx.defs`.
`since` lists every version of the operator that the function serves.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from onnx2rust.ir.program import Value

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
    since: tuple[int, ...]
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


OPERATORS: dict[tuple[str, str], list[Operator]] = {}
"""By domain and name; `onnx2rust.ops` fills it, and whoever looks something up gets it from there."""


def onnx_op(name: str, *, since: int | tuple[int, ...], domain: str = "") -> Callable[[F], F]:
    """Registers the decorated function as the lowering of versions `since` of an operator; raises
    ValueError if one of them has one."""
    versions = (since,) if isinstance(since, int) else since

    def register(function: F) -> F:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        positional = tuple(p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY)
        keywords = {p.name: p for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
        counts = keywords.pop("n_outputs", None) is not None
        groups = {name: group for name, p in keywords.items() if (group := _group(function, p)) is not None}
        for keyword, group in groups.items():
            kind = keywords.pop(keyword).kind
            keywords |= {f.name: inspect.Parameter(f.name, kind, default=f.default) for f in fields(group)}
        operator = Operator(domain, name, versions, function, positional, keywords, counts, groups)
        others = OPERATORS.setdefault((domain, name), [])
        for other in others:
            if twice := sorted(set(versions) & set(other.since)):
                raise ValueError(f"{name} version {twice[0]} is lowered by {other.function.__name__}, and by {function.__name__}")
        others.append(operator)
        return function

    return register


def _group(function: Lowering, parameter: inspect.Parameter) -> type[Attributes] | None:
    """The class of attributes that a keyword is annotated with, if it is."""
    kind = function.__globals__.get(str(parameter.annotation))
    return kind if isinstance(kind, type) and issubclass(kind, Attributes) else None

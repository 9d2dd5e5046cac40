"""Which function lowers which operator: the function's signature *is* the operator's specification.

    @onnx_op("Conv", since=(1, 11, 22))
    def conv(g: Builder, x: Value, w: Const, b: Const | None = None, *, auto_pad="NOTSET", dilations=None, group=1, ...) -> Value:

Positional parameters are the node's inputs: `Value` any tensor, `Const` one that must be known at conversion (the
function gets the Value, its `array` is set), `Sizes` an integer tensor used as sizes (the function gets a tuple of dims; elements
only known at run time become symbols that a step defines), `| None` with default None where the specification says
optional, `*xs: Value` where it says variadic. Keyword-only parameters are the attributes with the schema's defaults;
no default means required. Anything else in a node is an error by construction, and a test compares every signature
with `onnx.defs`. `since` lists every version of the operator that the function serves.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import onnx

from onnx2rust.base.errors import Problem
from onnx2rust.ir.program import Value

Const = Value
Sizes = tuple[Any, ...]
Lowering = Callable[..., "Value | tuple[Value | None, ...]"]
F = TypeVar("F", bound=Lowering)


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

    def kind(self, index: int) -> inspect.Parameter | None:
        """The parameter that takes input `index`, None if there is none."""
        if index < len(self.inputs):
            return self.inputs[index]
        last = self.inputs[-1] if self.inputs else None
        return last if last is not None and last.kind is inspect.Parameter.VAR_POSITIONAL else None


_OPERATORS: dict[tuple[str, str], list[Operator]] = {}
ONNX_DOMAINS = ("", "ai.onnx")


def onnx_op(name: str, *, since: int | tuple[int, ...], domain: str = "") -> Callable[[F], F]:
    """Registers the decorated function as the lowering of versions `since` of an operator; raises ValueError if one of them has one."""
    versions = (since,) if isinstance(since, int) else since

    def register(function: F) -> F:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        positional = tuple(p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY)
        keywords = {p.name: p for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
        counts = keywords.pop("n_outputs", None) is not None
        operator = Operator(domain, name, versions, function, positional, keywords, counts)
        others = _OPERATORS.setdefault((domain, name), [])
        for other in others:
            if twice := sorted(set(versions) & set(other.since)):
                raise ValueError(f"{name} version {twice[0]} is lowered by {other.function.__name__}, and by {function.__name__}")
        others.append(operator)
        return function

    return register


@functools.cache
def load_all() -> dict[tuple[str, str], list[Operator]]:
    """All operators; imports the modules of `onnx2rust.ops` on first use."""
    from onnx2rust import ops

    for module in pkgutil.iter_modules(ops.__path__):
        importlib.import_module(f"onnx2rust.ops.{module.name}")
    return _OPERATORS


ONNXRUNTIMES = {"LayerNormalization": ("LayerNormalization", 17), "SimplifiedLayerNormalization": ("RMSNormalization", 23)}
"""Operators that onnxruntime has in ONNX's domain at every opset (its optimiser writes them into models), and the operator of ONNX and its
version that they are."""


def only_in_onnxruntime(name: str, domain: str, opset: int) -> bool:
    """Whether an operator of ONNX's domain is none of ONNX's at this opset, but one of onnxruntime's."""
    return domain in ONNX_DOMAINS and name in ONNXRUNTIMES and not onnx.defs.has(name, opset, "")


def schema(name: str, domain: str, opset: int) -> onnx.defs.OpSchema | None:
    """The specification of an operator as a model with this opset means it; None if there is none."""
    domain = "" if domain in ONNX_DOMAINS else domain
    if only_in_onnxruntime(name, domain, opset):
        name, opset = ONNXRUNTIMES[name]
    try:
        return onnx.defs.get_schema(name, opset, domain)
    except onnx.defs.SchemaError:
        return None


def since_version(name: str, domain: str, opset: int) -> int | None:
    """The version of the operator that a model with this opset means; None if there is none."""
    found = schema(name, domain, opset)
    return None if found is None else int(found.since_version)


def lookup(name: str, domain: str, opset: int) -> Operator | Problem:
    """The lowering for an operator at a model's opset, or why there is none."""
    domain = "" if domain in ONNX_DOMAINS else domain
    version = since_version(name, domain, opset)
    candidates = load_all().get((domain, name), [])
    if version is None and not candidates:
        return Problem(
            f"there is no operator {name!r} in domain {domain or 'ai.onnx'!r} at opset {opset}",
            hint="export the model with standard ONNX operators (a left-over framework operator cannot be converted)",
        )
    for operator in candidates:
        if version is None or version in operator.since:
            return operator
    if candidates:
        known = sorted(v for o in candidates for v in o.since)
        return Problem(
            f"operator {name} version {version} is not supported (supported versions: {known})",
            hint="convert the model's opset with onnx.version_converter",
        )
    return Problem(f"operator {name} is not supported", hint="`onnx2rust ops` lists what is")


def bind_attributes(operator: Operator, attributes: dict[str, Any]) -> dict[str, Any] | list[Problem]:
    """Keyword arguments for the function, or every attribute that does not fit its signature."""
    problems = [
        Problem(f"unknown attribute {name!r} of {operator.name}", hint="the model does not follow the ONNX specification")
        for name in attributes
        if name not in operator.attributes
    ]
    problems += [
        Problem(f"{operator.name} lacks its required attribute {name!r}")
        for name, parameter in operator.attributes.items()
        if parameter.default is inspect.Parameter.empty and name not in attributes
    ]
    return problems or dict(attributes)

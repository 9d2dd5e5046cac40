"""Operators, one file per family: each function lowers an ONNX operator to layers and states its output's type.

Importing this package registers all of them. Who looks something up asks here, and so never sees a part of them only.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from onnx2rust.base.errors import Problem
from onnx2rust.model.schemas import ONNX_DOMAINS, since_version
from onnx2rust.registry import OPERATORS, Operator
from onnx2rust.registry.facts import FACTS, Facts

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def operators() -> Mapping[tuple[str, str], Mapping[int, Operator]]:
    """All lowerings, by domain and name of their operator, and by version."""
    return OPERATORS


def lookup(name: str, domain: str, opset: int) -> Operator | Problem:
    """The lowering for an operator at a model's opset, or why there is none."""
    domain = "" if domain in ONNX_DOMAINS else domain
    version = since_version(name, domain, opset)
    candidates = OPERATORS.get((domain, name), {})
    if version is None and not candidates:
        return Problem(
            f"there is no operator {name!r} in domain {domain or 'ai.onnx'!r} at opset {opset}",
            hint="export the model with standard ONNX operators (a left-over framework operator cannot be converted)",
        )
    if version is None or version in candidates:
        return candidates[max(candidates) if version is None else version]
    if candidates:
        known = sorted(candidates)
        return Problem(
            f"operator {name} version {version} is not supported (supported versions: {known})",
            hint="convert the model's opset with onnx.version_converter",
        )
    return Problem(f"operator {name} is not supported", hint="`onnx2rust ops` lists what is")


def all_facts() -> Mapping[tuple[str, str], Facts]:
    """The facts of all operators that have any, by domain and name."""
    return FACTS


def facts_of(name: str, domain: str = "") -> Facts:
    """The facts of an operator."""
    return FACTS.get(("" if domain in ONNX_DOMAINS else domain, name), _NONE)


_NONE = Facts()

"""A node's inputs and attributes as the arguments of its lowering, whose signature says what they may be."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from onnx2rust.base.errors import Problem, Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.program import Value
from onnx2rust.registry import Operator


def keywords(operator: Operator, attributes: dict[str, Any]) -> dict[str, Any]:
    """The node's attributes as keyword arguments; refuses every one that does not fit the signature."""
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
    if problems:
        raise Refuse(problems, invalid=True)
    bound = dict(attributes)
    for keyword, group in operator.groups.items():
        bound[keyword] = group(**{f.name: bound.pop(f.name) for f in fields(group) if f.name in bound})
    return bound


def arguments(g: Builder, operator: Operator, inputs: Sequence[Value | None]) -> list[Any]:
    """The node's inputs as the lowering's positional arguments; refuses what the signature does not allow."""
    problems: list[Problem] = []
    bound: list[Any] = []
    for index, value in enumerate(inputs):
        parameter = operator.kind(index)
        if parameter is None:
            problems.append(Problem(f"{operator.name} takes at most {len(operator.inputs)} inputs, not {len(inputs)}"))
            break
        optional = parameter.default is None or parameter.kind is inspect.Parameter.VAR_POSITIONAL
        annotation = str(parameter.annotation).removesuffix(" | None")
        if value is None and not optional:
            problems.append(Problem(f"{operator.name} needs its input {parameter.name!r}"))
        elif value is not None and annotation == "Const" and value.array is None:
            raise Refuse(
                f"input {parameter.name!r} must be known at conversion",
                f"{value.name!r} is computed while the model runs; make it a constant (initializer) of the model",
            )
        elif value is not None and annotation == "Sizes":
            bound.append(g.sizes(value, parameter.name))
            continue
        bound.append(value)
    for parameter in operator.inputs[len(inputs) :]:
        if parameter.default is inspect.Parameter.empty and parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            problems.append(Problem(f"{operator.name} needs its input {parameter.name!r}"))
    if problems:
        raise Refuse(problems, invalid=True)
    return bound

"""Layers as Rust struct literals: the emitter walks the dataclass's fields, no layer has emission code of its own."""

from __future__ import annotations

import math
from typing import Any

from onnx2rust.base.naming import string
from onnx2rust.emit.scope import Scope
from onnx2rust.emit.sizes import grouped
from onnx2rust.emit.weights import WeightTable
from onnx2rust.ir.dims import Expr
from onnx2rust.ir.layer import Layer, Variant, Weight


def applied(name: str, layer: Layer) -> str:
    """The Rust type of a layer whose struct is called so: `Conv<'w, 2>`."""
    arguments = (["'w"] if layer.holds_weights() else []) + list(layer.generics())
    return f"{name}<{', '.join(arguments)}>" if arguments else name


def struct(layer: Layer, weights: WeightTable, scope: Scope) -> str:
    """The checked struct literal of a layer."""
    fields = []
    for name, value in layer.constants().items():
        if open_sizes := [v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, Expr)]:
            known = f"`{name}` is part of the layer's literal, and {open_sizes[0]} is only known at run time"
            raise TypeError(f"{type(layer).__name__}: {known}")
        text = literal(value, weights, scope)
        if layer.mirror()[name].option and value is not None:
            text = f"Some({text})"
        fields.append(f"{name}: {text}")
    return f"{scope.item(layer.rust)} {{ {', '.join(fields)} }}.checked()"


def literal(value: Any, weights: WeightTable, scope: Scope) -> str:
    """A Rust expression for a field's value."""
    if value is None:
        return "None"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return grouped(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str):
        return str(string(value))
    if isinstance(value, tuple):
        return f"[{', '.join(literal(v, weights, scope) for v in value)}]"
    if isinstance(value, Weight):
        return f"w.{weights.of(value).name}"
    if isinstance(value, Variant):
        head = f"{scope.item(value.enum)}::{value.name}"
        inner = ", ".join(f"{k}: {literal(v, weights, scope)}" for k, v in value.fields)
        return f"{head} {{ {inner} }}" if inner else head
    raise TypeError(f"no Rust literal for {type(value).__name__}")


def number(value: float) -> str:
    """An f32 (or f64, by inference) literal that reads back as the same number."""
    if math.isnan(value):
        return "f32::NAN"
    if math.isinf(value):
        return "f32::INFINITY" if value > 0 else "f32::NEG_INFINITY"
    import numpy as np

    short = np.format_float_positional(np.float32(value), unique=True, trim="0")
    text = short if np.float32(value) == value or np.float64(np.float32(value)) != 0 else repr(value)
    if len(text) > 20:
        text = f"{np.float32(value):.9e}"
    return text

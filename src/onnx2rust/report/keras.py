"""Layers in the words of Keras: what people call them, whichever framework a model came from."""

from __future__ import annotations

import re
from typing import Any

from onnx2rust.ir.dims import Dim, ceil_div, maximum
from onnx2rust.ir.layer import Variant, View, Weight
from onnx2rust.ir.program import Step


def class_name(step: Step) -> str:
    """The layer's class: `Conv2D`, `Dense`, `Flatten`…"""
    layer = step.layer
    if isinstance(layer, View):
        return "Flatten" if step.origin.op in ("Flatten", "Reshape") and _flattens(step) else "Reshape"
    table = step.inputs[0] if type(layer).__name__ == "Gather" else None
    if table is not None and table.const is not None and table.rank == 2:
        return "Embedding"
    return layer.keras_name().format(d=_spatial_axes(step))


def config(step: Step) -> dict[str, Any]:
    """The layer's parameters that are not tensors, as JSON values."""
    layer = step.layer
    found: dict[str, Any] = {}
    if isinstance(layer, View):
        return {"target_shape": plain(step.outputs[0].shape if step.outputs and step.outputs[0] else ())}
    constants = layer.constants()
    for field, value in constants.items():
        name = layer.mirror()[field].keras
        if not name or name == "bias" or isinstance(value, Weight):
            continue
        if name == "activation" and isinstance(value, Variant):
            found[name] = activation(value)
        elif name == "axis" and isinstance(value, tuple):
            found[name] = [k for k, marked in enumerate(value) if marked]
        else:
            found[name] = plain(value)
    if "pads_begin" in constants:
        if "kernel_shape" not in constants:
            found["kernel_size"] = plain(_taps(step))
        found["padding"] = padding(step)
    if "bias" in constants:
        found["use_bias"] = constants["bias"] is not None
    table = step.inputs[0] if step.inputs else None
    if class_name(step) == "Embedding" and table is not None:
        found |= {"input_dim": plain(table.shape[0]), "output_dim": plain(table.shape[1])}
    return found


def activation(variant: Variant) -> str | dict[str, Any]:
    """`relu`, `sigmoid`…; with parameters `{"name": "leaky_relu", "alpha": 0.1}`."""
    fields = {k: plain(v) for k, v in variant.fields}
    if variant.name == "Clip" and fields == {"min": 0.0, "max": 6.0}:
        return "relu6"
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", variant.name).lower()
    return {"name": name, **fields} if fields else name


def padding(step: Step) -> str | list[list[Any]]:
    """`valid`, `same` (as Keras places it: an odd one goes behind), `same_lower`, else the pads around each axis."""
    constants = step.layer.constants()
    begin, end = constants["pads_begin"], constants["pads_end"]
    if told := step.layer.told():
        return "same" if told == "same_upper" else told
    if not any(begin) and not any(end):
        return "valid"
    taps, strides = _taps(step), constants.get("strides", (1,) * len(begin))
    dilations = constants.get("dilations", (1,) * len(begin))
    x = step.inputs[0]
    sizes = x.shape[1:-1] if x is not None else ()
    same = len(sizes) == len(begin)
    for k, size in enumerate(sizes if same else ()):
        reach = (taps[k] - 1) * dilations[k] + 1
        total: Dim = (ceil_div(size, strides[k]) - 1) * strides[k] + reach - size
        total = maximum(total, 0) if isinstance(total, int) else total
        same = same and (begin[k], end[k]) == (total // 2, total - total // 2)
    return "same" if same else [[plain(b), plain(e)] for b, e in zip(begin, end, strict=True)]


def _taps(step: Step) -> tuple[int, ...]:
    """The size of the kernel that slides along the spatial axes; empty for layers without one."""
    taps = getattr(step.layer, "kernel_shape", ())
    return taps if isinstance(taps, tuple) else ()


def _spatial_axes(step: Step) -> int:
    """How many axes a kernel slides along: those between batch and channels."""
    taps = _taps(step)
    if taps:
        return len(taps)
    x = next((v for v in step.inputs if v is not None), None)
    return max(0, len(x.type.axes) - 2) if x is not None else 0


def _flattens(step: Step) -> bool:
    x, y = step.inputs[0], step.outputs[0]
    return x is not None and y is not None and y.rank == 2 and x.rank >= 2 and x.shape[0] == y.shape[0]


def plain(value: Any) -> Any:
    """The value as JSON: numbers as they are, lists of tuples, sizes that the model leaves open as text."""
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    if isinstance(value, Variant):
        return {"name": value.name, **{k: plain(v) for k, v in value.fields}} if value.fields else value.name
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)

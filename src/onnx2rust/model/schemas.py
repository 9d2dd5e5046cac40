"""What the ONNX specification says of an operator, as a model with some opset means it."""

from __future__ import annotations

import onnx

ONNX_DOMAINS = ("", "ai.onnx")
ONNXRUNTIMES = {"LayerNormalization": ("LayerNormalization", 17), "SimplifiedLayerNormalization": ("RMSNormalization", 23)}
"""Operators that onnxruntime has in ONNX's domain at every opset (its optimiser writes them into
models), and the operator of ONNX and its version that they are."""


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

"""What the specification says of an operator, as a model with some opset means it: ONNX's own, and those of other domains."""

from __future__ import annotations

import onnx

ONNX_DOMAINS = ("", "ai.onnx")
ML = "ai.onnx.ml"
MICROSOFT = "com.microsoft"
ONNXRUNTIMES = {"LayerNormalization": ("LayerNormalization", 17), "SimplifiedLayerNormalization": ("RMSNormalization", 23)}
"""Operators that onnxruntime has in ONNX's domain at every opset (its optimiser writes them into
models), and the operator of ONNX and its version that they are."""
_DEFINED: dict[tuple[str, str], list[onnx.defs.OpSchema]] = {}
FUNCTIONS: list[onnx.FunctionProto] = []
"""What the operators of `define` compute, in operators of ONNX: the float64 referee evaluates these."""


def define(schema: onnx.defs.OpSchema, formula: str) -> None:
    """Adds an operator that onnx does not know: its schema, in the form of `onnx.defs`, and the body of a function that computes
    it (`onnx.parser` has the syntax) from operators of ONNX's newest opset that onnx's evaluator has itself. (It has no `Gelu`, a
    function whose body depends on attributes.) The formula is run in float64 and in the model's types, which the evaluator
    does not mix: a constant is made like the data by `CastLike`."""
    _DEFINED.setdefault((schema.domain, schema.name), []).append(schema)
    inputs, outputs = (", ".join(f.name for f in formal) for formal in (schema.inputs, schema.outputs))
    opsets = f'<domain: "{schema.domain}", opset_import: ["" : {onnx.defs.onnx_opset_version()}]>'
    FUNCTIONS.append(onnx.parser.parse_function(f"{opsets} {schema.name} ({inputs}) => ({outputs}) {{ {formula} }}"))


def every() -> list[onnx.defs.OpSchema]:
    """All versions of all operators."""
    return [*onnx.defs.get_all_schemas_with_history(), *(s for versions in _DEFINED.values() for s in versions)]


def only_in_onnxruntime(name: str, domain: str, opset: int) -> bool:
    """Whether an operator of ONNX's domain is none of ONNX's at this opset, but one of onnxruntime's."""
    return domain in ONNX_DOMAINS and name in ONNXRUNTIMES and not onnx.defs.has(name, opset, "")


def schema(name: str, domain: str, opset: int) -> onnx.defs.OpSchema | None:
    """The specification of an operator as a model with this opset means it; None if there is none."""
    domain = "" if domain in ONNX_DOMAINS else domain
    if only_in_onnxruntime(name, domain, opset):
        name, opset = ONNXRUNTIMES[name]
    if (domain, name) in _DEFINED:
        meant = [s for s in _DEFINED[domain, name] if s.since_version <= opset]
        return max(meant, key=lambda s: s.since_version, default=None)
    try:
        return onnx.defs.get_schema(name, opset, domain)
    except onnx.defs.SchemaError:
        return None


def since_version(name: str, domain: str, opset: int) -> int | None:
    """The version of the operator that a model with this opset means; None if there is none."""
    found = schema(name, domain, opset)
    return None if found is None else int(found.since_version)

"""Programs as text for people: a line a step, `value: type = Layer(fields)(inputs)`."""

from __future__ import annotations

from onnx2rust.base.naming import comment
from onnx2rust.ir.program import Program, Step, Value

_LINE = 400


def program(program: Program) -> str:
    """The whole program; bodies of If and Loop are indented under their step."""
    return _program(program, "")


def _program(program: Program, indent: str) -> str:
    lines = [f"{indent}input {_typed(v)}" for v in program.inputs]
    for step in program.steps:
        lines.append(indent + _step(step))
        for body in step.bodies:
            lines += [f"{indent}  body {comment(body.name)}:", _program(body, indent + "    ")]
    for value, name in zip(program.outputs, program.output_names, strict=True):
        lines.append(f"{indent}output {comment(name)} = {_name(value)}: {value.type}")
    return "\n".join(lines)


def _step(step: Step) -> str:
    results = ", ".join(_typed(v) for v in step.results())
    inputs = ", ".join("-" if v is None else _name(v) for v in step.inputs)
    defines = f" defining {', '.join(step.defines)}" if step.defines else ""
    text = f"{results} = {step.layer}({inputs}){defines}" if results else f"{step.layer}({inputs}){defines}"
    return str(comment(text, _LINE))


def _typed(value: Value) -> str:
    return f"{_name(value)}: {value.type}"


def _name(value: Value) -> str:
    return str(comment(value.name))

"""Gives every output a buffer of its own in the workspace.

What `predict` returns is borrowed from the workspace. An output that is (a view of) an input or a constant would not be: a
`Copy` step makes it so. Copying changes no value.
"""

from __future__ import annotations

from dataclasses import replace

from onnx2rust.base.naming import Names
from onnx2rust.ir import views
from onnx2rust.ir.program import Origin, Program, Step, Value


def run(program: Program) -> Program:
    """The program with a Copy step for every output that no step writes."""
    sources = views.sources(program.steps)
    steps = list(program.steps)
    names = Names(step.name for step in program.walk())
    outputs: list[Value] = []
    for value, name in zip(program.outputs, program.output_names, strict=True):
        root = views.root(value, sources)
        if root in program.inputs or root.const is not None:
            copy = Value(f"{value.name}.copy", value.type)
            origin = Origin(name, "Identity", "", 1, len(steps))
            steps.append(Step(names.unique(f"copy_{len(outputs)}"), value.type.copy, (value,), (copy,), origin))
            value = copy
        outputs.append(value)
    return replace(program, steps=tuple(steps), outputs=tuple(outputs)) if len(steps) > len(program.steps) else program

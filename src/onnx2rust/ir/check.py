"""What must hold of a program between any two stages; a violation is a bug of ours, reported with the stage's name."""

from __future__ import annotations

from onnx2rust.base.errors import ToolError
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Program, Value


def program(program: Program, stage: str) -> None:
    """Checks single assignment, definition before use, known symbols, unique step names."""
    problems: list[str] = []
    _steps(program, set(program.inputs), set(program.symbols), set(), problems)
    if problems:
        raise ToolError(f"bug in onnx2rust after {stage}: " + "; ".join(problems[:5]), "please report it with the model")


def _steps(program: Program, known: set[Value], sizes: set[str], names: set[str], problems: list[str]) -> None:
    for step in program.steps:
        if step.name in names:
            problems.append(f"two steps are called {step.name}")
        names.add(step.name)
        for body in step.bodies:
            _steps(body, known | set(body.inputs), sizes | set(step.defines), names, problems)
        sizes |= set(step.defines)
        for value in step.inputs:
            if value is not None and value.const is None and value not in known:
                problems.append(f"{step.name} uses {value!r} before it exists")
        for value in step.results():
            if value in known:
                problems.append(f"{value!r} is defined twice")
            known.add(value)
            if unknown := value.type.symbols - sizes:
                problems.append(f"{value!r} has unknown sizes {sorted(unknown)}")
        if missing := step.layer.symbols() - sizes:
            problems.append(f"{step.name} needs unknown sizes {sorted(missing)}")
        if isinstance(step.layer, View):
            (out,), (source,) = step.outputs, step.inputs
            if out is None or source is None or out.dtype is not source.dtype:
                problems.append(f"{step.name} changes the element type")
    for value in program.outputs:
        if value.const is None and value not in known:
            problems.append(f"output {value!r} is never computed")

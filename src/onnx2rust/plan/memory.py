"""Plan → the size of every buffer, for programs that allocate nothing (`--static`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.base.errors import Problem, UnsupportedError, UsageError
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.types import TensorType
from onnx2rust.plan.planner import Plan

LINE = 64
"""Bytes that a buffer begins at and takes whole ones of."""


@dataclass(frozen=True)
class Memory:
    """Elements of each slot, and of the scratch that layers share."""

    slots: tuple[int, ...]
    scratch: int
    bytes: int
    """Of a workspace."""


def of(plan: Plan) -> Memory:
    """How large every buffer is.

    Raises UsageError where sizes are open, UnsupportedError with every layer whose sizes only the data decide, or whose scratch
    is not known here.
    """
    program = plan.program
    if program.symbols:
        fixed = " ".join(f"--dim {name}=1" for name in program.symbols)
        raise UsageError(f"--static: the model leaves sizes open ({', '.join(program.symbols)})", f"fix them: {fixed}")
    hint = "convert without --static: the crate needs an allocator then"
    values = (*program.inputs, *program.outputs, *(v for step in program.walk() for v in step.results()))
    problems = [
        Problem(f"--static: {value.name}: {value.type.kind} has no fixed size", hint=hint)
        for value in dict.fromkeys(values)
        if not isinstance(value.type, TensorType) or value.dtype is DType.STRING
    ]
    scratch = 0
    for step in program.walk():
        needed = step.layer.scratch_len()
        if step.defines or step.bodies or not isinstance(needed, int):
            what = "its working memory is not known at conversion" if needed is None else "its sizes depend on the data"
            problems.append(Problem(f"--static: {type(step.layer).__name__}: {what}", str(step.origin), hint))
        else:
            scratch = max(scratch, needed)
    if problems:
        raise UnsupportedError(problems)
    slots = tuple(plan.bytes(k, known) // type_.dtype.bytes(1) for k, type_ in enumerate(plan.slots))
    sizes = [type_.dtype.bytes(n) for n, type_ in zip(slots, plan.slots, strict=True)] + [DType.F32.bytes(scratch)]
    return Memory(slots, scratch, sum(-(-size // LINE) * LINE for size in sizes))


def known(dim: Dim) -> int:
    """A size that is not open."""
    if not isinstance(dim, int):
        raise TypeError(f"{dim} is open")
    return dim

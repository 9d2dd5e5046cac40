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
ON_STACK = 128 << 10
"""Bytes of buffers that any thread's stack has room for, also where they are copied."""


@dataclass(frozen=True)
class Memory:
    """Elements of each slot. What layers work in is no part of it: `scratch_len` of their structs says that, in the crate."""

    slots: tuple[int, ...]
    bytes: int
    """Of all slots."""

    @property
    def stack(self) -> int:
        """Bytes of stack that are enough for some workspaces, which debug builds copy, with what layers work in."""
        return (2 << 20) + 16 * self.bytes


def of(plan: Plan) -> Memory:
    """How large every buffer is.

    Raises UsageError where only sizes are open, UnsupportedError with every value that is no tensor of numbers, every layer whose
    sizes only the data decide, and the sizes that are open.
    """
    program = plan.program
    hint = "convert without --static: the crate needs an allocator then"
    values = (*program.inputs, *program.outputs, *(v for step in program.walk() for v in step.results()))
    problems = [
        Problem(f"--static: {value.name}: {value.type.kind} has no fixed size", hint=hint)
        for value in dict.fromkeys(values)
        if not isinstance(value.type, TensorType) or value.dtype is DType.STRING
    ]
    problems += [
        Problem(f"--static: {step.origin.op}: its sizes depend on the data", str(step.origin), hint)
        for step in program.walk()
        if step.defines
    ]
    if program.symbols:
        fixed = " ".join(f"--dim {name}=1" for name in program.symbols)
        what = f"--static: the model leaves sizes open ({', '.join(program.symbols)})"
        if not problems:  # all that is wrong can be put right on the command line
            raise UsageError(what, f"fix them: {fixed}")
        problems.append(Problem(what, hint=f"fix them: {fixed}"))
    if problems:
        raise UnsupportedError(problems)
    slots = tuple(plan.bytes(k, known) // type_.dtype.bytes(1) for k, type_ in enumerate(plan.slots))
    sizes = [type_.dtype.bytes(n) for n, type_ in zip(slots, plan.slots, strict=True)]
    return Memory(slots, sum(-(-size // LINE) * LINE for size in sizes))


def known(dim: Dim) -> int:
    """A size that is not open."""
    if not isinstance(dim, int):
        raise TypeError(f"{dim} is open")
    return dim

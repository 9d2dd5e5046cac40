"""Program → Program: each pass keeps what the program computes; its docstring says why.

`PASSES` is the order they run in; the program is checked after each.
"""

from __future__ import annotations

from collections.abc import Callable

from onnx2rust import check
from onnx2rust.passes import dead, fuse, gates, outputs, winograd
from onnx2rust.program import Program

Pass = Callable[[Program], Program]

PASSES: tuple[tuple[str, Pass], ...] = (
    ("dead", dead.run),  # steps nobody uses cost time
    ("gates", gates.run),  # x * sigmoid(x) is one activation, which a product can take
    ("fuse", fuse.run),  # what follows a product costs nothing while its tile is in registers
    ("winograd", winograd.run),  # 3 x 3 convolutions with fewer multiplications
    ("outputs", outputs.run),  # what a caller gets must live in the workspace
)


def run(program: Program, trace: Callable[[str, Program], None] | None = None) -> Program:
    """Runs all passes; `trace` sees the program after each."""
    check.program(program, "import")
    if trace:
        trace("import", program)
    for name, transform in PASSES:
        program = transform(program)
        check.program(program, name)
        if trace:
            trace(name, program)
    return program

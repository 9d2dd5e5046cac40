"""Program → Program: each pass keeps what the program computes; its docstring says why.

`PASSES` is the order they run in; the program is checked after each.
"""

from __future__ import annotations

from collections.abc import Callable

from onnx2rust import check
from onnx2rust.passes import (
    activations,
    common,
    dead,
    fold_pad,
    fold_scale,
    fuse_activation,
    fuse_residual,
    hoist,
    layer_norm,
    names,
    outputs,
    scale_shift,
    winograd,
)
from onnx2rust.program import Program

Pass = Callable[[Program], Program]

PASSES: tuple[tuple[str, Pass], ...] = (
    ("dead", dead.run),  # steps nobody uses cost time, and readers that are none would stop what follows
    ("common", common.run),  # before others count readers
    ("hoist", hoist.run),  # what a loop repeats without need
    ("layer_norm", layer_norm.run),  # one pass over memory instead of ten
    ("activations", activations.run),  # before their arithmetic disappears into products
    ("fold_pad", fold_pad.run),  # a copy of the image less
    ("fold_scale", fold_scale.run),  # batch normalisation disappears into weights
    ("scale_shift", scale_shift.run),  # what is left of batch normalisation in front of products
    ("fuse_residual", fuse_residual.run),  # before activations: they come behind the addition
    ("fuse_activation", fuse_activation.run),  # no pass over memory of its own
    ("winograd", winograd.run),  # 3 × 3 convolutions with fewer multiplications
    ("outputs", outputs.run),  # what a caller gets must live in the workspace
    ("names", names.run),  # now it is known which steps there are
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

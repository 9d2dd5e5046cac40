"""Program → Program: each pass keeps what the program computes; its docstring says why.

`PASSES` is the order they run in, again and again until nothing changes. After each that has changed something, steps that nobody
uses any more are removed (`dead`), and the program is checked.
"""

from __future__ import annotations

from collections.abc import Callable

from onnx2rust.base.errors import ToolError
from onnx2rust.ir import check
from onnx2rust.ir.program import Program
from onnx2rust.passes import (
    activations,
    attention,
    common,
    dead,
    fold_pad,
    fold_scale,
    fuse_activation,
    fuse_residual,
    hoist,
    layer_norm,
    names,
    one_hot,
    outputs,
    recurrent,
    scale_shift,
    softmax,
    transposes,
    winograd,
    wrapped_ids,
)
from onnx2rust.passes.declines import Declines

Pass = Callable[[Program, Declines], Program]


def _silent(transform: Callable[[Program], Program]) -> Pass:
    """A pass that has nothing to say about what it leaves alone."""
    return lambda program, _: transform(program)


PASSES: tuple[tuple[str, Pass], ...] = (
    ("common", _silent(common.run)),  # before others count readers
    ("hoist", _silent(hoist.run)),  # what a loop repeats without need
    ("transposes", _silent(transposes.run)),  # what is not turned is easier to see
    ("wrapped_ids", wrapped_ids.run),  # lookups count negative ids from the end by themselves
    ("one_hot", one_hot.run),  # before anything disappears into its product
    ("recurrent", recurrent.run),  # a sequence and a state less
    ("layer_norm", layer_norm.run),  # one pass over memory instead of ten
    ("softmax", softmax.run),  # attention looks for it
    ("activations", activations.run),  # before their arithmetic disappears into products
    ("attention", attention.run),  # before additions disappear into products
    ("fold_pad", fold_pad.run),  # a copy of the image less
    ("fold_scale", fold_scale.run),  # batch normalisation disappears into weights
    ("scale_shift", scale_shift.run),  # what is left of batch normalisation in front of products
    ("fuse_residual", fuse_residual.run),  # before activations: they come behind the addition
    ("fuse_activation", fuse_activation.run),  # no pass over memory of its own
    ("winograd", _silent(winograd.run)),  # 3 × 3 convolutions with fewer multiplications
)
"""Repeated in this order until nothing changes: what one has done may be what another waits for."""
LAST: tuple[tuple[str, Pass], ...] = (
    ("outputs", _silent(outputs.run)),  # what a caller gets must live in the workspace
    ("names", _silent(names.run)),  # now it is known which steps there are
)
ROUNDS = 16
"""Each pass makes the program smaller or some of its steps final, and models need two or three rounds; more would be a bug."""
Trace = Callable[[str, Program], None]


def run(program: Program, trace: Trace | None = None, declines: Declines | None = None) -> Program:
    """Runs all passes; `trace` sees the program after each, `declines` hears what was left alone."""
    declines = declines or Declines()
    check.program(program, "import")
    if trace:
        trace("import", program)
    # steps nobody uses cost time, and readers that are none would stop what follows
    program = _one("dead", _silent(dead.run), program, trace, declines)
    for _ in range(ROUNDS):
        before = program
        declines.heard.clear()  # what was left alone in this round may have changed in the one before
        for name, transform in PASSES:
            program = _one(name, transform, program, trace, declines)
        if _same(before, program):
            break
    else:
        raise ToolError(f"bug in onnx2rust: passes still change the program in round {ROUNDS}", "please report it with the model")
    for name, transform in LAST:
        program = _one(name, transform, program, trace, declines)
    return program


def _one(name: str, transform: Pass, before: Program, trace: Trace | None, declines: Declines) -> Program:
    declines.running = name
    program = transform(before, declines)
    if _same(before, program):
        return before
    program = dead.run(program)
    check.program(program, name)
    if trace:
        trace(name, program)
    return program


def _same(a: Program, b: Program) -> bool:
    """Whether two programs are the same steps on the same values (a pass may have made them anew)."""
    return a is b or (
        a.outputs == b.outputs
        and len(a.steps) == len(b.steps)
        and all(
            x is y
            or (
                (x.layer == y.layer and x.inputs == y.inputs and x.outputs == y.outputs and x.name == y.name)
                and all(map(_same, x.bodies, y.bodies))
            )
            for x, y in zip(a.steps, b.steps, strict=True)
        )
    )

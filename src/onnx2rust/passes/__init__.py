"""Program → Program: each pass keeps what the program computes; its docstring says why.

Most passes are rules (rewriting.py): one step and what it reads, and what stands in its place. A pass returns what it rewrote,
and why it left alone what looks like its pattern. `PASSES` is the order they run in, again and again until none rewrites
anything. After each that has, steps that nobody uses any more are removed (`dead`), and the program is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from onnx2rust.base.errors import ToolError
from onnx2rust.ir import check
from onnx2rust.ir.program import Program, Step
from onnx2rust.passes import (
    activations,
    attention,
    common,
    dead,
    epilogues,
    final_states,
    fold_pad,
    hoist,
    layer_norm,
    names,
    one_hot,
    outputs,
    scales,
    softmax,
    transposes,
    winograd,
    wrapped_ids,
    zero_states,
)
from onnx2rust.passes.rewriting import Declined, Pass, Passed, by_rule

PASSES: tuple[tuple[str, Pass], ...] = (
    ("common", common.run),  # before others count readers
    ("hoist", hoist.run),  # what a loop repeats without need
    ("transposes", by_rule(transposes.rule)),  # patterns are easier to see without them
    ("wrapped_ids", by_rule(wrapped_ids.rule)),  # lookups count negative ids from the end by themselves
    ("one_hot", by_rule(one_hot.rule)),  # before anything disappears into its product
    ("zero_states", by_rule(zero_states.rule)),  # a state less
    ("final_states", by_rule(final_states.rule)),  # a sequence less
    ("layer_norm", by_rule(layer_norm.rule, backwards=True)),  # one pass over memory instead of ten
    ("softmax", by_rule(softmax.rule, backwards=True)),  # attention looks for it
    ("activations", by_rule(activations.rule, backwards=True)),  # before their arithmetic disappears into products
    ("attention", by_rule(attention.rule, backwards=True)),  # before additions disappear into products
    ("fold_pad", by_rule(fold_pad.rule)),  # a copy of the image less
    ("fold_scale", by_rule(scales.folded)),  # batch normalisation disappears into weights
    ("scale_shift", by_rule(scales.joined)),  # what is left of batch normalisation in front of products
    ("fuse_residual", by_rule(epilogues.residual)),  # before activations: they come behind the addition
    ("fuse_activation", by_rule(epilogues.activation)),  # no pass over memory of its own
    ("winograd", by_rule(winograd.rule)),  # 3 × 3 convolutions with fewer multiplications
)
"""Repeated in this order until nothing changes: what one has done may be what another waits for."""
LAST: tuple[tuple[str, Callable[[Program], Program]], ...] = (
    ("outputs", outputs.run),  # what a caller gets must live in the workspace
    ("names", names.run),  # now it is known which steps there are
)
ROUNDS = 16
"""Each pass makes the program smaller or some of its steps final, and models need two or three rounds; more would be a bug."""
Trace = Callable[[str, Passed], None]


def run(program: Program, trace: Trace | None = None, without: Collection[str] = ()) -> Passed:
    """Runs all passes but those named in `without`; `trace` sees what each returns that has rewritten something. All that was
    rewritten is returned, and what was left alone in the last round: only that is true of the program that is left."""
    rewritten: list[Step] = []

    def keep(name: str, passed: Passed) -> Program:
        check.program(passed.program, name)
        rewritten.extend(passed.rewritten)
        if trace:
            trace(name, passed)
        return passed.program

    def kept_once(program: Program, name: str, transform: Callable[[Program], Program]) -> Program:
        after = transform(program)
        return program if after is program else keep(name, Passed(after))

    program = keep("import", Passed(program))
    # dead steps cost time, and count as readers, which would stop later passes
    program = kept_once(program, "dead", dead.run)
    for _ in range(ROUNDS):
        before, declined = len(rewritten), list[Declined]()
        for name, transform in PASSES:
            if name in without:
                continue
            passed = transform(program)
            declined += (replace(d, by=name) for d in passed.declined)
            if passed.rewritten:
                program = keep(name, replace(passed, program=dead.run(passed.program)))
        if len(rewritten) == before:
            break
    else:
        raise ToolError(f"bug in onnx2rust: passes still change the program in round {ROUNDS}", "please report it with the model")
    for name, finish in LAST:
        program = kept_once(program, name, finish)
    return Passed(program, tuple(rewritten), tuple(dict.fromkeys(declined)))

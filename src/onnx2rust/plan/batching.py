"""Program → segments: runs of steps that take a few samples at a time.

Before: each step works on the whole batch. After: a segment is a loop over the batch, and its steps see as many samples as fit
the second-level cache, so that a step finds there what the one before it wrote. (MobileNetV2 with 32 images: three quarters of
the time at AVX-512.)

Why right: every input and output of a segment's step is a constant or falls into as many equal parts as there are samples, and
`Layer.by_sample` says that part i of the outputs depends on part i of the inputs alone. So, step by
step, the loop computes the same parts.

Refused: programs with other open sizes than the number of samples, steps with bodies, layers that do not say so, and products
that use each of many weights for few elements of a sample: they want all samples at once, or would fetch their weights again for
every part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnx2rust.ir.dims import Dim, evaluate
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Program, Step, Value

CACHE = 256 << 10
"""Bytes of inputs and outputs that a step of a segment may touch: half of a small second-level cache."""
MOST = 16
"""Samples for which a loop is not worth its line: small images in batches of 32 pass through the cache as fast without it."""
REUSE = 16
"""How often a product must use each weight for one sample…"""
SMALL = 64 << 10
"""…unless all of them have as many bytes at most: then they stay in the cache from turn to turn."""


@dataclass(frozen=True)
class Segment:
    """Steps `start` to `end` (exclusive) of a program, for `samples` samples at a time; the symbol `batch` counts them. One of
    the steps reads and writes `touched` bytes for a sample, no other one more."""

    start: int
    end: int
    samples: int
    batch: str
    touched: int


def segments(program: Program) -> tuple[Segment, ...]:
    """All segments, in order."""
    if len(program.symbols) != 1:
        return ()
    (batch,) = program.symbols
    found: list[Segment] = []
    constants = {v for step in program.steps for v in step.uses() if v.array is not None}
    start, worst = 0, 0
    for position, step in enumerate((*program.steps, None)):
        touched = None if step is None else _bytes(step, batch, constants)
        if touched is not None:
            worst = max(worst, touched)
            continue
        samples = max(1, CACHE // max(1, worst))
        if samples < MOST and _hands_over(program.steps[start:position]):
            found.append(Segment(start, position, samples, batch, worst))
        start, worst = position + 1, 0
    return tuple(found)


def counted(program: Program) -> str | None:
    """The symbol that counts samples, along the first axis of all inputs and outputs, if it is shown that no sample's outputs
    depend on another one: then the samples of several runs can be one run's. The proof is that of a segment, for all steps."""
    values = (*program.inputs, *program.outputs)
    if len(program.symbols) != 1 or not program.inputs:
        return None
    (batch,) = program.symbols
    if any(v.type.room is None or not v.shape or str(v.shape[0]) != batch for v in values):
        return None
    constants = {v for step in program.steps for v in step.uses() if v.array is not None}
    return batch if all(_parts(step, batch, constants) is not None for step in program.steps) else None


def _hands_over(steps: Sequence[Step]) -> bool:
    """Whether one of the steps reads what another has written."""
    made: set[Value] = set()
    for step in steps:
        reads = not made.isdisjoint(step.uses())
        if not isinstance(step.layer, View):
            if reads:
                return True
            made.update(step.results())
        elif reads:
            made.update(step.results())
    return False


def _parts(step: Step, batch: str, constants: set[Value]) -> list[tuple[Value, int]] | None:
    """Inputs and outputs with their elements for one sample; None if part i of the outputs may depend on more than part i of
    the inputs. A view of constants is one more constant."""
    values = [v for v in step.inputs if v is not None and v not in constants]
    if step.bodies or step.defines or not step.outputs:
        return None
    if isinstance(step.layer, View) and not values:
        constants.update(step.results())
        return []
    values += step.results()
    found = [(v, part) for v in values if (part := v.type.part(batch)) is not None]
    if len(found) < len(values) or len(values) == len(list(step.results())):
        return None
    return found if isinstance(step.layer, View) or step.layer.by_sample(batch) else None


def _bytes(step: Step, batch: str, constants: set[Value]) -> int | None:
    """Bytes of inputs and outputs for one sample, 0 for a view; None if the step cannot be part of a segment."""
    parts = _parts(step, batch, constants)
    if parts is None or isinstance(step.layer, View):
        return None if parts is None else 0
    return sum(v.dtype.bytes(n) for v, n in parts) if _reuses(step, batch) else None


def _reuses(step: Step, batch: str) -> bool:
    products: Dim = step.layer.multiply_adds()
    weights = max((w.array.size for w in step.layer.weights()), default=0)
    return products == 0 or weights * 4 <= SMALL or evaluate(products, {batch: 1}) >= REUSE * weights

"""What the generated README says in numbers: sizes, layers, where the test data and the thresholds come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx2rust.base.naming import Escaped
from onnx2rust.emit.thresholds import FALSE_POSITIVE_RATES
from onnx2rust.ir.dims import Dim, evaluate, symbols
from onnx2rust.ir.layer import View
from onnx2rust.plan.planner import Plan


@dataclass(frozen=True)
class Numbers:
    """The model in numbers."""

    layers: tuple[tuple[Escaped, Escaped], ...]
    """How many of them are of each struct of tf-layers."""
    parameters: Escaped
    weight_bytes: Escaped
    work: Escaped | None
    """Multiply-adds, if no run decides them."""
    workspace: Escaped | None
    """Bytes of all buffers, likewise."""
    at: Escaped
    """For which sizes these two are."""
    rates: tuple[tuple[Escaped, Escaped, bool], ...]
    """Thresholds, the share of negative samples that reaches each, and whether the samples were enough to see it."""
    negatives: Escaped | None
    """The number of samples that thresholds rest on, if any."""


def numbers(plan: Plan, weights: Mapping[str, np.ndarray[Any, Any]], negatives: int | None) -> Numbers:
    """What the README says of the plan."""
    program = plan.program
    steps = [s for s in program.walk() if not isinstance(s.layer, View)]
    work: Dim = 0
    for step in steps:
        work = work + step.layer.multiply_adds()
    at_one = None if symbols(work) - set(program.symbols) else _at_one(work)
    workspace = _workspace(plan)
    counted = sorted(Counter(s.layer.rust for s in steps).items())
    return Numbers(
        tuple((Escaped(path), Escaped(str(n))) for path, n in counted),
        Escaped(f"{sum(a.size for a in weights.values()):,}"),
        Escaped(quantity(sum(a.nbytes for a in weights.values()))),
        Escaped(f"{at_one:,}") if at_one else None,
        None if workspace is None else Escaped(quantity(workspace)),
        Escaped(f" at {', '.join(f'`{s}`' for s in program.symbols)} = 1" if program.symbols else ""),
        tuple(
            (Escaped(key), Escaped(f"{rate * 100:g} %"), negatives is None or rate * negatives >= 1)
            for key, rate in FALSE_POSITIVE_RATES.items()
        ),
        None if negatives is None else Escaped(str(negatives)),
    )


def quantity(n: int) -> str:
    """`950 bytes`, `12.3 KiB`, `4.6 MiB`."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if n >= size:
            return f"{n / size:.1f} {unit}"
    return f"{n} bytes"


def _workspace(plan: Plan) -> int | None:
    """Bytes of all buffers if every open size is 1, None if the data decide."""
    types = [v.type for content in plan.contents.values() for v in content]
    if any(t.room is None or t.symbols - set(plan.program.symbols) for t in types):
        return None
    return sum(plan.bytes(slot, _at_one) for slot in plan.contents)


def _at_one(dim: Dim) -> int:
    return max(0, evaluate(dim, dict.fromkeys(symbols(dim), 1)))

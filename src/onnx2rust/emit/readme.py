"""What the generated README says in numbers: sizes, layers, where the test data and the thresholds come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from onnx2rust.base.naming import Escaped
from onnx2rust.emit.thresholds import FALSE_POSITIVE_RATES
from onnx2rust.ir.dims import Dim, evaluate, symbols
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Program
from onnx2rust.plan.planner import Plan


def values(plan: Plan, weights: Mapping[str, np.ndarray[Any, Any]], negatives: int | None) -> dict[str, Any]:
    """The `readme` part of the templates' context; `negatives` is the number of samples that thresholds rest on, if any."""
    program = plan.program
    steps = [s for s in program.walk() if not isinstance(s.layer, View)]
    work: Dim = 0
    for step in steps:
        work = work + step.layer.multiply_adds()
    return {
        "layers": [
            {"path": Escaped(path), "count": Escaped(str(n))} for path, n in sorted(Counter(s.layer.rust for s in steps).items())
        ],
        "parameters": Escaped(f"{sum(a.size for a in weights.values()):,}"),
        "weight_bytes": Escaped(quantity(sum(a.nbytes for a in weights.values()))),
        "work": Escaped(f"{n:,}") if (n := _at_one(program, work)) else None,
        "workspace": Escaped(quantity(n)) if (n := _workspace(plan)) is not None else None,
        "at": Escaped("".join(f" at {', '.join(f'`{s}`' for s in program.symbols)} = 1" if program.symbols else "")),
        "rates": [
            {"name": Escaped(key), "rate": Escaped(f"{rate * 100:g} %"), "measurable": negatives is None or rate * negatives >= 1}
            for key, rate in FALSE_POSITIVE_RATES.items()
        ],
        "negatives": None if negatives is None else Escaped(str(negatives)),
    }


def quantity(n: int) -> str:
    """`950 bytes`, `12.3 KiB`, `4.6 MiB`."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if n >= size:
            return f"{n / size:.1f} {unit}"
    return f"{n} bytes"


def _workspace(plan: Plan) -> int | None:
    """Bytes of all buffers if every open size is 1, None if the data decide."""
    total = 0
    for slot, content in plan.contents.items():
        sizes = [_at_one(plan.program, v.type.size) for v in content]
        if any(s is None for s in sizes):
            return None
        total += max((s for s in sizes if s is not None), default=0) * plan.slots[slot].bytes
    return total


def _at_one(program: Program, dim: Dim) -> int | None:
    if not symbols(dim) <= set(program.symbols):
        return None
    return max(0, evaluate(dim, dict.fromkeys(program.symbols, 1)))

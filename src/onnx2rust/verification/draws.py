"""The inputs that a model is verified with: the user's, or seeded draws at several sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from onnx2rust import samples
from onnx2rust.ir.program import Program
from onnx2rust.oracle import Answer, Oracle
from onnx2rust.samples import usage

Array = np.ndarray[Any, Any]
FIXED_DRAWS = 3
"""Draws of a model whose sizes are all fixed."""
CHUNK = 256
"""Samples of the user's file that run as one batch."""
UNBATCHED = 64
"""Samples of the user's file that are run if the model has no batch axis: each is a process of its own."""


@dataclass(frozen=True)
class Draw:
    """Inputs of full shape, what the model computes from them, and what else the user expects (`predictions`)."""

    label: str
    feeds: dict[str, Array]
    answer: Answer
    predictions: dict[str, Array]


def batch(program: Program) -> str | None:
    """The symbol that counts samples, or the first axis of the first input if nothing is certain."""
    found = samples.batch_symbol(program)
    inputs = program.tensor_inputs
    if found is None and program.symbols and inputs and inputs[0].shape:
        first = str(inputs[0].shape[0])
        return first if first in program.symbols else None
    return found


def drawn(
    proto: onnx.ModelProto, program: Program, oracle: Oracle, batches: tuple[int, ...], seed: int, notes: list[str]
) -> Iterator[Draw]:
    """Seeded draws: FIXED_DRAWS if no size is open, else one for each batch size, each with another length. Where a draw finds no
    inputs that the model runs on, `notes` says so."""
    name = batch(program)
    others = [s for s in program.symbols if s != name]
    uses = usage.of_inputs(proto, program, oracle.weights)
    lengths = samples.lengths(program)
    if not program.symbols:
        plans: list[tuple[int | None, tuple[int, ...]]] = [(None, (1,))] * (FIXED_DRAWS if program.inputs else 1)
    elif name is None:
        plans = [(None, lengths[k:]) for k in range(FIXED_DRAWS)]
    else:
        plans = [(size, lengths[k % 3 :] if others else (1,)) for k, size in enumerate(batches)]
    for k, (count, tried) in enumerate(plans):
        fixed = {} if name is None or count is None else {name: count}
        try:
            sizes, feeds, answer = samples.draw(program, oracle, uses, fixed, tried, np.random.default_rng([seed, k]))
        except samples.NoSampleError as error:
            at = f" at {name}={count}" if fixed else ""
            notes.append(f"no inputs were found that the model runs on{at}: {error}")
            continue
        yield Draw(", ".join(f"{s}={n}" for s, n in sizes.items()) or "fixed sizes", feeds, answer, {})


def given(path: Path, program: Program, oracle: Oracle, notes: list[str]) -> Iterator[Draw]:
    """The user's samples: one alone, then all in batches; or one after the other if the model has no batch axis."""
    data = samples.read(path, program)
    if data.batch is None:
        if data.samples > UNBATCHED:
            notes.append(f"{path.name}: the first {UNBATCHED} of {data.samples} samples are run: the model has no batch axis")
        groups = [range(k, k + 1) for k in range(min(data.samples, UNBATCHED))]
    else:
        groups = [range(1), *(range(k, min(k + CHUNK, data.samples)) for k in range(0, data.samples, CHUNK))]
    for group in groups:
        label = f"sample {group.start}" if len(group) == 1 else f"samples {group.start} to {group.stop - 1}"
        yield of_rows(data, slice(group.start, group.stop), label, program, oracle)


def of_rows(data: samples.UserData, rows: slice | Array, label: str, program: Program, oracle: Oracle) -> Draw:
    """These samples of the user's, as one batch."""
    feeds = {v.name: samples.shaped(v, data.inputs[v.name][rows], data.batch) for v in program.inputs}
    return Draw(label, feeds, oracle.run(feeds), {n: a[rows] for n, a in data.expected.items()})

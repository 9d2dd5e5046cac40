"""How long onnxruntime takes for each node of a model, as its own profiler says."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from onnx2rust.model import reference
from onnx2rust.model.weights import Weights

WARM_UP = 2
"""Runs that find caches cold, and do not count."""
SECONDS = 0.4
LEAST, MOST = 5, 400
"""Runs that count: the profiler keeps a million events at most."""
_CALLED = re.compile(r"#(\d+)#")
_KERNEL, _BLOCKED = "_kernel_time", "_nchwc"
"""What onnxruntime adds to a node's name in its events, and to a tensor's where it computes it in a layout of its own."""


@dataclass(frozen=True)
class NodeTime:
    """Nanoseconds of a run that onnxruntime spends in a node; `places` are those of the model's nodes that it is called after,
    none of a node that onnxruntime has made (it changes layouts). The profiler counts whole microseconds."""

    op: str
    places: tuple[int, ...]
    ns: float


def nodes(proto: onnx.ModelProto, weights: Weights, feeds: Mapping[str, np.ndarray[Any, Any]]) -> list[NodeTime]:
    """The nodes as onnxruntime runs them, in order. Raises one of `reference.ERRORS` where it does not run the model."""
    named = onnx.ModelProto()
    named.CopyFrom(proto)
    for place, node in enumerate(named.graph.node):
        node.name = f"#{place}#"
    with tempfile.TemporaryDirectory(prefix="onnx2rust-profile-") as folder:
        session = reference.session(named, weights, packed=True, profile=Path(folder) / "run")
        given = reference.inputs(session, feeds)
        runs, end = 0, time.monotonic() + SECONDS
        while runs < LEAST + WARM_UP or (time.monotonic() < end and runs < MOST):
            session.run(None, given)
            runs += 1
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    made = {name: place for place, node in enumerate(proto.graph.node) for name in node.output if name}
    spent: dict[tuple[str, str], list[float]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
            key = (event["name"].removesuffix(_KERNEL), event["args"].get("op_name", ""))
            spent.setdefault(key, []).append(1e3 * event["dur"])
    return [NodeTime(op, _places(name, made), _typical(durations, runs)) for (name, op), durations in spent.items()]


def _places(name: str, made: Mapping[str, int]) -> tuple[int, ...]:
    """Those of the nodes that a node of onnxruntime is called after, or after what they compute."""
    own = tuple(dict.fromkeys(int(place) for place in _CALLED.findall(name)))
    tensor = name.removesuffix(_BLOCKED)
    return own or ((made[tensor],) if tensor != name and tensor in made else ())


def _typical(durations: list[float], runs: int) -> float:
    """The mean of the middle half of the runs, which other load on the machine distorts least; of a node inside of a loop, which
    runs more than once in a run, of its turns together."""
    turns = max(1, len(durations) // runs)
    sums = sorted(sum(durations[k : k + turns]) for k in range(WARM_UP * turns, len(durations) - turns + 1, turns))
    quarter = len(sums) // 4
    middle = sums[quarter : len(sums) - quarter]
    return sum(middle) / len(middle) if middle else 0.0

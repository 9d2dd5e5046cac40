"""How engines are timed: on one core, in turns of short bursts, so that whatever else the machine does hits all of them alike."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import random
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onnx2rust.timing.engines import Engine

BURST_NS = 3e6
"""What a burst of an engine takes, about."""
WARM_UP = 2
"""Runs of a burst that find caches cold, and do not count."""
LEAST_BURSTS = 5
_FEATURES = ("avx", "fma", "sse4", "f16c")


@dataclass(frozen=True)
class Times:
    """Nanoseconds of a run: the median, and the tenth percentile, which other load on the machine distorts least."""

    median: float
    p10: float
    runs: int


def measure(engines: Mapping[str, Engine], k: int, seconds: float, rng: random.Random) -> dict[str, Times]:
    """Times each engine on inputs k, for `seconds` in all and at least LEAST_BURSTS runs each."""
    single = {name: min(engine.burst(k, 3)) for name, engine in engines.items()}
    runs = {name: max(1, min(300, int(BURST_NS / max(t, 1)))) for name, t in single.items()}
    warm = {name: WARM_UP if runs[name] > 1 else 0 for name in engines}
    times: dict[str, list[int]] = {name: [] for name in engines}
    end = time.monotonic() + seconds
    while time.monotonic() < end or min(map(len, times.values())) < LEAST_BURSTS:
        for name in rng.sample(list(engines), len(engines)):
            times[name] += engines[name].burst(k, warm[name] + runs[name])[warm[name] :]
    return {name: Times(float(np.median(t)), float(np.percentile(t, 10)), len(t)) for name, t in times.items()}


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Keeps this process, and those that it starts, on one core, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def machine(packages: Sequence[str] = ("onnxruntime",)) -> dict[str, Any]:
    """What the numbers depend on: processor, vector features, compiler, versions of `packages`, load."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    field = {line.split(":")[0].strip(): line.split(":", 1)[1].strip() for line in info.splitlines() if ":" in line}
    versions = {}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False)
    return {
        "cpu": field.get("model name") or platform.processor() or platform.machine(),
        "family": f"{field.get('vendor_id', '')} family {field.get('cpu family', '?')} model {field.get('model', '?')}",
        "features": [f for f in field.get("flags", "").split() if f.startswith(_FEATURES)],
        "rustc": rustc.stdout.strip(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        **versions,
    }

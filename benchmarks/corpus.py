"""Converts, builds and verifies the benchmark models one after the other, and writes benchmarks/CORPUS.md.

For each model, in a process of its own: the size of its weights, the CPU seconds from the ONNX file to the crate (TensorFlow's
part is not in it), those that cargo takes to build the crate (tf-layers is built before) and those of all runs, the peak memory
of the process, which holds the model, the generator and onnxruntime, and how far the crate is from onnxruntime at batch 1 and 5.
Ends with 1 if a model is wrong.

    python benchmarks/corpus.py [--no-write] [NAME...]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import onnx

sys.path.insert(0, str(Path(__file__).parent))

import models
import quantised
from run import PACKAGES

from onnx2rust.base.options import Checks
from onnx2rust.timing.clock import machine
from onnx2rust.verification import verify
from onnx2rust.verification.reports import ModelReport

ROOT = Path(__file__).resolve().parents[1]
TARGET = Path(__file__).with_name("CORPUS.md")
BATCHES = (1, 5)
COLUMNS = ("model", "nodes", "weights MB", "convert s", "build s", "run s", "peak MB", "max abs error", "max ULP", "")
HEAD = f"| {' | '.join(COLUMNS)}|\n{'|---' * len(COLUMNS)}|"


@dataclass(frozen=True)
class Row:
    """What one process found out about one model."""

    report: ModelReport
    seconds: dict[str, float]
    megabytes: float
    nodes: int
    peak: float

    def __str__(self) -> str:
        outputs = self.report.outputs
        error = max((o.comparison.max_abs for o in outputs), default=float("nan"))
        ulp = max((o.comparison.max_ulp for o in outputs), default=0)
        numbers = [self.seconds.get(stage, float("nan")) for stage in ("generating", "building", "running")]
        timed = " | ".join(f"{n:.1f}" for n in numbers)
        verdict = "ok" if self.report.passed else "**wrong**"
        name = Path(self.report.model).parent.name
        return f"| {name} | {self.nodes} | {self.megabytes:.1f} | {timed} | {self.peak:.0f} | {error:.1e} | {ulp} | {verdict} |"


def _cpu() -> float:
    """Seconds of CPU of this process and its children so far: what else the machine does is not in them."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def measure(path: Path) -> Row:
    """Verifies one model; the stages that `verify` announces are timed."""
    proto = onnx.load(path)
    weights = sum(len(t.raw_data) for t in proto.graph.initializer) / 1e6
    nodes = len(proto.graph.node)
    del proto
    seconds: dict[str, float] = {}
    stage, begun = "", _cpu()

    def progress(what: str) -> None:
        nonlocal stage, begun
        now = _cpu()
        seconds[stage] = now - begun
        stage, begun = what.split()[0], now

    found = verify([path], checks=Checks(batches=BATCHES, target_dir=ROOT / "build" / "verify"), progress=progress)
    progress("done")
    peak = _peak()
    return Row(found.models[0], seconds, weights, nodes, peak)


def _peak() -> float:
    """Megabytes of this process at most. Not `ru_maxrss`, which begins with what the parent had when it forked."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6


def _warm() -> None:
    """Builds tf-layers, so that the first model does not pay for it."""
    path = models.onnx_files(["mnist_cnn"])["mnist_cnn"]
    verify([path], checks=Checks(batches=(1,), target_dir=ROOT / "build" / "verify"))


def _text(lines: list[str]) -> str:
    about = machine(PACKAGES)
    head = (
        "# The corpus\n\nEvery benchmark model through `onnx2rust verify`, against onnxruntime at batch 1 and 5. Written by "
        f"`python benchmarks/corpus.py` at commit {about['commit']}. {about['cpu']} ({about['family']}). Seconds are CPU "
        "seconds. Convert: ONNX file "
        "to crate. Build: the crate alone, unoptimised, kernels built before. Run: all runs, the reference's too. Peak: the "
        "process that converts, "
        "with onnxruntime in it.\n\n"
    )
    return head + "\n".join([HEAD, *lines]) + "\n"


def main() -> None:
    """Measures each model in a child process (`--one`)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--no-write", action="store_true")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        row = measure(arguments.one)
        print(row if row.report.passed else f"{row}\n{row.report.text()}")
        sys.exit(0 if row.report.passed else 1)
    names = arguments.names or [*models.MODELS, *quantised.MODELS]
    files = models.onnx_files([n for n in names if n in models.MODELS])
    files |= quantised.onnx_files([n for n in names if n in quantised.MODELS])
    _warm()
    lines, good = [], True
    for name in names:
        command = [sys.executable, __file__, "--one", str(files[name])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        good &= done.returncode == 0
        print(done.stdout.rstrip() or done.stderr[-800:], flush=True)
        lines.append(next(iter(done.stdout.splitlines()), f"| {name} | **failed** |"))
    if not arguments.no_write:
        TARGET.write_text(_text(lines))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

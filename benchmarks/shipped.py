"""Models that other people trained and ship (`tests/wild.py`): size, error and time of each, into benchmarks/SHIPPED.md.

Each is verified at batch 1 and 3, then timed at batch 1: one thread, one core, in turns with onnxruntime. A model that departs is
not timed, and ends the run with 1. The gallery of the documentation's site shows the columns that there are.

    python benchmarks/shipped.py [--no-time]
    python benchmarks/shipped.py magika "PP-OCR, read text"   # prints their rows, writes no file

On a machine that does other work, leave the times out: each engine is a process, and which of them waits is chance.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from machine import commit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import wild  # noqa: E402 (after the path above)

import onnx2rust  # noqa: E402 (after the path above)
from onnx2rust.timing.clock import machine  # noqa: E402 (after the path above)

TARGET = Path(__file__).with_name("SHIPPED.md")
NEED_TENSORFLOW = ("basic-pitch, tflite", "basic-pitch, SavedModel")
COLUMNS = ("model", "nodes", "layers", "weights MB", "error", "onnxruntime's")
TIMED = ("onnx2rust ms", "onnxruntime ms", "ratio")
ABOUT = """# Models that are shipped

Models that other people trained, as the Python package index has them (`tests/wild.py` names packages and files). Written by
`python benchmarks/shipped.py` at commit {commit} on: {machine}.

Error: the largest absolute distance of any output, at batch 1 and 3, from the model evaluated in float64, and onnxruntime's own;
where only one of the two runs the model, from that one.
"""
ABOUT_TIMES = """
Time: batch 1, one thread, one core, engines in turns; of onnxruntime's two ways to be called the faster counts, and a ratio below
1 is faster than onnxruntime.
"""


def page(lines: Sequence[str], timed: bool, machine: str) -> str:
    """The file, of the rows of its table."""
    columns = (*COLUMNS, *TIMED) if timed else COLUMNS
    head = [f"| {' | '.join(columns)} |", f"|---{'|---:' * (len(columns) - 1)}|"]
    text = ABOUT.format(machine=machine, commit=commit()) + (ABOUT_TIMES if timed else "")
    return "\n".join([text, *head, *lines, ""])


def rows(names: list[str], timed: bool) -> Iterator[tuple[str, bool]]:
    """A row of the table for each model, and whether it is right."""
    files = {name: wild.file(*wild.MODELS[name]) for name in names}
    reports = onnx2rust.verify(list(files.values()), progress=_say).models
    for (name, file), report in zip(files.items(), reports, strict=True):
        found = onnx2rust.inspect(file)
        cells = [name, sum(found.operators.values()), sum(found.layers.values()), f"{found.weight_bytes / 1e6:.1f}"]
        known = [o.reference for o in report.outputs if o.reference is not None]
        cells += [_error(max((o.comparison.max_abs for o in report.outputs), default=None)), _error(max(known, default=None))]
        yield f"| {' | '.join(map(str, [*cells, *(_times(file, report.passed) if timed else [])]))} |", report.passed
        if not report.passed:
            _say(report.text())


def _times(file: Path, right: bool) -> list[str]:
    if not right:
        return ["–", "–", "–"]
    row = onnx2rust.bench(file, timing=onnx2rust.Timing(batches=(1,)), progress=_say).rows[0]
    ours = row.times["crate"].median
    theirs = min(t.median for engine, t in row.times.items() if engine != "crate")
    return [f"{ours / 1e6:.3f}", f"{theirs / 1e6:.3f}", f"{ours / theirs:.2f}"]


def _error(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--no-time", action="store_true")
    given = parser.parse_args()
    without = () if importlib.util.find_spec("tensorflow") else NEED_TENSORFLOW
    names = given.names or [name for name in wild.MODELS if name not in without]
    lines, right = [], True
    for line, passed in rows(names, not given.no_time):
        print(line, flush=True)
        lines.append(line)
        right &= passed
    on = machine()
    about = (
        f"{on['cpu']} ({on['family']}), {on['rustc']}, onnxruntime {on['onnxruntime']}, {on['load']:.0f} other processes running"
    )
    if not given.names:
        TARGET.write_text(page(lines, not given.no_time, about), encoding="utf-8")
    raise SystemExit(0 if right else 1)


if __name__ == "__main__":
    main()

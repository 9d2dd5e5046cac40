"""The table that `make demo` ends with, from what it measured."""

from __future__ import annotations

import statistics
from typing import Any


def table(results: dict[str, Any]) -> str:
    """What a reader wants to know, a column an example."""
    names = list(results["examples"])
    columns = list(results["examples"].values())
    speeds = results["speed"]
    rows: list[tuple[str, list[str]] | str] = []

    def row(text: str, *cells: str) -> None:
        rows.append((text, list(cells)))

    def speed(kind: str) -> list[dict[str, float]]:
        return [speeds[f"{name}/{kind}"] for name in names]

    row("", *names)
    rows.append("The same numbers")
    row("samples of held-out data", *(str(c["samples"]) for c in columns))
    for name, text in (("onnxruntime", "crate − onnxruntime"), ("keras", "crate − Keras"), ("both", "onnxruntime − Keras")):
        row(f"{text}: max abs, ULP", *(f"{c[name]['max_abs']:.1e}, {c[name]['max_ulp']}" for c in columns))
    row("right answers of the crate", *(f"{c['right']:.1%}" for c in columns))
    row("tests of the crate", *(f"{c['tests']} passed" for c in columns))
    for kind, text in (("one", "One sample, one thread"), ("batch", f"A batch of {results['batch']}, one thread")):
        rows.append(text)
        row("the crate", *(micro(s["ours_ns"]) for s in speed(kind)))
        row("onnxruntime, inputs bound", *(micro(s["bound_ns"]) for s in speed(kind)))
        row("onnxruntime, run()", *(micro(s["run_ns"]) for s in speed(kind)))
        row("onnxruntime's time / the crate's", *(f"{s['bound_ns'] / s['ours_ns']:.1f} ×" for s in speed(kind)))
    rows.append(f"Peak memory of the process, batch of {results['batch']}")
    row("the crate", *(mega(s["ours_kb"] * 1024) for s in speed("batch")))
    row("onnxruntime in Python", *(mega(s["theirs_kb"] * 1024) for s in speed("batch")))
    row("  of that Python and numpy", *(mega(s["python_kb"] * 1024) for s in speed("batch")))
    rows.append("Size on disk")
    row("program with the weights in it", *(mega(c["program_bytes"]) for c in columns))
    row("onnxruntime's library and the model", *(mega(results["library"] + c["model_bytes"]) for c in columns))

    widths = [max(len(cells[k]) for row_ in rows if isinstance(row_, tuple) for cells in [row_[1]]) for k in range(len(names))]
    label = max(len(row_[0]) for row_ in rows if isinstance(row_, tuple)) + 4
    rule = "─" * (label + sum(w + 4 for w in widths))
    lines = []
    for row_ in rows:
        if isinstance(row_, str):
            lines += [rule, row_]
        else:
            lines.append(
                f"  {row_[0]}".ljust(label) + "".join(cell.rjust(w + 4) for cell, w in zip(row_[1], widths, strict=True))
            )
    empty = statistics.median(s["empty_ns"] for s in speeds.values())
    lines += [
        rule,
        f"Medians of {results['rounds']} bursts, engines in turns on one core. A call of onnxruntime from Python costs",
        f"{micro(empty)} before the model starts (an empty model, inputs bound); that is part of its times.",
        f"Machine: {results['machine']}",
    ]
    return "\n".join(line.rstrip() for line in lines)


def micro(ns: float) -> str:
    return f"{ns / 1000:.{1 if ns < 1e5 else 0}f} µs"


def mega(size: float) -> str:
    return f"{size / 1e6:.1f} MB"

"""What `run.py` measured, as text: RESULTS.md and the table in the README, both from RESULTS.json.

python benchmarks/report.py        writes both again, without measuring
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import blocks  # noqa: E402 (after the path above)

RESULTS = ROOT / "benchmarks" / "RESULTS.json"
README = ROOT / "README.md"
OURS = "onnx2rust"
OTHERS = ("onnxruntime", "onnxruntime (bound)", "LiteRT")


def geometric(ratios: Iterable[float | None]) -> str:
    """Their geometric mean, in bold; nothing if there are none."""
    logs = [math.log(r) for r in ratios if r is not None]
    return f"**{math.exp(sum(logs) / len(logs)):.2f}**" if logs else ""


def ratio_text(ratio: float | None) -> str:
    """Two digits; nothing for what was not measured."""
    return "" if ratio is None else f"{ratio:.2f}"


def micro(nanoseconds: float | None) -> str:
    """Microseconds; nothing for what was not measured."""
    return "" if nanoseconds is None else f"{nanoseconds / 1e3:.1f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table whose first column is text and the others numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def batch_table(models: Mapping[str, Any], batch: str) -> list[str]:
    """All that was measured at one batch size."""
    rows, ratios = [], []
    for name, found in models.items():
        row = found["batches"].get(batch)
        if row is None:
            continue
        ours = row[OURS]["median"]
        theirs = [row[e]["median"] if e in row else None for e in OTHERS]
        ratio = [None if t is None else ours / t for t in theirs]
        ratio.append(row[OURS]["p10"] / row["onnxruntime (bound)"]["p10"])
        verdict = f"{found['max_abs']:.1e}" + ("" if found["right"] else " **wrong**")
        rows.append([name, micro(ours), *map(micro, theirs), *map(ratio_text, ratio), verdict])
        ratios.append(ratio)
    means = [geometric(column) for column in zip(*ratios, strict=True)]
    rows.append(["geometric mean", "", "", "", "", *means, ""])
    head = ["model", OURS, "onnxruntime", "bound", "LiteRT", "ours / onnxruntime", "ours / bound", "ours / LiteRT"]
    return table([*head, "ours / bound, p10", "error"], rows)


def changes(found: Mapping[str, Any]) -> str:
    """This commit beside another (`run.py --before`): its times as shares of the other's, medians and tenth percentiles."""
    rows, ratios = [], []
    for name, model in found["models"].items():
        own: list[float | None] = []
        for row in model["batches"].values():
            own += [row[OURS][key] / row["before"][key] if "before" in row else None for key in ("median", "p10")]
        rows.append([name, *map(ratio_text, own)])
        ratios.append(own)
    batches = next(iter(found["models"].values()))["batches"] if found["models"] else ()
    head = ["model", *(f"batch {b}, {what}" for b in batches for what in ("median", "p10"))]
    means = [geometric(column) for column in zip(*ratios, strict=True)]
    return "\n".join(table(head, [*rows, ["geometric mean", *means]]))


def results(found: Mapping[str, Any]) -> str:
    """RESULTS.md."""
    about, overhead = found["machine"], found["overhead"]
    versions = ", ".join(
        f"{k} {v}" for k, v in about.items() if k in ("onnxruntime", "ai-edge-litert", "tensorflow-cpu", "keras")
    )
    lines = [
        "# Measurements",
        "",
        f"Written by `make bench` at commit {about['commit']}. {about['cpu']} ({about['family']}), "
        f"{' '.join(about['features'])}; one thread, one core;",
        f"{about['rustc']}; {versions}. Microseconds, medians; ratios are ours / theirs, below 1 is faster than they are;",
        f"the last ratio is that of the tenth percentiles, which other load on the machine ({about['load']:.0f} processes "
        "wanted to run) distorts least.",
        '"bound" is onnxruntime with IO binding. Its call alone, of a model that does nothing, takes '
        f"{overhead['plain'] / 1e3:.1f} µs,",
        f"{overhead['bound'] / 1e3:.1f} µs bound: it is part of the numbers. Error: the largest deviation from onnxruntime, "
        "absolute.",
    ]
    for batch in sorted({b for m in found["models"].values() for b in m["batches"]}, key=int):
        lines += ["", f"## Batch {batch}", "", *batch_table(found["models"], batch)]
    notes = [f"* {name}: {note}" for name, model in found["models"].items() for note in model["notes"]]
    notes += [f"* {name}: {reason}" for name, reason in found["failed"].items()]
    return "\n".join([*lines, *(["", "## Notes", "", *notes] if notes else [])]) + "\n"


def readme_table(found: Mapping[str, Any]) -> str:
    """The README's table: one sample in times, batches in ratios; of onnxruntime's two ways of calling the faster one."""
    rows, ratios = [], []
    batches = sorted({b for m in found["models"].values() for b in m["batches"] if b != "1"}, key=int)
    for name, model in found["models"].items():
        ratio: list[float | None] = []
        times: list[float | None] = []
        for batch in ("1", *batches):
            row = model["batches"].get(batch)
            measured = [] if row is None else [row[e]["median"] for e in OTHERS[:2]]
            ours = row[OURS]["median"] if row else None
            theirs = [min(measured, default=None), row["LiteRT"]["median"] if row and "LiteRT" in row else None]
            if batch == "1":
                times = [ours, *theirs]
            ratio += [ours / t if ours is not None and t is not None else None for t in theirs]
        rows.append([name, *map(micro, times), *map(ratio_text, ratio)])
        ratios.append(ratio)
    rows.append(["geometric mean", "", "", "", *(geometric(column) for column in zip(*ratios, strict=True))])
    head = ["one thread", "onnx2rust µs", "onnxruntime µs", "LiteRT µs", "ours / onnxruntime", "ours / LiteRT"]
    head += [f"batch {b}, ours / {e}" for b in batches for e in ("onnxruntime", "LiteRT")]
    about = found["machine"]
    vector = next((n for f, n in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if f in about["features"]), "SSE")
    where = f"{about['cpu']} with {vector}, {about['load']:.0f} other processes wanting to run, commit {about['commit']}"
    return "\n".join([f"({where}.)", "", *table(head, rows)])


def write(found: Mapping[str, Any]) -> None:
    """Both documents."""
    (ROOT / "benchmarks" / "RESULTS.md").write_text(results(found))
    blocks.fill(README, "measurements", readme_table(found))


if __name__ == "__main__":
    write(json.loads(RESULTS.read_text()))

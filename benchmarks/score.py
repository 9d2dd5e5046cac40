"""`onnx2rust score` beside onnxruntime in a loop over batches of pyarrow: rows a second, and the most memory that each took.

    python benchmarks/score.py                               # writes the table in docs/score.md
    python benchmarks/score.py --quick --no-write            # a twentieth of the rows, one turn
    python benchmarks/score.py --rows 200000 --models breast_cancer --no-write

Both read the same Parquet files of drawn float32 columns and write scores as Parquet, on all cores, in turns. Each turn is
a process, and its memory what Linux says of it while it runs. The files are in the system's cache: those of a wide table are
links to one, so that they fit. onnxruntime has its own threads; its loop takes batches of 65,536 rows, of wide tables 4,096. All
scores are compared before anything is printed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import models
import numpy as np
from machine import Load, commit, cpu

from onnx2rust import frontends
from onnx2rust.base.options import Options, Tables
from onnx2rust.conversion import scoring

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "build" / "benchmarks" / "score"


@dataclass(frozen=True)
class Case:
    """Rows of a model: in one file, or in a folder of links to one."""

    rows: int
    links: int
    turns: int


CASES = {"breast_cancer": Case(10_000_000, 1, 3), "ember_mlp": Case(10_000_000, 100, 1)}
"""A row of ember_mlp has 2,381 columns: 10 million of them, all different, would be 95 GB, and a turn takes minutes."""
DOCUMENT = ROOT / "docs" / "score.md"
_LOOP = """
import sys
import numpy as np, onnxruntime, pyarrow as pa, pyarrow.parquet as pq
model, rows, out, *sources = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
(given,), (found,) = session.get_inputs(), session.get_outputs()
writer = None
for source in sources:
    for batch in pq.ParquetFile(source).iter_batches(batch_size=int(rows)):
        x = np.stack([column.to_numpy() for column in batch.columns], axis=1)
        (y,) = session.run(None, {given.name: x})
        scores = pa.record_batch({"score": y[:, 0]})
        writer = writer or pq.ParquetWriter(out, scores.schema)
        writer.write_batch(scores)
writer.close()
"""


@dataclass(frozen=True)
class Turn:
    """What a process took."""

    seconds: float
    memory: float
    """MB, at most."""


def model(name: str) -> Path:
    """The ONNX file of a model."""
    if name != "breast_cancer":
        return models.onnx_files([name])[name]
    path = PLACE / "breast_cancer.onnx"
    if not path.is_file():
        loaded = frontends.load(ROOT / "examples" / "breast_cancer" / "saved_model", Options())
        path.write_bytes(loaded.proto.SerializeToString())
    return path


def drawn(name: str, width: int, rows: int, random: np.random.Generator) -> np.ndarray[Any, Any]:
    """Columns: of breast_cancer those of its examples, each a percent off, as far from such values its scores are the noise of
    float32; standard normal ones of others."""
    x = random.standard_normal((width, rows), np.float32)
    if name != "breast_cancer":
        return x
    known = np.load(ROOT / "examples" / "breast_cancer" / "features.npz")["features"]
    return np.asarray(known[random.integers(len(known), size=rows)].T * (1 + x / 100), np.float32)


def table(name: str, width: int, rows: int) -> Path:
    """A Parquet file of drawn columns, in row groups of about 250 MB."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = PLACE / f"{name}-{rows}.parquet"
    if not path.is_file():
        random = np.random.default_rng(1)
        group = max(1024, 60_000_000 // width)
        names = [f"f{k}" for k in range(width)]
        with pq.ParquetWriter(path, pa.schema([(n, pa.float32()) for n in names]), use_dictionary=False) as writer:
            for first in range(0, rows, group):
                x = drawn(name, width, min(group, rows - first), random)
                writer.write_table(pa.table(dict(zip(names, x, strict=True))))
    return path


def tables(name: str, width: int, case: Case) -> Path:
    """The rows of a case: a file, or a folder of links to a file."""
    path = table(name, width, case.rows // case.links)
    if case.links == 1:
        return path
    folder = path.with_suffix("").with_name(f"{path.stem}-x{case.links}")
    folder.mkdir(exist_ok=True)
    for k in range(case.links):
        (link := folder / f"{k:04}.parquet").unlink(missing_ok=True)
        link.hardlink_to(path)
    return folder


def run(command: list[str]) -> Turn:
    """Runs a process to its end. Its memory is what /proc says while it runs: `ru_maxrss` would count ours before the exec."""
    begin, peak = time.monotonic(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
            peak = max(peak, int(found[1])) if found else peak
            time.sleep(0.01)
    if process.returncode:
        sys.exit(f"{command[0]} ended with code {process.returncode}")
    return Turn(time.monotonic() - begin, peak / 1024)


def compared(ours: Path, theirs: Path) -> float:
    """The largest distance between the scores of ours, a file or a folder, and of the other side."""
    import pyarrow.parquet as pq

    a, b = (
        np.concatenate([pq.read_table(file).column(0).to_numpy() for file in sorted(path.glob("*.parquet")) or [path]])
        for path in (ours, theirs)
    )
    if a.shape != b.shape or not np.allclose(a, b, rtol=1e-4, atol=1e-5):
        sys.exit(f"{ours} and {theirs} differ")
    return float(np.abs(a - b).max(initial=0))


def measured(name: str, case: Case) -> dict[str, list[Turn]]:
    """Turns of both, interleaved."""
    path = model(name)
    program = scoring.program_of(path, Options(), Tables(), print)
    import onnxruntime

    width = onnxruntime.InferenceSession(path).get_inputs()[0].shape[1]
    source = tables(name, width, case)
    sources = sorted(source.glob("*")) if source.is_dir() else [source]
    found: dict[str, list[Turn]] = {"ours": [], "onnxruntime": []}
    with tempfile.TemporaryDirectory(dir=PLACE) as folder:
        batch = "65536" if width < 100 else "4096"
        few = [str(program), "--quiet", str(table(name, width, max(1, case.rows // 100))), str(Path(folder) / "few.parquet")]
        found["a hundredth"] = [run(few)]
        for turn in range(case.turns):
            ours, theirs = (Path(folder) / f"{who}-{turn}{'' if source.is_dir() else '.parquet'}" for who in ("ours", "theirs"))
            found["ours"].append(run([str(program), "--quiet", str(source), str(ours)]))
            loop = [sys.executable, "-c", _LOOP, str(path), batch, str(theirs), *map(str, sources)]
            found["onnxruntime"].append(run(loop))
            print(f"{name}: largest distance {compared(ours, theirs):.1e}", flush=True)
    return found


def line(name: str, rows: int, found: dict[str, list[Turn]]) -> str:
    """A row of the table: medians."""
    rates = {who: rows / float(np.median([t.seconds for t in turns])) for who, turns in found.items()}
    memory = {who: f"{max(t.memory for t in turns):,.0f} MB" for who, turns in found.items()}
    cells = [name, f"{rows:,}", f"{rates['ours']:,.0f}", memory["ours"], memory["a hundredth"]]
    cells += [f"{rates['onnxruntime']:,.0f}", memory["onnxruntime"], f"{rates['ours'] / rates['onnxruntime']:.1f} ×"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", default=",".join(CASES))
    parser.add_argument("--rows", type=int, help="of each model, in one file")
    parser.add_argument("--turns", type=int, help="of each model")
    parser.add_argument("--no-write", action="store_true")
    parser.add_argument("--quick", action="store_true", help="few rows, one turn")
    own = parser.parse_args()
    load = Load()
    PLACE.mkdir(parents=True, exist_ok=True)
    lines = [
        "| model | rows | `score`, rows/s | memory | of a hundredth of the rows | onnxruntime, rows/s | memory | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in own.models.split(","):
        case = CASES[name]
        if own.quick:
            case = Case(case.rows // 20, max(1, case.links // 20), 1)
        if own.rows:
            case = Case(own.rows, 1, case.turns)
        if own.turns:
            case = replace(case, turns=own.turns)
        lines.append(line(name, case.rows, measured(name, case)))
    said = f"Medians by `python benchmarks/score.py` on {cpu()}; commit {commit()}; {load}."
    wide = "A row of ember_mlp has 2,381 columns; its table is 100 links to one file of 100,000 rows, read one after the other."
    lines += ["", f"{said} {wide}"]
    text = "\n".join(lines)
    print(text)
    if not own.no_write:
        head, mark, rest = DOCUMENT.read_text(encoding="utf-8").partition("<!-- written by benchmarks/score.py -->\n")
        tail = rest[rest.index("<!-- end -->") :]
        DOCUMENT.write_text(f"{head}{mark}\n{text}\n\n{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()

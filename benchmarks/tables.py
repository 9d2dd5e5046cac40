"""Rows a second of the generated wheel in engines for tables, beside the same engine with onnxruntime.

    python benchmarks/tables.py                     # writes the table in docs/tables.md
    python benchmarks/tables.py --quick --no-write  # a twentieth of the rows, one run
    python benchmarks/tables.py [--rows N] [--engines duckdb,polars]

Each engine is an example of `examples/engines`; both sides call it with the same rows of the breast cancer example (30 columns of
float32 in a Parquet file), in turns. Before anything is timed, the answers are compared, which also starts sessions and workers.
The fastest of the runs counts. The program in Rust has no other side; it says itself how long a query took. The first
run builds the wheel and that program, for minutes; `--engines` without `datafusion_rust` does without the latter.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import Load, commit, cpu

import onnx2rust
from onnx2rust.base.options import Options

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "benchmarks" / "tables"
EXAMPLE = ROOT / "examples" / "breast_cancer"
PAGE = ROOT / "docs" / "tables.md"
BEGIN, END = "<!-- written by benchmarks/tables.py -->\n", "<!-- end -->\n"
ENGINES = {
    "pyarrow": "pyarrow, batches of the file",
    "duckdb": "DuckDB, function of SQL",
    "duckdb_stream": "DuckDB, a query's result",
    "polars": "Polars, `map_batches`",
    "datafusion": "DataFusion, function of SQL",
    "dask": "Dask, `map_partitions`",
    "ray": "Ray Data, `map_batches`, two CPUs",
    "spark": "Spark, `mapInArrow`, `local[2]`",
}
RUST = "datafusion_rust"
"""The program in Rust, with the crate instead of the wheel."""


def wheel() -> Path:
    """The model as ONNX; its wheel is importable afterwards."""
    out = BUILD / "breast_cancer"
    modules = BUILD / "modules"
    if not modules.exists():
        made = onnx2rust.host("python", EXAMPLE / "saved_model", out, Options(crate_name="breast_cancer"), build=True)
        assert made.dist is not None
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(modules)]
        subprocess.run([*pip, *map(str, made.dist.glob("*.whl"))], check=True)
    sys.path[:0] = [str(modules), str(ROOT / "examples" / "engines")]
    (onnx_file,) = out.glob("breast_cancer/*/model.onnx")
    return onnx_file


def table(rows: int) -> Path:
    """A Parquet file with that many patients: those of the example, with noise."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = BUILD / f"rows_{rows}.parquet"
    if not path.exists():
        draw = np.random.default_rng(7)
        known = np.load(EXAMPLE / "features.npz")["features"]
        x = known[draw.integers(0, len(known), rows)] * draw.uniform(0.9, 1.1, (rows, 1)).astype(np.float32)
        columns = {f"c{k}": np.ascontiguousarray(x[:, k], np.float32) for k in range(x.shape[1])}
        pq.write_table(pa.table(columns), path, row_group_size=1 << 17)
    return path


def seconds(call: Any) -> float:
    """How long it takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def measured(engine: str, rows: Path, ours: Any, theirs: Any, runs: int) -> tuple[float, float]:
    """The fastest run of the wheel and of onnxruntime. Raises AssertionError if their answers differ."""
    score = importlib.import_module(f"with_{engine}").score
    np.testing.assert_allclose(score(rows, ours), score(rows, theirs), rtol=1e-5, atol=1e-6)
    both = [(seconds(lambda: score(rows, ours)), seconds(lambda: score(rows, theirs))) for _ in range(runs)]
    return min(a for a, _ in both), min(b for _, b in both)


def rust(rows: Path, theirs: Any, runs: int) -> float:
    """The fastest run of the program in Rust. Raises AssertionError if its answers are others than onnxruntime's."""
    import pyarrow.parquet as pq

    folder, out = BUILD / "datafusion", BUILD / "datafusion.parquet"
    program = folder / "target" / "release" / "scores"
    if not program.exists():
        shutil.copytree(ROOT / "examples" / "engines" / "datafusion", folder, dirs_exist_ok=True)
        onnx2rust.convert(EXAMPLE / "saved_model", folder / "model", Options(name="breast_cancer", force=True))
        build = ["cargo", "build", "--release", "--quiet", "--target-dir", str(folder / "target")]
        subprocess.run(build, cwd=folder, check=True)
    listed = ", ".join(pq.read_schema(rows).names)
    command = [str(program), f"SELECT predict({listed}) AS p FROM '{rows}'", str(out)]
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(runs)]
    expected = importlib.import_module("with_pyarrow").score(rows, theirs)
    np.testing.assert_allclose(pq.read_table(out).column("p").to_numpy(), expected, rtol=1e-5, atol=1e-6)
    return min(float(text.split()[-2]) for text in said)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--engines", default=",".join([*ENGINES, RUST]))
    parser.add_argument("--quick", action="store_true", help="a twentieth of the rows, one run")
    parser.add_argument("--no-write", action="store_true")
    chosen = parser.parse_args()
    load, small = Load(), 20 if chosen.quick else 1
    count, runs = chosen.rows // small, 1 if chosen.quick else chosen.runs
    model = wheel()
    rows = table(count)
    predictors = importlib.import_module("predictors")
    ours, theirs = predictors.Wheel("breast_cancer"), predictors.Onnxruntime(str(model))
    lines = ["| engine | generated, rows/s | onnxruntime, rows/s | ratio |", "|---|---|---|---|"]
    print(f"{cpu()}, commit {commit()}", *lines, sep="\n")
    for engine in chosen.engines.split(","):
        if engine == RUST:
            lines.append(f"| DataFusion in Rust, function of SQL | {count / rust(rows, theirs, runs):,.0f} | | |")
        else:
            a, b = measured(engine, rows, ours, theirs, runs)
            lines.append(f"| {ENGINES[engine]} | {count / a:,.0f} | {count / b:,.0f} | {b / a:.2f} |")
        print(lines[-1], flush=True)
    of = f"the fastest of {runs} runs in turns" if runs > 1 else "one run"
    lines.append(f"\n{count:,} rows, {of}, sessions warm; {cpu()}; commit {commit()}; {load}.")
    print(lines[-1])
    if not chosen.no_write:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        PAGE.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n\n" + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()

"""Rows a second of the generated wheel in engines for tables, beside the same engine with onnxruntime.

    python benchmarks/tables.py                     # writes the table in docs/tables.md
    python benchmarks/tables.py --quick --no-write  # a twentieth of the rows, two runs
    python benchmarks/tables.py [--rows N] [--engines duckdb,polars]

Each engine is an example of `examples/engines`; both sides call it with the same rows of the breast cancer example (30
columns of float32 in a Parquet file). It has a process of its own, with which its cluster or its Java ends, so that none takes
time from the next. Before anything is timed, the answers are compared, which also starts sessions and workers. Then both sides
run in turns, each as often first as second, since Java becomes faster with every run; the fastest run counts. The program in
Rust has no other side; it says itself how long a query took. The wheel and that program are built first, for minutes, if the
sources are not those of the last time; `--engines` without `datafusion_rust` does without the latter.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from machine import Load, commit, cpu, sources

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
    if _stale(modules):
        shutil.rmtree(modules, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        made = onnx2rust.host("python", EXAMPLE / "saved_model", out, Options(crate_name="breast_cancer"), build=True)
        assert made.dist is not None
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(modules)]
        subprocess.run([*pip, *map(str, made.dist.glob("*.whl"))], check=True)
        _built(modules)
    sys.path[:0] = [str(modules), str(ROOT / "examples" / "engines")]
    (onnx_file,) = out.glob("breast_cancer/*/model.onnx")
    return onnx_file


def _stale(made: Path) -> bool:
    """Whether it is not there, or was built of other sources than these."""
    stamp = made / "sources"
    return not stamp.exists() or stamp.read_text(encoding="utf-8") != sources()


def _built(made: Path) -> None:
    """Notes of which sources it is."""
    (made / "sources").write_text(sources(), encoding="utf-8")


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


def measured(engine: str, rows: Path, model: Path, runs: int) -> tuple[float, float]:
    """The fastest run of the wheel and of onnxruntime. Raises AssertionError if their answers differ."""
    predictors = importlib.import_module("predictors")
    score = importlib.import_module(f"with_{engine}").score
    both = [predictors.Wheel("breast_cancer"), predictors.Onnxruntime(str(model))]
    ours, theirs = (score(rows, predict) for predict in both)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    times: list[list[float]] = [[], []]
    for run in range(runs):
        for side in (0, 1) if run % 2 else (1, 0):
            times[side].append(seconds(lambda predict=both[side]: score(rows, predict)))
    return min(times[0]), min(times[1])


def alone(*arguments: Any) -> tuple[float, float]:
    """`measured`, in a process that ends with all that it started."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(measured, *arguments).result()


def program() -> Path:
    """The program in Rust."""
    folder = BUILD / "datafusion"
    if _stale(folder):
        shutil.copytree(ROOT / "examples" / "engines" / "datafusion", folder, dirs_exist_ok=True)
        onnx2rust.convert(EXAMPLE / "saved_model", folder / "model", Options(name="breast_cancer", force=True))
        build = ["cargo", "build", "--release", "--quiet", "--target-dir", str(folder / "target")]
        subprocess.run(build, cwd=folder, check=True)
        _built(folder)
    return folder / "target" / "release" / "scores"


def rust(rows: Path, model: Path, runs: int) -> float:
    """The fastest run of the program in Rust. Raises AssertionError if its answers are others than onnxruntime's."""
    import pyarrow.parquet as pq

    out = BUILD / "datafusion.parquet"
    listed = ", ".join(pq.read_schema(rows).names)
    command = [str(program()), f"SELECT predict({listed}) AS p FROM '{rows}'", str(out)]
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(runs)]
    theirs = importlib.import_module("predictors").Onnxruntime(str(model))
    expected = importlib.import_module("with_pyarrow").score(rows, theirs)
    np.testing.assert_allclose(pq.read_table(out).column("p").to_numpy(), expected, rtol=1e-5, atol=1e-6)
    return min(float(text.split()[-2]) for text in said)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--engines", default=",".join([*ENGINES, RUST]))
    parser.add_argument("--quick", action="store_true", help="a twentieth of the rows, two runs")
    parser.add_argument("--no-write", action="store_true")
    chosen = parser.parse_args()
    small = 20 if chosen.quick else 1
    count, runs = chosen.rows // small, 2 if chosen.quick else chosen.runs
    engines = chosen.engines.split(",")
    model, rows = wheel(), table(count)
    if RUST in engines:
        program()
    load = Load()
    lines = ["| engine | generated, rows/s | onnxruntime, rows/s | ratio |", "|---|---|---|---|"]
    print(f"{cpu()}, commit {commit()}", *lines, sep="\n")
    for engine in engines:
        if engine == RUST:
            lines.append(f"| DataFusion in Rust, function of SQL | {count / rust(rows, model, runs):,.0f} | | |")
        else:
            a, b = alone(engine, rows, model, runs)
            lines.append(f"| {ENGINES[engine]} | {count / a:,.0f} | {count / b:,.0f} | {b / a:.2f} |")
        print(lines[-1], flush=True)
    of = f"the fastest of {runs} runs in turns"
    lines.append(f"\n{count:,} rows, {of}, sessions warm; {cpu()}; commit {commit()}; {load}.")
    print(lines[-1])
    if not chosen.no_write:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        PAGE.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n\n" + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()

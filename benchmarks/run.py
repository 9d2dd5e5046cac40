"""Measures the generated code against onnxruntime and LiteRT, and writes RESULTS.json, RESULTS.md and the README's table.

Every engine runs on one thread, all of them pinned to one core. A model's engines take turns in short bursts of random order, so that whatever
else the machine does hits all of them alike; the first runs of a burst, which find cold caches, do not count. Every answer is compared
with onnxruntime's before anything is timed.

    python benchmarks/run.py [--models a,b] [--quick] [--large] [--no-write]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent))

import crates
import models
import report
from engines import BoundOnnxRuntime, Engine, LiteRt, OnnxRuntime

from onnx2rust.errors import Onnx2RustError

ROOT = Path(__file__).resolve().parents[1]
BATCHES = (1, 32)
RTOL, ATOL = 1e-4, 1e-5
"""As `onnx2rust verify`: |a − b| ≤ RTOL·|b| + ATOL·max|b|."""
LITERT_ERROR = 100
"""LiteRT may round more than we may, but must compute the same."""
BURST_NS = 3e6
WARM_UP = 2
Array = np.ndarray[Any, Any]


class Ours:
    """The generated crate behind its server."""

    def __init__(self, server: crates.Server, names: Sequence[str]) -> None:
        self.server = server
        self.names = names

    def burst(self, k: int, runs: int) -> list[int]:
        return self.server.burst(k, runs)

    def outputs(self, k: int) -> list[Array]:
        found = self.server.outputs(k)
        return [found[name] for name in self.names]


def feeds_of(proto: onnx.ModelProto, batch: int, vocabulary: int) -> dict[str, Array]:
    """Seeded inputs of one batch size."""
    shapes = []
    for info in proto.graph.input:
        tensor = info.type.tensor_type
        shape = tuple(d.dim_value or None for d in tensor.shape.dim)
        shapes.append((shape, helper.tensor_dtype_to_np_dtype(tensor.elem_type).name))
    drawn = models.samples(shapes, batch, vocabulary, seed=batch)
    return {info.name: array for info, array in zip(proto.graph.input, drawn, strict=True)}


def error(actual: Sequence[Array], expected: Sequence[Array]) -> float:
    """The largest deviation in units of what is allowed: at most 1 is right."""
    worst = 0.0
    for a, b in zip(actual, expected, strict=True):
        if a.shape != b.shape:
            return float("inf")
        scale = float(np.abs(b).max(initial=0.0))
        allowed = RTOL * np.abs(b) + ATOL * scale + 1e-30
        ratio = np.abs(a.astype(np.float64) - b) / allowed
        worst = max(worst, float(np.nan_to_num(ratio, nan=np.inf).max(initial=0.0)))
    return worst


def measure(engines: Mapping[str, Engine], k: int, seconds: float, rng: random.Random) -> dict[str, dict[str, float]]:
    """Median and tenth percentile of each engine on inputs k, in nanoseconds."""
    single = {name: min(engine.burst(k, 3)) for name, engine in engines.items()}
    runs = {name: max(1, min(300, int(BURST_NS / t))) for name, t in single.items()}
    warm = {name: WARM_UP if runs[name] > 1 else 0 for name in engines}
    times: dict[str, list[int]] = {name: [] for name in engines}
    end = time.monotonic() + seconds
    while time.monotonic() < end or min(map(len, times.values())) < 5:
        for name in rng.sample(list(engines), len(engines)):
            times[name] += engines[name].burst(k, warm[name] + runs[name])[warm[name] :]
    return {
        name: {"median": float(np.median(t)), "p10": float(np.percentile(t, 10)), "runs": len(t)} for name, t in times.items()
    }


def identity_overhead(rng: random.Random) -> dict[str, float]:
    """Nanoseconds that onnxruntime takes for a model that does nothing."""
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", [info], [out])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    sets = [{"x": np.zeros((1, 1), np.float32)}]
    found = measure({"plain": OnnxRuntime(proto, sets), "bound": BoundOnnxRuntime(proto, sets)}, 0, 0.3, rng)
    return {name: t["median"] for name, t in found.items()}


def run_model(
    name: str, proto: onnx.ModelProto, executable: Path, batches: Sequence[int], seconds: float, rng: random.Random
) -> dict[str, Any]:
    """Checks and measures one model."""
    sets = [feeds_of(proto, b, models.MODELS[name].vocabulary) for b in batches]
    content = proto.SerializeToString()
    server = crates.Server(executable, sets)
    engines: dict[str, Engine] = {
        "onnxruntime": OnnxRuntime(content, sets),
        "onnxruntime (bound)": BoundOnnxRuntime(content, sets),
        "onnx2rust": Ours(server, [o.name for o in proto.graph.output]),
    }
    result: dict[str, Any] = {"notes": []}
    paths = [models.BUILD / "models" / name / f"model_{b}.tflite" for b in batches]
    expected = [engines["onnxruntime"].outputs(k) for k in range(len(batches))]
    try:
        if not all(p.exists() for p in paths):
            raise ValueError("its converter does not take the model")
        engine = LiteRt(paths, sets)
        off = max(error(engine.outputs(k), expected[k]) for k in range(len(batches)))
        if off > LITERT_ERROR:
            raise ValueError(f"its answer is {off:.0f} times as far from onnxruntime's as is allowed")
        engines["LiteRT"] = engine
    except (ImportError, ValueError, RuntimeError) as reason:
        result["notes"].append(f"LiteRT: {str(reason)[:200]}")
    ours = [engines["onnx2rust"].outputs(k) for k in range(len(batches))]
    result["error"] = max(error(a, e) for a, e in zip(ours, expected, strict=True))
    result["max_abs"] = max(
        float(np.abs(a.astype(np.float64) - e).max(initial=0.0))
        for got, want in zip(ours, expected, strict=True)
        for a, e in zip(got, want, strict=True)
    )
    result["right"] = result["error"] <= 1
    result["batches"] = {str(b): measure(engines, k, seconds, rng) for k, b in enumerate(batches)}
    server.close()
    return result


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    field = {line.split(":")[0].strip(): line.split(":", 1)[1].strip() for line in info.splitlines() if ":" in line}
    flags = field.get("flags", "").split()
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    versions = {}
    for package in ("onnxruntime", "ai-edge-litert", "tensorflow-cpu", "keras", "numpy"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False)
    return {
        "cpu": field.get("model name", platform.processor()),
        "family": f"{field.get('vendor_id', '')} family {field.get('cpu family', '?')} model {field.get('model', '?')}",
        "features": [f for f in flags if f.startswith(("avx", "fma", "sse4", "f16c"))],
        "rustc": rustc.stdout.strip(),
        "commit": git.stdout.strip(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        **versions,
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help="names, separated by commas; all if not given")
    parser.add_argument("--quick", action="store_true", help="batch 1 only, half a second a model")
    parser.add_argument("--large", action="store_true", help="the large models too")
    parser.add_argument("--no-write", action="store_true", help="print the table, keep the files as they are")
    arguments = parser.parse_args()
    names = (
        arguments.models.split(",")
        if arguments.models
        else [n for n, m in models.MODELS.items() if arguments.large or not m.large]
    )
    failed: dict[str, str] = {}
    built = []
    for name, path in models.onnx_files(names).items():
        try:
            built.append((crates.convert(name, onnx.load(path)), path))
        except Onnx2RustError as reason:
            failed[name] = f"does not convert: {str(reason)[:300]}"
    if importlib.util.find_spec("ai_edge_litert") is not None:
        models.tflite_files([c.name for c, _ in built])
    servers = crates.build([c for c, _ in built])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rng = random.Random(1)
    results: dict[str, Any] = {"machine": machine(), "overhead": identity_overhead(rng), "models": {}, "failed": failed}
    batches = BATCHES[:1] if arguments.quick else BATCHES
    for crate, path in built:
        if crate.name not in servers:
            failed[crate.name] = "its crate does not compile"
            continue
        try:
            found = run_model(crate.name, onnx.load(path), servers[crate.name], batches, 0.5 if arguments.quick else 3.0, rng)
        except RuntimeError as reason:
            failed[crate.name] = str(reason)
            continue
        results["models"][crate.name] = found
        row = found["batches"]["1"]
        ours = row["onnx2rust"]["median"]
        others = {k: round(ours / v["median"], 2) for k, v in row.items() if k != "onnx2rust"}
        print(f"{crate.name:24} {ours / 1e3:10.1f} µs  {others}  error {found['error']:.3f}", flush=True)
    if arguments.no_write:
        print(report.results(results))
    else:
        report.RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        report.write(results)
    wrong = [n for n, m in results["models"].items() if not m["right"]]
    for name, why in failed.items():
        print(f"{name}: {why}")
    raise SystemExit(1 if wrong or failed else 0)


if __name__ == "__main__":
    main()

"""Measures the generated code against onnxruntime and LiteRT, and writes RESULTS.json, RESULTS.md and the README's table.

Every engine runs on one thread, all of them pinned to one core. A model's engines take turns in short bursts of random order, so
that whatever else the machine does hits all of them alike; the first runs of a burst, which find cold caches, do not count. Every
answer is compared with onnxruntime's before anything is timed.

    python benchmarks/run.py [--models a,b] [--quick] [--large] [--no-write] [--before SERVERS.json]

`--servers FILE` only builds, and lists the servers; `--before` takes such a list of another commit:
its crates run in the same turns.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent))

import crates
import models
import report
from engines import LiteRt

from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.model.reference import session
from onnx2rust.timing.clock import machine, measure, one_core
from onnx2rust.timing.engines import BoundOnnxRuntime, Crate, Engine, OnnxRuntime

ROOT = Path(__file__).resolve().parents[1]
BATCHES = (1, 32)
RTOL, ATOL = 1e-4, 1e-5
"""As `onnx2rust verify`: |a − b| ≤ RTOL·|b| + ATOL·max|b|."""
LITERT_ERROR = 100
"""LiteRT may round more than we may, but must compute the same."""
PACKAGES = ("onnxruntime", "ai-edge-litert", "tensorflow-cpu", "keras", "numpy")
Array = np.ndarray[Any, Any]


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


def identity_overhead(rng: random.Random) -> dict[str, float]:
    """Nanoseconds that onnxruntime takes for a model that does nothing."""
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", [info], [out])
    own = session(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))
    sets = [{"x": np.zeros((1, 1), np.float32)}]
    found = measure({"plain": OnnxRuntime(own, sets), "bound": BoundOnnxRuntime(own, sets)}, 0, 0.3, rng)
    return {name: t.median for name, t in found.items()}


def run_model(
    name: str,
    proto: onnx.ModelProto,
    executables: Mapping[str, Path],
    batches: Sequence[int],
    seconds: float,
    rng: random.Random,
) -> dict[str, Any]:
    """Checks and measures one model: `executables` are our server (`onnx2rust`) and, if there is one, that of another commit."""
    sets = [feeds_of(proto, b, models.MODELS[name].vocabulary) for b in batches]
    own, names = session(proto), [o.name for o in proto.graph.output]
    servers = {engine: Crate(path, names, sets) for engine, path in executables.items()}
    engines: dict[str, Engine] = {
        "onnxruntime": OnnxRuntime(own, sets),
        "onnxruntime (bound)": BoundOnnxRuntime(own, sets),
        **servers,
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
    ours = [servers["onnx2rust"].outputs(k) for k in range(len(batches))]
    result["error"] = max(error(s.outputs(k), e) for s in servers.values() for k, e in enumerate(expected))
    result["max_abs"] = max(
        float(np.abs(a.astype(np.float64) - e).max(initial=0.0))
        for got, want in zip(ours, expected, strict=True)
        for a, e in zip(got, want, strict=True)
    )
    result["right"] = result["error"] <= 1
    result["batches"] = {
        str(b): {engine: asdict(t) for engine, t in measure(engines, k, seconds, rng).items()} for k, b in enumerate(batches)
    }
    for server in servers.values():
        server.close()
    return result


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help="names, separated by commas; all if not given")
    parser.add_argument("--quick", action="store_true", help="batch 1 only, half a second a model")
    parser.add_argument("--large", action="store_true", help="the large models too")
    parser.add_argument("--no-write", action="store_true", help="print the table, keep the files as they are")
    parser.add_argument("--servers", type=Path, metavar="FILE", help="only build, and list the servers in FILE")
    parser.add_argument("--before", type=Path, metavar="FILE", help="measure these servers, of another commit, in the same turns")
    arguments = parser.parse_args()
    names = (
        arguments.models.split(",")
        if arguments.models
        else [n for n, m in models.MODELS.items() if arguments.large or not m.large]
    )
    failed: dict[str, str] = {}
    paths = models.onnx_files(names)
    servers = crates.build(paths, failed)
    if arguments.servers:
        arguments.servers.write_text(json.dumps({name: str(path) for name, path in servers.items()}, indent=1) + "\n")
        return
    before = {} if arguments.before is None else {n: Path(p) for n, p in json.loads(arguments.before.read_text()).items()}
    if importlib.util.find_spec("ai_edge_litert") is not None:
        models.tflite_files(list(servers))
    with one_core():
        results = measured(servers, before, paths, failed, quick=arguments.quick)
    if before:
        print(report.changes(results))
    elif arguments.no_write:
        print(report.results(results))
    else:
        report.RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        report.write(results)
    wrong = [n for n, m in results["models"].items() if not m["right"]]
    for name, why in failed.items():
        print(f"{name}: {why}")
    raise SystemExit(1 if wrong or failed else 0)


def measured(
    servers: Mapping[str, Path], before: Mapping[str, Path], paths: Mapping[str, Path], failed: dict[str, str], *, quick: bool
) -> dict[str, Any]:
    """The results of all models that have a server."""
    rng = random.Random(1)
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    about = machine(PACKAGES) | {"commit": git.stdout.strip()}
    results: dict[str, Any] = {"machine": about, "overhead": identity_overhead(rng), "models": {}, "failed": failed}
    for name, executable in servers.items():
        executables = {"onnx2rust": executable} | ({"before": before[name]} if name in before else {})
        try:
            batches, seconds = (BATCHES[:1], 0.5) if quick else (BATCHES, 3.0)
            found = run_model(name, onnx.load(paths[name]), executables, batches, seconds, rng)
        except Onnx2RustError as reason:
            failed[name] = str(reason)
            continue
        results["models"][name] = found
        for batch, row in found["batches"].items():
            ours = row["onnx2rust"]["median"]
            others = {k: round(ours / v["median"], 2) for k, v in row.items() if k != "onnx2rust"}
            print(f"{name:24} {batch:>3} {ours / 1e3:10.1f} µs  {others}  error {found['error']:.3f}", flush=True)
    return results


if __name__ == "__main__":
    main()

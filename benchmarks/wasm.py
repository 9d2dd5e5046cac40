"""Measures packages of the host `wasm` beside onnxruntime-web in Node, and writes benchmarks/WASM.md.

Both run on one thread, onnxruntime-web in its WebAssembly build with vectors; they take turns in bursts of ten milliseconds of
CPU time, compiled by V8's optimising compiler before they begin (`--no-liftoff`). Answers are compared with onnxruntime's before
anything is timed.

    python benchmarks/wasm.py [--models a,b] [--large] [--quick] [--built] [--no-write]

npm brings onnxruntime-web to build/npm if it is not there. `--built` takes the packages of the last run as they are.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

sys.path.insert(0, str(Path(__file__).parent))

import models
from run import ATOL, BATCHES, RTOL, feeds_of

import onnx2rust
from onnx2rust.base.options import Options
from onnx2rust.hosts import wasm
from onnx2rust.model.reference import session
from onnx2rust.timing.clock import machine

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "benchmarks" / "wasm"
WORKSPACE = BUILD / "workspace"
RUNTIME = ROOT / "build" / "npm" / "node_modules" / "onnxruntime-web"
SCRIPT = "ort.wasm.min.mjs"
TARGET = Path(__file__).with_name("WASM.md")
OTHER_ERROR = 20
"""How far onnxruntime-web may be from onnxruntime, in units of what we may."""
Array = np.ndarray[Any, Any]
HEAD = """# WebAssembly

Packages of `onnx2rust host wasm` beside onnxruntime-web {version} in Node {node}, one thread each, in turns in one process, with
vectors and V8's optimising compiler. Written by `python benchmarks/wasm.py` at commit {commit}.
{cpu} ({family}), load {load:.1f}.
Time is CPU time, the median of bursts; × is ours over theirs. Download is what a page fetches, after gzip: our script and module,
which has the weights in it; their script, their module and the model's file. Weights are as many bytes on both sides: the last
columns are what remains without them.

| model | ms, batch {batches[0]} | × | ms, batch {batches[1]} | × | download, MB | × | without weights, MB: ours | theirs | × |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
"""


@dataclass(frozen=True)
class Package:
    """A model's script, its module with vectors, and the files of weights that lie in the module."""

    script: Path
    module: Path
    weights: tuple[Path, ...] = ()


def packages(paths: Mapping[str, Path], *, built: bool) -> dict[str, Package]:
    """The models' packages, all in one workspace."""
    if not built:
        shutil.rmtree(WORKSPACE, ignore_errors=True)
        options = [Options(name=name, crate_name=name, binary_classification=False) for name in paths]
        projects = onnx2rust.convert_workspace(list(paths.values()), WORKSPACE, options, hosts=["wasm"])
        for project in projects:
            print(f"building {project.crate_name}", flush=True)
            wasm.module(project.shells[0], WORKSPACE, vectors=True)
    modules = WORKSPACE / "target" / "simd128" / wasm.TARGET / "release"
    return {
        n: Package(
            WORKSPACE / f"{n}-wasm" / "package" / "index.js",
            modules / f"{n}_wasm.wasm",
            tuple(modules.glob(f"build/{n}-*/out/*.bin")),
        )
        for n in paths
    }


def runtime() -> Path:
    """The folder of onnxruntime-web, which npm installs where it is missing."""
    if not RUNTIME.is_dir():
        command = ["npm", "install", "--prefix", str(RUNTIME.parents[1]), "--no-save", "--silent", "onnxruntime-web"]
        subprocess.run(command, check=True)
    return RUNTIME


def written(folder: Path, name: str, array: Array) -> dict[str, Any]:
    """An array as a file for Node."""
    path = folder / f"{name}.bin"
    path.write_bytes(np.ascontiguousarray(array).tobytes())
    return {"type": array.dtype.name, "shape": list(array.shape), "file": str(path)}


def job(name: str, path: Path, package: Package, seconds: float) -> dict[str, Any]:
    """What Node is to do with one model."""
    folder = BUILD / "jobs" / name
    folder.mkdir(parents=True, exist_ok=True)
    proto = onnx.load(path)
    own = session(proto)
    batches = []
    for batch in BATCHES:
        feeds = feeds_of(proto, batch, models.MODELS[name].vocabulary)
        found: Sequence[Array] = own.run(None, feeds)
        inputs = [written(folder, f"{batch}_in_{k}", array) for k, array in enumerate(feeds.values())]
        outputs = [written(folder, f"{batch}_out_{k}", array) for k, array in enumerate(found)]
        batches.append({"batch": batch, "inputs": inputs, "outputs": outputs})
    places = {"package": str(package.script), "wasm": str(package.module), "model": str(path)}
    return {"name": name, **places, "batches": batches, "rtol": RTOL, "atol": ATOL, "seconds": seconds}


def measured(jobs: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What Node says of each model."""
    place = BUILD / "jobs.json"
    place.write_text(json.dumps(jobs), encoding="utf-8")
    command = ["node", "--no-liftoff", str(Path(__file__).with_suffix(".mjs")), str(place), str(runtime() / "dist" / SCRIPT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise SystemExit(process.returncode)


def megabytes(*parts: bytes) -> float:
    """What files are together, after gzip."""
    return sum(len(gzip.compress(part, 9)) for part in parts) / 1e6


def code(package: Package) -> bytes:
    """Our module without its weights."""
    module = package.module.read_bytes()
    for weights in sorted((path.read_bytes() for path in package.weights), key=len, reverse=True):
        module = module.replace(weights, b"", 1)
    return module


def graph(path: Path) -> bytes:
    """The model's file without its weights."""
    proto = onnx.load(path)
    for tensor in proto.graph.initializer:
        tensor.CopyFrom(onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims))
    return bytes(proto.SerializeToString())


def downloads(path: Path, package: Package) -> tuple[tuple[float, float], tuple[float, float]]:
    """What a page fetches for our package, and for onnxruntime-web and the model: with the weights, and without."""
    files = (SCRIPT, "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
    ours, theirs = package.script.read_bytes(), [(runtime() / "dist" / file).read_bytes() for file in files]
    return (
        (megabytes(ours, package.module.read_bytes()), megabytes(*theirs, path.read_bytes())),
        (megabytes(ours, code(package)), megabytes(*theirs, graph(path))),
    )


def row(name: str, path: Path, package: Package, found: Mapping[str, Any]) -> str:
    """A line of the table."""
    cells = [name]
    pairs = [(found["batches"][str(b)]["ours"], found["batches"][str(b)]["other"]) for b in BATCHES]
    whole, bare = downloads(path, package)
    for ours, other in (*pairs, whole):
        cells += [f"{ours:.3g}", f"{ours / other:.2f}"]
    cells += [*(f"{size:.3g}" for size in bare), f"{bare[0] / bare[1]:.3f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models")
    parser.add_argument("--large", action="store_true", help="also models that take minutes to build")
    parser.add_argument("--quick", action="store_true", help="half a second a batch")
    parser.add_argument("--built", action="store_true", help="do not build the packages again")
    parser.add_argument("--no-write", action="store_true", help="print the table, write no file")
    given = parser.parse_args()
    names = given.models.split(",") if given.models else [n for n, m in models.MODELS.items() if given.large or not m.large]
    paths = models.onnx_files(names)
    made = packages(paths, built=given.built)
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    version = json.loads((runtime() / "package.json").read_text(encoding="utf-8"))["version"]
    about = machine() | {"commit": git.stdout.strip(), "node": node, "version": version, "batches": BATCHES}
    lines, wrong = [], []
    for found in measured([job(n, paths[n], package, 0.5 if given.quick else 3.0) for n, package in made.items()]):
        name = found["name"]
        errors = [found["batches"][str(b)]["errors"] for b in BATCHES]
        if any(not (e["ours"] <= 1 and e["other"] <= OTHER_ERROR) for e in errors):
            wrong.append(f"{name}: {errors}")
        lines.append(row(name, paths[name], made[name], found))
        print(lines[-1], flush=True)
    if not given.no_write:
        TARGET.write_text(HEAD.format(**about) + "\n".join(lines) + "\n", encoding="utf-8")
    raise SystemExit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()

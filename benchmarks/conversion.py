"""What a conversion costs: CPU time of models with thousands of nodes, and the time until a command does something.

    python benchmarks/conversion.py                          # this checkout
    python benchmarks/conversion.py --before ../old          # beside another one, in turns
    python benchmarks/conversion.py --profile                # where the time goes (cProfile)

The mixed model has blocks of many kinds: convolutions with residuals, products with biases, layer normalisation written out,
attention with reshapes whose sizes are computed from the batch. The transformer has the last three. Times are user CPU seconds of
a child process each, the best of the runs; below `convert` stand its stages, by the names that `onnx2rust convert` says.
"""

from __future__ import annotations

import argparse
import cProfile
import math
import os
import pstats
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEADS, SIDE = 16, 4, 4


class Graph:
    """The nodes and the weights of a model that is being made."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A node; returns the name of its output."""
        name = f"block_{len(self.nodes) // 40}/{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name, **attributes))
        return name

    def weight(self, *shape: int) -> str:
        """Drawn weights, small enough that a long chain stays finite."""
        return self.known((self.random.standard_normal(shape) / np.sqrt(max(1, math.prod(shape[:-1])) * 4)).astype(np.float32))

    def known(self, array: Any) -> str:
        """A constant."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name


def normalised(g: Graph, x: str) -> str:
    """Layer normalisation as exporters write it out (9 nodes)."""
    mean = g.add("ReduceMean", x, axes=[-1], keepdims=1)
    centred = g.add("Sub", x, mean)
    variance = g.add("ReduceMean", g.add("Mul", centred, centred), axes=[-1], keepdims=1)
    scaled = g.add("Div", centred, g.add("Sqrt", g.add("Add", variance, g.known(np.float32(1e-5)))))
    return g.add("Add", g.add("Mul", scaled, g.known(np.ones(WIDTH, np.float32))), g.weight(WIDTH))


def dense(g: Graph, x: str) -> str:
    """A residual of two products with biases (6 nodes)."""
    hidden = g.add("Relu", g.add("Add", g.add("MatMul", x, g.weight(WIDTH, WIDTH)), g.weight(WIDTH)))
    return g.add("Add", x, g.add("Add", g.add("MatMul", hidden, g.weight(WIDTH, WIDTH)), g.weight(WIDTH)))


def reshaped(g: Graph, x: str, *inner: int) -> str:
    """x under another shape whose first axis is computed from x's (4 nodes)."""
    batch = g.add("Gather", g.add("Shape", x), g.known(np.array([0])), axis=0)
    return g.add("Reshape", x, g.add("Concat", batch, g.known(np.array(inner)), axis=0))


def attention(g: Graph, x: str) -> str:
    """Heads apart, their softmax, heads together (19 nodes)."""

    def heads(*perm: int) -> str:
        return g.add("Transpose", reshaped(g, x, SIDE * SIDE, HEADS, WIDTH // HEADS), perm=perm)

    scores = g.add("Mul", g.add("MatMul", heads(0, 2, 1, 3), heads(0, 2, 3, 1)), g.known(np.float32(0.5)))
    mixed = g.add("MatMul", g.add("Softmax", scores, axis=-1), heads(0, 2, 1, 3))
    return reshaped(g, g.add("Transpose", mixed, perm=[0, 2, 1, 3]), SIDE * SIDE, WIDTH)


def convolved(g: Graph, x: str) -> str:
    """As an image through a residual of two convolutions, and back (15 nodes)."""
    image = reshaped(g, g.add("Transpose", x, perm=[0, 2, 1]), WIDTH, SIDE, SIDE)
    first = g.add("Relu", g.add("Conv", image, g.weight(WIDTH, WIDTH, 3, 3), g.weight(WIDTH), pads=[1] * 4))
    second = g.add("Conv", first, g.weight(WIDTH, WIDTH, 1, 1), g.weight(WIDTH))
    flat = reshaped(g, g.add("Relu", g.add("Add", image, second)), WIDTH, SIDE * SIDE)
    return g.add("Transpose", flat, perm=[0, 2, 1])


def model(nodes: int, mixed: bool = True) -> onnx.ModelProto:
    """A chain of blocks of at least so many nodes; its batch is open."""
    g, x = Graph(1), "x"
    while len(g.nodes) < nodes:
        x = g.add("Add", x, attention(g, normalised(g, x)))
        x = dense(g, normalised(g, x))
        if mixed:
            x = convolved(g, x)
    shape: list[str | int] = ["batch", SIDE * SIDE, WIDTH]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", x)]
    graph = helper.make_graph(g.nodes, "long", ends[:1], ends[1:], g.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


CONVERT = """
import sys, time, onnx2rust
marks = [("imports", time.process_time())]
onnx2rust.convert(sys.argv[1], sys.argv[2], progress=lambda stage: marks.append((stage, time.process_time())))
marks.append(("", time.process_time()))
print("imports", marks[0][1], sep="\\t")
for (stage, begin), (_, end) in zip(marks, marks[1:]):
    print(stage if stage != "imports" else "imports of the stages", end - begin, sep="\\t")
"""


def seconds(checkout: Path, *command: str) -> dict[str, float]:
    """User CPU seconds of a Python process that imports the package of a checkout, and those of the stages that it tells of;
    NaN if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    run = subprocess.run([sys.executable, *command], env=environment, check=False, capture_output=True, text=True)
    if run.returncode:
        return {"": math.nan}
    found = {"": resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before}
    stages = (line.split("\t") for line in run.stdout.splitlines()) if CONVERT in command else ()
    return found | {stage: float(time) for stage, time in stages}


def measured(checkouts: list[Path], nodes: int, runs: int) -> None:
    """Prints what each checkout takes, the best of so many runs, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        tasks = {"--help": ["-m", "onnx2rust", "--help"]}
        for kind in ("mixed", "transformer"):
            for count in (nodes // 10, nodes):
                path = Path(folder, f"{kind}_{count}.onnx")
                built = model(count, kind == "mixed")
                onnx.save(built, path)
                tasks[f"inspect, {kind}, {len(built.graph.node)} nodes"] = ["-m", "onnx2rust", "inspect", str(path)]
                tasks[f"convert, {kind}, {len(built.graph.node)} nodes"] = ["-c", CONVERT, str(path)]
        for name, command in tasks.items():
            best: list[dict[str, float]] = [{} for _ in checkouts]
            for run in range(runs):
                for k, checkout in enumerate(checkouts):
                    out = [str(Path(folder, f"{name}_{run}_{k}"))] if command[1] == CONVERT else []
                    found = seconds(checkout, *command, *out)
                    best[k] = {stage: min(time, best[k].get(stage, time)) for stage, time in found.items()}
            for stage in best[-1]:
                times = [of.get(stage, math.nan) for of in best]
                ratio = f"  {times[0] / times[-1]:.2f} ×" if len(times) > 1 and times[0] >= 0.05 else ""
                print(f"{f'    {stage}' if stage else name:38}", *(f"{s:8.2f} s" for s in times), ratio, flush=True)


def profiled(nodes: int) -> None:
    """Prints the functions that take the most time."""
    import onnx2rust

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "long.onnx")
        onnx.save(model(nodes), path)
        profile = cProfile.Profile()
        profile.runcall(onnx2rust.convert, path, Path(folder, "out"))
        pstats.Stats(profile).sort_stats("cumulative").print_stats(90).sort_stats("tottime").print_stats(40)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--before", type=Path, help="another checkout")
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    if given.profile:
        profiled(given.nodes)
    else:
        measured([*([given.before.resolve()] if given.before else []), ROOT], given.nodes, given.runs)


if __name__ == "__main__":
    main()

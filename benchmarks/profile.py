"""Where a model's time goes, step by step: `python benchmarks/profile.py MODEL [--batch N] [--top N]`.

MODEL is a name of models.py or an .onnx file whose inputs have fixed sizes but for the batch. The generated code is built with a mark before
every step; a mark costs some 50 ns, so that steps shorter than that are told too long.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import onnx

sys.path.insert(0, str(Path(__file__).parent))

import crates
import models
from run import feeds_of

from onnx2rust.dims import evaluate
from onnx2rust.naming import crate_name

NANOSECONDS = 400_000_000


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--top", type=int, default=0, help="only the N longest steps, longest first")
    arguments = parser.parse_args()
    name = arguments.model
    if name in models.MODELS:
        path, vocabulary = models.onnx_files([name])[name], models.MODELS[name].vocabulary
    else:
        path, vocabulary = Path(name), 8
        name = str(crate_name(path.stem))
    proto = onnx.load(path)
    crate = crates.convert(name, proto)
    servers = crates.build([crate], f"profiled/{name}", profiled=True)
    server = crates.Server(servers[name], [feeds_of(proto, arguments.batch, vocabulary)])
    once = min(server.burst(0, 3))
    server.burst(0, max(5, NANOSECONDS // once))
    rows = [line.split("\t", 1) for line in server.close().splitlines() if "\t" in line]
    steps = [(int(t), text) for t, text in rows if not text.startswith(("(", "\t")) and text]
    total = sum(t for t, _ in steps)
    work = {}
    sizes = dict.fromkeys(crate.program.symbols, arguments.batch)
    for step in crate.program.steps:
        products = step.layer.multiply_adds()
        work[f"{step.origin.node or step.name} ({step.origin.op})"] = (evaluate(products, sizes), str(step.layer))
    print(f"{name}, batch {arguments.batch}: {total / 1e3:.1f} µs in {len(steps)} steps")
    for spent, text in sorted(steps, reverse=True)[: arguments.top] if arguments.top else steps:
        products, layer = work.get(text.split(": ")[0], (0, ""))
        rate = f"{2 * products / spent:7.1f} GFLOP/s" if products and spent else " " * 15
        print(f"{spent / 1e3:10.2f} µs {100 * spent / total:5.1f} % {rate}  {text}  {layer[:150] if arguments.top else ''}")


if __name__ == "__main__":
    main()

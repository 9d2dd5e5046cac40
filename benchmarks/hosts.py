"""What the hosts `c` and `python` cost: size, start-up, and a call over the crate's own time, beside onnxruntime's.

    python benchmarks/hosts.py                                       # digits and a larger model; writes HOSTS.md
    python benchmarks/hosts.py --models mobilenetv2 --no-write

A model is converted once, with both shells beside it. Its own time is a program in Rust that calls `predict` in a loop, the
host's the same loop in C or Python; onnxruntime runs in Python's loop, in turns with the wheel, on one thread. Answers are
compared before anything is timed. Numbers are medians of rounds, in which all programs take turns. onnxruntime's C library is
not measured: its headers are not part of a package of Python's.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

import onnx2rust
from onnx2rust.base import naming
from onnx2rust.base.options import Options
from onnx2rust.model.reference import Reference

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "benchmarks" / "hosts"
PYTHON = """
import statistics, sys, time
import numpy as np
import onnxruntime
import {crate}

x, expected = np.load(sys.argv[1]), np.load(sys.argv[2])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[3], options, providers=["CPUExecutionProvider"])
model, feeds, clock = {crate}.Model(), {{{name!r}: x}}, time.perf_counter_ns
np.testing.assert_allclose(model.predict({field}=x)[0], expected, rtol=1e-4, atol=1e-5)
np.testing.assert_allclose(session.run(None, feeds)[0], expected, rtol=1e-4, atol=1e-5)
seen = [], []
for turn in range(2 * {bursts}):
    times = []
    for _ in range({calls}):
        begin = clock()
        if turn % 2:
            session.run(None, feeds)
        else:
            model.predict({field}=x)
        times.append(clock() - begin)
    seen[turn % 2].append(statistics.median(times))
print(*map(statistics.median, seen))
"""
C = r"""
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "{crate}.h"

static double now(void) {{ struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return 1e9 * t.tv_sec + t.tv_nsec; }}
static int order(const void *a, const void *b) {{ return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b); }}

int main(int count, char **arguments) {{
    static float x[{elements}];
    static double times[{calls}];
    FILE *file = fopen(arguments[1], "rb");
    if (!file || fread(x, sizeof x, 1, file) != 1) return 2;
    {crate}_session *session = {crate}_open();
    {crate}_inputs inputs = {{x, {elements}}};
    {crate}_outputs outputs;
    if ({crate}_predict(session, &inputs, &outputs)) return 3;
    printf("%.9g\n", (double)outputs.{output}[0]);
    for (int turn = 0; count > 2 && turn < {bursts}; turn++) {{
        for (int k = 0; k < {calls}; k++) {{
            double begin = now();
            {crate}_predict(session, &inputs, &outputs);
            times[k] = now() - begin;
        }}
        qsort(times, {calls}, sizeof *times, order);
        printf("%.0f\n", times[{calls} / 2]);
    }}
    {crate}_close(session);
    return 0;
}}
"""
RUST = """
use std::time::Instant;
use {crate}::{{Inputs, {model}}};

fn main() {{
    let bytes = std::fs::read(std::env::args().nth(1).expect("a file")).expect("its bytes");
    let x: Vec<f32> = bytes.as_chunks().0.iter().map(|c| f32::from_le_bytes(*c)).collect();
    let (model, mut workspace) = ({model}::new(), {model}::new().workspace());
    let first = model.predict_from(Inputs {{ {field}: &x }}, &mut workspace).expect("outputs").{output}.data[0];
    println!("{{first}}");
    for _ in 0..{bursts} {{
        let mut times: Vec<u128> = (0..{calls})
            .map(|_| {{
                let begin = Instant::now();
                let inputs = Inputs {{ {field}: std::hint::black_box(&x) }};
                std::hint::black_box(model.predict_from(inputs, &mut workspace).expect("outputs"));
                begin.elapsed().as_nanos()
            }})
            .collect();
        times.sort_unstable();
        println!("{{}}", times[{calls} / 2]);
    }}
}}
"""


@dataclass
class Times:
    """Nanoseconds, one for each round."""

    own: list[float] = field(default_factory=list)
    c: list[float] = field(default_factory=list)
    python: list[float] = field(default_factory=list)
    onnxruntime: list[float] = field(default_factory=list)
    start_c: list[float] = field(default_factory=list)
    start_python: list[float] = field(default_factory=list)
    start_onnxruntime: list[float] = field(default_factory=list)
    start_numpy: list[float] = field(default_factory=list)


def ran(command: Sequence[str], **more: Any) -> str:
    """What a program prints."""
    return str(subprocess.run(list(command), check=True, capture_output=True, text=True, **more).stdout)


def took(command: Sequence[str], environment: dict[str, str]) -> float:
    """Nanoseconds of a process."""
    begin = time.perf_counter_ns()
    subprocess.run(list(command), check=True, capture_output=True, env=environment)
    return time.perf_counter_ns() - begin


def size(*paths: Path) -> int:
    """Bytes of files, and of all files in folders."""
    return sum(p.stat().st_size for path in paths for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file())


def _programs(out: Path, crate: Path, dist: Path, name: str, facts: dict[str, Any]) -> tuple[Path, Path]:
    """The loops in Rust and in C."""
    (crate / "examples" / "own_time.rs").write_text(RUST.format(**facts), encoding="utf-8")
    target = out / "target"
    command = ["cargo", "build", "-q", "--release", "-p", name, "--example", "own_time", "--target-dir", str(target)]
    ran(command, cwd=out)
    (out / "loop.c").write_text(C.format(**facts), encoding="utf-8")
    flags = ["-O2", f"-I{dist / 'include'}", str(dist / "lib" / f"lib{name}.a"), "-lpthread", "-ldl", "-lm"]
    ran(["cc", str(out / "loop.c"), *flags, "-o", str(out / "loop")])
    return target / "release" / "examples" / "own_time", out / "loop"


def measure(name: str, model: Path, rounds: int, bursts: int, calls: int) -> list[str]:
    """The rows of a model."""
    out = BUILD / name
    shutil.rmtree(out, ignore_errors=True)
    options = Options(name=name, crate_name=name, binary_classification=False)
    (project,) = onnx2rust.convert_workspace([model], out, options, hosts=["c", "python"])
    c, python = (shell.build(out) for shell in project.shells)
    value, answer = project.program.inputs[0], project.program.output_names[0]
    shape = [d if isinstance(d, int) else 1 for d in value.shape]
    x = np.random.default_rng(1).random(shape, np.float32)
    expected = Reference(onnx.load(model)).run({value.name: x})[0]
    for file, array in (("x", x), ("expected", expected)):
        np.save(out / f"{file}.npy", array)
    (out / "x.bin").write_bytes(x.tobytes())
    site = out / "site"
    (wheel,) = python.glob("*.whl")
    ran([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)])
    given, output = naming.ident(value.name, "input"), naming.ident(answer, "output")
    facts: dict[str, Any] = {"crate": name, "model": project.model, "name": value.name, "field": given, "output": output}
    facts |= {"elements": x.size, "bursts": bursts, "calls": calls}
    own, in_c = _programs(out, project.crate, c, name, facts)
    script = PYTHON.format(**facts)
    environment = os.environ | {"PYTHONPATH": str(site)}
    first = f"import numpy as np, {name}; {name}.Model().predict({given}=np.load({str(out / 'x.npy')!r}))"
    other = (
        f"import numpy as np, onnxruntime; onnxruntime.InferenceSession({str(model)!r}, providers=['CPUExecutionProvider'])"
        f".run(None, {{{value.name!r}: np.load({str(out / 'x.npy')!r})}})"
    )
    times = Times()
    for _ in range(rounds):
        for program, list_ in ((own, times.own), (in_c, times.c)):
            said, *lines = ran([str(program), str(out / "x.bin"), "time"]).split()
            np.testing.assert_allclose(float(said), expected.ravel()[0], rtol=1e-4, atol=1e-5)
            list_.append(statistics.median(map(float, lines)))
        both = ran([sys.executable, "-c", script, str(out / "x.npy"), str(out / "expected.npy"), str(model)], env=environment)
        ours, theirs = map(float, both.split())
        times.python.append(ours)
        times.onnxruntime.append(theirs)
        times.start_c.append(took([str(in_c), str(out / "x.bin")], environment))
        times.start_numpy.append(took([sys.executable, "-c", "import numpy"], environment))
        times.start_python.append(took([sys.executable, "-c", first], environment))
        times.start_onnxruntime.append(took([sys.executable, "-c", other], environment))
    m = {key: statistics.median(values) for key, values in vars(times).items()}
    library = next((c / "lib").glob("*.so"))
    over = {key: (m[key] - m["own"]) / 1e3 for key in ("c", "python")}
    start = {key: (m[f"start_{key}"] - m["start_numpy"]) / 1e6 for key in ("python", "onnxruntime")}
    theirs_size = size(Path(onnxruntime.__file__).parent, model)
    call = {key: f"{m[key] / 1e3:.2f}" for key in ("c", "python", "onnxruntime")}
    shared, packed, installed = size(library) / 1e6, size(wheel) / 1e6, size(site) / 1e6
    return [
        f"| {name} | c | {shared:.2f} (shared) | {m['start_c'] / 1e6:.1f} | {call['c']} | {over['c']:+.2f} |",
        f"| | python | {packed:.2f} ({installed:.2f}) | {start['python']:.1f} | {call['python']} | {over['python']:+.2f} |",
        f"| | onnxruntime in Python | ({theirs_size / 1e6:.1f}) | {start['onnxruntime']:.1f} | {call['onnxruntime']} | |",
    ]


def files(names: Sequence[str]) -> dict[str, Path]:
    """The models: `digits` is that of the tests, all others those of `models.py`."""
    found = {}
    if "digits" in names:
        sys.path.insert(0, str(ROOT / "tests"))
        import onnx_models

        found["digits"] = BUILD / "digits.onnx"
        onnx.save(onnx_models.digits(), found["digits"])
    if others := [name for name in names if name != "digits"]:
        import models

        found |= models.onnx_files(others)
    return found


def main() -> None:
    """Measures, prints the table, and writes it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", default="digits,mobilenetv1_025_vww")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=300, help="of a burst, of which a round has 5")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    found = files(options.models.split(","))
    rows = [row for name, path in found.items() for row in measure(name, path, options.rounds, 5, options.calls)]
    cpu = next(
        (li.partition(": ")[2] for li in Path("/proc/cpuinfo").read_text().splitlines() if li.startswith("model name")), "?"
    )
    lines = [
        "# Hosts",
        "",
        f"Written by `python benchmarks/hosts.py`, which says how. {cpu} ({platform.machine()}), one thread, load {load:.1f}",
        f"when it began (on a loaded machine, compare within a row's model only); onnxruntime {onnxruntime.__version__}.",
        "",
        "Size is what is shipped (in brackets: installed, for onnxruntime with the model). Start-up is until the first answer:",
        "of a process for C, over that of `import numpy` for Python. A call is one sample.",
        "",
        "| model | host | MB | start-up ms | a call µs | over the crate's own µs |",
        "|---|---|---|---|---|---|",
        *rows,
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if not options.no_write:
        (ROOT / "benchmarks" / "HOSTS.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

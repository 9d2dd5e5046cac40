"""Large models in the forms that `--weights` has: what converting, building and starting cost; writes LARGE.md.

    python benchmarks/large.py                          # ResNet-50, a BERT of 500 MB with drawn weights: some ten minutes
    python benchmarks/large.py --quick                  # ResNet-50 only
    python benchmarks/large.py --models bert --megabytes 200 --forms embedded,external-int8 --no-write

Of each form: seconds and peak memory of the conversion, and of cargo with what it starts; the size of the program and of its
file of weights; and of the program, in a fresh process, the time until the model is there, the time until its first answer, and
its peak memory (the least of some runs; files are in the system's cache). Answers are compared with onnxruntime's first.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from onnx2rust.timing.clock import machine

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "large"
FORMS = ("embedded", "external", "f16", "int8")
COSTS = (
    "conversion, s",
    "conversion, peak MB",
    "cargo build, s",
    "cargo build, peak MB",
    "program, MB",
    "file, MB",
    "model there, ms",
    "…with huge pages, ms",
    "first answer, ms",
    "second answer, ms",
    "program's peak, MB",
    "error",
)
TEXT = """# Large models

Written by `python benchmarks/large.py` at commit {commit}. {cpu} ({family}), {cores} cores, load {load:.1f} when it began
(on a loaded machine times are rough, sizes are not); {rustc}. Answers were compared with onnxruntime's first: the error is the
largest, as a share of the largest output. ResNet-50 ends before its softmax, which hides what rounding does.

{subjects}

{rows}

A peak is that of the largest process: the conversion's is this package with onnxruntime in it, cargo's rustc or the build script.
Times are those of a fresh process, the least of {runs}, with files in the system's cache and one thread: until the model is
there, until the first answer after the start, and of a second answer alone. In the form `embedded` only the pages of weights that
are used are read. What is read of a file counts as the program's memory. Huge pages are those of `{huge}`
in the environment, a setting of glibc: of memory that is new to a process, each page costs its first touch.

What the conversion said of rounding:

{told}
"""
RUNS = 5
HUGE = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
WIDTH, HEADS, WORDS, LENGTH = 768, 12, 30522, 128
TOLERANCE = {"f16": 1e-2, "int8": 0.2, "": 1e-4}
"""How far the answer of a drawn model may be off, as a share of its largest number: what is wrong is off by all of it."""


@dataclass(frozen=True)
class Subject:
    """A model, and what its input is: in Rust, and for onnxruntime."""

    path: Path
    rust: str
    inputs: dict[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its input."""
        (array,) = self.inputs.values()
        return tuple(array.shape[1:])


def bert(megabytes: int) -> Subject:
    """Blocks of attention and two products, as many as make the size, behind a table of words; weights are drawn."""
    random = np.random.default_rng(1)
    weights: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []

    def add(op: str, *inputs: Any, **attributes: Any) -> str:
        names = [name if isinstance(name, str) else weight(name) for name in inputs]
        nodes.append(helper.make_node(op, names, [f"v{len(nodes)}"], f"{op}_{len(nodes)}", **attributes))
        return f"v{len(nodes) - 1}"

    def weight(array: Any) -> str:
        weights.append(numpy_helper.from_array(np.asarray(array), f"w{len(weights)}"))
        return f"w{len(weights) - 1}"

    def drawn(rows: int, columns: int) -> Any:
        return random.standard_normal((rows, columns), dtype=np.float32) / np.float32(np.sqrt(rows))

    def normalised(x: str) -> str:
        return add("LayerNormalization", x, np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32))

    def heads(x: str, order: list[int]) -> str:
        return add("Transpose", add("Reshape", x, np.array([0, 0, HEADS, WIDTH // HEADS])), perm=order)

    x = normalised(add("Gather", drawn(WORDS, WIDTH) * np.float32(np.sqrt(WORDS)), "ids"))
    block = 12 * WIDTH * WIDTH * 4
    for _ in range(max(1, (megabytes * 1_000_000 - WORDS * WIDTH * 4) // block)):
        q, k, v = (add("MatMul", x, drawn(WIDTH, WIDTH)) for _ in range(3))
        scores = add("MatMul", heads(q, [0, 2, 1, 3]), heads(k, [0, 2, 3, 1]))
        shares = add("Softmax", add("Mul", scores, np.float32((WIDTH // HEADS) ** -0.5)), axis=-1)
        mixed = add("Transpose", add("MatMul", shares, heads(v, [0, 2, 1, 3])), perm=[0, 2, 1, 3])
        flat = add("Reshape", mixed, np.array([0, 0, WIDTH]))
        x = normalised(add("Add", x, add("MatMul", flat, drawn(WIDTH, WIDTH))))
        wide = add("Relu", add("MatMul", x, drawn(WIDTH, 4 * WIDTH)))
        x = normalised(add("Add", x, add("MatMul", wide, drawn(4 * WIDTH, WIDTH))))
    graph = helper.make_graph(
        [*nodes, helper.make_node("ReduceMean", [x], ["y"], "mean", axes=[1], keepdims=0)],
        "bert",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ("batch", LENGTH))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("batch", WIDTH))],
        weights,
    )
    path = BUILD / "bert.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    ids = f"(0..{LENGTH}_i64).map(|k| k * 7919 % {WORDS}).collect::<Vec<i64>>()"
    return Subject(path, ids, {"ids": (np.arange(LENGTH) * 7919 % WORDS).reshape(1, LENGTH)})


def resnet50(_megabytes: int) -> Subject:
    """That of `models.py` up to its softmax, whose largest output is 1 whatever the rounding did."""
    import models

    (whole,) = models.onnx_files(["resnet50"]).values()
    model, path = onnx.load(whole), BUILD / "resnet50.onnx"
    assert model.graph.node.pop().op_type == "Softmax"
    model.graph.node[-1].output[0] = model.graph.output[0].name
    onnx.save(model, path)
    (tensor,) = model.graph.input
    shape = [d.dim_value or 1 for d in tensor.type.tensor_type.shape.dim]
    count = int(np.prod(shape))
    pixels = f"(0..{count}).map(|k| (k % 101) as f32 / 101.0).collect::<Vec<f32>>()"
    image = (np.arange(count) % 101).astype(np.float32) / np.float32(101)
    return Subject(path, pixels, {tensor.name: image.reshape(shape)})


MODELS = {"resnet50": resnet50, "bert": bert}

MAIN = """use {name}::{{Inputs, {model}}};
use std::time::Instant;

fn main() {{
    let start = Instant::now();
    {make}
    let made = start.elapsed();
    let input = {input};
    let mut workspace = model.workspace();
    let outputs = model.predict_from(Inputs {{ {field}: &input }}, &mut workspace).expect("it runs");
    let first = start.elapsed();
    println!("{{:?}}", outputs.{output}.data);
    let again = Instant::now();
    model.predict_from(Inputs {{ {field}: &input }}, &mut workspace).expect("it runs");
    let second = again.elapsed();
    let memory = {name}::tf_layers::process::peak_rss_kb();
    println!("{{}} {{}} {{}} {{memory}}", made.as_micros(), first.as_micros(), second.as_micros());
}}
"""
OPEN = """let file = {name}::StoredWeights::open(std::env::args().nth(1).expect("a file")).expect("it can be read");
    let layers = {name}::Layers::new(&file.weights());
    let model = {model}::with_layers(&layers);"""


LAUNCHER = """import os, sys
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
open(sys.argv[1], "w").write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Linux counts to a process what its parent had when it forked: this one has little."""


def watched(command: list[str], folder: Path = ROOT) -> tuple[float, int, str]:
    """Runs a command: its seconds, the peak memory in MB of the largest process, what it said."""
    begin = time.perf_counter()
    log, peak = BUILD / "log", BUILD / "peak"
    with log.open("w") as out:
        launched = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(peak), *command]
        done = subprocess.run(launched, cwd=folder, stdout=out, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{log.read_text()[-3000:]}")
    return time.perf_counter() - begin, int(peak.read_text()) // 1000, log.read_text()


def program(name: str, form: str, crate: Path, subject: Subject) -> Path:
    """A program that loads the model and predicts once."""
    folder = BUILD / f"program-{name}"
    words = (crate / "src" / "model.rs").read_text().split()
    model = next(word for word in words if word.endswith("Model<'w>")).removesuffix("<'w>")
    field, output = (_field(crate, struct) for struct in ("Inputs", "Outputs"))
    make = OPEN if form.startswith("external") else "let model = {model}::new();"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    values = {"name": name, "model": model, "make": make.format(name=name, model=model), "input": subject.rust}
    (folder / "src" / "main.rs").write_text(MAIN.format(**values, field=field, output=output))
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "program-{name}"\nversion = "0.1.0"\nedition = "2024"\n\n'
        f'[dependencies]\n{name} = {{ path = "{crate}" }}\n\n[workspace]\n\n[profile.release]\ncodegen-units = 1\n'
        "# the build script lays the weights out\n[profile.release.build-override]\nopt-level = 3\n"
    )
    return folder


def _field(crate: Path, struct: str) -> str:
    """The public field of a struct that has one."""
    body = (crate / "src" / "model.rs").read_text().split(f"pub struct {struct}<'a> {{")[1].split("}")[0]
    return next(line.split()[1].rstrip(":") for line in body.splitlines() if line.strip().startswith("pub "))


def measured(subject: Subject, name: str, form: str, target: Path, told: list[str]) -> list[str]:
    """A row of the table; adds to `told` what the conversion says of rounding."""
    own = f"{name}_{form.replace('-', '_')}"
    out = BUILD / own
    layers = str(ROOT / "rust" / "tf-layers")
    command = ["convert", str(subject.path), str(out), "--crate-name", own, "--layers", layers, "--weights", form, "--force"]
    seconds, conversion, said = watched([sys.executable, "-m", "onnx2rust", *command])
    told += [f"* {name}, {line}" for line in said.splitlines() if "tensors are rounded" in line]
    crate = out / "rust_generated_code"
    folder = program(own, form, crate, subject)
    building, rustc, _ = watched(["cargo", "build", "--release", "--quiet", "--target-dir", str(target)], folder)
    binary = target / "release" / f"program-{own}"
    files = sorted(target.glob(f"release/build/{own}-*/out/model.weights"), key=os.path.getmtime)
    arguments = [str(files[-1])] if form.startswith("external") else []
    (expected,) = onnxruntime.InferenceSession(subject.path, providers=["CPUExecutionProvider"]).run(None, subject.inputs)
    runs: dict[bool, list[list[int]]] = {False: [], True: []}
    for huge in [False, True] * RUNS:
        environment = os.environ | dict([HUGE] if huge else [])
        done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=True, env=environment)
        answer, numbers = done.stdout.splitlines()
        found = np.array(answer.strip("[]").split(","), np.float32)
        error = np.abs(found - expected.ravel()).max() / np.abs(expected).max()
        allowed = TOLERANCE[form.removeprefix("external").removeprefix("-").removeprefix("embedded")]
        assert error <= allowed, f"{own}: off by {error} of the largest"
        runs[huge].append([int(n) for n in numbers.split()])
    made, first, second, memory = np.min(runs[False], axis=0)
    made_huge = min(run[0] for run in runs[True])
    size = f"{files[-1].stat().st_size / 1e6:.1f}" if arguments else ""
    costs = [f"{seconds:.0f}", f"{conversion:,}", f"{building:.0f}", f"{rustc:,}", f"{binary.stat().st_size / 1e6:.1f}", size]
    times = [f"{made / 1e3:.1f}", f"{made_huge / 1e3:.1f}", f"{first / 1e3:.0f}", f"{second / 1e3:.0f}"]
    return [name, f"`{form}`", *costs, *times, f"{memory / 1e3:.0f}", f"{error:.0e}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--quick", action="store_true", help="ResNet-50 only")
    parser.add_argument("--no-write", action="store_true", help="print the table, write no file")
    parser.add_argument("--forms", default=",".join(FORMS))
    parser.add_argument("--megabytes", type=int, default=500, help="of BERT's weights")
    parser.add_argument("--target-dir", type=Path, default=BUILD / "target")
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    about = machine() | {
        "commit": _said("git", "describe", "--always", "--dirty"),
        "cores": os.cpu_count(),
        "runs": RUNS,
        "huge": "=".join(HUGE),
    }
    head = ("model", "weights", *COSTS)
    rows = [f"| {' | '.join(head)} |", f"|---|---|{'---:|' * len(COSTS)}"]
    print("\n".join(rows), flush=True)
    subjects, told = [], list[str]()
    for name in ["resnet50"] if options.quick else options.models.split(","):
        subject = MODELS[name](options.megabytes)
        size = subject.path.stat().st_size / 1e6
        subjects.append(f"* {name}: {size:,.0f} MB, one sample of {' × '.join(map(str, subject.shape))}")
        for form in options.forms.split(","):
            rows.append(f"| {' | '.join(measured(subject, name, form, options.target_dir, told))} |")
            print(rows[-1], flush=True)
    lists = {"subjects": "\n".join(subjects), "rows": "\n".join(rows), "told": "\n".join(told)}
    if not options.no_write:
        (ROOT / "benchmarks" / "LARGE.md").write_text(TEXT.format(**about, **lists), encoding="utf-8")
    print(lists["told"])


def _said(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()


if __name__ == "__main__":
    main()

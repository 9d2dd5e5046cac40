"""`make demo`: two trained TensorFlow models become Rust crates, which are tested, compared and measured.

Everything lands in `build/demo/`: per example the output of `onnx2rust convert`, logs of the tools, and `table.txt`,
`results.json`. With `--readme` the table and the generated `predict` go into the README too, and the results into
`examples/RESULTS.json`.
"""

from __future__ import annotations

import json
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "examples"), str(ROOT / "docs")]

import blocks  # noqa: E402 (after the path above)
from demo_table import table  # noqa: E402 (after the path above)

BUILD = ROOT / "build" / "demo"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "build" / "target"))
BATCH = 32
ROUNDS = 7
BURST_NS = 0.15e9
"""About how long one process calls the model before it is the other one's turn."""


@dataclass(frozen=True)
class Example:
    """A folder beside this file with `saved_model/` and `features.npz`."""

    name: str
    model_name: str
    what: str

    @property
    def out(self) -> Path:
        return BUILD / self.name

    @property
    def crate(self) -> Path:
        return self.out / "rust_generated_code"

    @property
    def people(self) -> Path:
        return self.out / "saved_model_from_tensorflow"

    @property
    def program(self) -> Path:
        return BUILD / "bin" / self.name

    def data(self, kind: str) -> Path:
        return BUILD / "data" / f"{self.name}_{kind}.npz"


EXAMPLES = (
    Example("digits", "Digits", "a convolutional network for 8×8 images of digits, 10 classes"),
    Example("breast_cancer", "BreastCancer", "a binary classifier with batch normalisation and confidence thresholds"),
)


class Failed(Exception):
    """A step did not work; the text says what to look at."""


# ---- steps on the screen -------------------------------------------------------------------------------------------


@contextmanager
def step(text: str) -> Iterator[list[str]]:
    """One line: what is done, and how long it took. On a terminal the time runs. Append to the list
    what should stand behind it."""
    notes: list[str] = []
    start = time.monotonic()
    over = threading.Event()
    line = f"  {text} ".ljust(58, ".")

    def tick() -> None:
        while not over.wait(0.5):
            print(f"\r{line} {time.monotonic() - start:4.0f} s", end="", flush=True)

    running = threading.Thread(target=tick, daemon=True)
    if sys.stdout.isatty():
        running.start()
    print(line, end="", flush=True)
    try:
        yield notes
    except BaseException:
        over.set()
        print(" failed")
        raise
    over.set()
    if running.ident is not None:
        running.join()
        print(f"\r{line}", end="")
    print(f" {time.monotonic() - start:5.1f} s  {' '.join(notes)}".rstrip(), flush=True)


def call(command: Sequence[object], log: str, cwd: Path = ROOT) -> str:
    """Runs a tool; what it prints goes to a log, its stdout is returned."""
    environment = os.environ | {"CARGO_TARGET_DIR": str(TARGET), "CARGO_TERM_COLOR": "never"}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    path = BUILD / "logs" / f"{log}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"$ {' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    if done.returncode:
        tail = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-15:])
        raise Failed(f"{tail}\n(all of it: {relative(path)})")
    return done.stdout


def relative(path: Path) -> str:
    return os.path.relpath(path, Path.cwd())


# ---- the work ------------------------------------------------------------------------------------------------------


def convert(example: Example) -> None:
    """The SavedModel becomes a crate."""
    source = ROOT / "examples" / example.name
    command = [sys.executable, "-m", "onnx2rust", "convert", source / "saved_model", example.out, "--force"]
    call([*command, "--name", example.model_name, "--features", source / "features.npz"], f"{example.name}_convert")


def build(example: Example, notes: list[str]) -> int:
    """The crate's own tests pass, and its example is built; returns the number of tests."""
    try:
        call(["cargo", "fetch", "--offline"], f"{example.name}_fetch", example.crate)
    except Failed:
        call(["cargo", "fetch"], f"{example.name}_fetch", example.crate)
    said = call(["cargo", "test", "--release"], f"{example.name}_test", example.crate)
    call(["cargo", "build", "--release", "--example", "predict"], f"{example.name}_build", example.crate)
    example.program.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(TARGET / "release" / "examples" / "predict", example.program)
    passed = sum(map(int, re.findall(r"(\d+) passed", said)))
    notes.append(f"{passed} tests passed")
    return passed


def predict(example: Example, kind: str, repeat: int) -> dict[str, Any]:
    """The example program on one of the prepared inputs; its last line is JSON."""
    command = [example.program, example.data(kind), example.data(f"{kind}_out"), "--repeat", str(repeat)]
    answer: dict[str, Any] = json.loads(call(command, f"{example.name}_predict").splitlines()[-1])
    return answer


def compare(example: Example) -> dict[str, Any]:
    """All samples through the crate and through onnxruntime, and Keras's answers from when the model was trained."""
    import numpy as np
    import onnxruntime as ort

    from onnx2rust.files import npz
    from onnx2rust.oracle.compare import compare as distance

    session = ort.InferenceSession(example.people / "model.onnx", providers=["CPUExecutionProvider"])
    with np.load(ROOT / "examples" / example.name / "features.npz") as archive:
        features = {name: archive[name] for name in archive.files}
    (source,) = session.get_inputs()
    (output,) = session.get_outputs()
    inputs = features[source.name].reshape(-1, *source.shape[1:])
    for kind, count in (("all", len(inputs)), ("one", 1), ("batch", BATCH)):
        example.data(kind).parent.mkdir(parents=True, exist_ok=True)
        example.data(kind).write_bytes(npz.encode({source.name: inputs[:count]}))
    predict(example, "all", 1)
    with np.load(example.data("all_out")) as archive:
        ours = archive[output.name]
    (reference,) = session.run([output.name], {source.name: inputs})
    keras = features["predictions"].astype(np.float32).reshape(ours.shape)
    pairs = {"onnxruntime": (ours, reference), "keras": (ours, keras), "both": (reference, keras)}
    distances = {name: distance(a, b) for name, (a, b) in pairs.items()}
    for name in ("onnxruntime", "keras"):
        if not distances[name].passed:
            raise Failed(f"{example.name} departs from {name}: {distances[name].worst}")
    answers = ours.argmax(axis=1) if ours.shape[1] > 1 else ours[:, 0] > 0.5
    return {
        "samples": len(inputs),
        "right": float((answers == features["labels"]).mean()),
        **{name: {"max_abs": d.max_abs, "max_ulp": d.max_ulp} for name, d in distances.items()},
    }


def measure() -> dict[str, Any]:
    """Short bursts of both engines in turns, in random order, on one core: what disturbs one disturbs the other as well."""
    burst = ROOT / "examples" / "onnxruntime_burst.py"
    tasks = [(e, k) for e in EXAMPLES for k in ("one", "batch")]
    found: dict[str, Any] = {f"{e.name}/{k}": {"ours_ns": [], "run_ns": [], "bound_ns": [], "empty_ns": []} for e, k in tasks}
    repeats = {}
    for e, k in tasks:
        repeats[e, k] = int(max(20, min(20_000, BURST_NS / predict(e, k, 200)["median_ns"])))
    order = random.Random(1)
    with one_core():
        for _ in range(ROUNDS):
            for e, k in order.sample(tasks, len(tasks)):
                into = found[f"{e.name}/{k}"]
                ours = predict(e, k, repeats[e, k])
                theirs = json.loads(
                    call(
                        [sys.executable, burst, e.people / "model.onnx", e.data(k), max(20, repeats[e, k] // 4)],
                        f"{e.name}_onnxruntime",
                    )
                )
                into["ours_ns"].append(ours["median_ns"])
                into["ours_kb"] = max(into.get("ours_kb", 0), ours["peak_rss_kb"])
                for name in ("run_ns", "bound_ns", "empty_ns"):
                    into[name].append(theirs[name])
                into["theirs_kb"] = max(into.get("theirs_kb", 0), theirs["peak_kb"])
                into["python_kb"] = theirs["python_kb"]
    for into in found.values():
        into |= {name: statistics.median(into[name]) for name in ("ours_ns", "run_ns", "bound_ns", "empty_ns")}
    return found


@contextmanager
def one_core() -> Iterator[None]:
    """Everything started meanwhile runs on the last core, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


# ---- what is found -------------------------------------------------------------------------------------------------


def machine() -> str:
    """The processor, what it can, and the versions."""
    import onnxruntime as ort

    name, flags = platform.processor() or platform.machine(), ""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        text = info.read_text()
        name = next(iter(re.findall(r"^model name\s*: (.*)$", text, re.M)), name)
        flags = next((f" with {n}" for f, n in (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("asimd", "NEON")) if f in text), "")
    rustc = call(["rustc", "--version"], "rustc").split()[1]
    versions = f"rustc {rustc}, onnxruntime {ort.__version__}, Python {platform.python_version()}"
    return f"{name}{flags}, {os.cpu_count()} cores; {versions}"


def main() -> int:
    start = time.monotonic()
    print("onnx2rust: two TensorFlow models become Rust crates")
    for example in EXAMPLES:
        print(f"  {example.name:<14} {example.what}")
    print()
    found: dict[str, Any] = {}
    results: dict[str, Any] = {"machine": machine(), "batch": BATCH, "rounds": ROUNDS, "examples": found}
    # all conversions first: each crate builds its own copy of the layers it uses
    for example in EXAMPLES:
        with step(f"{example.name}: convert the SavedModel"):
            convert(example)
    for example in EXAMPLES:
        with step(f"{example.name}: build the crate, run its tests") as notes:
            tests = build(example, notes)
        with step(f"{example.name}: compare with onnxruntime and Keras") as notes:
            found[example.name] = compare(example) | {"tests": tests, "program_bytes": example.program.stat().st_size}
            found[example.name]["model_bytes"] = (example.people / "model.onnx").stat().st_size
            notes.append(f"{found[example.name]['samples']} samples agree")
    with step("measure the crates and onnxruntime in turns"):
        results["speed"] = measure()
        results["library"] = library_bytes()
    (BUILD / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    text = table(results)
    (BUILD / "table.txt").write_text(text + "\n")
    print(f"\n{text}\n\nWhere to look next")
    first = EXAMPLES[0]
    places = (
        (first.crate / "src" / "model.rs", "the generated code: `predict` is one call a layer"),
        (first.crate / "README.md", "what is in the crate, and how to use it"),
        (first.people / "model_overview.png", "a picture of the model"),
        (EXAMPLES[1].crate / "model" / "thresholds.json", "a classifier's confidence levels"),
    )
    for path, what in places:
        print(f"  {relative(path)}\n      {what}")
    print(f"\nDone in {time.monotonic() - start:.0f} s.")
    if "--readme" in sys.argv[1:]:
        (ROOT / "examples" / "RESULTS.json").write_text(json.dumps(results, indent=1) + "\n")
        fill_readme(results)
    return 0


def fill_readme(results: dict[str, Any]) -> None:
    """The two blocks of the README that show this demo."""
    readme = ROOT / "README.md"
    blocks.fill(readme, "demo", f"```text\n{table(results)}\n```")
    blocks.fill(readme, "predict", f"```rust\n{predict_source(EXAMPLES[0].crate)}\n```")


def predict_source(crate: Path) -> str:
    """The generated function, not indented."""
    model = (crate / "src" / "model.rs").read_text()
    found = re.search(r"^    pub fn predict<.*?^    }$", model, re.M | re.S)
    if found is None:
        raise Failed("model.rs has no function predict")
    return re.sub(r"^    ", "", found[0], flags=re.M)


def library_bytes() -> int:
    """onnxruntime's shared library, as its Python package brings it."""
    import onnxruntime as ort

    folder = Path(ort.__file__).parent / "capi"
    return max((p.stat().st_size for p in folder.iterdir() if p.suffix in (".so", ".pyd", ".dylib")), default=0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failed:
        print(f"\n{failed}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)

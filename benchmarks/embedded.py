"""Models on a Cortex-M4 in an emulator: our firmware beside emx-onnx-cgen's C, which arm-none-eabi-gcc -Os compiles.

Each answer is held against onnxruntime's before its sizes are written down: what a program takes of flash (code and weights) and
RAM (variables), how much stack one inference took, which was painted before, and how many instructions, which the board's timer
counts where qemu lets one take a nanosecond. None of these depends on what else the machine does. Needs what
`tests/hosts/tools.sh` installs, and the extra `hosts`.

    python benchmarks/embedded.py        writes benchmarks/EMBEDDED.md (two minutes)
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import models
import numpy as np
import onnx
import quantised

import onnx2rust
from onnx2rust.base.options import Options
from onnx2rust.hosts import embedded
from onnx2rust.model.reference import Array, Reference

sys.path.insert(0, str(models.ROOT / "tests"))
import onnx_models

BOARD = models.ROOT / "benchmarks" / "board"
BUILD = models.BUILD / "embedded"
QEMU = ["qemu-system-arm", "-cpu", "cortex-m4", "-machine", "mps2-an386", "-nographic"]
QEMU += ["-icount", "shift=0", "-semihosting-config", "enable=on,target=native", "-kernel"]
TICK = 40
"""Instructions for each tick: the board has a clock of 25 MHz, and an instruction takes a nanosecond (`-icount shift=0`)."""
GCC = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-Os", "-std=c11"]
GCC += ["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-nostartfiles", "--specs=nosys.specs"]
ALLOWED = 1e-5
"""Of the largest output: what an answer may be off by."""


@dataclass(frozen=True)
class Cost:
    """Bytes."""

    flash: int
    ram: int
    stack: int
    instructions: int


def run(command: list[str], folder: Path = models.ROOT) -> str:
    """What a command prints that must succeed (qemu shows on stderr what a program writes by SYS_WRITE0)."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} …: {done.stdout[-1000:]}{done.stderr[-3000:]}")
    return done.stdout + done.stderr


def size(elf: Path) -> tuple[int, int]:
    """Flash and RAM: initial values of variables are in both."""
    text, data, bss = map(int, run(["arm-none-eabi-size", str(elf)]).splitlines()[1].split()[:3])
    return text + data, data + bss


def check(name: str, found: np.ndarray[tuple[int], np.dtype[np.float32]], expected: Array) -> None:
    """Ends the program if an answer is wrong."""
    worst = float(np.abs(found - expected.ravel()).max() / np.abs(expected).max())
    if not worst <= ALLOWED:
        raise SystemExit(f"{name}: off by {worst:.1e} of its largest output")


def ours(model: Path, sample: bytes, expected: Array) -> Cost:
    """Our firmware: run with what measures it, its size taken as users get it, without reports."""
    out = BUILD / model.stem
    shutil.rmtree(out, ignore_errors=True)
    shell = onnx2rust.host("embedded", model, out, Options(dims=dims(model))).shell
    (file,) = (shell / "inputs").iterdir()
    file.write_bytes(sample)
    build, elf = ["cargo", "build", "--release", "--quiet", "--target-dir", str(BUILD / "target")], shell.name
    built = BUILD / "target" / embedded.TARGET / "release" / elf
    run([*build, "--no-default-features"], shell)
    flash, ram = size(built)
    program = shell / "src" / "firmware.rs"
    text = program.read_text(encoding="utf-8")
    output = re.findall(r"black_box\(outputs\.(\w+)\.data\)", text)[0]
    names = {"model": re.findall(r"(\w+)::new\(\)\.predict", text)[0], "input": file.stem, "file": f"inputs/{file.name}"}
    names |= {"output": output, "length": str(len(sample) // 4)}
    measured = (BOARD / "firmware.rs").read_text(encoding="utf-8")
    program.write_text(re.sub(r"@(\w+)@", lambda found: names[found[1]], measured), encoding="utf-8")
    run(build, shell)
    counts, answer = run([*QEMU, str(built)]).splitlines()[:2]
    found = re.fullmatch(r"ticks (\d+) stack (\d+)", counts)
    if found is None:
        raise SystemExit(f"{model.stem}: {counts}\n{answer}")
    check(model.stem, np.array(answer.strip("[]").split(","), dtype=np.float32), expected)
    return Cost(flash, ram, int(found[2]), int(found[1]) * TICK)


def theirs(model: Path, sample: bytes, expected: Array) -> Cost:
    """emx-onnx-cgen's C, with all buffers on the stack and all weights in the program."""
    folder = BUILD / f"{model.stem}-c"
    folder.mkdir(parents=True, exist_ok=True)
    options = ["--model-name", "model", "--large-temp-threshold", "0", "--large-weight-threshold", str(1 << 30)]
    pinned = [argument for name in dims(model) for argument in ("--input-dim", f"{name}=1")]
    run([sys.executable, "-m", "emx_onnx_cgen", "compile", str(model), "model.c", *options, *pinned], folder)
    words = ",".join(f"0x{word:08x}" for word in np.frombuffer(sample, np.uint32))
    lines = [f"#define OUTPUTS {expected.size}", f"static const uint32_t input[] = {{{words}}};", ""]
    (folder / "values.h").write_text("\n".join(lines), encoding="utf-8")
    files = [str(BOARD / "main.c"), "model.c", "-T", str(BOARD / "board.ld"), f"-I{folder}", "-lm", "-o", "model.elf"]
    run([*GCC, *files], folder)
    ticks, stack, *found = (int(line, 16) for line in run([*QEMU, str(folder / "model.elf")]).split())
    check(f"{model.stem}, emx-onnx-cgen", np.array(found, np.uint32).view(np.float32), expected)
    return Cost(*size(folder / "model.elf"), stack, ticks * TICK)


def commit() -> str:
    """The commit that is measured."""
    return run(["git", "rev-parse", "--short", "HEAD"], models.ROOT).strip()


def dims(model: Path) -> dict[str, int]:
    """Every open size is 1."""
    shape = onnx.load(model).graph.input[0].type.tensor_type.shape.dim
    return {d.dim_param: 1 for d in shape if d.dim_param}


def main() -> None:
    """Measures every model."""
    BUILD.mkdir(parents=True, exist_ok=True)
    onnx.save(onnx_models.digits(), BUILD / "digits.onnx")
    quantised.quantise(BUILD / "digits.onnx", BUILD / "digits_int8.onnx")
    names = ("dscnn_kws", "ad_autoencoder")
    files = {"digits": BUILD / "digits.onnx", **models.onnx_files(names)}
    files |= {"digits_int8": BUILD / "digits_int8.onnx", **quantised.onnx_files([f"{name}_int8" for name in names])}
    rows = []
    for name, file in files.items():
        model = shutil.copyfile(file, BUILD / f"{name}.onnx") if file.parent != BUILD else file
        proto = onnx.load(model)
        (value,) = proto.graph.input
        shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
        sample = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
        (expected,) = Reference(proto).run({value.name: sample})
        a, b = ours(model, sample.tobytes(), expected), theirs(model, sample.tobytes(), expected)
        pairs = [(a.flash, b.flash), (a.ram + a.stack, b.ram + b.stack), (a.stack, b.stack), (a.instructions, b.instructions)]
        cells = [f"{our:,} | {their:,}" for our, their in pairs]
        rows.append(f"| {name} | {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    compilers = [run([command, "--version"]).splitlines()[0] for command in ("rustc", "arm-none-eabi-gcc")]
    text = f"""# On a Cortex-M4

Ours, and emx-onnx-cgen {version("emx-onnx-cgen")}'s C. Flash is code and weights, RAM variables and stack, in bytes; stack is
what one inference took of it, painted before: the C has its buffers there, ours lie in a static. Instructions are those of
one inference (the board's timer, in qemu, where one takes a nanosecond): how much work it is, not how long a Cortex-M takes.
Every answer was held against onnxruntime's first, to {ALLOWED:g} of the largest. Compiled by {compilers[0]}
(`opt-level = "s"`) and {compilers[1]} (`-Os`), at commit {commit()}.
Written by `python benchmarks/embedded.py`.

| model | flash | C | RAM | C | of it stack | C | instructions | C |
|---|---|---|---|---|---|---|---|---|
"""
    (models.ROOT / "benchmarks" / "EMBEDDED.md").write_text(text + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

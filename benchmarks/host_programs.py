"""What `hosts.py` measures: the shells of a model, built, and a loop around each; the same around the engines beside them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import server
import wasm

import onnx2rust
from onnx2rust.base import naming
from onnx2rust.base.options import Options
from onnx2rust.conversion.pipeline import Project
from onnx2rust.hosts import wasm as wasm_host
from onnx2rust.model.reference import Reference

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "benchmarks" / "hosts"
LOOPS = Path(__file__).with_name("host_loops")
SHELLS = ("c", "python", "score", "wasm")
MANY = 32
"""Samples of a batch, where rows are scored."""
Array = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Program:
    """A loop around a model: it takes a file and seconds, and says its first answer and medians of calls."""

    command: Sequence[str]
    after: Sequence[str] = ()
    """Arguments behind those."""
    shipped: Sequence[Path] = ()
    """Files and folders that a user of it has on his machine."""
    megabytes: float = 0.0
    """What they are, where they are packed."""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """A model and all that is measured with it."""

    name: str
    path: Path
    given: str
    """The input's name in the model."""
    found: str
    one: Array
    many: Array
    expected: Array
    loops: Mapping[str, tuple[Program, Program | None]]
    """By host: ours, and the engine beside it."""
    servers: Mapping[str, Path]
    score: Path


def built(paths: Mapping[str, Path]) -> list[Measured]:
    """Converts and builds all; what cargo has made of other packages before is kept."""
    workspace, target, kept = BUILD / "workspace", BUILD / "workspace" / "target", BUILD / "target"
    if target.is_dir():
        shutil.rmtree(kept, ignore_errors=True)
        target.rename(kept)
    shutil.rmtree(workspace, ignore_errors=True)
    options = [Options(name=name, crate_name=name, binary_classification=False) for name in paths]
    projects = onnx2rust.convert_workspace(list(paths.values()), workspace, options, hosts=SHELLS)
    if kept.is_dir():
        kept.rename(target)
    return [_built(name, path, project, workspace) for (name, path), project in zip(paths.items(), projects, strict=True)]


def _built(name: str, path: Path, project: Project, workspace: Path) -> Measured:
    print(f"{name}: building", flush=True)
    c, python, score = (shell.build(workspace) for shell in project.shells[:3])
    value, answer = project.program.inputs[0], project.program.output_names[0]
    given, found = naming.ident(value.name, "input"), naming.ident(answer, "output")
    shape = [d if isinstance(d, int) else 1 for d in value.shape]
    many = np.random.default_rng(1).random([MANY, *shape[1:]], np.float32)
    one = many[:1]
    expected = Reference(onnx.load(path)).run({value.name: one})[0]
    site = workspace / "site" / name
    (wheel,) = python.glob("*.whl")
    run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)])
    loop = str(LOOPS / "calls.py")
    python_loops = (
        Program([sys.executable, loop], [str(shape), name, given], [site], environment={"PYTHONPATH": str(site)}),
        Program([sys.executable, loop], [str(shape), str(path), value.name], [Path(onnxruntime.__file__).parent, path]),
    )
    loops = {
        "crate": (_own(name, project, workspace, given, found), None),
        "c": (
            _c(name, c, workspace, (given, found), (one.size, expected.size)),
            _emx(path, workspace / f"{name}-emx", one, expected),
        ),
        "python": python_loops,
        "wasm": _wasm(name, path, project, workspace, (str(shape), given, found), (value.name, answer)),
    }
    (program,) = score.iterdir()
    return Measured(name, path, value.name, answer, one, many, expected, loops, server.programs(name, path), program)


def run(command: Sequence[str], folder: Path | None = None) -> str:
    """What a command prints that must succeed."""
    done = subprocess.run(list(command), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:6])} …: {done.stdout[-1000:]}{done.stderr[-3000:]}")
    return done.stdout


def size(*paths: Path) -> float:
    """Megabytes of files, and of all files in folders but what Python has compiled."""
    found = (p for path in paths for p in ([path] if path.is_file() else path.rglob("*")))
    return sum(p.stat().st_size for p in found if p.is_file() and p.suffix != ".pyc") / 1e6


def _own(name: str, project: Project, workspace: Path, given: str, found: str) -> Program:
    text = (LOOPS / "own.rs").read_text(encoding="utf-8")
    for place, what in {"the_crate": name, "TheModel": project.model, "the_input": given, "the_output": found}.items():
        text = text.replace(place, what)
    (project.crate / "examples" / "own_time.rs").write_text(text, encoding="utf-8")
    run(["cargo", "build", "-q", "--release", "-p", name, "--example", "own_time", "--target-dir", "target"], workspace)
    program = workspace / f"{name}-own"
    run(["strip", str(workspace / "target" / "release" / "examples" / "own_time"), "-o", str(program)])
    return Program([str(program)], shipped=[program])


def _c(name: str, dist: Path, workspace: Path, names: tuple[str, str], elements: tuple[int, int]) -> Program:
    own = [f"-DCRATE={name}", f'-DHEADER="{name}.h"', f"-DFOUND={names[1]}", f"-I{dist / 'include'}"]
    libraries = [f"-L{dist / 'lib'}", f"-l{name}", f"-Wl,-rpath,{dist / 'lib'}"]
    program = workspace / f"{name}-c-loop"
    run(["cc", "-O2", *own, *_sizes(elements), str(LOOPS / "c.c"), *libraries, "-o", str(program)])
    return Program([str(program)], shipped=[next((dist / "lib").glob(f"lib{name}.so"))])


def _sizes(elements: tuple[int, int]) -> list[str]:
    return [f"-DELEMENTS={elements[0]}", f"-DANSWERS={elements[1]}"]


def _emx(model: Path, folder: Path, one: Array, expected: Array) -> Program:
    """emx-onnx-cgen's C for this machine's instructions; large weights are a file of their own."""
    folder.mkdir()
    options = ["--model-name", "model"]
    run([sys.executable, "-m", "emx_onnx_cgen", "compile", str(model), "model.c", *options], folder)
    flags = ["-O3", "-march=native", "-fPIC"]
    run(["cc", *flags, "-shared", "-s", "model.c", "-lm", "-o", "libmodel.so"], folder)
    weights, libraries = folder / "model.bin", ["-L.", "-lmodel", f"-Wl,-rpath,{folder}"]
    own = ["-DEMX", *_sizes((one.size, expected.size)), *([f'-DWEIGHTS="{weights}"'] if weights.is_file() else [])]
    run(["cc", "-O2", *own, str(LOOPS / "c.c"), *libraries, "-o", "loop"], folder)
    return Program([str(folder / "loop")], shipped=[folder / "libmodel.so", *folder.glob("model.bin")])


def _wasm(
    name: str, path: Path, project: Project, workspace: Path, ours: tuple[str, str, str], theirs: tuple[str, str]
) -> tuple[Program, Program]:
    shape, given, found = ours
    module = wasm_host.module(project.shells[3], workspace, vectors=True)
    package = wasm.Package(workspace / f"{name}-wasm" / "package" / "index.js", module)
    loop, runtime = ["node", str(LOOPS / "wasm.mjs")], wasm.runtime() / "dist" / wasm.SCRIPT
    own = [shape, str(package.script), str(module), given, found]
    other = [shape, str(runtime), str(path), *theirs]
    sizes, _ = wasm.downloads(path, package)
    return Program(loop, own, megabytes=sizes[0]), Program(loop, other, megabytes=sizes[1])

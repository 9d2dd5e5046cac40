"""Generated crates for measurements: all models in one cargo workspace, each with a small server around it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from onnx2rust import emit, identity, npz, pipeline, planner
from onnx2rust.frontends import Loaded
from onnx2rust.options import Options
from onnx2rust.program import Program

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).parent
BUILD = ROOT / "build" / "benchmarks"
Array = np.ndarray[Any, Any]

_MEMBER = """[package]
name = "{name}"
version = "{version}"
edition = "2024"
[dependencies]
tf-layers = {{ path = "{layers}" }}
[build-dependencies]
tf-layers = {{ path = "{layers}", default-features = false, features = ["npz"] }}
"""
_PROFILE = "[profile.release]\ncodegen-units = 1\n"
"""As in a generated crate."""


@dataclass(frozen=True)
class Crate:
    """A converted model and, once built, its server."""

    name: str
    program: Program
    rendered: emit.project.Rendered


def convert(name: str, proto: onnx.ModelProto) -> Crate:
    """Lowers and renders a model."""
    options = Options(name="Model", crate_name=name, binary_classification=False)
    program = pipeline.lower(Loaded(proto, "onnx", "onnx", ()), options)
    context = emit.Context(name)
    return Crate(name, program, emit.render(planner.plan(program, options), options, context))


def build(crates: Sequence[Crate], folder: str = "crates", *, profiled: bool = False) -> dict[str, Path]:
    """Builds all crates in release mode; returns their servers. `profiled` ones also tell where time goes."""
    root = BUILD / folder
    for crate in crates:
        files = {k: v for k, v in crate.rendered.files.items() if k.startswith("src/")}
        files["build.rs"] = crate.rendered.files["build.rs"]
        server = (HERE / "server.rs").read_text().replace("MODEL", crate.rendered.model)
        files["src/main.rs"] = server.replace(
            "use tf_layers", f"use {crate.rendered.crate}::{{ArrayInputs, {crate.rendered.model}}};\nuse tf_layers", 1
        )
        if profiled:
            _instrument(files, crate.rendered.crate)
        files["Cargo.toml"] = _MEMBER.format(
            name=crate.rendered.crate, version=identity.UNCHECKED, layers=ROOT / "rust" / "tf-layers"
        )
        # README's examples are not part of what is measured
        files["src/lib.rs"] = re.sub(r"/// The examples of the README.*?struct Readme;\n", "", files["src/lib.rs"], flags=re.S)
        for path, text in files.items():
            _write(root / crate.name / path, text.encode())
        _write(root / crate.name / "model" / "model_weights.npz", npz.encode(crate.rendered.weights))
    members = ", ".join(f'"{c.name}"' for c in crates)
    _write(root / "Cargo.toml", f'[workspace]\nresolver = "3"\nmembers = [{members}]\n{_PROFILE}'.encode())
    environment = os.environ | {"CARGO_TERM_COLOR": "never"}
    environment.setdefault("CARGO_TARGET_DIR", str(BUILD / "target"))
    command = ["cargo", "build", "--release", "--bins", "--keep-going", "--message-format=json"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    servers: dict[str, Path] = {}
    errors = []
    for line in done.stdout.splitlines():
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("reason") == "compiler-artifact" and message.get("executable"):
            servers[Path(message["manifest_path"]).parent.name] = Path(message["executable"])
        elif message.get("reason") == "compiler-message" and message["message"]["level"] == "error":
            errors.append(message["message"]["rendered"])
    for crate in crates:
        if crate.name not in servers:
            print(f"{crate.name} does not build", *[e for e in errors if crate.name in e][:3], sep="\n")
    if not servers and crates:
        raise SystemExit("\n".join(errors[:3]) or done.stderr[-3000:])
    return servers


def _instrument(files: dict[str, str], name: str) -> None:
    """Adds a call before each step's comment that charges the time since the last one to the step before."""

    def mark(match: re.Match[str]) -> str:
        return f"{match[1]}crate::profile::mark({json.dumps(match[2], ensure_ascii=False)});\n{match[0]}"

    files["src/model.rs"] = re.sub(r"^( +)// (.*)$", mark, files["src/model.rs"], flags=re.M)
    files["src/lib.rs"] += "\n/// Where time goes.\npub mod profile;\n"
    files["src/profile.rs"] = (HERE / "profile.rs").read_text()
    crate = name.replace("-", "_")
    main = files["src/main.rs"].replace("    Ok(())\n}", f"    {crate}::profile::print();\n    Ok(())\n}}")
    files["src/main.rs"] = main.replace(
        "                write!(out", f'                {crate}::profile::mark("(outside)");\n                write!(out'
    )


def _write(path: Path, content: bytes) -> None:
    """Writes what is new, so that cargo rebuilds nothing else."""
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class Server:
    """A running server: answers bursts and outputs."""

    def __init__(self, executable: Path, sets: Sequence[Mapping[str, Array]]) -> None:
        self.folder = BUILD / "inputs"
        self.folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for k, feeds in enumerate(sets):
            path = self.folder / f"{executable.name}_{k}.npz"
            path.write_bytes(npz.encode(dict(feeds)))
            paths.append(str(path))
        self.process = subprocess.Popen([str(executable), *paths], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _ask(self, text: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the generated program ended with status {self.process.wait()}")
        return answer

    def burst(self, k: int, runs: int) -> list[int]:
        """Nanoseconds of each of `runs` runs of inputs k."""
        return [int(t) for t in self._ask(f"{k} {runs}").split()]

    def outputs(self, k: int) -> dict[str, Array]:
        """What the model computes from inputs k."""
        path = self.folder / f"{self.process.pid}.out.npz"
        self._ask(f"{k} {path}")
        with np.load(path) as archive:
            found = {name: archive[name] for name in archive.files}
        path.unlink()
        return found

    def close(self) -> str:
        """Ends the process; returns what it still says."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        rest = self.process.stdout.read()
        self.process.wait()
        return rest

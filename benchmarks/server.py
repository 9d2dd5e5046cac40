"""A generated server beside the same server with onnxruntime in it (crate ort), on 127.0.0.1; writes benchmarks/SERVER.md.

    python benchmarks/server.py [--models a,b] [--clients 1,16] [--quick] [--no-write]

Both are the crate that `onnx2rust host server` writes; in the second one, `server_ort.rs` takes the place of the file that runs
the model, with the library of onnxruntime's Python package. Both have one worker and the same options, get the same bodies from
`wrk` (Debian's package), and take turns; their answers are compared with onnxruntime's first. Numbers are medians of the rounds.
Memory is the most that a server took, over all rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import models
import numpy as np
import onnx
import onnxruntime

import onnx2rust
from onnx2rust.base.options import Options
from onnx2rust.model.reference import Reference
from onnx2rust.timing.clock import machine

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "benchmarks" / "server"
KINDS = {"application/json": "JSON", "application/octet-stream": "safetensors"}
RAW = "application/octet-stream"
ENGINES = ("onnx2rust", "ort")
Array = np.ndarray[Any, np.dtype[np.float32]]
HEAD = """# A server

Servers of `onnx2rust host server` beside the same server with onnxruntime {onnxruntime} in it (crate ort), one worker each, in
turns. Written by `python benchmarks/server.py` at commit {commit}, which says how.
{cpu} ({family}), {cores} cores, on which wrk runs too; load {load:.1f} when it began.

| model | body | clients | requests/s | ort | × | p50 ms | ort | p99 ms | ort | MB | ort |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
"""


class Seen(NamedTuple):
    """What wrk says of a round."""

    requests: float
    """A second."""
    p50: float
    """Milliseconds."""
    p99: float


@dataclass(frozen=True)
class Case:
    """A model, an input of one sample, and the answer."""

    name: str
    path: Path
    given: str
    found: str
    x: Array
    expected: Array


def case(name: str, path: Path) -> Case:
    """A model with one float32 input, whose first size is open, and one output."""
    proto = onnx.load(path)
    (value,), (answer,) = proto.graph.input, proto.graph.output
    shape = [1, *(d.dim_value for d in value.type.tensor_type.shape.dim[1:])]
    x = np.random.default_rng(1).random(shape, np.float32)
    (expected,) = Reference(proto).run({value.name: x})
    return Case(name, path, value.name, answer.name, x, np.asarray(expected, np.float32))


def files(names: list[str], build: Path = BUILD) -> dict[str, Path]:
    """The models: `digits` is that of the tests, all others those of `models.py`."""
    found = {}
    build.mkdir(parents=True, exist_ok=True)
    if "digits" in names:
        sys.path.insert(0, str(ROOT / "tests"))
        import onnx_models

        found["digits"] = build / "digits.onnx"
        onnx.save(onnx_models.digits(), found["digits"])
    others = [name for name in names if name != "digits"]
    return found | models.onnx_files(others)


def programs(name: str, model: Path) -> dict[str, Path]:
    """Builds both servers of a model; cargo's folder is kept, and serves all."""
    found = {}
    target = BUILD / "target"
    for engine in ENGINES:
        out = BUILD / f"{name}-{engine}"
        shutil.rmtree(out, ignore_errors=True)
        made = onnx2rust.host("server", model, out, Options(name=name, crate_name=name, binary_classification=False))
        if engine == "ort":
            _with_ort(made.shell, made.project.model)
        command = ["cargo", "build", "-q", "--release", "-p", f"{name}-server", "--target-dir", str(target)]
        subprocess.run(command, cwd=out, check=True)
        found[engine] = out / f"{name}-server-{engine}"
        shutil.copy(target / "release" / f"{name}-server", found[engine])
    return found


def _with_ort(shell: Path, model: str) -> None:
    request = (ROOT / "benchmarks" / "server_ort.rs").read_text(encoding="utf-8")
    (shell / "src" / "request.rs").write_text(request.replace("TheModel", model), encoding="utf-8")
    workers = shell / "src" / "workers.rs"
    text = workers.read_text(encoding="utf-8").replace("crate::request::{", "crate::request::{Workspace, ")
    text = text.replace("use model::Workspace;\n", "")
    workers.write_text(text, encoding="utf-8")
    manifest = shell / "Cargo.toml"
    ort = 'ort = { version = "=2.0.0-rc.15", default-features = false, features = ["std", "load-dynamic"] }\n'
    manifest.write_text(manifest.read_text(encoding="utf-8") + ort, encoding="utf-8")


def library() -> Path:
    """That of onnxruntime's Python package."""
    (found,) = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    return found


class Server(NamedTuple):
    """A server that runs."""

    address: str
    process: subprocess.Popen[str]

    @property
    def memory(self) -> float:
        """The most that it took so far, in MB."""
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0.0


@contextlib.contextmanager
def serving(program: Path, model: Path) -> Iterator[Server]:
    """A server with one worker."""
    environment = os.environ | {"MODEL": str(model), "ORT_DYLIB_PATH": str(library())}
    command = [str(program), "--listen", "127.0.0.1:0", "--workers", "1"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server(process.stdout.readline().split()[-1], process)
    finally:
        process.terminate()
        process.communicate()


def check(address: str, case: Case) -> None:
    """Raises AssertionError if the server's answer is not onnxruntime's."""
    body = json.dumps({case.given: case.x.tolist()}).encode()
    request = urllib.request.Request(f"{address}/predict", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        found = json.loads(answer.read())[case.found]
    np.testing.assert_allclose(np.array(found, np.float32), case.expected, rtol=1e-4, atol=1e-5)


def script(kind: str, case: Case) -> Path:
    """A script of wrk's that sends the input in a form."""
    body = json.dumps({case.given: case.x.tolist()}).encode()
    if kind == RAW:
        head = json.dumps({case.given: {"dtype": "F32", "shape": case.x.shape, "data_offsets": [0, case.x.nbytes]}}).encode()
        body = len(head).to_bytes(8, "little") + head + case.x.tobytes()
    path = BUILD / f"{case.name}-{KINDS[kind]}.lua"
    path.with_suffix(".body").write_bytes(body)
    read = f'io.open("{path.with_suffix(".body")}", "rb"):read("*a")'
    path.write_text(f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "{kind}"\nwrk.body = {read}\n', encoding="utf-8")
    return path


def load(address: str, lua: Path, clients: int, seconds: float) -> Seen:
    """A round."""
    command = [
        "wrk",
        "-t1",
        f"-c{clients}",
        f"-d{seconds:g}s",
        "--timeout",
        "30s",
        "--latency",
        "-s",
        str(lua),
        f"{address}/predict",
    ]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(text)
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
    times = {p: float(n) * units[u] for p, n, u in re.findall(r"^ +(50|99)% +([\d.]+)(us|ms|s|m)$", text, re.M)}
    rate = re.search(r"^Requests/sec: +([\d.]+)$", text, re.M)
    assert rate is not None
    if len(times) < 2:  # nobody had an answer yet
        return load(address, lua, clients, 2 * seconds)
    return Seen(float(rate[1]), times["50"], times["99"])


def measured(case: Case, built: Mapping[str, Path], clients: list[int], rounds: int, seconds: float) -> Iterator[str]:
    """The rows of a model."""
    for kind, body in KINDS.items():
        for count in clients:
            with serving(built["onnx2rust"], case.path) as ours, serving(built["ort"], case.path) as theirs:
                servers = dict(zip(ENGINES, (ours, theirs), strict=True))
                for server in servers.values():
                    check(server.address, case)
                lua = script(kind, case)
                seen: dict[str, list[Seen]] = {engine: [] for engine in ENGINES}
                for turn in range(rounds):
                    for engine in sorted(ENGINES, reverse=turn % 2 == 1):
                        seen[engine].append(load(servers[engine].address, lua, count, seconds))
                a, b = (Seen(*(statistics.median(c) for c in zip(*seen[engine], strict=True))) for engine in ENGINES)
                cells = [case.name, body, count, f"{a.requests:,.0f}", f"{b.requests:,.0f}", f"{a.requests / b.requests:.2f}"]
                cells += [f"{n:.2f}" for n in (a.p50, b.p50, a.p99, b.p99)] + [f"{s.memory:.0f}" for s in servers.values()]
            yield f"| {' | '.join(map(str, cells))} |"


def about() -> dict[str, Any]:
    """The machine and the commit."""
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return machine() | {"commit": git.stdout.strip(), "cores": os.cpu_count()}


def main() -> None:
    """Measures, prints the table, and writes it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", default="digits,mobilenetv2")
    parser.add_argument("--clients", default="1,16,64")
    parser.add_argument("--quick", action="store_true", help="one round of a second")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    rounds, seconds = (1, 1.0) if options.quick else (3, 2.0)
    facts = about()
    found = files(options.models.split(","))
    built = {name: programs(name, path) for name, path in found.items()}
    print(HEAD.format(**facts), end="")
    rows = []
    for name, path in found.items():
        for row in measured(case(name, path), built[name], [int(n) for n in options.clients.split(",")], rounds, seconds):
            print(row, flush=True)
            rows.append(row)
    if not options.no_write:
        text = HEAD.format(**facts) + "\n".join(rows) + "\n"
        (ROOT / "benchmarks" / "SERVER.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

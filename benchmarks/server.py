"""A generated server beside the same server with onnxruntime in it (crate ort), on 127.0.0.1.

    python benchmarks/server.py                        # the digits model
    python benchmarks/server.py --seconds 2 --rounds 5 --clients 1,16

Both are the crate that `onnx2rust host server` writes; in the second one, `server_ort.rs` takes the place of the file that runs
the model, with the library of onnxruntime's Python package. Both have one worker and the same options, get the same bodies from
`wrk` (Debian's package), and take turns; their answers are compared with onnxruntime's first. Numbers are medians of the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime

import onnx2rust
from onnx2rust.base.options import Options
from onnx2rust.model.reference import Reference

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "benchmarks" / "server"
NAME = "digits"
KINDS = {"application/json": "JSON", "application/octet-stream": "safetensors"}


class Seen(NamedTuple):
    """What wrk says of a round."""

    requests: float
    """A second."""
    p50: float
    """Milliseconds."""
    p99: float


def programs(model: Path) -> dict[str, Path]:
    """Builds both servers."""
    found: dict[str, Path] = {}
    for engine in ("onnx2rust", "ort"):
        out = BUILD / engine
        shutil.rmtree(out, ignore_errors=True)
        made = onnx2rust.host("server", model, out, Options(name=NAME), build=engine == "onnx2rust")
        if engine == "ort":
            _with_ort(made.shell, made.project.model)
            target = Path(os.environ.get("CARGO_TARGET_DIR") or BUILD / "target") / "ort"
            command = ["cargo", "build", "-q", "--release", "-p", f"{NAME}-server", "--target-dir", str(target)]
            subprocess.run(command, cwd=out, check=True)
            found[engine] = target / "release" / f"{NAME}-server"
        else:
            assert made.dist is not None
            found[engine] = made.dist / f"{NAME}-server"
    return found


def _with_ort(shell: Path, model: str) -> None:
    request = (ROOT / "benchmarks" / "server_ort.rs").read_text(encoding="utf-8")
    (shell / "src" / "request.rs").write_text(request.replace("TheModel", model), encoding="utf-8")
    workers = shell / "src" / "workers.rs"
    text = workers.read_text(encoding="utf-8").replace("crate::request::{", "crate::request::{Engine, Workspace, ")
    text = re.sub(r"use model::\{[^}]*\};", "use model::Error;", text).replace(f"{model}::new()", "Engine::new()")
    workers.write_text(text, encoding="utf-8")
    manifest = shell / "Cargo.toml"
    ort = 'ort = { version = "=2.0.0-rc.15", default-features = false, features = ["std", "load-dynamic"] }\n'
    manifest.write_text(manifest.read_text(encoding="utf-8") + ort, encoding="utf-8")


@contextlib.contextmanager
def serving(program: Path, model: Path) -> Iterator[str]:
    """A server with one worker; its address."""
    (library,) = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    environment = os.environ | {"MODEL": str(model), "ORT_DYLIB_PATH": str(library)}
    command = [str(program), "--listen", "127.0.0.1:0", "--workers", "1"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.communicate()


def check(
    address: str,
    image: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    expected: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> None:
    """Raises AssertionError if the server's answer is not onnxruntime's."""
    body = json.dumps({"image": image.tolist()}).encode()
    request = urllib.request.Request(f"{address}/predict", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        found = json.loads(answer.read())["probabilities"]
    np.testing.assert_allclose(np.array(found, np.float32), expected, rtol=1e-5, atol=1e-5)


def script(kind: str, image: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Path:
    """A script of wrk's that sends the image in a form."""
    body = json.dumps({"image": image.tolist()}).encode()
    if kind != "application/json":
        head = json.dumps({"image": {"dtype": "F32", "shape": image.shape, "data_offsets": [0, image.nbytes]}}).encode()
        body = len(head).to_bytes(8, "little") + head + image.tobytes()
    text = "".join(f"\\{byte:03d}" for byte in body)
    path = BUILD / f"{KINDS[kind]}.lua"
    path.write_text(f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "{kind}"\nwrk.body = "{text}"\n', encoding="ascii")
    return path


def load(address: str, lua: Path, clients: int, seconds: float) -> Seen:
    """A round."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:g}s", "--latency", "-s", str(lua), f"{address}/predict"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(text)
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    times = {p: float(n) * units[u] for p, n, u in re.findall(r"^ +(50|99)% +([\d.]+)(us|ms|s)$", text, re.M)}
    rate = re.search(r"^Requests/sec: +([\d.]+)$", text, re.M)
    assert rate is not None
    return Seen(float(rate[1]), times["50"], times["99"])


def main() -> None:
    """Measures, and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="digits.onnx (default: the model of the tests)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", default="1,16,64")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    BUILD.mkdir(parents=True, exist_ok=True)
    model = options.model
    if model is None:
        sys.path.insert(0, str(ROOT / "tests"))
        import onnx_models

        model = BUILD / f"{NAME}.onnx"
        onnx.save(onnx_models.digits(), model)
    built = programs(model)
    image = np.random.default_rng(1).random((1, 1, 8, 8), np.float32)
    (expected,) = Reference(onnx.load(model)).run({"image": image})
    where = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"{NAME}, one worker, wrk on the same machine: {where}")
    print("| body | clients | engine | requests/s | p50 ms | p99 ms |\n|---|---|---|---|---|---|")
    with serving(built["onnx2rust"], model) as ours, serving(built["ort"], model) as theirs:
        addresses = {"onnx2rust": ours, "ort": theirs}
        for address in addresses.values():
            check(address, image, expected)
        for kind, said in KINDS.items():
            lua = script(kind, image)
            for clients in map(int, options.clients.split(",")):
                rounds: dict[str, list[Seen]] = {engine: [] for engine in addresses}
                for turn in range(options.rounds):
                    for engine in sorted(addresses, reverse=turn % 2 == 1):
                        rounds[engine].append(load(addresses[engine], lua, clients, options.seconds))
                for engine, seen in rounds.items():
                    rate, p50, p99 = (statistics.median(column) for column in zip(*seen, strict=True))
                    print(f"| {said} | {clients} | {engine} | {rate:,.0f} | {p50:.2f} | {p99:.2f} |", flush=True)


if __name__ == "__main__":
    main()

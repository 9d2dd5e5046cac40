"""Hosts: what is shipped, the start-up, and what a call costs, each beside the engine that people use there.

    python benchmarks/hosts.py [--models a,b] [--quick] [--no-write]

writes HOSTS.md, and the README's table of hosts. Models are converted once, with all shells beside them (the firmware's figures
are those of EMBEDDED.md). Each number comes from a process of its own, all of them take turns, on one thread, and a number is the
median of the rounds. A process says its first answer, which is compared with onnxruntime's, and then the median of its calls.
Needs what `tests/hosts/tools.sh` installs, `wrk`, and the extra `hosts`; npm brings onnxruntime-web.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime
import server
from host_programs import BUILD, LOOPS, MANY, ROOT, Array, Measured, Program, built, size

HOSTS = ("crate", "c", "python", "wasm", "server", "score")
ENGINES = {
    "c": "emx-onnx-cgen's C",
    "python": "onnxruntime",
    "wasm": "onnxruntime-web in Node",
    "server": "the same server with ort",
    "score": "onnxruntime and pyarrow",
}
SHIPPED = {
    "crate": "a program in Rust",
    "c": "the shared library",
    "python": "the package, installed",
    "wasm": "what a page fetches, gzip",
    "server": "the program",
    "score": "the program",
}
ROWS = {"digits": 200_000, "mobilenetv2": 96}
"""Rows of the table that is scored."""
HEAD = """# Hosts

Written by `python benchmarks/hosts.py` at commit {commit}, which says how. {cpu} ({family}), one thread, load {load:.1f} when it
began; onnxruntime {onnxruntime}; medians of {rounds} rounds.

* **MB** is what a user's machine must have; of onnxruntime the package (for the server its library) and the model.
* **Start-up** is a process until its first answer, with Python and numpy ({python:.0f} ms by themselves) or Node ({node:.0f} ms)
  where they are needed.
* **A call** is one sample: for the server a request of one client with tensors as bytes, for `score` the CPU time of a
  row of many.
* **×** is our time over the engine's.
* **Over the crate** is a call over the crate's own time: that of a program in Rust, for wasm that of the module's function
  without JavaScript, for `score` that of a row in a batch of {many}.

"""
MORE = (
    "in brackets the engine beside it; × is our time over its. [benchmarks/HOSTS.md](benchmarks/HOSTS.md) has all, and says how."
)
COLUMNS = (
    "| model | host | shipped | MB | engine | MB | start-up ms | engine | a call µs | engine | × | over the crate µs |",
    "|---|---|---|--:|---|--:|--:|--:|--:|--:|--:|--:|",
)


@dataclass(frozen=True)
class Row:
    """A host's numbers, with those of the engine beside it."""

    host: str
    megabytes: tuple[float, float | None]
    start: tuple[float, float | None]
    """Milliseconds."""
    call: tuple[float, float | None]
    """Microseconds."""
    over: float | None

    @property
    def ratio(self) -> str:
        """Our call over the engine's."""
        return f"{self.call[0] / self.call[1]:.2f}" if self.call[1] else ""


def alone(command: Sequence[str]) -> tuple[float, float]:
    """Milliseconds of a process, and of CPU time."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: ended with code {process.returncode}")
    return 1e3 * (time.perf_counter() - begin), 1e3 * (used.ru_utime + used.ru_stime)


def looped(program: Program, x: Path, seconds: float, expected: Array | None) -> tuple[float, list[float]]:
    """Milliseconds until the first answer, and microseconds of calls. Ends the program if the answer is wrong."""
    command = [*program.command, str(x), f"{seconds:g}", *program.after]
    begin = time.perf_counter()
    with subprocess.Popen(command, env=os.environ | dict(program.environment), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        start = 1e3 * (time.perf_counter() - begin)
        calls = process.stdout.read()
    if process.returncode:
        sys.exit(f"{' '.join(command)}: ended with code {process.returncode}")
    if expected is not None:
        np.testing.assert_allclose(np.array(json.loads(first), np.float32), expected.ravel(), rtol=1e-4, atol=1e-5)
    return start, [ns / 1e3 for ns in json.loads(calls)]


def served(program: Path, case: server.Case, lua: Path, seconds: float) -> tuple[float, float]:
    """Milliseconds until a server's first answer, and microseconds of a request."""
    begin = time.perf_counter()
    with server.serving(program, case.path) as running:
        body = lua.with_suffix(".body").read_bytes()
        request = urllib.request.Request(f"{running.address}/predict", body, {"Content-Type": server.RAW})
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
        start = 1e3 * (time.perf_counter() - begin)
        server.check(running.address, case)
        return start, 1e3 * server.load(running.address, lua, 1, max(seconds, 1.0)).p50


class Tables:
    """The rows that are scored, and one row."""

    def __init__(self, model: Measured) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.rows = ROWS.get(model.name, 96)
        self.folder = BUILD / "tables" / model.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.batch = str(min(4096, max(1, 8_000_000 // model.one.size)))
        for name, count in (("many", self.rows), ("one", 1)):
            x = np.random.default_rng(2).random((count, model.one.size), np.float32)
            column = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), model.one.size)
            pq.write_table(pa.table({model.given: column}), self.folder / f"{name}.parquet", use_dictionary=False)
        self.commands = {
            "ours": [str(model.score), "--quiet", "--force", "--threads", "1"],
            "engine": [sys.executable, str(LOOPS / "rows.py"), str(model.path)],
        }

    def scored(self, who: str) -> tuple[float, float]:
        """Milliseconds of a process for one row, and microseconds of CPU time of each other row."""
        took = {}
        for name in ("one", "many"):
            files = [str(self.folder / f"{name}.parquet"), str(self.out(who))]
            took[name] = alone([*self.commands[who], *files, *([self.batch] if who == "engine" else [])])
        return took["one"][0], 1e3 * (took["many"][1] - took["one"][1]) / (self.rows - 1)

    def out(self, who: str) -> Path:
        """Where scores go."""
        return self.folder / f"{who}.parquet"

    def check(self) -> None:
        """Raises AssertionError if the scores differ."""
        import pyarrow.parquet as pq

        ours, engine = (pq.read_table(self.out(who)).column(0).combine_chunks().flatten().to_numpy() for who in self.commands)
        np.testing.assert_allclose(ours, engine, rtol=1e-4, atol=1e-5)


def measured(model: Measured, rounds: int, seconds: float) -> list[Row]:
    """The rows of a model."""
    case = server.Case(model.name, model.path, model.given, model.found, model.one, model.expected)
    lua, tables = server.script(server.RAW, case), Tables(model)
    for name, array in (("one", model.one), ("many", model.many)):
        (BUILD / f"{model.name}-{name}.bin").write_bytes(array.tobytes())
    one, many = (BUILD / f"{model.name}-{name}.bin" for name in ("one", "many"))
    starts: dict[tuple[str, str], list[float]] = defaultdict(list)
    calls: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(rounds):
        for host, pair in model.loops.items():
            for who, program in zip(("ours", "engine"), pair, strict=True):
                if program is not None:
                    start, found = looped(program, one, seconds, model.expected)
                    starts[host, who].append(start)
                    for what, call in zip((who, f"{who}: the module"), found, strict=False):
                        calls[host, what].append(call)
        own = model.loops["crate"][0]
        calls["crate", "many"].append(looped(own, many, seconds, None)[1][0] / MANY)
        for engine, program_ in model.servers.items():
            who = "ours" if engine == "onnx2rust" else "engine"
            start, call = served(program_, case, lua, seconds)
            starts["server", who].append(start)
            calls["server", who].append(call)
        for who in ("ours", "engine"):
            start, call = tables.scored(who)
            starts["score", who].append(start)
            calls["score", who].append(call)
        tables.check()
    start_of, call_of = ({key: median(values) for key, values in d.items()} for d in (starts, calls))
    base = dict.fromkeys(HOSTS, call_of["crate", "ours"])
    base |= {"wasm": call_of["wasm", "ours: the module"], "score": call_of["crate", "many"]}
    sizes = _sizes(model)

    def both(numbers: dict[tuple[str, str], float], host: str) -> tuple[float, float | None]:
        return numbers[host, "ours"], numbers.get((host, "engine"))

    return [
        Row(h, sizes[h], both(start_of, h), both(call_of, h), None if h == "crate" else call_of[h, "ours"] - base[h])
        for h in HOSTS
    ]


def _sizes(model: Measured) -> dict[str, tuple[float, float | None]]:
    import pyarrow as pa

    package = Path(onnxruntime.__file__).parent
    arrow = Path(pa.__file__).parent
    found: dict[str, tuple[float, float | None]] = {}
    for host, (ours, engine) in model.loops.items():
        other = None if engine is None else engine.megabytes or size(*engine.shipped)
        found[host] = (ours.megabytes or size(*ours.shipped), other)
    ours_, theirs = (model.servers[engine] for engine in server.ENGINES)
    found["server"] = size(ours_), size(theirs, server.library(), model.path)
    found["score"] = size(model.score), size(package, arrow, model.path)
    return found


def cells(*pair: float | None) -> list[str]:
    """Numbers with three digits."""
    return ["" if n is None else f"{n:.3g}" if n < 1000 else f"{n:,.0f}" for n in pair]


def over(row: Row) -> str:
    """What a call costs over the crate's own time, to the hundredth of a microsecond."""
    return cells(row.over)[0] if row.over is None or abs(row.over) >= 100 else f"{row.over:.2f}"


def line(name: str, row: Row) -> str:
    """A line of HOSTS.md."""
    (own, other), engine = cells(*row.megabytes), ENGINES.get(row.host, "")
    found = [name, row.host, SHIPPED[row.host], own, engine, other, *cells(*row.start), *cells(*row.call), row.ratio, over(row)]
    return f"| {' | '.join(found)} |"


def embedded(models: int) -> list[str]:
    """The firmware's line of the README: flash in MB, from EMBEDDED.md."""
    place = ROOT / "benchmarks" / "EMBEDDED.md"
    text = place.read_text(encoding="utf-8") if place.is_file() else ""
    found = next((row.split("|")[2:4] for row in text.splitlines() if row.startswith("| digits |")), None)
    if found is None:
        return []
    ours, theirs = (int(cell.replace(",", "")) / 1e6 for cell in found)
    return [f"| embedded | {ours:.3g} ({theirs:.3g}) | | | {ENGINES['c']} |{' |' * models}"]


def short(rows: dict[str, list[Row]]) -> list[str]:
    """The README's table: sizes, start-up and overhead of the first model, ratios of all."""
    first = next(iter(rows))
    lines = [
        f"| {first} | MB | start-up, ms | a call over the crate, µs | beside | {' | '.join(f'{n}, ×' for n in rows)} |",
        f"|---|--:|--:|--:|---|{'--:|' * len(rows)}",
    ]
    for k, row in enumerate(rows[first]):
        mb, start = (f"{a} ({b})" if b else a for a, b in (cells(*row.megabytes), cells(*row.start)))
        name = {"crate": "the crate alone"}.get(row.host, row.host)
        ratios = [found[k].ratio for found in rows.values()]
        lines.append(f"| {' | '.join([name, mb, start, over(row), ENGINES.get(row.host, ''), *ratios])} |")
    return lines + embedded(len(rows))


def missing() -> list[str]:
    """What this needs and is not there."""
    tools = [tool for tool in ("cargo", "cc", "node", "npm", "strip", "wrk") if shutil.which(tool) is None]
    return tools + [name for name in ("emx_onnx_cgen", "maturin", "pyarrow") if importlib.util.find_spec(name) is None]


def main() -> None:
    """Measures, prints the tables, and writes them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", default="digits,mobilenetv2")
    parser.add_argument("--quick", action="store_true", help="one round, a tenth of a second a loop")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    if lacking := missing():
        sys.exit(f"missing: {', '.join(lacking)} (Debian: wrk, nodejs, npm; pip install -e '.[hosts]' emx-onnx-cgen)")
    rounds, seconds = (1, 0.1) if options.quick else (5, 0.6)
    facts: dict[str, Any] = server.about()
    models = built(server.files(options.models.split(","), BUILD))
    facts |= {"rounds": rounds, "many": MANY}
    facts |= {"python": median(alone([sys.executable, "-c", "import numpy"])[0] for _ in range(5))}
    facts |= {"node": median(alone(["node", "-e", ""])[0] for _ in range(5))}
    rows = {}
    lines = []
    for model in models:
        print(f"{model.name}: measuring", flush=True)
        rows[model.name] = measured(model, rounds, seconds)
        lines += [line(model.name, row) for row in rows[model.name]]
    text = HEAD.format(**facts) + "\n".join([*COLUMNS, *lines]) + "\n"
    table = "\n".join(short(rows))
    print(f"{text}\n{table}")
    if not options.no_write:
        (ROOT / "benchmarks" / "HOSTS.md").write_text(text, encoding="utf-8")
        write_readme(f"{table}\n\n({facts['cpu']}; {MORE})")


def write_readme(text: str) -> None:
    """Puts the table between its marks."""
    place = ROOT / "README.md"
    head, mark, rest = place.read_text(encoding="utf-8").partition("<!-- written by benchmarks/hosts.py -->\n")
    tail = rest[rest.index("<!-- end -->") :]
    place.write_text(f"{head}{mark}\n{text}\n\n{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()

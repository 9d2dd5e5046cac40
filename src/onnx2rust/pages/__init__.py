"""`onnx2rust report`: all that is known of a model, on one HTML page that needs nothing else."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx

from onnx2rust import emit, frontends
from onnx2rust.base import naming
from onnx2rust.base.errors import Onnx2RustError, ToolError
from onnx2rust.base.options import Checks, Options, Timing
from onnx2rust.conversion import pipeline
from onnx2rust.files import folders, single
from onnx2rust.frontends import protos
from onnx2rust.ir.dims import Dim, evaluate, symbols
from onnx2rust.ir.program import Program
from onnx2rust.pages import findings, layers, memory
from onnx2rust.pages.document import document
from onnx2rust.pages.histograms import histogram
from onnx2rust.pages.origins import Traced, nodes_of
from onnx2rust.plan import planner
from onnx2rust.report.architecture import architecture
from onnx2rust.report.graph import Graph, graph
from onnx2rust.timing import bench
from onnx2rust.verification import verify
from onnx2rust.verification.reports import ModelReport

__all__ = ["Written", "write_report"]

OPEN_SIZE = 1
"""What an open size is taken to be where a number is wanted."""


@dataclass(frozen=True)
class Written:
    """A page that was written. `exit_code` is that of the verification, 0 without one."""

    out: Path
    layers: int
    exit_code: int
    notes: tuple[str, ...]


def write_report(
    model: Path | str | onnx.ModelProto,
    out: Path | str,
    options: Options | None = None,
    checks: Checks | None = None,
    timing: Timing | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Written:
    """Writes a page about the model to the file `out` (`onnx2rust report`).

    With `checks` the crate is built and verified, with `timing` timed; without both nothing is built. Raises an
    `Onnx2RustError` where the model cannot be converted, or something stands at `out` (unless `options.force`); what verifying
    or timing finds wrong is on the page, and in `exit_code`.
    """
    out, options = Path(out), options or Options()
    single.refuse_existing(out, options.force)
    progress("reading the model")
    with protos.as_paths([model]) as (source,):
        loaded = frontends.load(source, options)
        label = protos.label(model, source)
    name = naming.sayable(options.name, Path(label).stem)
    options = replace(options, name=name)
    progress("lowering operators to layers")
    traced = Traced()
    program = pipeline.passed(loaded, options, traced).program
    page = _Page(loaded, program, traced, options, label)
    notes = list(loaded.notes)
    exit_code = 0
    if checks or timing:
        with _told(), tempfile.TemporaryDirectory(prefix="onnx2rust-report-") as folder:
            copy = Path(folder) / "model.onnx"
            folders.put(copy, loaded.file)
            # it is what the frontend has made of the file: the options that say how to read that are used up
            own = replace(options, frontend="onnx", signature=None, inputs=(), outputs=(), custom_objects=None)
            if checks:
                (report,) = verify([copy], own, replace(checks, per_node=True), progress=progress).models
                page.data["parity"] = findings.parity(report, loaded.proto.graph)
                exit_code = report.exit_code
                notes += _departures(report)
            if timing:
                page.data["times"] = page.timed(copy, own, replace(timing, per_layer=True), progress)
    progress("writing the page")
    single.refuse_existing(out, options.force)  # once more: building takes a while
    single.write(out, document(Path(label).name, page.data))
    return Written(out, len(program.steps), exit_code, tuple(notes))


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Says of tools that are missing how to do without."""
    try:
        yield
    except ToolError as error:
        error.add_note("--no-verify and --no-time write the page without building the crate")
        raise


def _departures(report: ModelReport) -> list[str]:
    """What a user should hear of a verification that did not pass, besides the page."""
    if report.passed:
        return []
    said = report.text().splitlines()[1:]
    return [f"verification: {line.strip()}" for line in said[:12] or ["no inputs were found that the model runs on"]]


class _Page:
    """What the page shows, from the start without what is measured."""

    def __init__(self, loaded: frontends.Loaded, program: Program, traced: Traced, options: Options, label: str) -> None:
        self.program, self.graph = program, graph(program)
        self.origins = nodes_of(traced, program, loaded.proto.graph, pipeline.imported(loaded, options))
        self.number = {node.step: k for k, node in enumerate(self.graph.nodes) if node.step is not None}
        self.sizes = dict.fromkeys([*program.symbols, *(s for step in program.walk() for s in step.defines)], OPEN_SIZE)
        plan = planner.plan(program, options)
        rendered = emit.render(plan, options, emit.Context(label, loaded.kind, samples=0, excerpts=True))
        described = architecture(program, self.graph, label)
        self.data: dict[str, Any] = {
            "model": _model(loaded, program, label, described, rendered) | {"sizes": self.sizes},
            "graph": layers.drawing(self.graph),
            "layers": layers.layers(self.graph, described["layers"], self.origins, rendered.excerpts, plan, self._at),
            "nodes": layers.onnx_nodes(loaded.proto.graph, self.origins),
            "memory": memory.buffers(plan, self._at, self.number.get),
            "weights": _weights(rendered.weights, described["layers"], self.graph),
            "parity": None,
            "times": None,
        }

    def timed(self, copy: Path, options: Options, timing: Timing, progress: Callable[[str], None]) -> Any:
        """What `bench` finds; where it finds no numbers, why."""
        try:
            report = bench(copy, options, timing, progress=progress)
        except ToolError:
            raise
        except Onnx2RustError as error:
            return {"rows": [], "machine": {}, "notes": [f"not timed: {problem}" for problem in error.problems]}
        return findings.times(report, self.program, self.number, self.origins)

    def _at(self, dim: Dim) -> int:
        return max(0, evaluate(dim, {s: self.sizes.get(s, OPEN_SIZE) for s in symbols(dim)}))


def _model(
    loaded: frontends.Loaded, program: Program, label: str, described: Mapping[str, Any], rendered: emit.Rendered
) -> dict[str, Any]:
    tensors = {key: [{"name": n, **t} for n, t in described[key].items()] for key in ("inputs", "outputs")}
    return {
        "source": label,
        "frontend": loaded.frontend,
        "producer": f"{loaded.proto.producer_name} {loaded.proto.producer_version}".strip(),
        "opsets": {o.domain or "ai.onnx": o.version for o in loaded.proto.opset_import},
        **tensors,
        "symbols": list(program.symbols),
        "parameters": described["parameters"],
        "multiply_adds": described["multiply_adds"],
        "weight_bytes": sum(int(a.nbytes) for a in rendered.weights.values()),
        "rust": rendered.model,
        "crate": rendered.crate,
        "notes": list(loaded.notes),
    }


def _weights(arrays: Mapping[str, Any], described: Mapping[str, Any], of: Graph) -> list[dict[str, Any]]:
    """The tensors of the weights file with the layers that read them, the largest first."""
    readers: dict[str, list[int]] = {}
    for number, node in enumerate(of.nodes):
        for entry in described[node.name].get("weights", {}).values():
            readers.setdefault(entry["name"], []).append(number)
    found: Sequence[dict[str, Any]] = [
        {"name": n, "shape": list(a.shape), "dtype": str(a.dtype), "bytes": int(a.nbytes), "layers": readers.get(n, [])}
        | histogram(a)
        for n, a in arrays.items()
    ]
    return sorted(found, key=lambda w: -w["bytes"])

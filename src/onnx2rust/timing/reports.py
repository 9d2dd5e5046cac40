"""What a measurement found, and how it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from onnx2rust.timing.clock import Times
from onnx2rust.timing.profile import NodeTime
from onnx2rust.verification.reports import NOT_VERIFIED


@dataclass(frozen=True)
class LayerTime:
    """A layer's nanoseconds in a run, and its multiply-adds (0 where they are not what it is about)."""

    node: str
    op: str
    layer: str
    ns: float
    multiply_adds: int


@dataclass
class BenchRow:
    """The engines' times on one set of inputs, and the crate's layer by layer if that was asked for."""

    label: str
    times: dict[str, Times]
    layers: list[LayerTime] = field(default_factory=list)
    nodes: list[NodeTime] = field(default_factory=list)
    """onnxruntime's, likewise."""

    def ratio(self, other: str) -> float | None:
        """The crate's time as a share of the other engine's."""
        return self.times["crate"].median / self.times[other].median if other in self.times else None


@dataclass
class BenchReport:
    """One model's times."""

    model: str
    machine: dict[str, Any]
    rows: list[BenchRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0, or that of a model for which no inputs were found."""
        return 0 if self.rows else NOT_VERIFIED

    def data(self) -> dict[str, Any]:
        """As `--json` prints it; times in nanoseconds."""
        rows = []
        for row in self.rows:
            found: dict[str, Any] = {"inputs": row.label, "times": {n: asdict(t) for n, t in row.times.items()}}
            found["ratios"] = {n: row.ratio(n) for n in row.times if n != "crate"}
            if row.layers:
                found["layers"] = [asdict(layer) for layer in row.layers]
                found["onnxruntime_nodes"] = [asdict(node) for node in row.nodes]
            rows.append(found)
        return {
            "ok": bool(self.rows),
            "exit_code": self.exit_code,
            "model": self.model,
            "machine": self.machine,
            "rows": rows,
            "notes": self.notes,
        }

    def text(self) -> str:
        """For people."""
        lines = [f"{self.model}, one thread, one core of {self.machine['cpu']}; medians"]
        if not self.rows:
            lines.append("  not timed: no inputs were found that the model runs on")
        if self.rows:
            head = ["inputs", *self.rows[0].times, *(f"crate / {n}" for n in self.rows[0].times if n != "crate")]
            table = [head, *(_cells(row) for row in self.rows)]
            widths = [max(map(len, column)) for column in zip(*table, strict=True)]
            lines += ["  " + _line(cells, widths) for cells in table]
        for row in self.rows:
            lines += _layers(row)
        return "\n".join(lines + [f"  note: {n}" for n in self.notes])


def _cells(row: BenchRow) -> list[str]:
    ratios = [f"{row.ratio(n):.2f}" for n in row.times if n != "crate"]
    return [row.label, *(f"{t.median / 1e3:.1f} µs" for t in row.times.values()), *ratios]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(c.rjust(w) for c, w in rest)])


def _layers(row: BenchRow) -> list[str]:
    """The layers in their order, each with its share and, if it multiplies, its rate."""
    if not row.layers:
        return []
    total = sum(layer.ns for layer in row.layers) or 1.0
    lines = [f"  layers at {row.label}: {total / 1e3:.1f} µs (a mark before each takes some 0.05 µs)"]
    for layer in row.layers:
        rate = f"{2 * layer.multiply_adds / layer.ns:7.1f} GFLOP/s" if layer.multiply_adds and layer.ns else " " * 15
        lines.append(f"  {layer.ns / 1e3:10.2f} µs {100 * layer.ns / total:5.1f} % {rate}  {layer.node} ({layer.op})")
    return lines

"""`onnx2rust inspect`: what a model is made of, before and after the passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx2rust import emit, frontends
from onnx2rust.base.errors import InvalidModelError, UsageError
from onnx2rust.base.naming import comment
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.files import folders
from onnx2rust.ir import printer
from onnx2rust.ir.dims import Dim, evaluate, symbols
from onnx2rust.model.graph import all_graphs
from onnx2rust.passes.rewriting import Declined, Passed
from onnx2rust.plan import planner
from onnx2rust.report.architecture import multiply_adds

OPEN_SIZE = 1
"""What an open size is taken to be where a number is wanted."""


@dataclass(frozen=True)
class Tensor:
    """Name, element type and shape (open sizes as expressions) of an input or output; of a sequence, those of its items."""

    name: str
    dtype: str
    shape: tuple[Dim | None, ...]

    def __str__(self) -> str:
        return f"{comment(self.name)}: {self.dtype}[{', '.join('?' if d is None else str(d) for d in self.shape)}]"


@dataclass(frozen=True)
class Inspection:
    """What `inspect` finds. `multiply_adds` may depend on open sizes; `workspace_bytes` is at `sizes`."""

    model: str
    frontend: str
    opsets: dict[str, int]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    symbols: tuple[str, ...]
    parameters: int
    weight_bytes: int
    multiply_adds: Dim
    sizes: dict[str, int]
    multiply_adds_at_sizes: int
    workspace_bytes: int
    operators: dict[str, int]
    layers: dict[str, int]
    passes: tuple[tuple[str, str], ...]
    declined: tuple[Declined, ...]
    notes: tuple[str, ...]

    def data(self) -> dict[str, Any]:
        """As `--json` prints it."""
        found: dict[str, Any] = {"ok": True, "model": self.model, "frontend": self.frontend, "opsets": self.opsets}
        for kind, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            found[kind] = [
                {"name": t.name, "dtype": t.dtype, "shape": [d if isinstance(d, int) or d is None else str(d) for d in t.shape]}
                for t in tensors
            ]
        work = self.multiply_adds
        found |= {
            "symbols": list(self.symbols),
            "parameters": self.parameters,
            "weight_bytes": self.weight_bytes,
            "multiply_adds": work if isinstance(work, int) else str(work),
            "at_sizes": {
                "sizes": self.sizes,
                "multiply_adds": self.multiply_adds_at_sizes,
                "workspace_bytes": self.workspace_bytes,
            },
            "operators": self.operators,
            "layers": self.layers,
            "notes": list(self.notes),
        }
        if self.passes:
            found["passes"] = [{"after": name, "program": text.splitlines()} for name, text in self.passes]
            found["declined"] = [{"pass": d.by, "node": d.node, "reason": d.reason} for d in self.declined]
        return found

    def text(self) -> str:
        """For people."""
        at = ", ".join(f"{k}={v}" for k, v in self.sizes.items())
        at = f" (at {at})" if at else ""
        opsets = ", ".join(f"{comment(d) or 'ai.onnx'} {v}" for d, v in self.opsets.items())
        lines = [f"{self.model}: read as {self.frontend}, opset {opsets}"]
        lines += [f"input          {t}" for t in self.inputs]
        lines += [f"output         {t}" for t in self.outputs]
        lines.append(f"symbols        {', '.join(self.symbols) or 'none'}")
        lines.append(f"parameters     {self.parameters:_} ({self.weight_bytes:_} bytes)")
        work = self.multiply_adds
        lines.append(
            f"multiply-adds  {work:_}"
            if isinstance(work, int)
            else f"multiply-adds  {work} = {self.multiply_adds_at_sizes:_}{at}"
        )
        lines.append(f"workspace      {self.workspace_bytes:_} bytes{at}")
        lines.append(f"operators      {_counts(self.operators)}")
        lines.append(f"layers         {_counts(self.layers)}")
        lines += [f"note: {n}" for n in self.notes]
        for name, program in self.passes:
            lines += ["", f"-- after {name}", program]
        if self.declined:
            lines += ["", "-- left as it is", *(str(d) for d in self.declined)]
        return "\n".join(lines)


def inspect(
    model: Path | str, options: Options | None = None, *, passes: bool = False, progress: Callable[[str], None] = lambda _: None
) -> Inspection:
    """What a model, or the model that a conversion's output was made from, consists of (`onnx2rust inspect`).

    With `passes`, the program after each pass is kept as text.
    """
    options = options or Options()
    source = original(Path(model))
    progress("reading the model")
    loaded = frontends.load(source, options)
    progress("lowering operators to layers")
    traced: list[tuple[str, str]] = []

    def trace(name: str, passed: Passed) -> None:
        traced.append((name, printer.program(passed.program)))

    passed = pipeline.passed(loaded, options, trace if passes else None)
    program = passed.program
    # those that the caller gives, and those that are found while the model runs
    sizes = dict.fromkeys([*program.symbols, *(s for step in program.walk() for s in step.defines)], OPEN_SIZE)
    plan = planner.plan(program, options)
    weights = emit.weights(program)
    operators = Counter(n.op_type for graph in all_graphs(loaded.proto.graph) for n in graph.node)
    layers = Counter(type(s.layer).__name__ for s in program.walk())
    work = multiply_adds(program)
    return Inspection(
        model=str(model),
        frontend=loaded.frontend,
        opsets={o.domain: o.version for o in loaded.proto.opset_import},
        inputs=tuple(Tensor(v.name, v.type.held, v.type.axes) for v in program.inputs),
        outputs=tuple(Tensor(n, v.type.held, v.type.axes) for n, v in zip(program.output_names, program.outputs, strict=True)),
        symbols=program.symbols,
        parameters=sum(int(a.size) for a in weights.values()),
        weight_bytes=sum(int(a.nbytes) for a in weights.values()),
        multiply_adds=work,
        sizes=sizes,
        multiply_adds_at_sizes=_at(work, sizes),
        workspace_bytes=sum(plan.bytes(k, lambda dim: _at(dim, sizes)) for k in range(len(plan.slots))),
        operators=dict(sorted(operators.items())),
        layers=dict(sorted(layers.items())),
        passes=tuple(traced),
        declined=passed.declined if passes else (),
        notes=loaded.notes,
    )


def original(path: Path) -> Path:
    """The model inside a conversion's output folder, or the path itself."""
    if not (path / folders.MARKER).is_dir():
        if members := folders.members(path):
            raise UsageError(f"{path}: is a workspace", f"give one of its crates: {' or '.join(map(str, members[:3]))}")
        return path
    models = sorted(path.glob("saved_model_from_*/model.onnx"))
    if not models:
        raise InvalidModelError(f"{path}: the output of a conversion, but its model.onnx is gone")
    return models[0]


def _at(dim: Dim, sizes: dict[str, int]) -> int:
    return max(0, evaluate(dim, {s: sizes.get(s, OPEN_SIZE) for s in symbols(dim)}))


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {comment(name)}" for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))) or "none"

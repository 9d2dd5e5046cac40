"""What a verification found, model by model, and how it reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from onnx2rust.base.errors import MismatchError, Onnx2RustError, Problem
from onnx2rust.oracle.compare import Comparison

NOT_VERIFIED = 7
"""The exit code of a model that was converted and built, and for which no inputs were found that it runs on."""


@dataclass(frozen=True)
class OutputReport:
    """One output over all draws."""

    name: str
    dtype: str
    comparison: Comparison
    where: str
    """The draw that the worst element, or the problem, is from."""
    reference: float | None = None
    """How far onnxruntime was from the model in float64 (largest absolute difference), if both are
    known: then the comparison is with float64."""

    def __str__(self) -> str:
        found = self.comparison
        if found.problem:
            said = found.problem
        elif self.reference is None:
            said = f"max abs {found.max_abs:.3g}, max rel {found.max_rel:.3g}, max ULP {found.max_ulp}"
        else:
            apart = f"crate {found.max_abs:.3g}, onnxruntime {self.reference:.3g} (max abs)"
            said = f"from float64: {apart}, max ULP {found.max_ulp}"
        if found.worst is not None and not (found.passed and found.worst.share == 0):
            said += f", worst {found.worst}"
        return f"{self.name}: {said}, {found.elements} elements" if found.passed else f"{self.name}: {said} ({self.where})"


@dataclass(frozen=True)
class NodeReport:
    """What `--per-node` found: `node` is the first that departs, None if none does; `verdict` says what follows from it."""

    node: str | None
    verdict: str
    values: int
    worst: tuple[OutputReport, ...] = ()
    outputs: tuple[OutputReport, ...] = ()
    """All values, each as an output of the model."""


@dataclass
class ModelReport:
    """One model. `error` is None if it converted, built and ran; `passed` also asks for the numbers."""

    model: str
    outputs: list[OutputReport] = field(default_factory=list)
    draws: list[str] = field(default_factory=list)
    error: Onnx2RustError | None = None
    nodes: NodeReport | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the crate computes what the reference computes."""
        return self.error is None and bool(self.draws) and all(o.comparison.passed for o in self.outputs)

    @property
    def exit_code(self) -> int:
        """0, or the code of what went wrong."""
        if self.error is not None:
            return self.error.exit_code
        if not self.draws:
            return NOT_VERIFIED
        return 0 if self.passed else MismatchError.exit_code

    def data(self) -> dict[str, Any]:
        """As `--json` prints it."""
        found: dict[str, Any] = {"model": self.model, "passed": self.passed, "exit_code": self.exit_code}
        if self.error is not None:
            found["error"] = self.error.title
            found["problems"] = [asdict(p) for p in self.error.problems]
        found["draws"] = self.draws
        found["outputs"] = [_output(o) for o in self.outputs]
        if self.nodes is not None:
            found["per_node"] = {
                "node": self.nodes.node,
                "verdict": self.nodes.verdict,
                "values": self.nodes.values,
                "worst": [_output(o) for o in self.nodes.worst],
            }
        found["notes"] = self.notes
        return found

    def text(self) -> str:
        """For people."""
        if self.error is not None:
            lines = [f"{self.model}: FAILED ({self.error.title})"]
            lines += [f"  {line}" for p in self.error.problems for line in str(p).splitlines()]
        else:
            verdict = "ok" if self.passed else "MISMATCH" if self.draws else "not verified"
            lines = [f"{self.model}: {verdict} ({'; '.join(self.draws) or 'it was built, and run on nothing'})"]
        lines += [f"  {o}" for o in self.outputs]
        if self.nodes is not None:
            lines.append(f"  per node: {self.nodes.verdict}")
            lines += [f"    {o}" for o in self.nodes.worst]
        return "\n".join(lines + [f"  note: {n}" for n in self.notes])


@dataclass(frozen=True)
class Report:
    """All models of one call, in the order they were given."""

    models: tuple[ModelReport, ...]

    @property
    def passed(self) -> bool:
        """Whether all models passed."""
        return all(m.passed for m in self.models)

    @property
    def exit_code(self) -> int:
        """The code of the first model that did not pass, 0 if all did."""
        return next((m.exit_code for m in self.models if not m.passed), 0)

    def data(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {"ok": self.passed, "exit_code": self.exit_code, "models": [m.data() for m in self.models]}

    def text(self) -> str:
        """For people; a count last if there are several models."""
        lines = [m.text() for m in self.models]
        if len(self.models) > 1:
            lines.append(f"{sum(m.passed for m in self.models)} of {len(self.models)} models pass")
        return "\n".join(lines)

    def raise_for_failure(self) -> None:
        """Raises MismatchError with one problem for each model that did not pass."""
        failed = [m for m in self.models if not m.passed]
        if failed:
            raise MismatchError([Problem(m.text()) for m in failed])


def _output(report: OutputReport) -> dict[str, Any]:
    found = {"name": report.name, "dtype": report.dtype, **asdict(report.comparison), "reference_max_abs": report.reference}
    if found["worst"] is not None:
        del found["worst"]["share"]
        found["worst"]["draw"] = report.where
    return found

"""What a model computes, and how far that is known: onnxruntime, the reference, and a float64
evaluation, the referee (docs/adr/0010).

Both compute every draw. The referee decides: a crate may be as far from it as single precision is, which the reference's own
distance shows. Where one of them cannot run a draw, the other stands alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from onnx2rust.base.errors import ToolError
from onnx2rust.base.sequences import is_sequence, sequence, tensors
from onnx2rust.ir.dims import evaluate, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Program
from onnx2rust.model.graph import all_graphs
from onnx2rust.model.reference import Reference
from onnx2rust.model.weights import NONE, Weights, is_outside
from onnx2rust.oracle.compare import Comparison, compare
from onnx2rust.oracle.labels import numbers
from onnx2rust.oracle.referee import NOISE, NoRefereeError, Referee

Array = np.ndarray[Any, Any]
MOST_WORK = 1 << 33
"""Multiply-adds of a draw beyond which the referee is not asked: it would take minutes."""
MOST_WEIGHTS = 1 << 26
"""Elements of weights beyond which it is not asked if onnxruntime answers: in float64 they are most of a conversion's memory."""
NOISY_RUNS = 4
"""Further evaluations of a quantised model, each with other roundings, that show how far one rounding carries."""
APART = 1e-3
"""A distance, as a share of the largest output, that single precision has to explain before the referee is believed."""
_ROUNDS = frozenset(["QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"])
QUANTISED = (
    "quantised: a number near the middle of two steps falls to either side, depending on the order of a sum; outputs may be "
    "off by as much as such roundings carry in the model evaluated in float64, or by one step of quantisation"
)


@dataclass(frozen=True)
class Answer:
    """The outputs for one draw, as the reference and as the referee computed them (rounded to the
    outputs' types); None where it did not."""

    reference: list[Array] | None
    referee: list[Array] | None


@dataclass
class Certainty:
    """How far an output is known, over all draws so far."""

    kind: DType
    """The coarsest floating-point type that the model computes in."""
    largest: float = 0.0
    """The largest finite magnitude of the output."""
    apart: float = 0.0
    """The largest distance of reference and referee."""
    slack: float = 0.0
    """What a crate may be off besides, in a quantised model."""
    known: bool = False
    """Whether both have computed the output."""
    quantised: bool = False
    """Whether one rounding carries far: then `slack` says what is allowed, not the distance."""

    @property
    def share(self) -> float:
        """`apart` as a share of the largest magnitude."""
        return self.apart / self.largest if self.largest else 0.0

    @property
    def tolerance(self) -> tuple[float, float]:
        """(rtol, atol). Where both have computed the output: four times the reference's distance, or that distance where it is
        large, and at least what sums of some thousand terms need. Else the tolerance of the type."""
        if self.quantised:
            return self.kind.sharp_tolerance
        if not self.known:
            return self.kind.tolerance
        seen = max(min(4 * self.share, self.kind.tolerance[0]), self.share)
        rtol, atol = self.kind.sharp_tolerance
        return max(rtol, seen), max(atol, seen)


class Oracle:
    """A model's answers. `notes` says what a user should know about them."""

    def __init__(self, proto: onnx.ModelProto, program: Program, weights: Weights = NONE) -> None:
        self._proto, self._program, self.weights = proto, program, weights
        self._multiply_adds = sum((step.layer.multiply_adds() for step in program.walk()), start=0)
        self._quantised = any(node.op_type in _ROUNDS for graph in all_graphs(proto.graph) for node in graph.node)
        floats = {v.dtype for step in program.walk() for v in (*step.uses(), *step.results()) if v.dtype.is_float}
        floats |= {v.dtype for v in (*program.inputs, *program.outputs) if v.dtype.is_float}
        # the coarsest type that the model computes in says how near two evaluations can be
        kind = DType.F16 if DType.F16 in floats else DType.F64 if floats == {DType.F64} else DType.F32
        self.notes: list[str] = []
        self.believed = True
        """Whether single precision explains how far reference and referee are apart."""
        self._reference: Reference | None = None
        self._referee: Referee | None = None
        self._failure: ToolError | None = None
        try:
            self._reference = Reference(proto, weights)
        except ToolError as error:
            self._failure = error
        else:
            self.notes += [self._reference.note] if self._reference.note else []
        # without one the reference stands alone, at the tolerance of the type
        if self._reference is None or sum(array.size for array in weights.values()) <= MOST_WEIGHTS:
            with contextlib.suppress(NoRefereeError):
                self._referee = Referee(proto, weights)
        self.certainty = [Certainty(kind, quantised=self._quantised) for _ in program.outputs]
        if self._quantised:
            self.notes.append(QUANTISED)
            for certainty, step in zip(self.certainty, _steps(proto), strict=True):
                certainty.slack = step

    def run(self, feeds: Mapping[str, Array]) -> Answer:
        """All outputs. Raises ToolError, with onnxruntime's words, where neither can compute them,
        or onnxruntime by luck of its optimiser only."""
        arrays = {name: np.asarray(a) for name, a in feeds.items()}
        reference = self._of_reference(arrays)
        referee = self._of_referee(arrays) if self._work(arrays) <= MOST_WORK else None
        if reference is None and referee is None:
            assert self._failure is not None
            raise self._failure
        if reference is not None and referee is not None and not _alike(reference, referee):
            # not the same outputs at all: an operator of the evaluator is at fault
            self._referee = referee = None
        if referee is None:
            assert self._reference is not None
            self._reference.check_as_it_stands(arrays)
            return Answer(reference, None)
        for certainty, wide in zip(self.certainty, referee, strict=True):
            certainty.largest = max(certainty.largest, _largest(wide))
        if self._quantised:
            self._spread(arrays, referee)
        if reference is not None:
            self._measure(arrays, reference, referee)
        types = [v.dtype.numpy for v in self._program.outputs]
        return Answer(reference, [_rounded(wide, dtype) for wide, dtype in zip(referee, types, strict=True)])

    @property
    def has_reference(self) -> bool:
        """Whether onnxruntime can load the model."""
        return self._reference is not None

    def expected(self, answer: Answer) -> list[Array]:
        """The outputs that a crate is held against."""
        first, second = (answer.referee, answer.reference) if self.believed else (answer.reference, answer.referee)
        found = first if first is not None else second
        assert found is not None
        return found

    def agreed(self, answer: Answer) -> bool:
        """Whether both find the same whole numbers, as far as they must."""
        if answer.reference is None or answer.referee is None:
            return True
        pairs = zip(answer.reference, answer.referee, self.certainty, strict=True)
        return all(all(x.dtype.kind == "f" for x in tensors(a)) or compare(a, b, slack=c.slack).passed for a, b, c in pairs)

    def compare(self, k: int, actual: Array, answer: Answer, rtol: float | None = None, atol: float | None = None) -> Comparison:
        """Output k of a crate against the answer; `rtol` and `atol` are the user's, if given."""
        certainty = self.certainty[k]
        own = certainty.tolerance
        rtol, atol = own[0] if rtol is None else rtol, own[1] if atol is None else atol
        rival = None if answer.reference is None else answer.reference[k]
        return compare(actual, self.expected(answer)[k], rtol, atol, certainty.slack, rival)

    def _of_reference(self, arrays: dict[str, Array]) -> list[Array] | None:
        if self._reference is None:
            return None
        try:
            return numbers(self._reference.run(arrays), self._program.labels)
        except ToolError as error:
            self._failure = error
            return None

    def _of_referee(self, arrays: dict[str, Array]) -> list[Array] | None:
        if self._referee is None:
            return None
        try:
            return numbers(self._referee.run(arrays), self._program.labels)
        except NoRefereeError:
            return None

    def _work(self, arrays: Mapping[str, Array]) -> int:
        sizes = open_sizes(self._program, arrays)
        return evaluate(self._multiply_adds, {s: sizes.get(s, 1) for s in symbols(self._multiply_adds)})

    def _spread(self, arrays: dict[str, Array], exact: list[Array]) -> None:
        """Raises each output's slack to twice what other roundings make of it."""
        assert self._referee is not None
        for seed in range(NOISY_RUNS):
            noisy = numbers(self._referee.run(arrays, NOISE, seed), self._program.labels)
            for certainty, a, b in zip(self.certainty, exact, noisy, strict=True):
                certainty.slack = max(certainty.slack, 2 * _distance(a, b))

    def _measure(self, arrays: dict[str, Array], reference: list[Array], referee: list[Array]) -> None:
        """Notes how far the two are apart. Where that is much more than single precision usually is, the evaluator itself in the
        model's own types shows whether single precision explains it. If not, one of the two is wrong, and onnxruntime
        is what users compare with."""
        for certainty, a, b in zip(self.certainty, reference, referee, strict=True):
            certainty.known = self.believed and all(x.dtype.kind == "f" for x in tensors(a))
            certainty.apart = max(certainty.apart, _distance(a, b))
        doubtful = [k for k, c in enumerate(self.certainty) if c.known and c.share > APART]
        if self._quantised or not doubtful:
            return
        try:
            narrow = numbers(Referee(self._proto, self.weights, wide=False).run(arrays), self._program.labels)
        except NoRefereeError:
            return
        for k in doubtful:
            certainty = self.certainty[k]
            if _distance(narrow[k], referee[k]) < certainty.apart / 50:
                self.believed = False
                self.notes.append(
                    f"onnxruntime and the model evaluated in float64 are {certainty.share:.1g} of the largest output apart, "
                    "which single precision does not explain: the crate is compared with onnxruntime"
                )
                for each in self.certainty:
                    each.known = False
                return


def open_sizes(program: Program, feeds: Mapping[str, Array]) -> dict[str, int]:
    """The open sizes that inputs of these shapes give."""
    pairs = [pair for v in program.tensor_inputs for pair in zip(v.shape, feeds[v.name].shape, strict=False)]
    return {str(dim): size for dim, size in pairs if str(dim) in program.symbols}


def _alike(a: list[Array], b: list[Array]) -> bool:
    return all(
        x.shape == y.shape and x.dtype.kind == y.dtype.kind and (not is_sequence(x) or _alike(tensors(x), tensors(y)))
        for x, y in zip(a, b, strict=True)
    )


def _rounded(wide: Array, dtype: np.dtype[Any]) -> Array:
    if is_sequence(wide):
        return sequence(_rounded(item, dtype) for item in wide)
    with np.errstate(over="ignore", invalid="ignore"):
        return wide.astype(dtype)


def _largest(array: Array) -> float:
    if is_sequence(array):
        return max(map(_largest, array), default=0.0)
    if array.dtype.kind not in "iuf":
        return 0.0
    with np.errstate(invalid="ignore"):
        return float(np.abs(array.astype(np.float64)).max(initial=0.0, where=np.isfinite(array)))


def _distance(a: Array, b: Array) -> float:
    """The largest finite difference."""
    if is_sequence(a) and is_sequence(b) and a.shape == b.shape:
        return max(map(_distance, a, b), default=0.0)
    if a.shape != b.shape or a.dtype.kind not in "iuf":
        return 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(a.astype(np.float64) - b.astype(np.float64))
    return float(difference.max(initial=0.0, where=np.isfinite(difference)))


def _steps(proto: onnx.ModelProto) -> list[float]:
    """One step of each output that is quantised, or was just before it left: 0 for others."""
    known = {i.name: onnx.numpy_helper.to_array(i) for i in proto.graph.initializer if not is_outside(i)}
    made = {output: node for node in proto.graph.node for output in node.output}
    steps = []
    for output in proto.graph.output:
        node = made.get(output.name)
        scale = known.get(node.input[1]) if node is not None and node.op_type == "DequantizeLinear" else None
        whole = output.type.tensor_type.elem_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
        rounded = node is not None and node.op_type in ("QuantizeLinear", "DynamicQuantizeLinear")
        steps.append(1.0 if whole and rounded else 0.0 if scale is None else float(np.max(scale, initial=0)))
    return steps

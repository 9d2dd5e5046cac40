"""How far two arrays are apart, and whether that is too far."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onnx2rust.base.sequences import is_sequence, tensors
from onnx2rust.ir import dtypes

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Worst:
    """The element that is furthest from what it should be, as a share of what it may be off."""

    index: tuple[int, ...]
    actual: Any
    expected: Any
    share: float

    def __str__(self) -> str:
        return f"at {list(self.index)}: {_text(self.actual)} for {_text(self.expected)}"


@dataclass(frozen=True)
class Comparison:
    """One output (of one or several runs) against the reference."""

    passed: bool = True
    problem: str = ""
    """What differs besides numbers: type, shape, NaN, infinity."""
    max_abs: float = 0.0
    max_rel: float = 0.0
    max_ulp: int = 0
    elements: int = 0
    worst: Worst | None = None

    def merged(self, other: Comparison) -> Comparison:
        """Both together; the first problem and the worse element stay."""
        worst = max((w for w in (self.worst, other.worst) if w is not None), key=lambda w: w.share, default=None)
        return replace(
            self,
            passed=self.passed and other.passed,
            problem=self.problem or other.problem,
            max_abs=max(self.max_abs, other.max_abs),
            max_rel=max(self.max_rel, other.max_rel),
            max_ulp=max(self.max_ulp, other.max_ulp),
            elements=self.elements + other.elements,
            worst=worst,
        )


def compare(
    actual: Array,
    expected: Array,
    rtol: float | None = None,
    atol: float | None = None,
    slack: float = 0.0,
    rival: Array | None = None,
) -> Comparison:
    """Compares element by element: floating point within |a − b| ≤ rtol·|b| + atol·max|b| + slack,
    integers within slack, everything else equal.

    NaN only matches NaN, an infinity only the same infinity. `rival` is another right answer, of an evaluation in another
    precision: whole numbers, NaN and infinities may be as there.
    """
    if is_sequence(expected) or is_sequence(actual):
        return _items(actual, expected, rtol, atol, slack, rival)
    texts = actual.dtype.kind == expected.dtype.kind == "U"  # as long as the longest string in them
    if actual.dtype != expected.dtype and not texts:
        return Comparison(False, f"is {actual.dtype}, should be {expected.dtype}")
    if actual.shape != expected.shape:
        return Comparison(False, f"has shape {list(actual.shape)}, should have {list(expected.shape)}")
    if rival is not None and rival.shape == expected.shape and rival.dtype == expected.dtype:
        expected = _either(actual, expected, rival)
    if expected.dtype.kind == "f":
        kind = dtypes.from_numpy(expected.dtype)
        assert kind is not None
        rtol = kind.tolerance[0] if rtol is None else rtol
        atol = kind.tolerance[1] if atol is None else atol
        with np.errstate(over="ignore"):  # the largest f64 and its opposite are further apart than any f64
            return _floats(actual, expected, rtol, atol, slack)
    return _exact(actual, expected, slack)


def _items(
    actual: Array, expected: Array, rtol: float | None, atol: float | None, slack: float, rival: Array | None
) -> Comparison:
    """Sequences, item by item."""
    if not (is_sequence(expected) and is_sequence(actual)) or len(actual) != len(expected):
        return Comparison(False, f"has {len(tensors(actual))} items, should have {len(tensors(expected))}")
    rivals = rival if rival is not None and is_sequence(rival) and len(rival) == len(expected) else [None] * len(expected)
    found = Comparison(elements=0)
    for a, b, other in zip(actual, expected, rivals, strict=True):
        found = found.merged(compare(a, b, rtol, atol, slack, other))
    return found


def _either(actual: Array, expected: Array, rival: Array) -> Array:
    """What is expected, with the rival's answer where it is the one that `actual` has."""
    if expected.dtype.kind != "f":
        return np.where(actual == rival, rival, expected)
    odd = ~np.isfinite(actual) | ~np.isfinite(expected)
    return np.where(odd & (np.isfinite(actual) == np.isfinite(rival)), rival, expected)


def _floats(actual: Array, expected: Array, rtol: float, atol: float, slack: float) -> Comparison:
    a, b = actual.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(a) & np.isfinite(b)
    odd = ~finite & (a != b) & ~(np.isnan(a) & np.isnan(b))
    if odd.any():
        problem = f"{int(odd.sum())} elements are NaN or infinite on one side only"
        return Comparison(False, problem, math.inf, math.inf, 0, b.size, _worst(actual, expected, odd.argmax(), math.inf))
    difference = np.where(finite, np.abs(np.where(finite, a, 0.0) - np.where(finite, b, 0.0)), 0.0)
    magnitude = np.where(finite, np.abs(b), 0.0)
    allowed = rtol * magnitude + atol * magnitude.max(initial=0.0) + slack
    share = np.divide(difference, allowed, out=np.where(difference > 0, np.inf, 0.0), where=allowed > 0)
    relative = np.divide(difference, magnitude, out=np.zeros_like(difference), where=magnitude > 0)
    return Comparison(
        bool((share <= 1).all()),
        "",
        float(difference.max(initial=0.0)),
        float(relative.max(initial=0.0)),
        _max_ulp(actual, expected, finite),
        b.size,
        _worst(actual, expected, share.argmax(), share.max()) if share.size else None,
    )


def _exact(actual: Array, expected: Array, slack: float) -> Comparison:
    different = actual != expected
    if not different.any():
        return Comparison(elements=expected.size)
    largest = relative = 0.0
    at = different.argmax()
    if expected.dtype.kind in "iu":
        # as Python integers: the difference of two i64 or u64 does not fit either
        a, b = actual[different].tolist(), expected[different].tolist()
        distances = [abs(x - y) for x, y in zip(a, b, strict=True)]
        largest = float(max(distances))
        relative = max((d / abs(y) for d, y in zip(distances, b, strict=True) if y), default=0.0)
        at = np.flatnonzero(different)[distances.index(max(distances))]
        if largest <= slack:
            return Comparison(True, "", largest, relative, 0, expected.size, _worst(actual, expected, at, largest / slack))
    problem = f"{int(different.sum())} elements differ"
    return Comparison(False, problem, largest, relative, 0, expected.size, _worst(actual, expected, at, math.inf))


def _worst(actual: Array, expected: Array, at: np.intp, share: float) -> Worst:
    """The element at a position among all."""
    index = tuple(int(i) for i in np.unravel_index(at, expected.shape))
    return Worst(index, actual[index].item(), expected[index].item(), float(share))


def _max_ulp(actual: Array, expected: Array, finite: Array) -> int:
    """The largest distance in representable numbers (0.0 and −0.0 are the same one)."""
    if not finite.any():
        return 0
    a, b = _ordinal(actual[finite]), _ordinal(expected[finite])
    low, high = np.minimum(a, b), np.maximum(a, b)
    # as unsigned: from the lowest f64 to the highest is further than an i64 reaches
    return int((high.astype(np.uint64) - low.astype(np.uint64)).max())


_SIGNED: dict[int, type[np.int16 | np.int32 | np.int64]] = {2: np.int16, 4: np.int32, 8: np.int64}


def _ordinal(values: Array) -> Array:
    """The position of each number among all of its type: adjacent numbers have adjacent positions."""
    bits = values.view(_SIGNED[values.dtype.itemsize]).astype(np.int64)
    magnitude = bits & ((1 << (8 * values.dtype.itemsize - 1)) - 1)
    ordinal: Array = np.where(bits < 0, -magnitude, magnitude)
    return ordinal


def _text(value: Any) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)

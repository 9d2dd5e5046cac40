"""Products of 8-bit integers: exact sums, in float64, and one rounding.

onnx's evaluator rounds after it has added the zero point, which sends halves to the other side wherever that is odd.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from onnx2rust.oracle.referee.small import along, quantised
from onnx2rust.oracle.referee.windows import Windows, convolved

Array = np.ndarray[Any, Any]


def _wide(x: Array, zero: Array | None, axis: int) -> Array:
    """x without its zero point: one number, or one for each index of `axis`."""
    wide = x.astype(np.float64)
    return wide if zero is None else wide - along(zero, wide, axis)


class QLinearConv(OpRun):
    """y = rint((x ∗ w + b) · x_scale · w_scale / y_scale) + y_zero."""

    def _run(
        self, x: Array, x_scale: Array, x_zero: Array, w: Array, w_scale: Array, w_zero: Array, y_scale: Array, y_zero: Array,
        b: Array | None = None, *, group: int = 1, **given: Any,
    ) -> tuple[Array]:  # fmt: skip
        windows = Windows.of(x.shape[2:], w.shape[2:], given)
        sums = convolved(_wide(x, x_zero, 1), _wide(w, w_zero, 0), b, group, windows)
        return (quantised(sums * (x_scale * along(w_scale, sums, 1) / y_scale), y_zero, y_zero.dtype),)


class QLinearMatMul(OpRun):
    """y = rint((a · b) · a_scale · b_scale / y_scale) + y_zero; a's parameters may be one a row, b's and y's one a column."""

    def _run(
        self, a: Array, a_scale: Array, a_zero: Array, b: Array, b_scale: Array, b_zero: Array, y_scale: Array, y_zero: Array
    ) -> tuple[Array]:  # fmt: skip
        sums = np.matmul(_wide(a, a_zero, -2), _wide(b, b_zero, -1))
        factor = along(a_scale, sums, -2) * along(b_scale, sums, -1) / along(y_scale, sums, -1)
        return (quantised(sums * factor, along(y_zero, sums, -1), y_zero.dtype),)

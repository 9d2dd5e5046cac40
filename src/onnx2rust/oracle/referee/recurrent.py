"""RNN, LSTM and GRU in both directions, with every activation, clip, peephole and length that ONNX has.

x `[steps, batch, input]`, w `[directions, gates·hidden, input]`, r `[directions, gates·hidden,
hidden]`, b `[directions, 2·gates·hidden]`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

Array = np.ndarray[Any, Any]
Function = Callable[[Array], Array]


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * x))


_ACTIVATIONS: dict[str, tuple[Callable[[Array, float, float], Array], float, float]] = {
    "relu": (lambda x, a, b: np.maximum(x, 0), 0, 0),
    "tanh": (lambda x, a, b: np.tanh(x), 0, 0),
    "sigmoid": (lambda x, a, b: _sigmoid(x), 0, 0),
    "affine": (lambda x, a, b: a * x + b, 1, 0),
    "leakyrelu": (lambda x, a, b: np.where(x < 0, a * x, x), 0.01, 0),
    "thresholdedrelu": (lambda x, a, b: np.where(x > a, x, 0), 1, 0),
    "scaledtanh": (lambda x, a, b: a * np.tanh(b * x), 1, 1),
    "hardsigmoid": (lambda x, a, b: np.clip(a * x + b, 0, 1), 0.2, 0.5),
    "elu": (lambda x, a, b: np.where(x < 0, a * np.expm1(x), x), 1, 0),
    "softsign": (lambda x, a, b: x / (1 + np.abs(x)), 0, 0),
    "softplus": (lambda x, a, b: np.logaddexp(x, 0), 0, 0),
}
"""By name: the function of x, alpha and beta, and the defaults of the two."""
_TAKES = {"affine": 2, "leakyrelu": 1, "thresholdedrelu": 1, "scaledtanh": 2, "hardsigmoid": 2, "elu": 1}
"""How many of alpha and beta an activation takes from the node's lists."""


def _applied(function: Callable[[Array, float, float], Array], alpha: float, beta: float, x: Array) -> Array:
    return function(x, alpha, beta)


def _functions(
    names: Sequence[str] | None,
    default: list[str],
    alphas: Sequence[float] | None,
    betas: Sequence[float] | None,
    directions: int,
) -> list[list[Function]]:
    """The activations of each direction."""
    chosen = [n.lower() for n in names or default * directions]
    left_alpha, left_beta = list(alphas or []), list(betas or [])
    made: list[Function] = []
    for name in chosen:
        function, alpha, beta = _ACTIVATIONS[name]
        if _TAKES.get(name, 0) > 0 and left_alpha:
            alpha = left_alpha.pop(0)
        if _TAKES.get(name, 0) > 1 and left_beta:
            beta = left_beta.pop(0)
        made.append(functools.partial(_applied, function, alpha, beta))
    each = len(default)
    return [made[k * each : (k + 1) * each] for k in range(directions)]


class _Recurrent(OpRun):
    """Walks the steps of each direction; a cell says what one step does."""

    limit = float(np.inf)
    gates = 1
    default: tuple[str, ...] = ("Tanh",)

    def clip_(self, sums: Array) -> Array:
        """What enters an activation, within the node's `clip`."""
        return np.clip(sums, -self.limit, self.limit)

    def cell(self, f: list[Function], x: Array, state: list[Array], r: Array, b: Array, extra: Any) -> list[Array]:
        """The next state; x is W·x of the step, b the biases `[W, R]` of the direction."""
        raise NotImplementedError

    def walk(
        self, x: Array, w: Array, r: Array, b: Array | None, lengths: Array | None, initial: list[Array | None], extra: list[Any],
        attributes: dict[str, Any],
    ) -> tuple[Array, ...]:  # fmt: skip
        """Y `[steps, directions, batch, hidden]` and the last states."""
        batch_first = bool(attributes.get("layout", 0))
        if batch_first:
            x = np.swapaxes(x, 0, 1)
            initial = [None if s is None else np.swapaxes(s, 0, 1) for s in initial]
        steps, batch = x.shape[:2]
        directions, hidden = r.shape[0], r.shape[2]
        functions = _functions(
            attributes.get("activations"), list(self.default), attributes.get("activation_alpha"),
            attributes.get("activation_beta"),
            directions,
        )  # fmt: skip
        self.limit = float(attributes.get("clip") or np.inf)
        count = np.full(batch, steps) if lengths is None else np.asarray(lengths)
        y = np.zeros((steps, directions, batch, hidden), x.dtype)
        last = [np.zeros((directions, batch, hidden), x.dtype) for _ in initial]
        for d in range(directions):
            backward = attributes.get("direction") == "reverse" or d == 1
            state = [np.zeros((batch, hidden), x.dtype) if s is None else s[d] for s in initial]
            bias = np.zeros(2 * self.gates * hidden, x.dtype) if b is None else b[d]
            products = x @ w[d].T
            for k in range(steps):
                live = (k < count)[:, None]
                # the sequence of a sample is read from its own end
                at = np.where(live[:, 0], count - 1 - k, 0) if backward else np.full(batch, k)
                found = self.cell(functions[d], products[at, np.arange(batch)], state, r[d], bias, extra[d] if extra else None)
                state = [np.where(live, new, old) for new, old in zip(found, state, strict=True)]
                y[at[live[:, 0]], d, np.flatnonzero(live[:, 0])] = state[0][live[:, 0]]
            for target, s in zip(last, state, strict=True):
                target[d] = s
        if batch_first:
            return (np.transpose(y, (2, 0, 1, 3)), *(np.swapaxes(s, 0, 1) for s in last))
        return (y, *last)


class RNN(_Recurrent):
    """h = f(W·x + R·h + bW + bR)."""

    def cell(self, f: list[Function], x: Array, state: list[Array], r: Array, b: Array, extra: Any) -> list[Array]:
        hidden = r.shape[1]
        return [f[0](self.clip_(x + state[0] @ r.T + b[:hidden] + b[hidden:]))]

    def _run(
        self,
        x: Array,
        w: Array,
        r: Array,
        b: Array | None = None,
        lengths: Array | None = None,
        h: Array | None = None,
        **given: Any,
    ) -> tuple[Array, ...]:
        return self.walk(x, w, r, b, lengths, [h], [], given)


class LSTM(_Recurrent):
    """Gates i, o, f, c in this order; peepholes p `[directions, 3·hidden]` of i, o, f."""

    gates = 4
    default = ("Sigmoid", "Tanh", "Tanh")

    def cell(self, f: list[Function], x: Array, state: list[Array], r: Array, b: Array, extra: Any) -> list[Array]:
        h, c = state
        hidden = h.shape[1]
        i, o, forget, new = np.split(x + h @ r.T + b[: 4 * hidden] + b[4 * hidden :], 4, axis=1)
        p, coupled = extra
        pi, po, pf = np.split(p, 3) if p is not None else (0, 0, 0)
        i = f[0](self.clip_(i + pi * c))
        forget = 1 - i if coupled else f[0](self.clip_(forget + pf * c))
        c = forget * c + i * f[1](self.clip_(new))
        o = f[0](self.clip_(o + po * c))
        return [o * f[2](c), c]

    def _run(
        self, x: Array, w: Array, r: Array, b: Array | None = None, lengths: Array | None = None, h: Array | None = None,
        c: Array | None = None, p: Array | None = None, **given: Any,
    ) -> tuple[Array, ...]:  # fmt: skip
        coupled = bool(given.get("input_forget", 0))
        extra = [(None if p is None else p[d], coupled) for d in range(r.shape[0])]
        return self.walk(x, w, r, b, lengths, [h, c], extra, given)


class GRU(_Recurrent):
    """Gates z, r, h in this order."""

    gates = 3
    default = ("Sigmoid", "Tanh")

    def cell(self, f: list[Function], x: Array, state: list[Array], r: Array, b: Array, extra: Any) -> list[Array]:
        (h,) = state
        hidden = h.shape[1]
        wb, rb = b[: 3 * hidden], b[3 * hidden :]
        z, reset = (
            f[0](self.clip_(part))
            for part in np.split(x[:, : 2 * hidden] + h @ r[: 2 * hidden].T + wb[: 2 * hidden] + rb[: 2 * hidden], 2, axis=1)
        )
        rest, bias = r[2 * hidden :], rb[2 * hidden :]
        inner = reset * (h @ rest.T + bias) if extra else (reset * h) @ rest.T + bias
        new = f[1](self.clip_(x[:, 2 * hidden :] + wb[2 * hidden :] + inner))
        return [(1 - z) * new + z * h]

    def _run(
        self,
        x: Array,
        w: Array,
        r: Array,
        b: Array | None = None,
        lengths: Array | None = None,
        h: Array | None = None,
        **given: Any,
    ) -> tuple[Array, ...]:
        return self.walk(x, w, r, b, lengths, [h], [bool(given.get("linear_before_reset", 0))] * r.shape[0], given)

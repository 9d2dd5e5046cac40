"""RNN, LSTM and GRU in both directions, with every activation, clip, peephole and length that ONNX has.

x `[steps, batch, input]`, w `[directions, gates·hidden, input]`, r `[directions, gates·hidden,
hidden]`, b `[directions, 2·gates·hidden]`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

Array = np.ndarray[Any, Any]
Function = Callable[[Array], Array]
_ACTIVATIONS: dict[str, tuple[Callable[..., Array], float | None, float | None]] = {
    "relu": (lambda x, a, b: np.maximum(x, 0), None, None),
    "tanh": (lambda x, a, b: np.tanh(x), None, None),
    "sigmoid": (lambda x, a, b: 0.5 * (1 + np.tanh(0.5 * x)), None, None),
    "affine": (lambda x, a, b: a * x + b, 1, 0),
    "leakyrelu": (lambda x, a, b: np.where(x < 0, a * x, x), 0.01, None),
    "thresholdedrelu": (lambda x, a, b: np.where(x > a, x, 0), 1, None),
    "scaledtanh": (lambda x, a, b: a * np.tanh(b * x), 1, 1),
    "hardsigmoid": (lambda x, a, b: np.clip(a * x + b, 0, 1), 0.2, 0.5),
    "elu": (lambda x, a, b: np.where(x < 0, a * np.expm1(x), x), 1, None),
    "softsign": (lambda x, a, b: x / (1 + np.abs(x)), None, None),
    "softplus": (lambda x, a, b: np.logaddexp(x, 0), None, None),
}
"""By name: the function of x, alpha and beta, and the defaults of those of the two that it takes."""


def _functions(given: Mapping[str, Any], default: Sequence[str], directions: int) -> list[list[Function]]:
    """The activations of each direction; each takes the next alpha and beta of the node's lists."""
    alphas, betas = iter(given.get("activation_alpha") or ()), iter(given.get("activation_beta") or ())
    made: list[Function] = []
    for name in given.get("activations") or [*default] * directions:
        function, alpha, beta = _ACTIVATIONS[name.lower()]
        alpha = None if alpha is None else next(alphas, alpha)
        beta = None if beta is None else next(betas, beta)
        made.append(functools.partial(function, a=alpha, b=beta))
    return [made[k * len(default) : (k + 1) * len(default)] for k in range(directions)]


class _Recurrent(OpRun):
    """Walks the steps of each direction; a cell says what one step does."""

    limit = float(np.inf)
    states = 1
    gates = 1
    default: tuple[str, ...] = ("Tanh",)

    def clip_(self, sums: Array) -> Array:
        """What enters an activation, within the node's `clip`."""
        return np.clip(sums, -self.limit, self.limit)

    def cell(self, f: list[Function], x: Array, state: list[Array], r: Array, b: Array, p: Array | None) -> list[Array]:
        """The next state; x is W·x of the step, b the biases `[W, R]` and p the peepholes of the direction."""
        raise NotImplementedError

    def _run(
        self, x: Array, w: Array, r: Array, b: Array | None = None, lengths: Array | None = None, h: Array | None = None,
        c: Array | None = None, p: Array | None = None, **given: Any,
    ) -> tuple[Array, ...]:  # fmt: skip
        """Y `[steps, directions, batch, hidden]` and the last states."""
        batch_first = bool(given.get("layout", 0))
        initial = [h, c][: self.states]
        if batch_first:
            x = np.swapaxes(x, 0, 1)
            initial = [None if s is None else np.swapaxes(s, 0, 1) for s in initial]
        steps, batch = x.shape[:2]
        directions, hidden = r.shape[0], r.shape[2]
        functions = _functions(given, self.default, directions)
        self.limit = float(given.get("clip") or np.inf)
        count = np.full(batch, steps) if lengths is None else np.asarray(lengths)
        y = np.zeros((steps, directions, batch, hidden), x.dtype)
        last = [np.zeros((directions, batch, hidden), x.dtype) for _ in initial]
        for d in range(directions):
            backward = given.get("direction") == "reverse" or d == 1
            state = [np.zeros((batch, hidden), x.dtype) if s is None else s[d] for s in initial]
            bias = np.zeros(2 * self.gates * hidden, x.dtype) if b is None else b[d]
            products = x @ w[d].T
            for k in range(steps):
                live = (k < count)[:, None]
                # the sequence of a sample is read from its own end
                at = np.where(live[:, 0], count - 1 - k, 0) if backward else np.full(batch, k)
                step = products[at, np.arange(batch)]
                found = self.cell(functions[d], step, state, r[d], bias, None if p is None else p[d])
                state = [np.where(live, new, old) for new, old in zip(found, state, strict=True)]
                y[at[live[:, 0]], d, np.flatnonzero(live[:, 0])] = state[0][live[:, 0]]
            for target, s in zip(last, state, strict=True):
                target[d] = s
        if batch_first:
            return (np.transpose(y, (2, 0, 1, 3)), *(np.swapaxes(s, 0, 1) for s in last))
        return (y, *last)


class RNN(_Recurrent):
    """h = f(W·x + R·h + bW + bR)."""

    def cell(self, f: list[Function], x: Array, state: list[Array], r: Array, b: Array, p: Array | None) -> list[Array]:
        hidden = r.shape[1]
        return [f[0](self.clip_(x + state[0] @ r.T + b[:hidden] + b[hidden:]))]


class LSTM(_Recurrent):
    """Gates i, o, f, c in this order; peepholes p `[directions, 3·hidden]` of i, o, f."""

    input_forget = 0
    states = 2
    gates = 4
    default = ("Sigmoid", "Tanh", "Tanh")

    def cell(self, f: list[Function], x: Array, state: list[Array], r: Array, b: Array, p: Array | None) -> list[Array]:
        h, c = state
        hidden = h.shape[1]
        i, o, forget, new = np.split(x + h @ r.T + b[: 4 * hidden] + b[4 * hidden :], 4, axis=1)
        pi, po, pf = np.split(p, 3) if p is not None else (0, 0, 0)
        i = f[0](self.clip_(i + pi * c))
        forget = 1 - i if self.input_forget else f[0](self.clip_(forget + pf * c))
        c = forget * c + i * f[1](self.clip_(new))
        o = f[0](self.clip_(o + po * c))
        return [o * f[2](c), c]


class GRU(_Recurrent):
    """Gates z, r, h in this order."""

    linear_before_reset = 0
    gates = 3
    default = ("Sigmoid", "Tanh")

    def cell(self, f: list[Function], x: Array, state: list[Array], r: Array, b: Array, p: Array | None) -> list[Array]:
        (h,) = state
        hidden = h.shape[1]
        wb, rb = b[: 3 * hidden], b[3 * hidden :]
        sums = x[:, : 2 * hidden] + h @ r[: 2 * hidden].T + wb[: 2 * hidden] + rb[: 2 * hidden]
        z, reset = np.split(f[0](self.clip_(sums)), 2, axis=1)
        rest, bias = r[2 * hidden :], rb[2 * hidden :]
        inner = reset * (h @ rest.T + bias) if self.linear_before_reset else (reset * h) @ rest.T + bias
        new = f[1](self.clip_(x[:, 2 * hidden :] + wb[2 * hidden :] + inner))
        return [(1 - z) * new + z * h]

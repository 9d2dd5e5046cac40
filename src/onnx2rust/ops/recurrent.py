"""LSTM, GRU and RNN.

Weights that are known are packed by the build script; weights that are inputs of the model are packed while it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer, Variant, packing
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import recurrent as layers
from onnx2rust.layers.activation import activation
from onnx2rust.ops.shape import fixed
from onnx2rust.registry import Attributes, onnx_op
from onnx2rust.registry.facts import onnx_facts
from onnx2rust.registry.rules import Within

_DIRECTIONS = {"forward": "Forward", "reverse": "Reverse", "bidirectional": "Bidirectional"}
_FUNCTIONS: dict[str, dict[str, float]] = {
    "Relu": {},
    "Tanh": {},
    "Sigmoid": {},
    "Softsign": {},
    "Softplus": {},
    "LeakyRelu": {"alpha": 0.01},
    "ThresholdedRelu": {"alpha": 1.0},
    "Elu": {"alpha": 1.0},
    "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "Affine": {"alpha": 0.0, "beta": 0.0},
    "ScaledTanh": {"alpha": 0.0, "beta": 0.0},
}
"""Activations, with the parameters they take and ONNX's defaults; for the last two it has none, and onnxruntime takes 0."""


@dataclass(frozen=True)
class Recurrence(Attributes):
    """What all recurrent operators say."""

    activation_alpha: list[float] | None = None
    activation_beta: list[float] | None = None
    activations: list[str] | None = None
    clip: float | None = None
    direction: str = "forward"
    hidden_size: int | None = None
    layout: int = 0


@dataclass(frozen=True)
class _Net:
    """What a recurrent node says, checked."""

    inputs: int
    hidden: int
    directions: Variant
    count: int
    activations: tuple[Variant, ...]
    clip: float | None
    steps: Dim
    batch: Dim
    x: Value
    """[steps, batch, inputs]"""
    states: list[Value | None]
    """Initial ones, [directions, batch, hidden]."""
    layout: int
    known: bool
    """Whether all weights are known at conversion."""

    def fields(self) -> dict[str, Any]:
        """Fields that every layer has."""
        names = ("inputs", "hidden", "directions", "activations", "clip", "steps", "batch")
        return {name: getattr(self, name) for name in names}


def _net(
    g: Builder,
    x: Value,
    weights: list[Value | None],
    states: list[Value | None],
    gates: int,
    said: Recurrence,
    functions: list[str],
) -> _Net:
    w, r = weights[0], weights[1]
    assert w is not None
    assert r is not None
    if x.dtype is not DType.F32:
        raise Refuse(f"a recurrent layer of {x.dtype} is not supported", "float32 is")
    direction, layout = said.direction, said.layout
    if direction not in _DIRECTIONS:
        raise Refuse(f"direction {direction!r} is unknown", invalid=True)
    if x.rank != 3 or w.rank != 3 or r.rank != 3 or layout not in (0, 1):
        raise Refuse(f"x {x.type}, W {w.type} and R {r.type} are not a recurrent layer's", invalid=True)
    hidden, inputs = r.shape[2], w.shape[2]
    if not isinstance(hidden, int) or not isinstance(inputs, int):
        raise Refuse("the sizes of the weights must be known at conversion")
    count = 2 if direction == "bidirectional" else 1
    wrong = [said.hidden_size or hidden, *w.shape[:2], *r.shape[:2]] != [hidden, *(2 * [count, gates * hidden])]
    if wrong or hidden < 1 or (isinstance(x.shape[2], int) and x.shape[2] != inputs):
        raise Refuse(f"x {x.type}, W {w.type} and R {r.type} do not fit ({direction}, {gates} gates)", invalid=True)
    x = fixed(g, x, 2, inputs)
    source = g.transpose(x, [1, 0, 2]) if layout == 1 else x
    return _Net(
        inputs,
        hidden,
        Variant.of("recurrent::Directions", _DIRECTIONS[direction]),
        count,
        _activations(said, functions, count),
        float(said.clip) if said.clip else None,
        source.shape[0],
        source.shape[1],
        source,
        [g.transpose(s, [1, 0, 2]) if s is not None and layout == 1 else s for s in states],
        layout,
        all(v is None or v.array is not None for v in weights),
    )


def _activations(said: Recurrence, functions: list[str], count: int) -> tuple[Variant, ...]:
    """The activations of both directions (those of the only one twice); parameters go to those that take some, in order."""
    names = functions * count if said.activations is None else said.activations
    if len(names) == 2 * len(functions) and count == 1:
        names = names[: len(functions)]
    if len(names) != len(functions) * count:
        raise Refuse(f"{len(names)} activations for {count} directions", invalid=True)
    parameters = {"alpha": list(said.activation_alpha or []), "beta": list(said.activation_beta or [])}
    known = {name.lower(): name for name in _FUNCTIONS}
    found = []
    for name in names:
        called = known.get(name.lower())
        if called is None:
            raise Refuse(f"activation {name!r} of a recurrent layer is not supported", f"supported: {', '.join(_FUNCTIONS)}")
        values = {k: parameters[k].pop(0) if parameters[k] else default for k, default in _FUNCTIONS[called].items()}
        if called == "ThresholdedRelu":
            values = {"theta": values["alpha"]}
        found.append(activation(called, **{k: float(v) for k, v in values.items()}))
    return tuple(found) if count == 2 else tuple(found * 2)


def _emit(g: Builder, net: _Net, layer: Layer, inputs: list[Value | None], n_outputs: int) -> tuple[Value | None, ...]:
    """The step, and its outputs as the model's layout has them."""
    final = TensorType(DType.F32, (net.count, net.batch, net.hidden))
    types = [TensorType(DType.F32, (net.steps, net.count, net.batch, net.hidden)), *([final] * len(net.states))]
    wanted = [t if k < n_outputs else None for k, t in enumerate(types)]
    outputs = g.steps(layer, inputs, *wanted)
    if net.layout == 0:
        return outputs
    perms = ([2, 0, 1, 3], [1, 0, 2], [1, 0, 2])
    return tuple(None if y is None else g.transpose(y, perm) for y, perm in zip(outputs, perms, strict=False))


onnx_facts(
    *("LSTM", "GRU", "RNN"),
    reads={4: lambda use: Within(1, use.shape(0)[1 if use.attribute("layout", 0) else 0])},
    unknown=1,
    constants=("input", "kernel", "recurrent_kernel", "bias", "lengths", "initial_h", "initial_c", "peephole"),
)


@onnx_op("LSTM", since=(7, 14, 22), added={14: "layout"})
def lstm(
    g: Builder,
    X: Value,
    W: Value,
    R: Value,
    B: Value | None = None,
    sequence_lens: Value | None = None,
    initial_h: Value | None = None,
    initial_c: Value | None = None,
    P: Value | None = None,
    *,
    input_forget: int = 0,
    shared: Recurrence,
    n_outputs: int = 1,
) -> tuple[Value | None, ...]:
    """i, o, f = f(x·W + h·R + P⊙c + b); c' = f⊙c + i⊙g(…); h' = o⊙h(c')."""
    net = _net(g, X, [W, R, B, P], [initial_h, initial_c], 4, shared, ["Sigmoid", "Tanh", "Tanh"])
    fields = net.fields() | {"input_forget": bool(input_forget)}
    if not net.known:
        return _emit(g, net, layers.LstmUnpacked(**fields), [net.x, W, R, B, sequence_lens, *net.states, P], n_outputs)
    layer = layers.Lstm(
        **fields,
        kernel=g.weight(W, packing("InputGates", gates=4)),
        recurrent_kernel=g.weight(R, packing("RecurrentGates", gates=4, split=4)),
        bias=None if B is None else g.weight(B, packing("GateBias", gates=4, summed=4)),
        peepholes=None if P is None else g.weight(P, packing("GateVectors", gates=3)),
    )
    return _emit(g, net, layer, [net.x, sequence_lens, *net.states], n_outputs)


@onnx_op("GRU", since=(7, 14, 22), added={14: "layout"})
def gru(
    g: Builder,
    X: Value,
    W: Value,
    R: Value,
    B: Value | None = None,
    sequence_lens: Value | None = None,
    initial_h: Value | None = None,
    *,
    linear_before_reset: int = 0,
    shared: Recurrence,
    n_outputs: int = 1,
) -> tuple[Value | None, ...]:
    """z, r = f(x·W + h·R + b); n = g(x·W + (r⊙h)·R + b); h' = (1 − z)⊙n + z⊙h."""
    net = _net(g, X, [W, R, B], [initial_h], 3, shared, ["Sigmoid", "Tanh"])
    after = bool(linear_before_reset)
    fields = net.fields() | {"linear_before_reset": after}
    if not net.known:
        return _emit(g, net, layers.GruUnpacked(**fields), [net.x, W, R, B, sequence_lens, *net.states], n_outputs)
    layer = layers.Gru(
        **fields,
        kernel=g.weight(W, packing("InputGates", gates=3)),
        recurrent_kernel=g.weight(R, packing("RecurrentGates", gates=3, split=3 if after else 2)),
        bias=None if B is None else g.weight(B, packing("GateBias", gates=3, summed=2 if after else 3)),
        reset_bias=g.weight(B, packing("LastRecurrentBias", gates=3)) if after and B is not None else None,
    )
    return _emit(g, net, layer, [net.x, sequence_lens, *net.states], n_outputs)


@onnx_op("RNN", since=(7, 14, 22), added={14: "layout"})
def rnn(
    g: Builder,
    X: Value,
    W: Value,
    R: Value,
    B: Value | None = None,
    sequence_lens: Value | None = None,
    initial_h: Value | None = None,
    *,
    shared: Recurrence,
    n_outputs: int = 1,
) -> tuple[Value | None, ...]:
    """h' = f(x·W + h·R + b)."""
    net = _net(g, X, [W, R, B], [initial_h], 1, shared, ["Tanh"])
    if not net.known:
        return _emit(g, net, layers.RnnUnpacked(**net.fields()), [net.x, W, R, B, sequence_lens, *net.states], n_outputs)
    layer = layers.Rnn(
        **net.fields(),
        kernel=g.weight(W, packing("InputGates", gates=1)),
        recurrent_kernel=g.weight(R, packing("RecurrentGates", gates=1, split=1)),
        bias=None if B is None else g.weight(B, packing("GateBias", gates=1, summed=1)),
    )
    return _emit(g, net, layer, [net.x, sequence_lens, *net.states], n_outputs)

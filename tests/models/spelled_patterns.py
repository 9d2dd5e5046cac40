"""What a person sees and a pass has to: recurrent layers and lookups as Keras (tf2onnx), torch (TorchScript and dynamo) and flax
(jax2tf) spell them out, with the layers that must be left of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

Node = onnx.NodeProto
Array = np.ndarray[Any, Any]
STEPS, INPUTS, HIDDEN = 5, 3, 4
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def number(value: float, kind: Any = np.float32) -> Array:
    """A constant of one element."""
    return np.array(value, dtype=kind)


def node(op: str, inputs: str, output: str, **attributes: Any) -> Node:
    """A node; inputs and outputs separated by spaces, `-` for one that is not there."""
    read, written = (["" if n == "-" else n for n in text.split()] for text in (inputs, output))
    return helper.make_node(op, read, written, **attributes)


def floats(seed: int, *shape: int) -> Array:
    """Random weights."""
    return (np.random.default_rng(seed).normal(size=shape) / 2).astype(np.float32)


@dataclass
class Pattern:
    """A model from its inputs to y, and the layers that are left of it (views apart)."""

    nodes: list[Node]
    constants: dict[str, Array]
    layers: list[str]
    inputs: dict[str, list[int | str]] = field(default_factory=lambda: {"x": [STEPS, "batch", INPUTS]})
    dtypes: dict[str, int] = field(default_factory=dict)
    ids: tuple[int, int] = (0, 8)
    """Whole numbers are drawn from this range."""
    opset: int = 17


def ints(*values: int) -> Array:
    """A constant of whole numbers."""
    return np.array(values, dtype=np.int64)


def net(kind: str, inputs: str, outputs: str, direction: str = "forward", **more: Any) -> tuple[list[Node], dict[str, Array]]:
    """A recurrent node and its weights; `inputs` begin with x and go on behind B."""
    gates, count = GATES[kind], 2 if direction == "bidirectional" else 1
    x, *rest = inputs.split()
    constants = {
        "w": floats(1, count, gates * HIDDEN, INPUTS),
        "r": floats(2, count, gates * HIDDEN, HIDDEN),
        "b": floats(3, count, 2 * gates * HIDDEN),
    }
    return [node(kind, " ".join([x, "w r b", *rest]), outputs, direction=direction, hidden_size=HIDDEN, **more)], constants


def _zeros(count: int = 1) -> tuple[list[Node], dict[str, Array]]:
    """h0 = zeros [count, batch, hidden], as torch makes them: the batch from x's shape."""
    nodes = [
        node("Shape", "x", "shape"),
        node("Gather", "shape one", "n", axis=0),
        node("Unsqueeze", "n first", "n1"),
        node("Concat", "count n1 hidden", "size", axis=0),
        node("ConstantOfShape", "size", "h0", value=helper.make_tensor("v", TensorProto.FLOAT, [1], [0.0])),
    ]
    return nodes, {"one": number(1, np.int64), "first": ints(0), "count": ints(count), "hidden": ints(HIDDEN)}


def keras() -> Pattern:
    """tf2onnx: zeros expanded to the run's batch for both states, a slice and a squeeze of the last step."""
    nodes, constants = net("LSTM", "t - h h", "s")
    more = {"zero": number(0), "hidden": ints(HIDDEN), "first": ints(0), "second": ints(1), "last": ints(-1), "end": ints(9999)}
    return Pattern(
        [
            node("Transpose", "x", "t", perm=[1, 0, 2]),
            node("Shape", "x", "shape"),
            node("Slice", "shape first second first", "n"),
            node("Concat", "n hidden", "size", axis=0),
            node("Expand", "zero size", "zeros"),
            node("Unsqueeze", "zeros first", "h"),
            *nodes,
            node("Squeeze", "s second", "s3"),
            node("Slice", "s3 last end first", "l"),
            node("Squeeze", "l first", "y"),
        ],
        constants | more,
        ["Transpose", "Lstm"],
        {"x": ["batch", STEPS, INPUTS]},
    )


def torch_batch_first(steps: int | str = STEPS) -> Pattern:
    """TorchScript: out[:, -1] of a batch-first GRU."""
    zeros, more = _zeros()
    nodes, constants = net("GRU", "t - h0", "s", linear_before_reset=1)
    more |= {"second": ints(1), "last": number(-1, np.int64), "one": number(0, np.int64)}
    return Pattern(
        [
            *zeros,
            node("Transpose", "x", "t", perm=[1, 0, 2]),
            *nodes,
            node("Squeeze", "s second", "s3"),
            node("Transpose", "s3", "o", perm=[1, 0, 2]),
            node("Gather", "o last", "y", axis=1),
        ],
        constants | more,
        ["Transpose", "Gru"] if isinstance(steps, int) else ["Transpose", "Gru", "Gather"],
        {"x": ["batch", steps, INPUTS]},
    )


def both_directions(kind: str = "LSTM") -> Pattern:
    """The last step of the forward half, the first one of the other, side by side."""
    nodes, constants = net(kind, "x", "s", "bidirectional")
    more = {"second": ints(1), "last": number(STEPS - 1, np.int64), "first": number(0, np.int64), "two": ints(1, 1)}
    return Pattern(
        [
            *nodes,
            node("Split", "s two", "f g", axis=1),
            node("Squeeze", "f second", "f3"),
            node("Squeeze", "g second", "g3"),
            node("Gather", "f3 last", "fl", axis=0),
            node("Gather", "g3 first", "gl", axis=0),
            node("Concat", "fl gl", "y", axis=-1),
        ],
        constants | more,
        [kind.capitalize(), "Slice", "Slice", "Concat"],
    )


def torch_joined_directions() -> Pattern:
    """TorchScript: the halves are put side by side first, and cut again: out[-1, :, :H], out[0, :, H:]."""
    nodes, constants = net("GRU", "x", "s", "bidirectional")
    more = {"join": ints(0, 0, -1), "last": number(-1, np.int64), "first": number(0, np.int64)}
    more |= {"low": ints(0), "half": ints(HIDDEN), "end": ints(2 * HIDDEN), "one": ints(1)}
    return Pattern(
        [
            *nodes,
            node("Transpose", "s", "t", perm=[0, 2, 1, 3]),
            node("Reshape", "t join", "o"),
            node("Gather", "o last", "ol", axis=0),
            node("Gather", "o first", "of", axis=0),
            node("Slice", "ol low half one", "fl"),
            node("Slice", "of half end one", "gl"),
            node("Concat", "fl gl", "y", axis=1),
        ],
        constants | more,
        ["Gru", "Slice", "Slice", "Concat"],
    )


def backwards() -> Pattern:
    """A reversed RNN ends at its first step."""
    nodes, constants = net("RNN", "x", "s", "reverse")
    more = {"first": number(0, np.int64), "one": ints(0)}
    return Pattern([*nodes, node("Gather", "s first", "l", axis=0), node("Squeeze", "l one", "y")], constants | more, ["Rnn"])


def batch_first_layout() -> Pattern:
    """ONNX's own batch-first layout."""
    nodes, constants = net("LSTM", "x", "s", layout=1)
    more = {"last": number(-1, np.int64), "first": number(0, np.int64)}
    return Pattern(
        [*nodes, node("Gather", "s last", "l", axis=1), node("Gather", "l first", "y", axis=1)],
        constants | more,
        ["Transpose", "Lstm"],
        {"x": ["batch", STEPS, INPUTS]},
    )


def weights_of_the_run() -> Pattern:
    """Weights that are inputs, zeros for a state."""
    zeros, more = _zeros()
    nodes, constants = net("LSTM", "x - h0 h0", "s")
    shapes: dict[str, list[int | str]] = {k: list(constants.pop(k).shape) for k in ("w", "r", "b")}
    more |= {"last": number(-1, np.int64)}
    return Pattern(
        [*zeros, *nodes, node("Gather", "s last", "y", axis=0)],
        constants | more,
        ["LstmUnpacked"],
        {"x": [STEPS, "batch", INPUTS], **shapes},
    )


def a_range_of_an_open_sequence() -> Pattern:
    """x[-1:] of a sequence whose length is known only at run time, and which may be empty."""
    nodes, constants = net("LSTM", "x", "s")
    more = {"last": ints(-1), "end": ints(2**62), "first": ints(0)}
    return Pattern(
        [*nodes, node("Slice", "s last end first", "y")], constants | more, ["Lstm", "Slice"], {"x": ["steps", "batch", INPUTS]}
    )


RECURRENT = {
    "keras": keras,
    "torch batch first": torch_batch_first,
    "torch batch first, any length": lambda: torch_batch_first("steps"),
    "both directions, lstm": both_directions,
    "both directions, rnn": lambda: both_directions("RNN"),
    "both directions joined": torch_joined_directions,
    "backwards": backwards,
    "batch first layout": batch_first_layout,
    "weights of the run": weights_of_the_run,
    "a range of any length": a_range_of_an_open_sequence,
}


# -- lookups -----------------------------------------------------------------------------------------------------------

WORDS, WIDTH = 8, 3
NEGATIVE = {"zero": number(0, np.int32), "words": number(WORDS, np.int32), "minus": number(-1, np.int32), "fzero": number(0)}
WHERE = [node("Add", "x words", "u"), node("Where", "c u x", "i")]


def lookup(condition: list[Node], choice: list[Node] = WHERE, last: Node | None = None, **more: Any) -> Pattern:
    """Rows of a table at ids of which the negative ones are moved up."""
    table = floats(4, WORDS, WIDTH) if last is None or last.op_type != "GatherElements" else floats(4, WORDS, 5)
    constants = {**NEGATIVE, "table": table, "unit": ints(-1), **more}
    nodes = [*condition, *choice, last or node("Gather", "table i", "y", axis=0)]
    used = {n for each in nodes for n in each.input}
    kept = {k: v for k, v in constants.items() if k in used}
    return Pattern(nodes, kept, [last.op_type if last else "Gather"], {"x": ["batch", 5]}, {"x": TensorProto.INT32}, (-8, 8))


def keras_ids() -> Pattern:
    """tf2onnx: SelectV2 of whole numbers is a sum of products, and the comparison is of floats."""
    nodes = [
        node("Cast", "x", "f", to=TensorProto.FLOAT),
        node("Less", "f fzero", "c"),
        node("Cast", "c", "c1", to=TensorProto.INT32),
        node("Mul", "c1 u", "p"),
        node("Not", "c", "k"),
        node("Cast", "k", "k1", to=TensorProto.INT32),
        node("Mul", "x k1", "q"),
    ]
    choice = [node("Add", "x words", "u"), nodes[3], *nodes[4:], node("Add", "p q", "i")]
    return lookup(nodes[:3], choice)


def wide_ids() -> Pattern:
    """flax: the ids are i32, the lookup counts in i64."""
    pattern = lookup([node("Less", "x zero", "c")], last=node("Gather", "table j", "y", axis=0))
    pattern.nodes.insert(-1, node("Cast", "i", "j", to=TensorProto.INT64))
    return pattern


def ids_of_elements() -> Pattern:
    """GatherND with the ids in a last axis of one."""
    pattern = lookup([node("Less", "x zero", "c")], last=node("GatherND", "table j", "y"))
    pattern.nodes.insert(-1, node("Unsqueeze", "w unit", "j"))
    pattern.nodes.insert(-2, node("Cast", "i", "w", to=TensorProto.INT64))
    pattern.constants["unit"] = ints(-1)
    pattern.layers = ["GatherNd"]
    return pattern


IDS = {
    "ids, less": lambda: lookup([node("Less", "x zero", "c")]),
    "ids, greater": lambda: lookup([node("Greater", "zero x", "c")]),
    "ids, up to -1": lambda: lookup([node("LessOrEqual", "x minus", "c")]),
    "ids, not from 0": lambda: lookup([node("GreaterOrEqual", "x zero", "k"), node("Not", "k", "c")]),
    "ids, from 0": lambda: lookup(
        [node("GreaterOrEqual", "x zero", "c")], [node("Add", "words x", "u"), node("Where", "c x u", "i")]
    ),
    "ids, elements": lambda: lookup([node("Less", "x zero", "c")], last=node("GatherElements", "table i", "y", axis=0)),
    "ids, keras": keras_ids,
    "ids, wide": wide_ids,
    "ids, nd": ids_of_elements,
}


# -- rows: softmax and normalisation -----------------------------------------------------------------------------------

ROWS: dict[str, list[int | str]] = {"x": ["batch", 6, 5]}


def _largest(axis: int, floor: bool = False) -> list[Node]:
    """e to the power of x − max(x), and its sum; flax takes the larger of the maximum and −∞ first, of another shape."""
    drop = [node("Squeeze", "m0 at", "m1"), node("Max", "low m1", "m2"), node("Unsqueeze", "m2 at", "m")]
    return [
        node("ReduceMax", "x", "m0" if floor else "m", axes=[axis]),
        *(drop if floor else []),
        node("Sub", "x m", "u"),
        node("Exp", "u", "e"),
        node("ReduceSum", "e at", "s"),
    ]


def softmax(*last: Node, axis: int = -1, floor: bool = False, layer: str = "Softmax") -> Pattern:
    """A softmax, or what `last` makes of x, m, u, e and s."""
    constants = {"at": ints(axis)} | ({"low": number(-np.inf)} if floor else {})
    return Pattern([*_largest(axis, floor), *(last or (node("Div", "e s", "y"),))], constants, [layer], ROWS)


SOFTMAX = {
    "softmax": softmax,
    "softmax, middle axis": lambda: softmax(axis=1),
    "softmax, flax": lambda: softmax(floor=True),
    "softmax, reciprocal": lambda: softmax(node("Reciprocal", "s", "r"), node("Mul", "r e", "y")),
    "log softmax": lambda: softmax(node("Log", "s", "l"), node("Sub", "u l", "y"), layer="LogSoftmax"),
    "log softmax, flax": lambda: softmax(node("Log", "s", "l"), node("Sub", "u l", "y"), floor=True, layer="LogSoftmax"),
    "log softmax, together": lambda: softmax(
        node("Log", "s", "l"), node("Add", "m l", "t"), node("Sub", "x t", "y"), axis=1, layer="LogSoftmax"
    ),
}


def flax_norm(axis: int = -1, lifted: bool = True) -> Pattern:
    """flax (jax2tf): sums times 1/n of the dropped axis, the variance as Mean(x²) − Mean(x)²,
    lifted to 0, γ joined with the root."""
    n = (6, 5)[axis]
    vector = [n] if axis == -1 else [n, 1]
    lift = [node("Max", "zero v0", "v")] if lifted else [node("Identity", "v0", "v")]
    nodes = [
        node("ReduceSum", "x at", "s"),
        node("Squeeze", "s at", "s1"),
        node("Mul", "s1 part", "m"),
        node("Mul", "x x", "xx"),
        node("ReduceSum", "xx at", "q"),
        node("Squeeze", "q at", "q1"),
        node("Mul", "q1 part", "p"),
        node("Mul", "m m", "mm"),
        node("Sub", "p mm", "v0"),
        *lift,
        node("Unsqueeze", "v at", "v1"),
        node("Add", "v1 eps", "w"),
        node("Sqrt", "w", "d"),
        node("Reciprocal", "d", "r"),
        node("Mul", "r g", "rg"),
        node("Unsqueeze", "m at", "m1"),
        node("Sub", "x m1", "c"),
        node("Mul", "c rg", "h"),
        node("Add", "h b", "y"),
    ]
    constants = {"at": ints(axis if axis == -1 else axis + 1), "part": number(1 / n), "eps": number(1e-6)}
    constants |= {"g": floats(5, *vector) + 1, "b": floats(6, *vector)} | ({"zero": number(0)} if lifted else {})
    return Pattern(
        nodes, constants, ["LayerNormalization"] if axis == -1 else ["Transpose", "LayerNormalization", "Transpose"], ROWS
    )


def keras_norm_of_the_middle() -> Pattern:
    """Keras: LayerNormalization(axis=1)."""
    nodes = [
        node("ReduceMean", "x", "m", axes=[1]),
        node("Sub", "x m", "d"),
        node("Mul", "d d", "q"),
        node("ReduceMean", "q", "v", axes=[1]),
        node("Add", "v eps", "e"),
        node("Sqrt", "e", "s"),
        node("Reciprocal", "s", "r"),
        node("Mul", "r g", "rg"),
        node("Mul", "x rg", "a"),
        node("Neg", "m", "n"),
        node("Mul", "n rg", "c"),
        node("Add", "c b", "f"),
        node("Add", "a f", "y"),
    ]
    constants = {"eps": number(1e-3), "g": floats(5, 6, 1) + 1, "b": floats(6, 6, 1)}
    return Pattern(nodes, constants, ["Transpose", "LayerNormalization", "Transpose"], ROWS)


def flax_norm_between_transpositions() -> Pattern:
    """flax: the same where the rows come from a convolution's order, and γ · 1/√(v + ε) is multiplied out in another one."""
    inner = flax_norm()
    names = {"x": "t", "y": "u"}
    for each in inner.nodes:
        each.input[:] = [names.get(n, n) for n in each.input]
        each.output[:] = [names.get(n, n) for n in each.output]
    nodes = [node("Transpose", "x", "t", perm=[0, 2, 1]), *inner.nodes, node("Transpose", "u", "y", perm=[0, 2, 1])]
    return Pattern(nodes, inner.constants, ["Transpose", "LayerNormalization", "Transpose"], {"x": ["batch", 5, 6]})


def norm_between_transpositions() -> Pattern:
    """torch: images with channels first are normalised with their channels last, and turned back."""
    nodes = [
        node("Transpose", "x", "t", perm=[0, 2, 1]),
        node("ReduceMean", "t", "m", axes=[-1]),
        node("Sub", "t m", "d"),
        node("Pow", "d two", "q"),
        node("ReduceMean", "q", "v", axes=[-1]),
        node("Add", "v eps", "e"),
        node("Sqrt", "e", "s"),
        node("Div", "d s", "h"),
        node("Mul", "h g", "a"),
        node("Add", "a b", "u"),
        node("Transpose", "u", "y", perm=[0, 2, 1]),
    ]
    constants = {"eps": number(1e-6), "two": number(2), "g": floats(5, 5) + 1, "b": floats(6, 5)}
    return Pattern(nodes, constants, ["Transpose", "LayerNormalization", "Transpose"], {"x": ["batch", 5, 6]})


NORMALISED = {
    "norm, flax": flax_norm,
    "norm, flax, not lifted": lambda: flax_norm(lifted=False),
    "norm, flax, middle axis": lambda: flax_norm(0),
    "norm, keras, middle axis": keras_norm_of_the_middle,
    "norm, between transpositions": norm_between_transpositions,
    "norm, flax, between transpositions": flax_norm_between_transpositions,
}


def one_hot(encode: list[Node], multiply: list[Node] | None = None, layers: tuple[str, ...] = ()) -> Pattern:
    """A one-hot encoding h of ids, of which some are out of range, times a matrix."""
    columns = np.arange(WORDS, dtype=np.int32)
    constants = {"depth": number(WORDS, np.int32), "off_on": np.array([0, 1], np.float32), "columns": columns, "last": ints(-1)}
    constants |= {
        "flat": ints(-1, WORDS),
        "one": number(1),
        "zero": number(0),
        "w": floats(7, WORDS, WIDTH),
        "wt": floats(7, WIDTH, WORDS),
        "b": floats(8, WIDTH),
    }
    nodes = [*encode, *(multiply or [node("MatMul", "h w", "y")])]
    used = {n for each in nodes for n in each.input}
    kept = {k: v for k, v in constants.items() if k in used}
    return Pattern(nodes, kept, ["GatherOrZero", *layers], {"x": ["batch", 5]}, {"x": TensorProto.INT32}, (-12, 12))


COMPARED = [node("Unsqueeze", "x last", "x1"), node("Equal", "x1 columns", "e")]
FLAX = [*COMPARED, node("Cast", "e", "h", to=TensorProto.FLOAT)]
ONE_HOT = {
    "one-hot": lambda: one_hot([node("OneHot", "x depth off_on", "h")]),
    "one-hot, flax": lambda: one_hot(FLAX),
    "one-hot, turned": lambda: one_hot([FLAX[0], node("Equal", "columns x1", "e"), FLAX[2]]),
    "one-hot, where": lambda: one_hot([*COMPARED, node("Where", "e one zero", "h")]),
    "one-hot, bias": lambda: one_hot(
        FLAX, [node("MatMul", "h w", "p"), node("Add", "p b", "a"), node("Relu", "a", "y")], ("Add", "Activate")
    ),
    "one-hot, gemm": lambda: one_hot(
        [*FLAX, node("Reshape", "h flat", "h2")], [node("Gemm", "h2 wt b", "y", transB=1)], ("Add",)
    ),
}


# -- transpositions ----------------------------------------------------------------------------------------------------


def outer(op: str, a: str, b: str, perm: tuple[int, ...], left: list[str], **more: Array) -> Pattern:
    """A broadcast of a and b, turned."""
    shapes: dict[str, list[int | str]] = {
        "rows": ["batch", 4, 1],
        "columns": ["batch", 1, 5],
        "whole": ["batch", 4, 5],
        "one": [1, 1, 5],
    }
    # a reshape asks for the elements in order
    nodes = [
        node(op, f"{a} {b}", "o"),
        node("Transpose", "o", "t", perm=list(perm)),
        node("Reshape", "t flat", "f"),
        node("Tanh", "f", "y"),
    ]
    more["flat"] = ints(-1)
    return Pattern(nodes, more, left, {k: v for k, v in shapes.items() if k in (a, b)})


TURNED = {
    "turned, rows and columns": lambda: outer("Mul", "rows", "columns", (0, 2, 1), ["Mul", "Activate"]),
    "turned, columns and rows": lambda: outer("Sub", "columns", "rows", (0, 2, 1), ["Sub", "Activate"]),
    "turned, known": lambda: outer("Div", "rows", "c", (2, 0, 1), ["Div", "Activate"], c=floats(9, 5) + 3),
    "turned, known, moved": lambda: outer("Add", "rows", "c", (0, 2, 1), ["Add", "Activate"], c=floats(9, 4, 5) + 3),
    "turned, whole": lambda: outer("Mul", "whole", "columns", (0, 2, 1), ["Mul", "Transpose", "Activate"]),
    "turned, batch": lambda: outer("Mul", "rows", "columns", (1, 0, 2), ["Mul", "Transpose", "Activate"]),
}
NOT_IN_ONNXRUNTIME = ("batch first layout",)
PATTERNS: dict[str, Callable[[], Pattern]] = {
    k: v for k, v in {**RECURRENT, **IDS, **SOFTMAX, **NORMALISED, **ONE_HOT, **TURNED}.items() if k not in NOT_IN_ONNXRUNTIME
}

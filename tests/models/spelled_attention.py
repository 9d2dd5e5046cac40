"""Attention as exporters spell it out: node for node what Keras (tf2onnx), torch (TorchScript and
dynamo), flax and Hugging Face models contain."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

Node = onnx.NodeProto
Array = np.ndarray[Any, Any]
HEADS, SIZE, TOKENS = 3, 4, 7
WIDTH = HEADS * SIZE
LOWER = np.tri(TOKENS, dtype=bool)
LEAST = float(np.finfo(np.float32).min)


def number(value: float) -> Array:
    """A constant of one element."""
    return np.array(value, dtype=np.float32)


def node(op: str, inputs: str, output: str, **attributes: Any) -> Node:
    """A node; inputs and outputs separated by spaces."""
    return helper.make_node(op, inputs.split(), output.split(), **attributes)


def weights(seed: int, *shape: int) -> Array:
    """Random weights that keep activations at their size."""
    return (np.random.default_rng(seed).normal(size=shape) / math.sqrt(shape[0])).astype(np.float32)


@dataclass
class Spelled:
    """A model, and what its attention layer must say. `inputs` have the axis `batch` in front."""

    nodes: list[Node]
    constants: dict[str, Array]
    expected: dict[str, Any]
    inputs: dict[str, list[int | str]] = field(default_factory=lambda: {"x": ["batch", TOKENS, WIDTH]})
    dtypes: dict[str, int] = field(default_factory=dict)
    opset: int = 17


def projected(heads_first: bool = False, x: str = "x", context: str = "x") -> tuple[list[Node], dict[str, Array]]:
    """q, k, v [batch, tokens, heads, size] from x, by three products."""
    nodes, constants = [], {"split": np.array([0, 0, HEADS, SIZE]), "join": np.array([0, 0, WIDTH])}
    for seed, name in enumerate("qkv"):
        constants[f"w{name}"] = weights(seed, WIDTH, WIDTH)
        nodes.append(node("MatMul", f"{x if name == 'q' else context} w{name}", f"{name}1"))
        nodes.append(node("Reshape", f"{name}1 split", name))
    return nodes, constants


JOINED = [node("Transpose", "o", "o1", perm=[0, 2, 1, 3]), node("Reshape", "o1 join", "y")]


def torch_like(between: list[Node], **more: Array) -> tuple[list[Node], dict[str, Array]]:
    """Transposes, the product `s`, steps that make `p` of it, the product with the values."""
    nodes, constants = projected()
    nodes += [
        node("Transpose", "q", "qt", perm=[0, 2, 1, 3]),
        node("Transpose", "k", "kt", perm=[0, 2, 3, 1]),
        node("Transpose", "v", "vt", perm=[0, 2, 1, 3]),
        node("MatMul", "qt kt", "s"),
        *between,
        node("MatMul", "p vt", "o"),
        *JOINED,
    ]
    return nodes, constants | more


ORDER = {"query": "TokensHeads", "key": "TokensHeads", "value": "TokensHeads", "output": "TokensHeads"}
PLAIN: dict[str, Any] = {
    "heads": HEADS,
    "key_heads": HEADS,
    "head_size": SIZE,
    "value_size": SIZE,
    "scale": 0.5,
    "causal": False,
} | ORDER
PLAIN |= {"keep": None, "mask": None, "empty_rows": "Nan"}


def keras() -> Spelled:
    """Keras' Einsum as tf2onnx writes it: batch and heads become one axis."""
    nodes, constants = projected()
    constants |= {
        "one": np.array([3]),
        "two": np.array([1]),
        "flat": np.array([-1, TOKENS, SIZE]),
        "flat_t": np.array([-1, SIZE, TOKENS]),
        "wide": np.array([-1, HEADS, TOKENS, TOKENS]),
        "narrow": np.array([-1, TOKENS, TOKENS]),
        "heads": np.array([-1, HEADS, TOKENS, SIZE]),
        "scale": number(0.5),
    }
    nodes += [
        node("Unsqueeze", "q one", "q2"),
        node("Transpose", "q2", "q3", perm=[0, 2, 1, 3, 4]),
        node("Reshape", "q3 flat", "q4"),
        node("Unsqueeze", "k two", "k2"),
        node("Transpose", "k2", "k3", perm=[0, 3, 1, 4, 2]),
        node("Reshape", "k3 flat_t", "k4"),
        node("MatMul", "q4 k4", "s"),
        node("Reshape", "s wide", "s1"),
        node("Mul", "s1 scale", "s2"),
        node("Softmax", "s2", "p"),
        node("Reshape", "p narrow", "p1"),
        node("Transpose", "v", "v2", perm=[0, 2, 1, 3]),
        node("Reshape", "v2 flat", "v3"),
        node("MatMul", "p1 v3", "o0"),
        node("Reshape", "o0 heads", "o"),
        *JOINED,
    ]
    return Spelled(nodes, constants, PLAIN)


def bert() -> Spelled:
    """BERT: a mask of the words that are there, as a number to add."""
    nodes, constants = torch_like(
        [
            node("Div", "s root", "s1"),
            node("Unsqueeze", "words axes", "m1"),
            node("Cast", "m1", "m2", to=TensorProto.FLOAT),
            node("Sub", "unit m2", "m3"),
            node("Mul", "m3 least", "m"),
            node("Add", "s1 m", "s2"),
            node("Softmax", "s2", "p", axis=-1),
        ],
        root=number(2.0),
        unit=number(1.0),
        least=number(LEAST),
        axes=np.array([1, 2]),
    )
    inputs: dict[str, list[int | str]] = {"x": ["batch", TOKENS, WIDTH], "words": ["batch", TOKENS]}
    return Spelled(nodes, constants, PLAIN | {"mask": "Keys"}, inputs, {"words": TensorProto.INT64})


def gpt2() -> Spelled:
    """GPT-2: a constant lower triangle by Where, then a mask that is added."""
    nodes, constants = torch_like(
        [
            node("Div", "s root", "s1"),
            node("Where", "lower s1 least", "s2"),
            node("Add", "s2 m", "s3"),
            node("Softmax", "s3", "p", axis=-1),
        ],
        root=number(2.0),
        lower=LOWER[None, None],
        least=number(LEAST),
    )
    inputs: dict[str, list[int | str]] = {"x": ["batch", TOKENS, WIDTH], "m": ["batch", 1, TOKENS, TOKENS]}
    return Spelled(nodes, constants, PLAIN | {"keep": "QueriesKeys", "fill": LEAST, "mask": "QueriesKeys"}, inputs)


def masked_fill() -> Spelled:
    """torch's masked_fill: Where with the number first, under the condition of what to drop."""
    nodes, constants = torch_like(
        [
            node("Mul", "half s", "s1"),
            node("Unsqueeze", "absent axes", "m"),
            node("Where", "m least s1", "s2"),
            node("Softmax", "s2", "p", axis=-1),
        ],
        half=number(0.5),
        least=number(-1e9),
        axes=np.array([1, 2]),
    )
    inputs: dict[str, list[int | str]] = {"x": ["batch", TOKENS, WIDTH], "absent": ["batch", TOKENS]}
    return Spelled(nodes, constants, PLAIN | {"keep": "Keys", "fill": -1e9}, inputs, {"absent": TensorProto.BOOL})


def scaled_dot_product() -> Spelled:
    """torch's scaled_dot_product_attention: the root of the scale on both sides, −∞ above the diagonal, NaN becomes 0."""
    nodes, constants = projected()
    nodes += [
        node("Transpose", "q", "q8", perm=[0, 2, 1, 3]),
        node("Transpose", "k", "k8", perm=[0, 2, 3, 1]),
        node("Transpose", "v", "v8", perm=[0, 2, 1, 3]),
        node("Mul", "q8 root", "q9"),
        node("Mul", "k8 root", "k9"),
        node("MatMul", "q9 k9", "s"),
        node("Add", "s triangle", "s1"),
        node("Softmax", "s1", "p", axis=-1),
        node("IsNaN", "p", "n"),
        node("Where", "n zero p", "p1"),
        node("MatMul", "p1 v8", "o"),
        *JOINED,
    ]
    constants |= {"root": number(math.sqrt(0.5)), "zero": number(0)}
    constants["triangle"] = np.where(LOWER, 0, -np.inf).astype(np.float32)[None, None]
    return Spelled(nodes, constants, PLAIN | {"causal": True, "empty_rows": "ZeroForNan"})


def vit() -> Spelled:
    """ViT (timm): one product for query, key and value, taken apart along an axis of three."""
    nodes = [
        node("MatMul", "x w", "qkv"),
        node("Reshape", "qkv parts", "r"),
        node("Transpose", "r", "t", perm=[2, 0, 3, 1, 4]),
        *(node("Gather", f"t i{k}", name, axis=0) for k, name in enumerate("qkv")),
        node("Mul", "q half", "q1"),
        node("Transpose", "k", "k1", perm=[0, 1, 3, 2]),
        node("MatMul", "q1 k1", "s"),
        node("Softmax", "s", "p", axis=-1),
        node("MatMul", "p v", "o"),
        *JOINED,
    ]
    constants = {f"i{k}": np.array(k) for k in range(3)} | {"w": weights(0, WIDTH, 3 * WIDTH), "half": number(0.5)}
    constants |= {"parts": np.array([0, TOKENS, 3, HEADS, SIZE]), "join": np.array([0, 0, WIDTH])}
    return Spelled(nodes, constants, PLAIN | dict.fromkeys(("query", "key", "value"), None))


def swin() -> Spelled:
    """Swin: a bias by relative position for each head, and a mask that repeats itself after each image's windows."""
    windows = 2
    nodes, constants = torch_like(
        [
            node("Mul", "s half", "s0"),
            node("Add", "s0 position", "s1"),
            node("Reshape", "s1 by_image", "s2"),
            node("Add", "s2 shifted", "s3"),
            node("Reshape", "s3 by_window", "s4"),
            node("Softmax", "s4", "p", axis=-1),
        ],
        half=number(0.5),
        position=weights(7, 1, HEADS, TOKENS, TOKENS),
        by_image=np.array([-1, windows, HEADS, TOKENS, TOKENS]),
        by_window=np.array([-1, HEADS, TOKENS, TOKENS]),
        shifted=np.where(weights(8, 1, windows, 1, TOKENS, TOKENS) > 0.5, -100, 0).astype(np.float32),
        windows=np.array([-1, TOKENS, WIDTH]),
    )
    nodes = [node("Reshape", "images windows", "x"), *nodes]
    inputs: dict[str, list[int | str]] = {"images": ["batch", windows, TOKENS, WIDTH]}
    return Spelled(nodes, constants, PLAIN | {"mask": "HeadsQueriesKeys"}, inputs)


def flax() -> Spelled:
    """flax: einsums, the query divided first, Where with a boolean mask."""
    nodes, constants = projected()
    nodes += [
        node("Div", "q root", "q9"),
        node("Einsum", "q9 k", "s", equation="bqhd,bkhd->bhqk"),
        node("Where", "lower s least", "s1"),
        node("Softmax", "s1", "p", axis=-1),
        node("Einsum", "p v", "o", equation="bhqk,bkhd->bqhd"),
        node("Reshape", "o join", "y"),
    ]
    constants |= {"root": number(2), "least": number(-np.inf), "lower": LOWER[None, None]}
    return Spelled(nodes, constants, PLAIN | {"causal": True})


def shared_heads() -> Spelled:
    """Llama: fewer heads of keys and values, repeated by Expand; and other tokens than those of the query."""
    groups = 3
    nodes, constants = projected(context="context")
    constants |= {"wk": weights(1, WIDTH, SIZE), "wv": weights(2, WIDTH, SIZE), "split_k": np.array([0, 0, 1, SIZE])}
    nodes[3] = node("Reshape", "k1 split_k", "k")
    nodes[5] = node("Reshape", "v1 split_k", "v")
    for name in "kv":
        nodes += [
            node("Transpose", name, f"{name}2", perm=[0, 2, 1, 3]),
            node("Unsqueeze", f"{name}2 axis", f"{name}3"),
            node("Expand", f"{name}3 repeated", f"{name}4"),
            node("Reshape", f"{name}4 heads", f"{name}5"),
        ]
    nodes += [
        node("Transpose", "q", "q2", perm=[0, 2, 1, 3]),
        node("Transpose", "k5", "k6", perm=[0, 1, 3, 2]),
        node("MatMul", "q2 k6", "s"),
        node("Mul", "s half", "s1"),
        node("Softmax", "s1", "p", axis=-1),
        node("MatMul", "p v5", "o"),
        *JOINED,
    ]
    constants |= {"axis": np.array([2]), "repeated": np.array([1, 1, groups, 1, 1]), "half": number(0.5)}
    constants["heads"] = np.array([0, HEADS, -1, SIZE])
    inputs: dict[str, list[int | str]] = {"x": ["batch", TOKENS, WIDTH], "context": ["batch", "words", WIDTH]}
    return Spelled(nodes, constants, PLAIN | {"key_heads": 1}, inputs)


def one_query() -> Spelled:
    """A decoder's next token: one query, keys and values of the past joined with its own."""
    nodes, constants = projected()
    nodes += [
        node("Transpose", "q", "q2", perm=[0, 2, 1, 3]),
        node("Transpose", "k", "k2", perm=[0, 2, 1, 3]),
        node("Transpose", "v", "v2", perm=[0, 2, 1, 3]),
        node("Concat", "past_k k2", "k3", axis=2),
        node("Concat", "past_v v2", "v3", axis=2),
        node("Transpose", "k3", "k4", perm=[0, 1, 3, 2]),
        node("MatMul", "q2 k4", "s"),
        node("Mul", "s half", "s1"),
        node("Softmax", "s1", "p", axis=-1),
        node("MatMul", "p v3", "o"),
        *JOINED,
    ]
    past: list[int | str] = ["batch", HEADS, "past", SIZE]
    inputs: dict[str, list[int | str]] = {"x": ["batch", 1, WIDTH], "past_k": past, "past_v": past}
    order = dict.fromkeys(
        ("heads", "key_heads", "query", "key", "value", "output")
    )  # one token: its heads are as good as samples
    return Spelled(nodes, constants | {"half": number(0.5)}, PLAIN | order, inputs)


def operator() -> Spelled:
    """ONNX's own operator, with a mask of booleans."""
    attention = node("Attention", "x x x mask", "y", q_num_heads=HEADS, kv_num_heads=HEADS, scale=0.5)
    inputs: dict[str, list[int | str]] = {"x": ["batch", TOKENS, WIDTH], "mask": [TOKENS, TOKENS]}
    expected = PLAIN | {"mask": "QueriesKeys", "empty_rows": "Zero"}
    return Spelled([attention], {}, expected, inputs, {"mask": TensorProto.BOOL}, opset=23)


def softmax_by_hand() -> Spelled:
    """jax2tf and hand-written graphs: the softmax is spelled out, too."""
    between = [
        node("Mul", "s half", "t"),
        node("ReduceMax", "t", "m", axes=[-1]),
        node("Sub", "t m", "u"),
        node("Exp", "u", "e"),
        node("ReduceSum", "e last", "z"),
        node("Div", "e z", "p"),
    ]
    nodes, constants = torch_like(between, half=number(0.5), last=np.array([-1]))
    return Spelled(nodes, constants, PLAIN)


SPELLED: dict[str, Callable[[], Spelled]] = {
    f.__name__: f
    for f in (
        keras,
        bert,
        gpt2,
        masked_fill,
        scaled_dot_product,
        vit,
        swin,
        flax,
        shared_heads,
        one_query,
        operator,
        softmax_by_hand,
    )
}

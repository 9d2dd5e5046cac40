"""Sizes known only at run time, where a model's shapes do not tell them: against onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cases
import harness
import numpy as np
import onnx
import pytest
from cases import floats, node
from onnx import TensorProto, helper

CONVOLVED = np.ones((2, 3, 4), np.float32)


def _branches() -> onnx.NodeProto:
    """y = the sums of 8 neighbours where c, else x: the branch that is not taken has no size for a short x."""

    def graph(name: str, *nodes: onnx.NodeProto) -> onnx.GraphProto:
        return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, [1, 1, None])])

    kernel = helper.make_tensor("k", TensorProto.FLOAT, [1, 1, 8], np.ones(8, np.float32))
    long = graph(
        "long",
        node("Constant", into=["k"], value=kernel),
        node("Conv", "x", "k", into=["sums"], strides=[3]),
        node("Relu", "sums", into=["long_y"]),
    )
    return node("If", "c", then_branch=long, else_branch=graph("short", node("Identity", "x", into=["short_y"])))


def _cases() -> Iterator[harness.Case]:
    for length, long in ((5, False), (5 + 9, True), (5 + 9, False)):
        x = {"x": floats(1, 1, length), "c": np.array(long)}
        yield cases.case(f"branch_{length}_{long}", [_branches()], x, open_axes={"x": [1, 1, "n"]})
    cut = [node("Slice", "x", "from", "to", "axis", into=["part"]), node("Conv", "part", "k")]
    bounds = {"from": np.array([1], np.int64), "to": np.array([4], np.int64)}
    known = {"axis": np.array([1], np.int64), "k": CONVOLVED}
    inputs = {"x": floats(2, 6, 9), **bounds}
    yield cases.case("channels_of_the_run", cut, inputs, known=known, open_axes={"x": ["n", 6, "t"]})
    product = [node("MatMul", "a", "b")]
    yield cases.case("inner_sizes", product, {"a": floats(3, 4), "b": floats(4, 5)}, open_axes={"a": ["n", "k"], "b": ["l", 5]})
    narrow = [
        node("Shape", "x", into=["shape"]),
        node("Cast", "shape", into=["sizes"], to=TensorProto.INT32),
        node("ReduceMax", "sizes", into=["largest"], axes=[0], keepdims=0),
        node("Transpose", "sizes", into=["same"]),
        node("Mul", "largest", "same"),
    ]
    yield cases.case("sizes_in_int32", narrow, {"x": floats(2, 5)}, open_axes={"x": ["n", "t"]})
    for kernel, size in ((2, 1), (3, 2), (4, 3)):
        for op in ("MaxPool", "AveragePool"):
            pool = node(op, "x", kernel_shape=[kernel], strides=[2])
            yield cases.case(
                f"{op.lower()}_{kernel}_of_{size}", [pool], {"x": floats(1, 2, size)}, open_axes={"x": ["n", 2, size]}
            )
    yield from _same()


def _same() -> Iterator[harness.Case]:
    """Pads that depend on the size, in every layer with windows; convolutions step over pixels, too
    (onnxruntime does not pool so)."""
    known = {"k": floats(6, 4, 3, 2), "d": floats(8, 1, 3, 2), "b": cases.floats(6, 4, 3, 2).astype(np.int8)}
    window: dict[str, Any] = {"kernel_shape": [3, 2], "strides": [2, 2]}
    layers = {
        "conv": (node("Conv", "x", "k", strides=[2, 3]), "x"),
        "depthwise": (node("Conv", "x", "d", strides=[2, 2], group=4), "x"),
        "given": (node("Conv", "x", "w", strides=[2, 2]), "xw"),
        "integer": (node("ConvInteger", "i", "b", strides=[2, 3]), "i"),
        "max": (node("MaxPool", "x", **window), "x"),
        "indices": (node("MaxPool", "x", into=["y", "at"], **window), "x"),
        "mean": (node("AveragePool", "x", **window), "x"),
        "mean_of_all": (node("AveragePool", "x", count_include_pad=1, **window), "x"),
        "power": (node("LpPool", "x", p=2, **window), "x"),
    }
    for size in ((1, 2), (4, 7), (5, 9)):
        x = floats(2, 4, *size)
        inputs = {"x": x, "w": floats(6, 4, 3, 2), "i": (x * 20).astype(np.int8)}
        for pads in ("SAME_UPPER", "SAME_LOWER"):
            for name, (layer, reads) in layers.items():
                padded = onnx.NodeProto()
                padded.CopyFrom(layer)
                padded.attribute.append(helper.make_attribute("auto_pad", pads))
                given = {n: inputs[n] for n in reads}
                yield cases.case(
                    f"{pads.lower()}_{name}_{size[0]}",
                    [padded],
                    given,
                    known={n: a for n, a in known.items() if n in layer.input},
                    open_axes={n: ["n", 4, "h", "t"] for n in given if n != "w"},
                    # sums of 24 products of up to 9
                    rtol=1e-4,
                    atol=1e-5,
                )


@pytest.mark.slow
def test_against_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    cases.reseed()
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name("open_sizes"))
    results = harness.run(list(_cases()))
    assert {name: why for name, why in results.items() if why} == {}

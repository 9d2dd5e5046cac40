"""Sizes that only the run knows, where a model's shapes do not tell them: against onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator

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
    for kernel, size in ((2, 1), (3, 2), (4, 3)):
        for op in ("MaxPool", "AveragePool"):
            pool = node(op, "x", kernel_shape=[kernel], strides=[2])
            yield cases.case(
                f"{op.lower()}_{kernel}_of_{size}", [pool], {"x": floats(1, 2, size)}, open_axes={"x": ["n", 2, size]}
            )


@pytest.mark.slow
def test_against_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    cases.reseed()
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name("open_sizes"))
    results = harness.run(list(_cases()))
    assert {name: why for name, why in results.items() if why} == {}

"""Models around products, with onnxruntime's answers, as cases for the conformance harness: what
the official node tests leave out.

`python tests/models/product_models.py` builds and runs them all.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "conformance"), str(ROOT / "tests" / "unit" / "ops")]
import harness  # noqa: E402
from build import model  # noqa: E402

RNG = np.random.default_rng(1)
Node = onnx.NodeProto


def floats(*shape: int) -> np.ndarray[Any, Any]:
    """Random weights and inputs."""
    return RNG.normal(size=shape).astype(np.float32)


def case(name: str, proto: onnx.ModelProto, *inputs: np.ndarray[Any, Any]) -> harness.Case:
    """A case whose expected outputs are onnxruntime's."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = dict(zip([i.name for i in proto.graph.input], inputs, strict=True))
    return harness.Case(f"product_{name}", proto, [(list(inputs), session.run(None, feeds))], 1e-4, 1e-5)


def batch_norm(x: str, y: str, channels: int) -> tuple[Node, dict[str, np.ndarray[Any, Any]]]:
    """A BatchNormalization with weights of its own."""
    names = [f"{y}_{k}" for k in ("scale", "bias", "mean", "var")]
    weights = {n: np.abs(floats(channels)) + 0.5 for n in names}
    return helper.make_node("BatchNormalization", [x, *names], [y]), weights


def convolutions() -> list[harness.Case]:
    """Convolutions of every kind with what usually follows them."""
    found = []
    kinds: list[tuple[str, str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
        ("plain", "Conv", (2, 3, 9, 11), (8, 3, 3, 3), {"pads": [1, 1, 1, 1]}),
        ("strided", "Conv", (1, 5, 12, 9), (20, 5, 3, 2), {"strides": [2, 3], "pads": [0, 1, 2, 1]}),
        ("dilated", "Conv", (1, 4, 12, 12), (6, 4, 3, 3), {"dilations": [2, 3], "pads": [2, 3, 1, 2]}),
        ("depthwise", "Conv", (2, 24, 10, 10), (24, 1, 3, 3), {"group": 24, "pads": [1, 1, 1, 1]}),
        ("multiplier", "Conv", (1, 4, 8, 8), (12, 1, 5, 5), {"group": 4, "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
        ("grouped", "Conv", (1, 8, 7, 7), (12, 4, 3, 3), {"group": 2, "pads": [1, 0, 0, 1]}),
        ("pointwise", "Conv", (3, 16, 6, 6), (40, 16, 1, 1), {}),
        ("winograd", "Conv", (2, 32, 9, 11), (48, 32, 3, 3), {"pads": [1, 0, 1, 2]}),
        ("one_axis", "Conv", (2, 6, 20), (9, 6, 5), {"strides": [2], "pads": [2, 1]}),
        ("three_axes", "Conv", (1, 3, 5, 6, 7), (4, 3, 2, 3, 2), {"pads": [0, 1, 1, 1, 1, 0]}),
        ("transpose", "ConvTranspose", (2, 6, 5, 4), (6, 5, 3, 3), {"strides": [2, 3], "pads": [1, 0, 1, 1]}),
        ("transpose_grouped", "ConvTranspose", (1, 6, 4, 4), (6, 3, 4, 4), {"group": 2, "strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ("transpose_padded", "ConvTranspose", (1, 3, 4), (3, 5, 3), {"strides": [3], "output_padding": [1], "dilations": [2]}),
        ("transpose_shape", "ConvTranspose", (1, 3, 4, 4), (3, 5, 3, 3), {"strides": [2, 2], "output_shape": [8, 8]}),
        ("transpose_same", "ConvTranspose", (1, 3, 4, 4), (3, 5, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    ]
    for name, op, x_shape, w_shape, attributes in kinds:
        channels = w_shape[1] * attributes.get("group", 1) if op == "ConvTranspose" else w_shape[0]
        norm, weights = batch_norm("c", "n", channels)
        weights |= {"w": floats(*w_shape), "b": floats(channels)}
        nodes = [helper.make_node(op, ["x", "w", "b"], ["c"], **attributes), norm, helper.make_node("HardSwish", ["n"], ["y"])]
        symbolic: list[int | str] = ["batch", *x_shape[1:]]
        found.append(case(name, model(nodes, {"x": symbolic}, ["y"], weights), floats(*x_shape)))
    weights = {"w1": floats(8, 4, 3, 3), "w2": floats(8, 8, 3, 3), "w3": floats(8, 1, 3, 3), "b": floats(8)}
    same: dict[str, Any] = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b"], ["a"], **same),
        helper.make_node("Clip", ["a", "low", "high"], ["r"]),
        helper.make_node("Conv", ["r", "w2"], ["c"], **same),
        helper.make_node("Add", ["r", "c"], ["d"]),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("Conv", ["e", "w3"], ["f"], group=8, **same),
        helper.make_node("Add", ["f", "e"], ["g"]),
        helper.make_node("Sigmoid", ["g"], ["h"]),
        helper.make_node("Mul", ["g", "h"], ["y"]),
    ]
    weights |= {"low": np.array(0, np.float32), "high": np.array(6, np.float32)}
    found.append(case("residuals", model(nodes, {"x": ["batch", 4, 7, 9]}, ["y"], weights), floats(2, 4, 7, 9)))
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], group=2, strides=[2, 1])
    shapes: dict[str, Any] = {"x": [2, 4, 7, 9], "w": [6, 2, 3, 2], "b": [6]}
    found.append(case("kernel_at_run_time", model([node], shapes, ["y"]), *(floats(*s) for s in shapes.values())))
    return found


def matrices() -> list[harness.Case]:
    """Gemm and MatMul."""
    found = []
    for k, (a_t, b_t, c_shape, alpha, beta, constant) in enumerate(
        [
            (0, 1, (5,), 1.0, 1.0, True),
            (1, 0, (1, 5), 0.5, 2.0, True),
            (1, 1, (3, 1), 2.0, 0.5, True),
            (0, 0, (3, 5), 1.0, 1.0, False),
            (1, 0, (), 0.25, 1.5, False),
            (0, 1, None, 1.0, 1.0, True),
        ]
    ):
        arrays = {"a": floats(*((7, 3) if a_t else (3, 7))), "b": floats(*((5, 7) if b_t else (7, 5)))}
        if c_shape is not None:
            arrays["c"] = floats(*c_shape)
        node = helper.make_node("Gemm", list(arrays), ["y"], transA=a_t, transB=b_t, alpha=alpha, beta=beta)
        given = ["a"] if constant else list(arrays)
        shapes: dict[str, Any] = {n: list(arrays[n].shape) for n in given}
        weights = {n: a for n, a in arrays.items() if n not in given}
        opset = 17 if k % 2 else 11
        found.append(case(f"gemm_{k}", model([node], shapes, ["y"], weights, opset=opset), *(arrays[n] for n in given)))
    for k, (a, b) in enumerate(
        [
            ((2, 3, 4, 5), (3, 5, 6)),
            ((1, 3, 4, 5), (2, 1, 5, 6)),
            ((4, 5), (2, 5, 6)),
            ((5,), (3, 5, 6)),
            ((2, 3, 5), (5,)),
            ((2, 9, 5), (5, 6)),
        ]
    ):
        node = helper.make_node("MatMul", ["a", "b"], ["y"])
        found.append(case(f"matmul_{k}", model([node], {"a": a, "b": b}, ["y"]), floats(*a), floats(*b)))
        doubles = dict.fromkeys("aby", TensorProto.DOUBLE)
        proto = model([node], {"a": a, "b": b}, ["y"], dtypes=doubles)
        found.append(case(f"matmul_f64_{k}", proto, RNG.normal(size=a), RNG.normal(size=b)))
    heads, size = 3, 8
    shape = np.array([0, 0, heads, size])
    weights = {f"w{n}": floats(24, 24) for n in "qkv"} | {
        "shape": shape,
        "back": np.array([0, 0, 24]),
        "s": np.array(size**-0.5, np.float32),
    }
    nodes = []
    for n in "qkv":
        nodes += [
            helper.make_node("MatMul", ["x", f"w{n}"], [f"{n}1"]),
            helper.make_node("Reshape", [f"{n}1", "shape"], [f"{n}2"]),
            helper.make_node("Transpose", [f"{n}2"], [f"{n}3"], perm=[0, 2, 3, 1] if n == "k" else [0, 2, 1, 3]),
        ]
    nodes += [
        helper.make_node("MatMul", ["q3", "k3"], ["scores"]),
        helper.make_node("Mul", ["scores", "s"], ["scaled"]),
        helper.make_node("Softmax", ["scaled"], ["p"], axis=-1),
        helper.make_node("MatMul", ["p", "v3"], ["o"]),
        helper.make_node("Transpose", ["o"], ["t"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["t", "back"], ["y"]),
    ]
    for seq in (1, 11):
        proto = model(nodes, {"x": ["batch", "seq", 24]}, ["y"], weights)
        found.append(case(f"attention_{seq}", proto, floats(2, seq, 24)))
    return found


def sums_of_products() -> list[harness.Case]:
    """Einsum."""
    found = []
    for k, (equation, *shapes) in enumerate(
        [
            ("bhid,bjhd->bhij", (2, 3, 4, 5), (2, 6, 3, 5)),
            ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)),
            ("i,j->ij", (3,), (4,)),
            ("abc,cd->abd", (2, 3, 4), (4, 5)),
            ("abcd,cde->abe", (2, 3, 4, 5), (4, 5, 6)),
            ("ij,jk,kl->li", (2, 3), (3, 4), (4, 5)),
            ("abij->ba", (2, 3, 4, 5)),
        ]
    ):
        names = [f"x{i}" for i in range(len(shapes))]
        node = helper.make_node("Einsum", names, ["y"], equation=equation)
        proto = model([node], dict(zip(names, shapes, strict=True)), ["y"])
        found.append(case(f"einsum_{k}", proto, *(floats(*s) for s in shapes)))
    return found


def main() -> None:
    """Runs them and prints what is wrong."""
    results = harness.run(convolutions() + matrices() + sums_of_products())
    for name, reason in sorted(results.items()):
        print(f"{name}: {reason or 'ok'}")
    sys.exit(any(results.values()))


if __name__ == "__main__":
    main()

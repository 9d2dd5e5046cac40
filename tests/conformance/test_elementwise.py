"""Elementwise, reduction and normalisation operators against onnxruntime, beyond the official cases: sizes that only the data
tell, old opsets, several element types, layouts of convolutions, NaN. All models are compiled into one crate and run there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import harness
import numpy as np
import onnx
import pytest
from cases import Arrays, case, floats, ints, node

NAN = np.array([np.nan, 1, -1, np.nan, 0, np.inf, -np.inf, 2], np.float32)


def broadcasting() -> Iterator[harness.Case]:
    for opset in (7, 13, 20):
        for op in ("Add", "Sub", "Mul", "Div"):
            x, b = floats(2, 3, 5), floats(3, 1, low=1)
            yield case(
                f"{op.lower()}_{opset}",
                [node(op, "x", "b")],
                {"x": x, "b": b},
                opset=opset,
                open_axes={"x": ["batch", 3, "time"]},
            )
    for k, (n, m) in enumerate(((4, 1), (4, 4))):
        sizes = {"a": ["n", 3], "b": ["m", 3]}
        yield case(f"open_{k}", [node("Sub", "a", "b")], {"a": floats(n, 3), "b": floats(m, 3)}, open_axes=sizes)
    yield case("both_sides", [node("Mul", "a", "b")], {"a": floats(2, 1, 4, 1), "b": floats(3, 1, 5)})
    yield case("div_i64", [node("Div", "a", "b")], {"a": ints(7), "b": ints(7, low=1)})
    yield case("mod_i32", [node("Mod", "a", "b")], {"a": ints(9, dtype=np.int32), "b": ints(9, low=-9, high=-1, dtype=np.int32)})
    yield case("fmod", [node("Mod", "a", "b", fmod=1)], {"a": floats(9), "b": floats(9, low=0.5)})
    yield case("pow_i64", [node("Pow", "a", "b")], {"a": floats(4, 3, low=0.1), "b": ints(3, low=-2, high=4)})
    yield case("pow_2", [node("Pow", "a", "two")], {"a": floats(33)}, known={"two": np.array(2, np.float32)})
    yield case("max_3", [node("Max", "a", "b", "c")], {"a": floats(2, 3), "b": floats(3), "c": floats(1)})
    yield case("min_nan", [node("Min", "a", "b")], {"a": NAN, "b": NAN[::-1].copy()})
    yield case("mean_3", [node("Mean", "a", "b", "c")], {"a": floats(2, 3), "b": floats(3), "c": floats(1)})
    yield case(
        "where",
        [node("Where", "c", "a", "b")],
        {"c": ints(2, 1, 3) > 0, "a": floats(4, 1), "b": floats(1)},
        open_axes={"c": ["n", 1, "m"]},
    )
    yield case("less_f64", [node("Less", "a", "b")], {"a": floats(9, dtype=np.float64), "b": floats(1, dtype=np.float64)})
    yield case("equal_bool", [node("Equal", "a", "b")], {"a": ints(9) > 0, "b": ints(9) > 0})
    yield case("prelu", [node("PRelu", "x", "s")], {"x": floats(2, 3, 4, 4)}, known={"s": floats(3, 1, 1)})
    yield case(
        "shift_u8",
        [node("BitShift", "a", "b", direction="RIGHT")],
        {"a": ints(9, low=0, high=255, dtype=np.uint8), "b": ints(9, low=0, high=7, dtype=np.uint8)},
    )


def functions() -> Iterator[harness.Case]:
    for op in ("Relu", "Tanh", "Sigmoid", "Erf", "Exp", "Softplus", "Sin", "Floor", "Round", "Neg", "Sign"):
        yield case(f"{op.lower()}_nan", [node(op, "x")], {"x": np.concatenate([NAN, floats(25)])}, open_axes={"x": ["n"]})
    for op in ("Exp", "Log", "Sqrt", "Tanh", "Sigmoid"):
        yield case(f"{op.lower()}_f64", [node(op, "x")], {"x": floats(9, low=0.1, dtype=np.float64)}, rtol=1e-12)
    parameters: tuple[tuple[str, dict[str, Any]], ...] = (
        ("Elu", {"alpha": 0.5}),
        ("Selu", {}),
        ("HardSigmoid", {"alpha": 0.3}),
        ("LeakyRelu", {}),
        ("ThresholdedRelu", {}),
        ("Celu", {"alpha": 2.0}),
        ("Shrink", {"bias": 0.25}),
    )
    for op, attributes in parameters:
        yield case(op.lower(), [node(op, "x", **attributes)], {"x": floats(3, 7)})
    yield case("clip_6", [node("Clip", "x", min=-1.0, max=1.5)], {"x": floats(9)}, opset=6 + 1)
    yield case("clip_i64", [node("Clip", "x", "", "high")], {"x": ints(9), "high": np.array(7)}, opset=12)
    yield case("clip_run_time", [node("Clip", "x", "low")], {"x": floats(9), "low": np.array(0.5, np.float32)})
    for to in ("INT8", "UINT8", "INT32", "INT64", "BOOL", "DOUBLE"):
        x = np.concatenate([NAN[4:5], floats(40, low=-300, high=300)])
        yield case(f"cast_{to.lower()}", [node("Cast", "x", to=getattr(onnx.TensorProto, to))], {"x": x})
    yield case("cast_bool_f32", [node("Cast", "x", to=1)], {"x": ints(9) > 0})


def reductions() -> Iterator[harness.Case]:
    x = floats(2, 3, 5, 4, low=0.1)
    sizes = {"x": ["n", 3, "h", 4]}
    for op in ("Sum", "Mean", "Max", "Min", "Prod", "SumSquare", "L1", "L2", "LogSum", "LogSumExp"):
        for k, (axes, keep) in enumerate((([1], 0), ([0, 2], 1), ([-1, -2], 0), (None, 1))):
            which: dict[str, Any] = {} if axes is None else {"axes": axes}
            yield case(
                f"reduce_{op.lower()}_{k}",
                [node(f"Reduce{op}", "x", keepdims=keep, **which)],
                {"x": x},
                opset=11,
                open_axes=sizes,
            )
        yield case(
            f"reduce_{op.lower()}_18",
            [node(f"Reduce{op}", "x", "axes")],
            {"x": x},
            opset=18,
            open_axes=sizes,
            known={"axes": np.array([2, -4])},
        )
    yield case("reduce_i64", [node("ReduceSum", "x", "axes", keepdims=0)], {"x": ints(3, 4)}, known={"axes": np.array([1])})
    yield case("reduce_noop", [node("ReduceSum", "x", noop_with_empty_axes=1)], {"x": floats(3, 4)})
    yield case("reduce_max_i32", [node("ReduceMax", "x", axes=[0])], {"x": ints(3, 4, dtype=np.int32)})
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        for opset, axis in ((11, 1), (11, 2), (13, 1), (13, -1)):
            yield case(
                f"{op.lower()}_{opset}_{axis % 3}",
                [node(op, "x", axis=axis)],
                {"x": floats(2, 5, 7)},
                opset=opset,
                open_axes={"x": ["n", 5, "t"]},
            )
    yield case("softmax_f64", [node("Softmax", "x")], {"x": floats(3, 7, dtype=np.float64)}, rtol=1e-12)
    for op in ("ArgMax", "ArgMin"):
        yield case(
            f"{op.lower()}_open", [node(op, "x", axis=1, keepdims=0)], {"x": floats(2, 7, 3)}, open_axes={"x": ["n", "t", 3]}
        )
        yield case(f"{op.lower()}_nan", [node(op, "x")], {"x": NAN[1:]})
        yield case(f"{op.lower()}_last", [node(op, "x", select_last_index=1)], {"x": ints(40, low=0, high=4, dtype=np.int32)})
    two = ("v", "i")
    for largest in (0, 1):
        yield case(
            f"top_k_nan_{largest}",
            [node("TopK", "x", "k", into=two, largest=largest)],
            {"x": NAN},
            known={"k": np.array([5])},
            outputs=two,
        )
    yield case(
        "top_k_run_time",
        [node("TopK", "x", "k", into=two, axis=1)],
        {"x": ints(2, 9, 3, low=0, high=5, dtype=np.int32), "k": np.array([4])},
        open_axes={"x": ["n", "t", 3]},
        outputs=two,
    )
    yield case("cumsum", [node("CumSum", "x", "axis", reverse=1)], {"x": floats(3, 5), "axis": np.array(-2)})


def normalisations() -> Iterator[harness.Case]:
    sizes = {"x": ["n", "t", 8]}
    weights = {"s": floats(8), "b": floats(8)}
    three = ("y", "m", "i")
    yield case("layer_norm", [node("LayerNormalization", "x", "s", "b")], {"x": floats(2, 3, 8)}, open_axes=sizes, known=weights)
    yield case(
        "layer_norm_outputs",
        [node("LayerNormalization", "x", "s", into=three, axis=1)],
        {"x": floats(2, 3, 8)},
        known={"s": floats(3, 8)},
        outputs=three,
    )
    yield case(
        "layer_norm_run_time", [node("LayerNormalization", "x", "s", "b")], {"x": floats(2, 3, 8), **weights}, open_axes=sizes
    )
    for opset in (7, 13, 16):  # onnxruntime has it at these, ONNX does not
        yield case(
            f"layer_norm_{opset}", [node("LayerNormalization", "x", "s", "b")], {"x": floats(2, 3, 8)}, known=weights, opset=opset
        )
    for opset in (13, 23):
        scale = [node("SimplifiedLayerNormalization", "x", "s", axis=-1, epsilon=1e-3)]
        yield case(f"simplified_layer_norm_{opset}", scale, {"x": floats(2, 3, 8)}, known={"s": weights["s"]}, opset=opset)
    lowest = np.full((4, 6), np.finfo(np.float32).min)
    mask = {"m": np.where(np.tri(4, 6, 2) > 0, 0, lowest).astype(np.float32)}
    queries = {"q": floats(1, 2, 4, 8), "k": floats(1, 2, 6, 8), "v": floats(1, 2, 6, 8)}
    yield case("attention_lowest_mask", [node("Attention", *queries, "m")], queries, known=mask, opset=23)
    image = {"x": floats(2, 4, 5, 3)}
    four = {k: floats(4, low=0.5) for k in ("s", "b", "m", "v")}
    for opset in (7, 9, 15):
        yield case(
            f"batch_norm_{opset}",
            [node("BatchNormalization", "x", "s", "b", "m", "v")],
            image,
            opset=opset,
            known=four,
            open_axes={"x": ["n", 4, "h", "w"]},
        )
    yield case("batch_norm_run_time", [node("BatchNormalization", "x", "s", "b", "m", "v")], {**image, **four})
    pair = {k: four[k] for k in ("s", "b")}
    yield case(
        "instance_norm", [node("InstanceNormalization", "x", "s", "b")], image, known=pair, open_axes={"x": ["n", 4, "h", 3]}
    )
    yield case("instance_norm_run_time", [node("InstanceNormalization", "x", "s", "b")], {**image, **pair})
    yield case("group_norm", [node("GroupNormalization", "x", "s", "b", num_groups=2)], image, known=pair, opset=21)
    yield case("lp_norm", [node("LpNormalization", "x", axis=1, p=1)], image)
    # between convolutions, whose layout is another
    w, v = floats(4, 4, 3, 3), floats(2, 4, 1, 1)
    middle: dict[str, tuple[list[onnx.NodeProto], Arrays]] = {
        "softmax": ([node("Softmax", "a", into=["z"], axis=1)], {}),
        "batch_norm": ([node("BatchNormalization", "a", *four, into=["z"])], four),
        "instance_norm": ([node("InstanceNormalization", "a", *pair, into=["z"])], pair),
        "prelu": ([node("PRelu", "a", "p", into=["z"])], {"p": floats(4, 1, 1)}),
        "mean": ([node("ReduceMean", "a", into=["m1"], axes=[2, 3]), node("Mul", "a", "m1", into=["z"])], {}),
        "lp": ([node("LpNormalization", "a", into=["z"], axis=1)], {}),
        "cumsum": ([node("CumSum", "a", "k", into=["z"])], {"k": np.array(1)}),
    }
    for name, (nodes, known) in middle.items():
        chain = [node("Conv", "x", "w", into=["a"]), *nodes, node("Conv", "z", "w2")]
        yield case(f"conv_{name}", chain, {"x": floats(1, 4, 9, 8)}, known={"w": w, "w2": v, **known}, rtol=1e-4, atol=1e-5)
    tail = [
        node("Conv", "x", "w", into=["a"]),
        node("ReduceMax", "a", into=["r"], axes=[1], keepdims=0),
        node("ArgMax", "r", axis=2),
    ]
    yield case("conv_reduce_argmax", tail, {"x": floats(1, 4, 9, 8)}, known={"w": w})


def quantisation() -> Iterator[harness.Case]:
    x, scale = floats(2, 3, 8, low=-40, high=40), floats(3, low=0.1, high=0.5)
    zero = ints(3, low=0, high=255, dtype=np.uint8)
    one = {"s": np.array(0.3, np.float32), "z": np.array(-7, np.int8)}
    sizes = {"x": ["n", 3, "t"]}
    for opset in (10, 13, 19, 21):
        yield case(
            f"quantize_{opset}", [node("QuantizeLinear", "x", "s", "z")], {"x": x}, known=one, opset=opset, open_axes=sizes
        )
        q = {"x": ints(2, 3, 8, low=-128, high=127, dtype=np.int8)}
        yield case(f"dequantize_{opset}", [node("DequantizeLinear", "x", "s", "z")], q, known=one, opset=opset, open_axes=sizes)
    axis = {"s": scale, "z": zero}
    yield case("quantize_axis", [node("QuantizeLinear", "x", "s", "z")], {"x": x}, known=axis, open_axes=sizes)
    q = {"x": ints(2, 3, 8, low=0, high=255, dtype=np.uint8)}
    yield case("dequantize_axis", [node("DequantizeLinear", "x", "s", "z", axis=-2)], q, known=axis, open_axes=sizes)
    yield case("dequantize_i32", [node("DequantizeLinear", "x", "s")], {"x": ints(5, dtype=np.int32)}, known={"s": one["s"]})
    blocks = {"s": floats(2, 3, 2, low=0.1), "z": ints(2, 3, 2, low=0, high=255, dtype=np.uint8)}
    yield case("quantize_blocks", [node("QuantizeLinear", "x", "s", "z", axis=2, block_size=4)], {"x": x}, known=blocks, opset=21)
    three = ("y", "s", "z")
    yield case("dynamic_quantize", [node("DynamicQuantizeLinear", "x", into=three)], {"x": x}, open_axes=sizes, outputs=three)


@pytest.mark.slow
def test_against_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name("elementwise"))
    families = (broadcasting, functions, reductions, normalisations, quantisation)
    results = harness.run([c for family in families for c in family()])
    assert {name: why for name, why in results.items() if why} == {}

"""Who decides what a model computes, and within what: the reference, the referee, or one of them alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import pytest
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent / "ops"))
from build import lower, model

from onnx2rust import oracle as oracles
from onnx2rust.base.errors import ToolError
from onnx2rust.ir.dtypes import DType
from onnx2rust.oracle import QUANTISED, Answer, Certainty, Oracle
from onnx2rust.oracle.referee import NOISE, NoRefereeError, Referee

RNG = np.random.default_rng(11)


def unstable() -> onnx.ModelProto:
    """The variance as E[x²] − E[x]², of numbers far from zero: single precision loses most of it."""
    nodes = [
        helper.make_node("Mul", ["x", "x"], ["xx"]),
        helper.make_node("ReduceMean", ["xx"], ["mean_xx"], axes=[1]),
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1]),
        helper.make_node("Mul", ["mean", "mean"], ["square"]),
        helper.make_node("Sub", ["mean_xx", "square"], ["variance"]),
        helper.make_node("Sqrt", ["variance"], ["y"]),
    ]
    return model(nodes, {"x": (2, 64)}, ["y"], opset=17)


def dense(dtype: int = TensorProto.FLOAT) -> onnx.ModelProto:
    w = RNG.standard_normal((64, 8)).astype(helper.tensor_dtype_to_np_dtype(dtype))
    return model([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": (2, 64)}, ["y"], {"w": w}, dtypes={"x": dtype})


def test_the_referee_decides_within_what_the_reference_is_off() -> None:
    proto = unstable()
    oracle = Oracle(proto, lower(proto))
    x = (RNG.standard_normal((2, 64)) + 60).astype("f")
    answer = oracle.run({"x": x})
    exact = np.sqrt((x.astype(float) ** 2).mean(1) - x.astype(float).mean(1) ** 2).astype("f")[:, None]
    np.testing.assert_array_equal(oracle.expected(answer)[0], exact)
    (certainty,) = oracle.certainty
    assert answer.reference is not None
    assert certainty.apart == pytest.approx(np.abs(answer.reference[0] - exact).max(), rel=1e-3)
    assert 1e-4 < certainty.share < 1e-1
    assert certainty.tolerance == (certainty.share, certainty.share)
    assert oracle.compare(0, exact, answer).passed
    assert oracle.compare(0, answer.reference[0], answer).passed
    assert not oracle.compare(0, exact * np.float32(1 + 3 * certainty.share), answer).passed


def test_a_sound_model_is_held_to_what_is_seen() -> None:
    proto = dense()
    oracle = Oracle(proto, lower(proto))
    answer = oracle.run({"x": RNG.standard_normal((2, 64)).astype("f")})
    (certainty,) = oracle.certainty
    assert certainty.share < 1e-6
    assert certainty.tolerance == (5e-6, 5e-6)
    wrong = oracle.expected(answer)[0].copy()
    wrong.flat[0] += 2e-5 * np.abs(wrong).max()  # 1e-4 of the largest passed before
    assert not oracle.compare(0, wrong, answer).passed


def test_doubles_are_compared_as_doubles() -> None:
    proto = dense(TensorProto.DOUBLE)
    oracle = Oracle(proto, lower(proto))
    answer = oracle.run({"x": RNG.standard_normal((2, 64))})
    y = oracle.expected(answer)[0]
    assert oracle.certainty[0].tolerance == (1e-12, 1e-12)
    assert oracle.compare(0, y + 1e-14, answer).passed
    assert not oracle.compare(0, y + 1e-9, answer).passed


def test_the_referee_judges_halves_too() -> None:
    """The model rounds after each product; what is nearer to the exact result may differ from onnxruntime by a few roundings."""
    proto = dense(TensorProto.FLOAT16)
    oracle = Oracle(proto, lower(proto))
    x = RNG.standard_normal((2, 64)).astype(np.float16)
    answer = oracle.run({"x": x})
    w = onnx.numpy_helper.to_array(proto.graph.initializer[0])
    exact = (x.astype(float) @ w.astype(float)).astype(np.float16)
    np.testing.assert_array_equal(oracle.expected(answer)[0], exact)
    (certainty,) = oracle.certainty
    assert certainty.known
    assert certainty.share < 2**-11
    assert certainty.tolerance == (2e-3, max(5e-4, 4 * certainty.share))
    assert oracle.compare(0, np.nextafter(exact, np.float16(np.inf)), answer).passed
    wrong = exact.copy()
    wrong.flat[0] += np.float16(6e-3) * np.abs(exact).max()  # passed before
    assert not oracle.compare(0, wrong, answer).passed


@pytest.mark.parametrize(
    ("share", "tolerance"), [(0.0, 5e-6), (1e-6, 5e-6), (5e-6, 2e-5), (2e-5, 8e-5), (5e-5, 1e-4), (1e-4, 1e-4), (3e-3, 3e-3)]
)
def test_the_tolerance_is_four_times_what_is_seen_or_that_itself(share: float, tolerance: float) -> None:
    found = Certainty(DType.F32, largest=2.0, apart=2 * share, known=True).tolerance
    assert found == pytest.approx((tolerance, tolerance))


def test_a_referee_that_single_precision_does_not_explain_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Referee.run
    monkeypatch.setattr(Referee, "run", lambda self, *given: [a * 1.01 for a in run(self, *given)])
    proto = dense()
    oracle = Oracle(proto, lower(proto))
    answer = oracle.run({"x": RNG.standard_normal((2, 64)).astype("f")})
    assert answer.reference is not None
    assert oracle.expected(answer)[0] is answer.reference[0]
    assert oracle.certainty[0].tolerance == DType.F32.tolerance
    (note,) = oracle.notes
    assert note.endswith("which single precision does not explain: the crate is compared with onnxruntime")


def test_the_referee_takes_the_place_of_a_reference_that_has_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ToolError("onnxruntime, the reference, cannot load the model: no kernel")

    monkeypatch.setattr(oracles, "Reference", refuse)
    proto = dense()
    oracle = Oracle(proto, lower(proto))
    x = RNG.standard_normal((2, 64)).astype("f")
    answer = oracle.run({"x": x})
    assert answer.reference is None
    assert not oracle.has_reference
    assert oracle.certainty[0].tolerance == DType.F32.tolerance
    w = onnx.numpy_helper.to_array(proto.graph.initializer[0])
    np.testing.assert_array_equal(oracle.expected(answer)[0], (x.astype(float) @ w.astype(float)).astype("f"))


def test_without_both_the_reason_is_onnxruntimes(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise NoRefereeError("no")

    monkeypatch.setattr(Referee, "run", fail)
    proto = model([helper.make_node("Reshape", ["x", "s"], ["y"])], {"x": ("n",)}, ["y"], {"s": np.array([3])})
    with pytest.raises(ToolError, match="cannot run the model"):
        Oracle(proto, lower(proto)).run({"x": np.zeros(5, "f")})


def test_numbers_that_are_not_finite_and_whole_ones_may_be_those_of_either() -> None:
    # in single precision the exponential overflows, and the quotient is no number
    nodes = [
        helper.make_node("Exp", ["x"], ["e"]),
        helper.make_node("Div", ["e", "e"], ["y"]),
        helper.make_node("ArgMax", ["e"], ["k"], axis=0, keepdims=0),
    ]
    proto = model(nodes, {"x": (3,)}, ["y", "k"])
    oracle = Oracle(proto, lower(proto))
    answer = oracle.run({"x": np.array([99, 100, 1], np.float32)})
    np.testing.assert_array_equal(oracle.expected(answer)[0], np.array([1, 1, 1], np.float32))
    assert oracle.compare(0, np.array([1, 1, 1], np.float32), answer).passed
    assert oracle.compare(0, np.array([np.nan, np.nan, 1], np.float32), answer).passed
    assert not oracle.compare(0, np.array([1, 1, np.nan], np.float32), answer).passed
    assert oracle.compare(1, np.array(1), answer).passed
    assert oracle.compare(1, np.array(0), answer).passed
    assert not oracle.compare(1, np.array(2), answer).passed
    assert not oracle.agreed(answer)


@pytest.mark.parametrize(("last", "step"), [("steps", 1.0), ("values", 0.5), ("float", 0.0)])
def test_a_quantised_model_may_be_off_by_what_roundings_carry(last: str, step: float) -> None:
    proto = onnx_models.quantised(last)
    x = {"x": np.random.default_rng(1).random((64, 64)).astype("f")}
    oracle = Oracle(proto, lower(proto))
    assert oracle.notes == [QUANTISED]
    assert [c.slack for c in oracle.certainty] == [step]
    oracle.run(x)
    exact = Referee(proto).run(x)[0].astype(float)
    spread = max(np.abs(Referee(proto).run(x, NOISE, k)[0].astype(float) - exact).max() for k in range(oracles.NOISY_RUNS))
    assert [c.slack for c in oracle.certainty] == [max(step, 2 * spread)]
    assert oracle.certainty[0].tolerance == (5e-6, 5e-6)


def test_too_much_work_is_not_asked_of_the_referee(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracles, "MOST_WORK", 2 * 64 * 8 - 1)
    proto = dense()
    answer = Oracle(proto, lower(proto)).run({"x": np.zeros((2, 64), "f")})
    assert answer == Answer(answer.reference, None)


def test_large_weights_are_not_widened(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {"w": np.ones((64, 8), np.float32)}
    proto = dense()
    for most, asked in ((512, True), (511, False)):
        monkeypatch.setattr(oracles, "MOST_WEIGHTS", most)
        oracle = Oracle(proto, lower(proto), weights)
        assert (oracle.run({"x": np.zeros((2, 64), "f")}).referee is not None) is asked

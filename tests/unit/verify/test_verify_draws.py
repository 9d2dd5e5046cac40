"""Inputs respect how a model uses them; sizes are those that the reference can run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_models
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx2rust import importer, samples
from onnx2rust.base.errors import InvalidModelError, UsageError
from onnx2rust.base.options import Options, for_each
from onnx2rust.ir.dims import symbol
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Program, Value
from onnx2rust.ir.types import TensorType
from onnx2rust.model.reference import session
from onnx2rust.oracle import Oracle
from onnx2rust.verification import draws


def program(inputs: Any, symbols: Any = ()) -> Any:
    """A Program of inputs alone: {name: (dtype, shape)}."""
    values = tuple(
        Value(n, TensorType(t, tuple(symbol(d) if isinstance(d, str) else d for d in shape))) for n, (t, shape) in inputs.items()
    )
    return Program("p", values, (), (), (), symbols)


def model(nodes: Any, inputs: Any, outputs: Any, constants: Any = ()) -> Any:
    """An ONNX model from nodes; inputs {name: (code, shape)}, outputs {name: code}."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, t, s) for n, (t, s) in inputs.items()],
        [helper.make_tensor_value_info(n, t, None) for n, t in outputs.items()],
        [numpy_helper.from_array(a, n) for n, a in dict(constants).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


I64, F32 = TensorProto.INT64, TensorProto.FLOAT


def test_the_first_length_that_the_reference_can_run_is_taken() -> None:
    # only lengths that 8 divides can be reshaped
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    proto = model(nodes, {"x": (F32, ["n", "t"])}, {"y": F32}, {"shape": np.array([0, 8, -1])})
    given = importer.read(proto, Options())
    found = list(draws.drawn(proto, given, Oracle(proto, given), (1, 3), 0, []))
    assert [d.label for d in found] == ["n=1, t=16", "n=3, t=16"]
    assert found[1].feeds["x"].shape == (3, 16)
    again = list(draws.drawn(proto, given, Oracle(proto, given), (1, 3), 0, []))
    np.testing.assert_array_equal(found[1].feeds["x"], again[1].feeds["x"])


def test_samples_are_those_of_a_size_that_counts_nothing_else() -> None:
    f32 = DType.F32
    assert samples.batch_symbol(program({"x": (f32, ["n", 3]), "z": (f32, ["n"])}, ("n",))) == "n"
    assert samples.batch_symbol(program({"x": (f32, ["n", 3, "n"]), "z": (f32, ["n"])}, ("n",))) is None
    assert samples.batch_symbol(program({"x": (f32, ["n", 3]), "z": (f32, ["t", "n"])}, ("n", "t"))) is None


def test_a_model_that_no_length_suits_says_what_to_do() -> None:
    proto = model([helper.make_node("Reshape", ["x", "s"], ["y"])], {"x": (F32, ["n"])}, {"y": F32}, {"s": np.array([9999])})
    given = importer.read(proto, Options())
    notes: list[str] = []
    assert list(draws.drawn(proto, given, Oracle(proto, given), (1, 3), 0, notes)) == []
    assert [n.partition(": onnxruntime")[0] for n in notes] == [
        "no inputs were found that the model runs on at n=1",
        "no inputs were found that the model runs on at n=3",
    ]
    data = samples.make(proto, given, None)
    assert data.samples == 0
    assert data.notes[-2].startswith(
        "not proven: no inputs were found that the model runs on, so the crate has no test of its numbers: onnx"
    )
    assert (
        data.notes[-1] == "give inputs with --features FILE.npz (one array an input, one row a sample), or fix sizes with --dim"
    )


@pytest.fixture
def score() -> Any:
    """A binary classifier: the proto and its Program."""
    proto = onnx_models.score()
    return proto, importer.read(proto, Options())


def test_a_features_file_in_batches_with_predictions(score: Any, tmp_path: Path) -> None:
    proto, given = score
    rows = np.random.default_rng(0).standard_normal((300, 10)).astype("f")
    oracle = Oracle(proto, given)
    np.savez(tmp_path / "f.npz", features=rows, predictions=oracle.expected(oracle.run({"features": rows}))[0][:, 0])
    found = list(draws.given(tmp_path / "f.npz", given, oracle, []))
    assert [d.label for d in found] == ["sample 0", "samples 0 to 255", "samples 256 to 299"]
    assert found[2].feeds["features"].shape == (44, 10)
    assert found[2].predictions["predictions"].shape == (44,)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"other": np.zeros((2, 10), "f")}, "lacks an array 'features'"),
        ({"features": np.zeros((2, 9), "f")}, "array 'features' has 9 values a sample, the model needs 10"),
        ({"features": np.zeros((0, 10), "f")}, "holds no sample"),
        ({"features": np.array([["a"] * 10])}, "array 'features' holds <U1, the model needs float32"),
        (
            {"features": np.zeros((2, 10), "f"), "predictions": np.zeros(3)},
            "array 'predictions' has shape [3], not one entry for each of 2 samples",
        ),
        ({"features": np.zeros((2, 10), "f"), "predictions": np.float32(1)}, "array 'predictions' has shape []"),
        ({"features": np.zeros((2, 10), "f"), "predictions": np.array(["a", "b"])}, "array 'predictions' holds <U1"),
        (
            {"features": np.zeros((2, 10), "f"), "predictions": np.zeros((2, 2))},
            "array 'predictions' has shape [2, 2], the model's",
        ),
    ],
)
def test_features_that_do_not_fit(score: Any, tmp_path: Path, arrays: Any, message: Any) -> None:
    proto, given = score
    np.savez(tmp_path / "f.npz", **arrays)
    with pytest.raises(InvalidModelError) as caught:
        samples.make(proto, given, tmp_path / "f.npz")
    assert message in str(caught.value)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.0])
def test_predictions_that_the_model_does_not_compute(score: Any, tmp_path: Path, wrong: Any) -> None:
    proto, given = score
    rows = np.zeros((3, 10), "f")
    expected = session(proto).run(None, {"features": rows})[0][:, 0]
    expected[1] = wrong
    np.savez(tmp_path / "f.npz", features=rows, probability=expected)
    (problem,) = samples.make(proto, given, tmp_path / "f.npz").departures
    assert problem.what.startswith(
        f"'predictions' in the features file is not what the model computes: sample 1, value 0 is {wrong:g}"
    )


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 truncated", b"\x93NUMPY nonsense", b"noise" * 100])
def test_features_that_are_no_archive(score: Any, tmp_path: Path, content: Any) -> None:
    proto, given = score
    (tmp_path / "f.npz").write_bytes(content)
    with pytest.raises(UsageError, match=r"f\.npz: cannot be read as an \.npz file"):
        samples.make(proto, given, tmp_path / "f.npz")


def test_an_array_file_is_no_archive(score: Any, tmp_path: Path) -> None:
    proto, given = score
    np.save(tmp_path / "f.npy", np.zeros(3))
    with pytest.raises(UsageError, match="cannot be read as an"):
        samples.make(proto, given, tmp_path / "f.npy")


def test_expected_outputs_do_not_overwrite_an_input_of_their_name() -> None:
    given = program({"predictions": (DType.F32, (2,))})
    assert samples.expected_names(Program("p", given.inputs, (), ("y",), ())) == ("expected_predictions",)
    assert samples.expected_names(Program("p", given.inputs, (), ("a", "predictions"), ())) == ("a", "expected_predictions")


def test_arrays_of_full_shape_where_rows_would_leave_sizes_open() -> None:
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {"x": (F32, ["n", "h", "w"])}, {"y": F32})
    data = samples.make(proto, importer.read(proto, Options()), None)
    assert data.arrays["x"].shape == (8, 12, 12)
    assert (data.samples, data.batched) == (8, True)


def test_options_are_for_all_models_or_one_for_each() -> None:
    first, second = Options(name="first"), Options(name="second")
    assert for_each(first, 2) == [first, first]
    assert for_each((first, second), 2) == [first, second]
    with pytest.raises(UsageError, match="2 options for 3 models"):
        for_each([first, second], 3)

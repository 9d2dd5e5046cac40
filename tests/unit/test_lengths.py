"""The sizes that the lengths of a model's inputs say."""

from __future__ import annotations

from typing import Any

import onnx_models
import pytest

from onnx2rust import emit
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.emit import lengths
from onnx2rust.frontends import Loaded
from onnx2rust.ir.dims import Dim, symbol
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Program, Value
from onnx2rust.ir.types import TensorType
from onnx2rust.plan import planner

N, T = symbol("n"), symbol("t")


def program(*shapes: tuple[Dim, ...]) -> Program:
    inputs = tuple(Value(f"x{k}", TensorType(DType.F32, shape)) for k, shape in enumerate(shapes))
    return Program("p", inputs, (), (), (), ("n", "t") if any(T in s for s in shapes) else ("n",))


@pytest.mark.parametrize(
    ("shapes", "found"),
    [
        ([(N, 3, 4)], [("n", "x0", (3, 4))]),
        ([(N,)], [("n", "x0", ())]),
        ([(3, N)], [("n", "x0", (3,))]),
        ([(N, T), (N, 5)], [("n", "x1", (5,)), ("t", "x0", (N,))]),
        ([(N, T)], None),
        ([(N, N)], None),
        ([(N, 0)], None),
        ([(N + 1, 2)], None),
        ([(N, T), (T, N)], None),
        ([(2, 3)], None),
    ],
)
def test_a_size_follows_from_an_input_that_has_no_other_open_one(shapes: Any, found: Any) -> None:
    answer = lengths.found(program(*shapes))
    assert (None if answer is None else [(f.symbol, f.value.name, f.others) for f in answer]) == found


@pytest.mark.parametrize(
    ("shape", "length"),
    [((N, 3, 4), (12, "n")), ((1, 10), (10, None)), ((), (1, None)), ((N,), None), ((N, T), None), ((2 * N, 3), None)],
)
def test_what_is_fixed_of_a_tensor(shape: Any, length: Any) -> None:
    one = program((N, T) if T in shape else (N,))
    assert lengths.fixed(one, Value("y", TensorType(DType.F32, shape))) == length


def test_the_largest_tensors_are_counted_once() -> None:
    """Those of other open sizes each, none that an input is as large as; what only a branch computes is counted there."""
    program = pipeline.lower(Loaded(onnx_models.growing(), "onnx", "onnx", ()), Options())
    assert [tuple(map(str, shape)) for shape in lengths.largest(program)] == [
        ("n", "m"),
        ("n", "4096"),
        ("1", "height//2", "width//2", "4096"),
    ]
    code = emit.render(planner.plan(program, Options()), Options(), emit.Context("growing")).files["src/model.rs"]
    assert " ".join(code.split()).count("check_lengths(&[&[n, m], &[n, 4096], &[1, conv_1, conv_2, 4096]])?;") == 1

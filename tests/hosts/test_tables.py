"""Tables in the wheel of the host `python`: columns become inputs and outputs columns, or a message says which row cannot."""

from __future__ import annotations

import functools
import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import host_tools
import numpy as np
import onnx
import onnx_models
import pytest
from onnx import TensorProto, helper
from test_python import BUILD, hosted

from onnx2rust.files import resources
from onnx2rust.hosts import tables
from onnx2rust.model.reference import Reference

KINDS: dict[str, tuple[str, list[str | int]]] = {
    "x": ("FLOAT", ["n", 3]),
    "ids": ("INT64", ["n"]),
    "words": ("STRING", ["n"]),
    "flags": ("BOOL", ["n", 1]),
    "halves": ("FLOAT16", ["n", 2, 2]),
    "small": ("INT8", ["n"]),
    "open": ("FLOAT", ["n", "t"]),
}
"""Inputs of a model that hands each of them out again: their types and shapes."""


def kinds() -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info(n, getattr(TensorProto, t), shape) for n, (t, shape) in KINDS.items()]
    outputs = [helper.make_tensor_value_info(f"{n}_out", getattr(TensorProto, t), shape) for n, (t, shape) in KINDS.items()]
    nodes = [helper.make_node("Identity", [i.name], [o.name]) for i, o in zip(inputs, outputs, strict=True)]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def wheel(proto: onnx.ModelProto, name: str) -> Any:
    """The module of the model's wheel, imported here."""
    made = hosted(proto, name)
    assert made.dist is not None
    (file,) = made.dist.glob("*.whl")
    folder = BUILD / f"{name}_modules"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--upgrade", "--target", str(folder), str(file)]
    subprocess.run(pip, check=True, timeout=300)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))


@functools.cache
def score_wheel() -> Any:
    """The module `rows_score`: ten features, one probability. The tests of engines use it too."""
    return wheel(onnx_models.score(), "rows_score")


@pytest.fixture(scope="module")
def pa() -> Any:
    return host_tools.package("pyarrow")


@pytest.fixture(scope="module")
def model(pa: Any) -> Any:
    return wheel(kinds(), "rows_kinds").Model()


def batch(pa: Any, rows: int = 3, **changed: Any) -> Any:
    """Rows that the model of all kinds takes, with some columns replaced."""
    lists = pa.list_(pa.float32())
    columns = {
        "x": pa.FixedSizeListArray.from_arrays(pa.array(np.arange(rows * 3), pa.float32()), 3),
        "ids": pa.array(range(rows), pa.int64()),
        "words": pa.array([f"w{k}" for k in range(rows)], pa.string()),
        "flags": pa.array([k % 2 == 0 for k in range(rows)], pa.bool_()),
        "halves": pa.array([np.full(4, k, np.float16).tolist() for k in range(rows)], pa.list_(pa.float16())),
        "small": pa.array([k % 100 for k in range(rows)], pa.int8()),
        "open": pa.array([[k, k + 0.5] for k in range(rows)], lists),
    }
    columns |= changed
    return pa.table({n: c for n, c in columns.items() if c is not None})


@pytest.mark.slow
@pytest.mark.hosts
def test_every_kind_of_column_comes_back(pa: Any, model: Any) -> None:
    for rows in (0, 1, 3, 2500):
        given = batch(pa, rows)
        found = pa.table(model.predict_arrow(given, keep=["ids"]))
        assert found.column_names == ["ids", *(f"{n}_out" for n in KINDS)]
        assert [str(t) for t in found.schema.types] == [
            "int64",
            "fixed_size_list<item: float>[3]",
            "int64",
            "string",
            "bool",
            "fixed_size_list<item: fixed_size_list<item: halffloat>[2]>[2]",
            "int8",
            "list<item: float>",
        ]
        for name in KINDS:
            a, b = (t.column(n).to_pylist() for t, n in ((given, name), (found, f"{name}_out")))
            assert [np.ravel(v).tolist() for v in a] == [np.ravel(v).tolist() for v in b], name
    sliced = batch(pa, 50).slice(7, 21)
    chunks = pa.concat_tables([sliced, batch(pa, 5), batch(pa, 0), sliced])
    found = pa.table(model.predict_arrow(chunks))
    assert found.column("words_out").to_pylist() == chunks.column("words").to_pylist()
    assert found.column("open_out").to_pylist() == chunks.column("open").to_pylist()


@pytest.mark.slow
@pytest.mark.hosts
def test_other_forms_of_the_same_columns(pa: Any, model: Any) -> None:
    expected = pa.table(model.predict_arrow(batch(pa)))
    floats = pa.array(range(3), pa.float32())
    nested = pa.array([[[k, k], [k, k]] for k in np.arange(3, dtype=np.float16)], pa.list_(pa.list_(pa.float16(), 2)))
    same: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"halves": nested}, {}),
        ({"words": pa.array(["w0", "w1", "w2"]).dictionary_encode()}, {}),
        ({"words": pa.array(["w0", "w1", "w2"], pa.large_string())}, {}),
        ({"words": pa.array(["w0", "w1", "w2"], pa.string_view())}, {}),
        ({"x": pa.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], pa.large_list(pa.float32()))}, {}),
        ({"x": pa.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], pa.list_(pa.int32()))}, {"cast": True}),
        ({"ids": pa.array([0, 1, 2], pa.int16())}, {"cast": True}),
        ({"ids": None, "other": pa.array([0, 1, 2])}, {"columns": {"ids": "other"}}),
        ({"x": None} | {f"x_{k}": pa.array([k, 3 + k, 6 + k], pa.float32()) for k in range(3)}, {}),
        ({"x": None} | {c: pa.array([k, 3 + k, 6 + k], pa.float32()) for k, c in enumerate("cab")},
         {"columns": {"x": ["c", "a", "b"]}}),
        ({"ids": pa.array([0, None, 2]), "x": pa.array([[0, 1, 2], [3, None, 5], [6, 7, 8]], pa.list_(pa.float32()))},
         {"nulls": {"ids": 1, "x": 4.0}}),
        ({"ids": pa.array([None, 1, 2]), "words": pa.array(["w0", None, "w2"])}, {"nulls": {"ids": 0, "words": "w1"}}),
    ]  # fmt: skip
    for changed, options in same:
        found = pa.table(model.predict_arrow(batch(pa, **changed), **options))
        assert found.equals(expected), (changed, options)
    holes = pa.array([None, [3.0, 4.0, 5.0], None], pa.list_(pa.float32(), 3))
    found = pa.table(model.predict_arrow(batch(pa, x=holes), nulls={"x": -1}))
    assert found.column("x_out").to_pylist() == [[-1.0] * 3, [3.0, 4.0, 5.0], [-1.0] * 3]
    assert pa.table(model.predict_arrow(batch(pa, x=None, x_0=floats, x_1=floats, x_2=floats))).num_rows == 3


@pytest.mark.slow
@pytest.mark.hosts
def test_what_is_wrong_with_a_table_is_said(pa: Any, model: Any) -> None:
    def said(*, options: dict[str, Any] | None = None, **changed: Any) -> str:
        with pytest.raises((TypeError, ValueError)) as error:
            model.predict_arrow(batch(pa, **changed), **(options or {}))
        return f"{error.type.__name__}: {error.value}"

    f32, f64 = pa.float32(), pa.float64()
    text = said(x=pa.array([[1.0] * 3] * 3, pa.list_(f64)), ids=pa.array([1.5] * 3), words=pa.array([1, 2, 3]))
    assert text.splitlines() == [
        "TypeError: input `x`: column `x` is List(Float64); the model needs float32 (cast=True converts it)",
        "input `ids`: column `ids` is Float64; the model needs int64",
        "input `words`: column `words` is Int64; the model needs str",
    ]
    assert said(ids=None) == (
        "ValueError: input `ids`: there is no column `ids`; there are `x`, `words`, `flags`, `halves`, `small`, `open`"
    )
    assert said(x=pa.array([1.0, 2, 3], f32)) == (
        'TypeError: input `x`: column `x` is Float32; the model needs lists of 3, or 3 columns: columns={"x": [...]}'
    )
    assert said(x=pa.array([[1.0] * 4] * 3, pa.list_(f32, 4))) == (
        "ValueError: input `x`: column `x` is FixedSizeList(4 x Float32); the model needs lists of 3"
    )
    assert said(x=pa.array([[1.0] * 3, [1.0] * 3, [1.0]], pa.list_(f32))) == (
        "ValueError: column `x`: row 2 has a list of 1, the model needs 3"
    )
    assert said(open=pa.array([[1.0], [1.0] * 3, [1.0]], pa.list_(f32))) == (
        "ValueError: column `open`: row 1 has a list of 3, rows before it have 1"
    )
    null = "is null; give what takes its place (nulls=0), or leave such rows out"
    assert said(ids=pa.array([1, 2, None])) == f"ValueError: column `ids`: row 2 {null}"
    assert said(x=pa.array([[1.0] * 3, None, [1.0] * 3], pa.list_(f32))) == f"ValueError: column `x`: row 1 {null}"
    assert said(x=pa.array([[1.0] * 3, [1.0, 2.0, None], [1.0] * 3], pa.list_(f32))) == (
        f"ValueError: column `x`: row 1, place 2 {null}"
    )
    assert (
        said(small=pa.array([1, 2, 300]), options={"cast": True}) == "ValueError: column `small`: what row 2 holds is beyond int8"
    )
    assert said(x=pa.array([[1.0] * 3, [1e300] * 3, [1.0] * 3], pa.list_(f64)), options={"cast": True}) == (
        "ValueError: column `x`: what row 1 holds is beyond float32"
    )
    assert said(options={"nulls": {"ids": 0.5, "none": 1}}) == (
        "ValueError: nulls: there is no column `none`; there are `x`, `ids`, `words`, `flags`, `halves`, `small`, `open`\n"
        "input `ids`: nulls: what is given for column `ids` is no int64"
    )
    assert said(options={"nulls": [1]}) == (
        "TypeError: nulls: a list takes no null's place: give a number, a text, or a dict of them by column"
    )
    assert said(options={"columns": {"y": "x", "x": ["ids", "small"]}, "keep": ["none"]}).splitlines() == [
        "ValueError: columns: the model has no input `y`; it has `x`, `ids`, `words`, `flags`, `halves`, `small`, `open`",
        "input `x`: 2 columns are given for it, it needs 3, or one with lists of 3",
        "keep: there is no column `none`; there are `x`, `ids`, `words`, `flags`, `halves`, `small`, `open`",
    ]
    with pytest.raises(TypeError, match="a list is no table: it has neither __arrow_c_stream__ nor __arrow_c_array__"):
        model.predict_arrow([1])
    for array in (pa.array([1, 2]), pa.chunked_array([[1, 2]])):
        with pytest.raises(TypeError, match="this is no table: its rows are Int64"):
            model.predict_arrow(array)
    struct = pa.StructArray.from_arrays([pa.array([1, 2])], names=["ids"], mask=pa.array([False, True]))
    for masked in (struct, pa.chunked_array([struct])):
        with pytest.raises(ValueError, match="there is no column `x`"):
            model.predict_arrow(masked)
    late = pa.concat_tables([batch(pa, 2000), batch(pa, ids=pa.array([1, None, 3]))])
    with pytest.raises(ValueError, match="row 2001 is null"):
        model.predict_arrow(late)


@pytest.mark.slow
@pytest.mark.hosts
def test_numbers_are_onnxruntimes_and_every_library_takes_them(pa: Any) -> None:
    pl, duckdb = host_tools.package("polars"), host_tools.package("duckdb")
    module = score_wheel()
    model = module.Model()
    features = np.random.default_rng(5).standard_normal((3000, 10)).astype(np.float32)
    (expected,) = Reference(onnx_models.score()).run({"features": features})
    names = [f"c{k}" for k in range(10)]
    table = pa.table(dict(zip(names, features.T, strict=True)))
    con = duckdb.connect()
    con.register("rows", table)
    frame = pl.DataFrame(table)
    sources: list[Callable[[], Any]] = [
        lambda: table,
        lambda: table.to_batches()[0],
        lambda: table.to_reader(max_chunksize=700),
        lambda: frame,
        lambda: con.sql("SELECT * FROM rows"),
        lambda: table.to_pandas(),
    ]
    for source in sources:
        found = model.predict_arrow(source())
        assert len(found) == 3000
        assert found.column_names == ["probability"]
        column = pa.table(found).column("probability").to_numpy()
        np.testing.assert_allclose(column, expected[:, 0], rtol=5e-6, atol=5e-6)
    assert (pl.DataFrame(found)["probability"].to_numpy() == column).all()
    assert (pa.record_batch(found).column(0).to_numpy() == column).all()
    assert con.sql("SELECT count(probability) FROM found").fetchall() == [(3000,)]
    assert repr(found) == "<Table of 3000 rows: probability: Float32>"
    masked = pa.StructArray.from_arrays(list(features[:3].T), names=names, mask=pa.array([False, True, False]))
    for struct in (masked, pa.chunked_array([masked])):
        with pytest.raises(ValueError, match="row 1 of a batch is null as a whole"):
            model.predict_arrow(struct)
    wide = table.cast(pa.schema([(name, pa.float64()) for name in names]))
    assert (pa.table(model.predict_arrow(wide, cast=True)).column(0).to_numpy() == column).all()
    price = pa.table({name: pa.array([Decimal("1.25"), None]) for name in names})
    halves = model.predict(features=np.array([[1.25] * 10, [-0.5] * 10], np.float32)).probability
    assert (pa.table(model.predict_arrow(price, cast=True, nulls=-0.5)).column(0).to_numpy() == halves[:, 0]).all()
    # where the columns lie, nothing is copied: a column of vectors is read in place
    vectors = pa.table({"features": pa.FixedSizeListArray.from_arrays(pa.array(features.ravel()), 10)})
    assert (pa.table(model.predict_arrow(vectors)).column(0).to_numpy() == column).all()
    assert len(module.Model().predict_arrow(vectors.slice(0, 0))) == 0


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ([["n", 3]], [["n"]], None),
        ([["n", 3], ["n", 2, 2]], [["n", 2, 2]], None),
        ([["n", "t"]], [["n", "t"]], None),
        ([[1, 3]], [[1, 3]], "input a0 has no open size along its first axis that could be the rows"),
        ([["n", 3], []], [["n"]], "input a1 has no open size along its first axis that could be the rows"),
        ([["n", "n"]], [["n", "n"]], "input a0 has the rows along another axis, too"),
        ([["n", "s", "t"]], [["n"]], "input a0 has several open sizes a row"),
        ([["n", 3]], [[]], "output b0 has no open size along its first axis that could be the rows"),
    ],
)
def test_which_models_have_rows(inputs: list[list[Any]], outputs: list[list[Any]], expected: str | None, tmp_path: Any) -> None:
    ins = [helper.make_tensor_value_info(f"a{k}", TensorProto.FLOAT, s) for k, s in enumerate(inputs)]
    outs = [helper.make_tensor_value_info(f"b{k}", TensorProto.FLOAT, s) for k, s in enumerate(outputs)]
    axes = onnx.numpy_helper.from_array(np.arange(1, len(inputs[0])), "axes")
    nodes = []
    for k, shape in enumerate(outputs):
        if shape in inputs:
            nodes.append(helper.make_node("Identity", [f"a{inputs.index(shape)}"], [f"b{k}"]))
        else:
            nodes.append(helper.make_node("ReduceSum", ["a0", *(["axes"] if shape else [])], [f"b{k}"], keepdims=0))
    graph = helper.make_graph(nodes, "g", ins, outs, [axes])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    made = hosted(proto, "which_rows", build=False)
    readme = (made.shell / "README.md").read_text(encoding="utf-8")
    stub = (made.shell / "python" / "which_rows" / "_native.pyi").read_text(encoding="utf-8")
    assert ("predict_arrow" in stub) == (expected is None)
    assert (made.shell / "src" / "tables" / "mod.rs").exists() == (expected is None)
    if expected:
        assert f"| tables | none: {expected} |" in readme


@pytest.mark.skipif(shutil.which("rustfmt") is None, reason="no rustfmt")
def test_the_files_that_all_models_share_are_in_rustfmts_lines() -> None:
    folder = resources.templates() / "hosts"
    files = [str(folder / place) for place in (*tables.FILES.values(), "python/src/arrow.rs")]
    done = subprocess.run(["rustfmt", "--check", "--edition", "2024", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

"""Tables in the wheel and in the program of `score`: columns become inputs, outputs columns, or it is said which row cannot."""

from __future__ import annotations

import functools
import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import host_tools
import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from onnx import TensorProto, helper
from test_python import BUILD, hosted
from test_score import CACHE, QUICK

import onnx2rust
from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options, Tables
from onnx2rust.files import resources
from onnx2rust.hosts import score, tables
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
CLASSES = ['a "b"', "c\n", "${d}"]
LABELS = ["class", *(f"odds_{name}" for name in CLASSES)]
"""The columns of its classifier."""
NONE = "has no row for each row of a table: the first axis must be an open size, or 1 throughout"


def kinds() -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info(n, getattr(TensorProto, t), shape) for n, (t, shape) in KINDS.items()]
    outputs = [helper.make_tensor_value_info(f"{n}_out", getattr(TensorProto, t), shape) for n, (t, shape) in KINDS.items()]
    nodes = [helper.make_node("Identity", [i.name], [o.name]) for i, o in zip(inputs, outputs, strict=True)]
    # a class and the odds of each, with names
    weights: dict[str, Any] = {
        "coefficients": np.eye(3).ravel().tolist(),
        "intercepts": [0.0] * 3,
        "classlabels_strings": CLASSES,
    }
    nodes.append(helper.make_node("LinearClassifier", ["x"], ["class", "scores"], domain="ai.onnx.ml", **weights))
    nodes.append(helper.make_node("ZipMap", ["scores"], ["odds"], domain="ai.onnx.ml", classlabels_strings=CLASSES))
    outputs += [onnx.ValueInfoProto(name="class"), onnx.ValueInfoProto(name="odds")]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


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
def kinds_wheel() -> Any:
    """The module `rows_kinds`."""
    return wheel(kinds(), "rows_kinds")


@functools.cache
def score_wheel() -> Any:
    """The module `rows_score`: ten features, one probability. The tests of engines use it too."""
    return wheel(onnx_models.score(), "rows_score")


@pytest.fixture(scope="module")
def pa() -> Any:
    return host_tools.package("pyarrow")


class Wheel:
    """Rows go through the wheel."""

    def __init__(self, folder: Path) -> None:
        self.model = kinds_wheel().Model()

    def __call__(self, pa: Any, table: Any, **options: Any) -> Any:
        return pa.table(self.model.predict_arrow(table, **options))

    @staticmethod
    def said(error: Exception) -> list[str]:
        """What is wrong, without what is to be done."""
        return [
            line.partition(" (say which")[0].partition(" (cast=")[0].partition(" (nulls=")[0].partition(" (rename=")[0]
            for line in str(error).splitlines()
        ]


class Program:
    """Rows go through the program of `score`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = folder / "rows_kinds.onnx"
        onnx.save(kinds(), self.model)

    def __call__(self, pa: Any, table: Any, *, nulls: Any = None, columns: Any = None, **options: Any) -> Any:
        source, out = self.folder / "in.arrow", self.folder / "out.arrow"
        with pa.OSFile(str(source), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        given: dict[str, Any] = {k: [v] if isinstance(v, str) else v for k, v in (columns or {}).items()}
        fills = {k: str(v) for k, v in nulls.items()} if isinstance(nulls, dict) else {}
        own = Tables(
            columns=given, nulls=fills, null=None if nulls is None or fills else str(nulls), force=True, cache=CACHE, **options
        )
        with pytest.MonkeyPatch.context() as patch:
            for name, value in QUICK.items():
                patch.setenv(f"CARGO_PROFILE_RELEASE_{name}", value)
            onnx2rust.score(self.model, source, out, Options(verbosity=-1, dims={"t": 2}), own)
        with pa.OSFile(str(out), "rb") as file:
            return pa.ipc.open_file(file).read_all()

    @staticmethod
    def said(error: Exception) -> list[str]:
        """What is wrong, without where and what is to be done."""
        lines = [line for line in str(error).splitlines() if not line.startswith("    → ")]
        return [line.partition("in.arrow: ")[2] for line in lines]


@pytest.fixture(scope="module", params=[Wheel, Program])
def rows(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Both hosts that take tables: what is right for one is for the other."""
    return request.param(tmp_path_factory.mktemp("rows"))


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
def test_every_kind_of_column_comes_back(pa: Any, rows: Any) -> None:
    for count in (0, 1, 3, 2500):
        given = batch(pa, count)
        found = rows(pa, given, keep=["ids"])
        assert found.column_names == ["ids", *(f"{n}_out" for n in KINDS), *LABELS]
        lists = "list<item: float>" if isinstance(rows, Wheel) else "fixed_size_list<item: float>[2]"
        assert [str(t) for t in found.schema.types] == [
            "int64",
            "fixed_size_list<item: float>[3]",
            "int64",
            "string",
            "bool",
            "fixed_size_list<item: fixed_size_list<item: halffloat>[2]>[2]",
            "int8",
            lists,
            "string",
            "float",
            "float",
            "float",
        ]
        for name in KINDS:
            a, b = (t.column(n).to_pylist() for t, n in ((given, name), (found, f"{name}_out")))
            assert [np.ravel(v).tolist() for v in a] == [np.ravel(v).tolist() for v in b], name
        x = np.array(given.column("x").to_pylist(), np.float32).reshape(-1, 3)
        assert found.column("class").to_pylist() == [CLASSES[k] for k in x.argmax(axis=1)]
        for k, name in enumerate(LABELS[1:]):
            assert found.column(name).to_pylist() == x[:, k].tolist()
    sliced = batch(pa, 50).slice(7, 21)
    chunks = pa.concat_tables([sliced, batch(pa, 5), batch(pa, 0), sliced])
    found = rows(pa, chunks)
    assert found.column("words_out").to_pylist() == chunks.column("words").to_pylist()
    assert found.column("open_out").to_pylist() == chunks.column("open").to_pylist()


@pytest.mark.slow
@pytest.mark.hosts
def test_other_forms_of_the_same_columns(pa: Any, rows: Any) -> None:
    expected = rows(pa, batch(pa))
    floats = pa.array(range(3), pa.float32())
    nested = pa.array([[[k, k], [k, k]] for k in np.arange(3, dtype=np.float16)], pa.list_(pa.list_(pa.float16(), 2)))
    same: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"halves": nested}, {}),
        ({"words": pa.array(["w0", "w1", "w2"]).dictionary_encode()}, {}),
        ({"words": pa.array(["w0", "w1", "w2"], pa.large_string())}, {}),
        ({"words": pa.array(["w0", "w1", "w2"], pa.string_view())}, {}),
        ({"x": pa.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], pa.large_list(pa.float32()))}, {}),
        ({"x": pa.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], pa.list_(pa.int32()))}, {"cast": True}),
        ({"x": pa.array([["0", "1", " 2"], ["3e0", "4", "5"], ["6", "7", "8"]])}, {"cast": True}),
        # what is held without loss needs no leave
        ({"x": pa.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], pa.list_(pa.int16()))}, {}),
        ({"ids": pa.array([0, 1, 2], pa.int16())}, {}),
        ({"ids": pa.array([0, 1, 2], pa.uint32())}, {}),
        ({"halves": pa.array([[k] * 4 for k in range(3)], pa.list_(pa.int8()))}, {}),
        ({"ids": None, "other": pa.array([0, 1, 2])}, {"columns": {"ids": "other"}}),
        ({"x": None} | {f"x_{k}": pa.array([k, 3 + k, 6 + k], pa.float32()) for k in range(3)}, {}),
        ({"x": None} | {c: pa.array([k, 3 + k, 6 + k], pa.float32()) for k, c in enumerate("cab")},
         {"columns": {"x": ["c", "a", "b"]}}),
        ({"ids": pa.array([0, None, 2]), "x": pa.array([[0, 1, 2], [3, None, 5], [6, 7, 8]], pa.list_(pa.float32()))},
         {"nulls": {"ids": 1, "x": 4.0}}),
        ({"ids": pa.array([None, 1, 2]), "words": pa.array(["w0", None, "w2"])}, {"nulls": {"ids": 0, "words": "w1"}}),
        ({"small": pa.array([0, None, 2], pa.int8()), "words": pa.array(["w0", "w1", "w2"])}, {"nulls": "1"}),
    ]  # fmt: skip
    for changed, options in same:
        if options.get("nulls") == "1":
            changed["flags"] = batch(pa).column("flags")  # `1` is true
        assert rows(pa, batch(pa, **changed), **options).equals(expected), (changed, options)
    holes = pa.array([None, [3.0, 4.0, 5.0], None], pa.list_(pa.float32(), 3))
    found = rows(pa, batch(pa, x=holes), nulls={"x": -1})
    assert found.column("x_out").to_pylist() == [[-1.0] * 3, [3.0, 4.0, 5.0], [-1.0] * 3]
    assert rows(pa, batch(pa, x=None, x_0=floats, x_1=floats, x_2=floats)).num_rows == 3
    found = rows(pa, batch(pa), keep=["*"], rename={"ids_out": "first"})
    assert found.column_names == [*KINDS, *("first" if n == "ids" else f"{n}_out" for n in KINDS), *LABELS]


@pytest.mark.slow
@pytest.mark.hosts
def test_what_is_wrong_with_a_table_is_said(pa: Any, rows: Any) -> None:
    def said(*, options: dict[str, Any] | None = None, **changed: Any) -> list[str]:
        with pytest.raises((TypeError, ValueError, Onnx2RustError)) as error:
            rows(pa, batch(pa, **changed), **(options or {}))
        return list(rows.said(error.value))

    f32, f64 = pa.float32(), pa.float64()
    assert said(x=pa.array([[1.0] * 3] * 3, pa.list_(f64)), ids=pa.array([1.5] * 3), words=pa.array([1, 2, 3])) == [
        "input `x`: column `x` is List(Float64); the model needs float32",
        "input `ids`: column `ids` is Float64; the model needs int64",
        "input `words`: column `words` is Int64; the model needs str",
    ]
    there = "there are `x`, `words`, `flags`, `halves`, `small`, `open`"
    assert said(ids=None) == [f"input `ids`: there is no column `ids`; {there}"]
    assert said(x=pa.array([1.0, 2, 3], f32)) == [
        "input `x`: column `x` is Float32; the model needs lists of 3, or 3 columns",
    ]
    assert said(x=pa.array([[1.0] * 4] * 3, pa.list_(f32, 4))) == [
        "input `x`: column `x` is FixedSizeList(4 x Float32); the model needs lists of 3",
    ]
    assert said(halves=pa.array([[[[1.0]]]] * 3, pa.list_(pa.list_(pa.list_(f32)))))[0].endswith(
        "the model needs lists 2 deep, or flat ones"
    )
    assert said(x=pa.array([[1.0] * 3, [1.0] * 3, [1.0]], pa.list_(f32))) == [
        "row 2: column `x`: a list of 1, the model needs 3",
    ]
    why = "rows before it have 1" if isinstance(rows, Wheel) else "the model needs 2"
    first = "1: column `open`: a list of 3" if isinstance(rows, Wheel) else "0: column `open`: a list of 1"
    assert said(open=pa.array([[1.0], [1.0] * 3, [1.0]], pa.list_(f32)))[0] == f"row {first}, {why}"
    assert said(ids=pa.array([1, 2, None])) == ["row 2: column `ids`: null"]
    assert said(x=pa.array([[1.0] * 3, None, [1.0] * 3], pa.list_(f32))) == ["row 1: column `x`: null"]
    assert said(x=pa.array([[1.0] * 3, [1.0, 2.0, None], [1.0] * 3], pa.list_(f32))) == ["row 1: column `x`: an element is null"]
    half = pa.float16()
    inner = pa.array([[[1, 1], [1, 1]], [[1, 1], None], [[1, 1], [1, 1]]], pa.list_(pa.list_(half)))
    assert said(halves=inner, options={"nulls": {"halves": 0}}) == ["row 1: column `halves`: a list is null"]
    assert said(small=pa.array([1, 2, 300]), options={"cast": True}) == ["row 2: column `small`: `300` is no int8"]
    assert said(ids=pa.array(["1", "high", "3"]), options={"cast": True}) == ["row 1: column `ids`: `high` is no int64"]
    assert said(ids=pa.array(["1", "2", " "]), options={"cast": True}) == ["row 2: column `ids`: null"]
    assert said(x=pa.array([[1.0] * 3, [1e300] * 3, [1.0] * 3], pa.list_(f64)), options={"cast": True}) == [
        "row 1: column `x`: `1e300` is no float32",
    ]
    assert said(options={"nulls": {"ids": 0.5, "none": 1}}) == [
        "nulls: there is no column `none`; there are `x`, `ids`, `words`, `flags`, `halves`, `small`, `open`",
        "input `ids`: what takes the place of nulls in column `ids` is no int64",
    ]
    assert said(options={"columns": {"y": ["x"], "x": ["ids", "small"]}, "keep": ["none"], "rename": {"z": "w"}}) == [
        "the model has no input `y`; it has `x`, `ids`, `words`, `flags`, `halves`, `small`, `open`",
        f"the model has no output `z`; it has {', '.join(f'`{n}_out`' for n in KINDS)}, `class`, `odds`",
        "keep: there is no column `none`; there are `x`, `ids`, `words`, `flags`, `halves`, `small`, `open`",
        "input `x`: 2 columns are given for it, it needs 3, or one with lists of 3",
    ]
    assert said(options={"keep": ["ids"], "rename": {"x_out": "ids"}}) == ["two columns of the result are called `ids`"]
    late = pa.concat_tables([batch(pa, 2000), batch(pa, ids=pa.array([1, None, 3]))])
    with pytest.raises((ValueError, Onnx2RustError), match="row 2001: column `ids`: null"):
        rows(pa, late)


@pytest.mark.slow
@pytest.mark.hosts
def test_what_is_no_table_is_said_in_pythons_kinds_of_errors(pa: Any) -> None:
    model = kinds_wheel().Model()

    def said(*, options: dict[str, Any] | None = None, **changed: Any) -> str:
        with pytest.raises((TypeError, ValueError)) as error:
            model.predict_arrow(batch(pa, **changed), **(options or {}))
        return f"{error.type.__name__}: {error.value}"

    wrong = pa.array([[1.0] * 3] * 3, pa.list_(pa.float64()))
    assert said(x=wrong) == "TypeError: input `x`: column `x` is List(Float64); the model needs float32 (cast=True converts it)"
    assert said(x=wrong, options={"keep": ["none"]}).startswith("ValueError: keep: ")
    assert said(ids=pa.array([1, 2, None])) == "ValueError: row 2: column `ids`: null (nulls=0 takes the place of nulls)"
    assert said(ids=None).endswith('`open` (say which with columns={"ids": [...]})')
    assert said(options={"keep": ["ids"], "rename": {"x_out": "ids"}}) == (
        'ValueError: two columns of the result are called `ids` (rename={"output": "column"} calls it otherwise)'
    )
    assert said(options={"nulls": [1]}) == (
        "TypeError: nulls: a list takes no null's place: give a number, a text, or a dict of them by column"
    )
    flags = pa.array([True, None, False])
    found = model.predict_arrow(batch(pa, flags=flags), nulls={"flags": np.bool_(True)})
    assert pa.table(found).column("flags_out").to_pylist() == [True, True, False]
    assert "is no int64" in said(ids=pa.array([1, None, 3]), options={"nulls": 2**63})
    with pytest.raises(
        TypeError, match="a list is no table: it has none of __arrow_c_stream__, __arrow_c_array__ and __dataframe__"
    ):
        model.predict_arrow([1])
    for array in (pa.array([1, 2]), pa.chunked_array([[1, 2]])):
        with pytest.raises(TypeError, match="this is no table: its rows are Int64"):
            model.predict_arrow(array)
    struct = pa.StructArray.from_arrays([pa.array([1, 2])], names=["ids"], mask=pa.array([False, True]))
    for masked in (struct, pa.chunked_array([struct])):
        with pytest.raises(ValueError, match="there is no column `x`"):
            model.predict_arrow(masked)


class Older:
    """A frame of a library that knows the interchange protocol alone."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __dataframe__(self, *arguments: Any, **options: Any) -> Any:
        return self._table.__dataframe__(*arguments, **options)


@pytest.mark.slow
@pytest.mark.hosts
def test_an_older_frame_is_read_by_pyarrow_and_without_it_that_is_said(pa: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = score_wheel().Model()
    frame = Older(pa.table({f"c{k}": pa.array([0.5, None], pa.float32()) for k in range(10)}))
    with pytest.raises(ValueError, match="row 1: column `c0`: null"):
        model.predict_arrow(frame)
    assert len(model.predict_arrow(frame, nulls=0)) == 2
    monkeypatch.setitem(sys.modules, "pyarrow.interchange", None)
    with pytest.raises(TypeError, match="a Older has __dataframe__ alone, which pyarrow reads: install pyarrow"):
        model.predict_arrow(frame)


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
        lambda: Older(table),
        lambda: table.to_pandas().set_axis(range(6000, 0, -2)),
        lambda: table.to_pandas().set_axis([f"row {k}" for k in range(3000)]),
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
    # batches with dictionaries that are too large together: one by one they are right, and as one they are refused
    small = [
        pa.array([f"{n} {k}" for k in range(100)]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string())) for n in "ab"
    ]
    parts = [table.slice(0, 100).append_column("kind", kind) for kind in small]
    found = model.predict_arrow(pa.Table.from_batches([b for part in parts for b in part.to_batches()]), keep=["kind"])
    assert pa.RecordBatchReader.from_stream(found).read_next_batch().num_rows == 100
    with pytest.raises(ValueError, match="ictionary"):
        found.__arrow_c_array__()
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
        ([[1, 3]], [[1, 3]], None),
        ([[2, 3]], [[2, 3]], f"input a0: `[2, 3]` {NONE}"),
        ([["n", 3], []], [["n"]], f"input a1: `[]` {NONE}"),
        ([["n", "n"]], [["n", "n"]], "input a0: `[n, n]` has the rows along another axis, too"),
        ([["n", "s", "t"]], [["n"]], "input a0: `[n, s, t]` has several open sizes a row"),
        ([["n", 3]], [[]], f"output b0: `[]` {NONE}"),
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
    places = (*tables.FILES.values(), "python/src/arrow.rs", *(f"score/src/{name}.rs" for name in score._SOURCES))
    files = [str(folder / place) for place in places]
    files.append(str(rust_tools.ROOT / "examples" / "engines" / "datafusion" / "src" / "main.rs"))
    done = subprocess.run(["rustfmt", "--check", "--edition", "2024", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.hosts
def test_clippy_and_rustfmt_find_nothing_in_what_all_tables_share(tmp_path: Path) -> None:
    """The shell `score`, and the files that the wheel has of it, for a model with every type, names of classes and open sizes."""
    onnx.save(kinds(), tmp_path / "kinds.onnx")
    options = Options(dims={"t": 2})
    onnx2rust.convert_workspace([tmp_path / "kinds.onnx"], tmp_path / "w", options, hosts=["score", "python"])
    program, python = tmp_path / "w" / "kinds-score", tmp_path / "w" / "kinds-python"
    sources = [program / "src" / "main.rs", python / "src" / "ports.rs", python / "src" / "arrow.rs"]
    rustfmt = ["rustfmt", "--check", "--edition", "2024", *map(str, sources)]
    clippy = ["cargo", "clippy", "-q", "-p", "kinds-score", "-p", "kinds-python", "--target-dir", str(CACHE / "clippy")]
    for command in (rustfmt, [*clippy, "--", "-D", "warnings"]):
        done = subprocess.run(command, cwd=tmp_path / "w", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

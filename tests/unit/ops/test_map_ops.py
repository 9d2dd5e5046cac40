"""Inputs that are maps: what becomes of them, what is drawn and read for them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import rust_tools
from onnx import TensorProto, helper

import onnx2rust
from onnx2rust import emit, importer, samples
from onnx2rust.base.errors import InvalidModelError, Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.base.sequences import flat, pairs
from onnx2rust.conversion import inspection, pipeline
from onnx2rust.files import npz
from onnx2rust.frontends.base import Loaded
from onnx2rust.ir.types import MapType
from onnx2rust.plan import planner

I64, F32, STRING = TensorProto.INT64, TensorProto.FLOAT, TensorProto.STRING
OF_WORDS: Any = (STRING, F32)
WORDS = ["b", "ü", "a"]


def model(op: str, kind: tuple[int, int], *, output: str = "y", domain: str = "ai.onnx.ml", **attributes: Any) -> onnx.ModelProto:
    """A model of one node whose input is a map."""
    node = helper.make_node(op, ["x"], ["y"], name=op, domain=domain, **attributes)
    type_ = helper.make_map_type_proto(kind[0], helper.make_tensor_type_proto(kind[1], []))
    graph = helper.make_graph([node], "g", [helper.make_value_info("x", type_)], [onnx.ValueInfoProto(name=output)])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def vectorizer(**attributes: Any) -> onnx.ModelProto:
    """DictVectorizer of words."""
    return model("DictVectorizer", OF_WORDS, string_vocabulary=WORDS, **attributes)


def layers(proto: onnx.ModelProto) -> list[str]:
    """The layers that its operator becomes."""
    return [type(step.layer).__name__ for step in importer.read(proto, Options()).steps]


def test_a_vocabulary_in_order_needs_no_reordering() -> None:
    assert layers(vectorizer()) == ["Pairs", "Places", "AtPlaces", "Gather"]
    assert layers(model("DictVectorizer", OF_WORDS, string_vocabulary=["a", "b", "ü"])) == ["Pairs", "Places", "AtPlaces"]
    assert layers(model("DictVectorizer", (I64, F32), int64_vocabulary=[-1, 4])) == ["Pairs", "Lookup", "AtPlaces"]


def test_a_user_passes_a_map() -> None:
    options = Options(name="Case")
    program = pipeline.lower(Loaded(vectorizer(), "onnx", "onnx", ()), options)
    files = emit.render(planner.plan(program, options), options, emit.Context("m.onnx")).files
    assert "pub x: &'a std::collections::BTreeMap<String, f32>," in files["src/model.rs"]
    assert "let x = std::collections::BTreeMap::from([(String::new(), 0.0)]); // values by their keys" in files["README.md"]
    assert "tensors[0].read_pairs(npz, sample)?" in files["src/arrays.rs"]


def test_a_report_says_what_it_maps(tmp_path: Path) -> None:
    onnx.save(vectorizer(), tmp_path / "m.onnx")
    assert "x: map from string to float32" in inspection.inspect(tmp_path / "m.onnx", Options()).text()


@pytest.mark.parametrize(
    ("proto", "message"),
    [
        (model("DictVectorizer", OF_WORDS), "one of int64_vocabulary and string_vocabulary must be given"),
        (
            model("DictVectorizer", OF_WORDS, int64_vocabulary=[1]),
            "a vocabulary of integers for a map from string to float32",
        ),
        (
            model("DictVectorizer", (I64, F32), string_vocabulary=WORDS),
            "a vocabulary of strings for a map from int64 to float32",
        ),
        (
            model("DictVectorizer", (I64, TensorProto.INT32), int64_vocabulary=[1]),
            r"input 0 \(X\) cannot be of type map from int64 to int32",
        ),
        (model("CastMap", (I64, F32), map_form="THIN"), "there is no cast_to=TO_FLOAT with map_form=THIN and max_map=1"),
        (model("CastMap", (I64, F32), map_form="SPARSE", max_map=0), "map_form=SPARSE and max_map=0"),
        (model("CastMap", (I64, F32), cast_to="TO_BOOL"), "cast_to=TO_BOOL"),
        (model("CastMap", (I64, F32), cast_to="TO_STRING"), "a cast of numbers to strings is not supported"),
        (model("CastMap", (I64, STRING), cast_to="TO_FLOAT"), "a cast of strings is not supported"),
        (
            model("CastMap", (I64, STRING), cast_to="TO_STRING", map_form="SPARSE", max_map=3),
            "the form SPARSE of strings is not supported",
        ),
        (model("Identity", OF_WORDS, domain=""), r"input 0 \(input\) cannot be of type map from string to float32"),
        (vectorizer(output="x"), "output 'x': is a map; only inputs can be maps"),
        (
            model("DictVectorizer", (F32, F32), int64_vocabulary=[1]),
            "input 'x': is a map whose keys are float32; int64 and string are supported",
        ),
        (model("CastMap", (I64, TensorProto.BFLOAT16)), "input 'x': has element type BFLOAT16, which is not supported"),
    ],
)
def test_refusals(proto: onnx.ModelProto, message: str) -> None:
    with pytest.raises(Onnx2RustError, match=message):
        importer.read(proto, Options())


def test_what_is_drawn_is_in_the_vocabulary(tmp_path: Path) -> None:
    data = samples.make(vectorizer(), importer.read(vectorizer(), Options()), None)
    assert set(data.arrays["x"]["keys"].ravel().tolist()) == set(WORDS)
    numbers = model("DictVectorizer", (I64, TensorProto.DOUBLE), int64_vocabulary=[5, -(2**40)])
    found = flat(samples.make(numbers, importer.read(numbers, Options()), None).arrays)
    assert set(found["x/keys"].ravel().tolist()) == {5, -(2**40)}
    assert {name: (array.dtype, array.shape) for name, array in found.items()} == {
        "x/keys": (np.dtype(np.int64), (4, 3)),
        "x/values": (np.dtype(np.float64), (4, 3)),
        "predictions": (np.dtype(np.float64), (4, 2)),
    }
    places = model("CastMap", (I64, F32), map_form="SPARSE", max_map=2)
    assert set(samples.make(places, importer.read(places, Options()), None).arrays["x"]["keys"].ravel()) == {0, 1, 2}


def test_a_features_file_holds_keys_and_values(tmp_path: Path) -> None:
    proto = vectorizer()
    program = importer.read(proto, Options())
    keys, values = np.array([["a", "ü"], ["a", "a"]]), np.array([[1.0, 2.0], [3.0, 4.0]])
    path = tmp_path / "features.npz"

    def problem(arrays: dict[str, Any]) -> str:
        path.write_bytes(npz.encode(arrays))
        with pytest.raises(InvalidModelError) as caught:
            samples.read(path, program)
        return caught.value.problems[0].what

    assert problem({"x/keys": keys}) == "lacks an array 'x/values'"
    assert problem({"x/keys": values, "x/values": values}) == "array 'x/keys' holds float64, the model needs string"
    assert problem({"x/keys": keys, "x/values": values[0]}) == (
        "arrays 'x/keys' and 'x/values' have shapes [2, 2] and [2], not one of [samples, pairs]"
    )
    path.write_bytes(npz.encode({"x": pairs(keys, values)}))
    data = samples.make(proto, program, path)
    assert data.arrays["predictions"].tolist() == [[0, 2, 1], [0, 0, 4]], "of a key that stands there twice the last value counts"
    assert isinstance(program.inputs[0].type, MapType)


@pytest.mark.slow
def test_the_crate_of_a_map_passes_its_tests(tmp_path: Path) -> None:
    onnx.save(vectorizer(), tmp_path / "words.onnx")
    crate = onnx2rust.convert(tmp_path / "words.onnx", tmp_path / "words", Options(layers=rust_tools.all_layers())).crate
    done = rust_tools.cargo(crate, "test")
    assert done.returncode == 0, done.stdout + done.stderr

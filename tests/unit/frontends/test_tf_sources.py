"""Every kind of TensorFlow source: numbers, names, order, symbols, refusals, and the same bytes twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from frontend_sources import Sources, io_names, run_onnx

from onnx2rust.base.errors import InvalidModelError, Onnx2RustError, UnsupportedError, UsageError
from onnx2rust.base.options import Options
from onnx2rust.frontends import Loaded, load_many

pytestmark = pytest.mark.slow

EXACT = [
    "keras3", "keras3_h5", "export", "dicts", "keras2_h5", "keras2", "keras2_saved_model", "module_call",
    "tflite_float", "tflite_fp16", "tflite_pool_dense", "tflite_sparse",
]  # fmt: skip
QUANTISED = [("tflite_dynamic", 0.05), ("tflite_sparse_dynamic", 0.05), ("tflite_int8", 3 / 256), ("tflite_int8_all", 3)]


@pytest.mark.parametrize("name", EXACT)
def test_numbers_are_those_of_the_framework(sources: Sources, name: str) -> None:
    values, expected = sources.answers[name]
    outputs = run_onnx(sources.loaded(name), *values)
    assert len(outputs) == len(expected)
    for got, want in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=2e-5)


@pytest.mark.parametrize(("name", "tolerance"), QUANTISED)
def test_quantised_numbers_are_near_the_interpreter(sources: Sources, name: str, tolerance: float) -> None:
    values, expected = sources.answers[name]
    (got,) = run_onnx(sources.loaded(name), *values)
    np.testing.assert_allclose(got, expected[0], rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("keras3", ["zebra", "apple"], ["top", "aside"]),
        ("keras3_h5", ["zebra", "apple"], ["top", "aside"]),
        ("export", ["zebra", "apple"], ["output_0", "output_1"]),
        ("dicts", ["b", "a"], ["second", "first"]),
        ("keras2_h5", ["zebra", "apple"], ["score"]),
        ("keras2", ["zebra", "apple"], ["score"]),
        ("keras2_saved_model", ["zebra", "apple"], ["score"]),
        ("module_call", ["x"], ["output_0"]),
        ("tflite_float", ["image"], ["output_0"]),
    ],
)
def test_names_and_order_are_the_authors(sources: Sources, name: str, inputs: list[str], outputs: list[str]) -> None:
    assert io_names(sources.loaded(name)) == (inputs, outputs)


def test_kinds(sources: Sources) -> None:
    kinds = {name: (r.kind, r.frontend) for name in EXACT for r in [sources.loaded(name)]}
    assert kinds["keras3_h5"] == kinds["keras2"] == ("tensorflow", "keras")
    assert kinds["export"] == kinds["module_call"] == ("tensorflow", "saved-model")
    assert kinds["tflite_fp16"] == ("tflite", "tflite")


def test_symbols(sources: Sources) -> None:
    for name in ("keras3", "export"):
        graph = sources.loaded(name).proto.graph
        dims = [[d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in graph.input]
        assert dims == [["batch", 4], ["batch", "seq", 3]]
        dims = [[d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in graph.output]
        assert dims == [["batch", 2], ["batch", 1]]
    graph = sources.loaded("fixed_batch").proto.graph
    assert [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim] == [4, 3]


def test_nodes_and_weights_carry_the_layer_names(sources: Sources) -> None:
    for name in ("keras3", "keras3_h5", "export"):
        graph = sources.loaded(name).proto.graph
        scopes = {node.name.split("/")[0] for node in graph.node}
        assert scopes <= {"stem", "embed", "pool", "join", "top", "aside"}
        assert {"stem/kernel", "stem/bias", "top/kernel", "top/bias"} <= {t.name for t in graph.initializer}


def test_the_same_file_gives_the_same_bytes(sources: Sources) -> None:
    # Several times: sets ordered by addresses in memory come out the same often enough to hide.
    names = ["export", "tflite_int8", "module_call", "keras2", "keras3", *["tflite_int8", "keras3"] * 6]
    again = load_many([sources.paths[name] for name in names], Options())
    for name, result in zip(names, again, strict=True):
        assert not isinstance(result, Onnx2RustError)
        first = sources.loaded(name).encoded
        assert result.encoded == first, name


def test_signatures(sources: Sources) -> None:
    message = sources.error("module_two", UsageError)
    assert message.endswith("the model has several signatures: plain, shifted\n    → choose with --signature")
    loaded = sources.loaded("module_shifted")
    assert io_names(loaded) == (["a", "x"], ["first", "sum"])
    values, expected = sources.answers["module_shifted"]
    for got, want in zip(run_onnx(loaded, values[1], values[0]), expected, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)
    message = sources.error("module_plane", UsageError)
    assert "no signature is called 'plane'\n    → the model has: plain, shifted" in message
    assert sources.loaded("module_call").notes == ("the model has no signature: its __call__ was converted",)
    assert "no signature and no traced __call__" in sources.error("module_untraced", UnsupportedError)


def test_graph_def(sources: Sources) -> None:
    message = sources.error("graphdef", UsageError)
    assert "a frozen graph does not say what its inputs and outputs are" in message
    assert "give --input and --output; it has placeholders pixels and ends in out" in message
    values, expected = sources.answers["graphdef"]
    loaded = sources.loaded("graphdef_out")
    assert io_names(loaded) == (["pixels"], ["out"])
    np.testing.assert_allclose(run_onnx(loaded, *values)[0], expected[0], atol=1e-6)
    loaded = sources.loaded("graphdef_relu")
    assert io_names(loaded) == (["pixels"], ["dense/Relu"])
    assert loaded.notes == ("all placeholders were taken as inputs: pixels",)
    assert "no node is called 'nowhere'" in sources.error("graphdef_nowhere", UsageError)


def test_code_in_a_file_is_never_run(sources: Sources) -> None:
    for name in ("lambda_keras", "lambda_h5", "keras2_lambda"):
        message = sources.error(name, UnsupportedError)
        assert "layer 'twice': a Lambda layer holds Python code, which is never run from a file" in message
        assert "model.export" in message


CUSTOM = """
import keras

@keras.saving.register_keras_serializable("mine")
class Scale(keras.layers.Layer):
    def __init__(self, by, **options):
        super().__init__(**options)
        self.by = by

    def call(self, x):
        print("noise on stdout")
        return x * self.by

    def get_config(self):
        return {**super().get_config(), "by": self.by}
"""


def test_custom_objects(tmp_path: Path, sources: Sources) -> None:
    import keras

    modules = {"scale": CUSTOM, "empty": "", "exits": "\nraise SystemExit('not today')"}
    for name, text in modules.items():
        (tmp_path / f"{name}.py").write_text(text)
    names: dict[str, object] = {}
    exec(CUSTOM, names)
    scale = names["Scale"]
    assert callable(scale)
    path = tmp_path / "custom.keras"
    keras.Sequential([keras.Input((3,), name="x"), scale(3.0, name="scaled")]).save(path)
    # one process reads them all: what one of them registers must not help another
    asked = [Options(), *(Options(custom_objects=tmp_path / f"{name}.py") for name in modules), Options()]
    without, loaded, lacking, refused, again = load_many([path] * len(asked), asked)
    hint = "models are code: if you trust it, give its Python source with --custom-objects module.py"
    for result in (without, again):
        assert isinstance(result, UnsupportedError)
        assert str(result) == f"{path}, 'scaled': Scale is not part of Keras\n    → {hint}"
    assert isinstance(loaded, Loaded)
    np.testing.assert_array_equal(run_onnx(loaded, np.ones((2, 3), np.float32))[0], np.full((2, 3), 3.0, np.float32))
    assert isinstance(lacking, UnsupportedError)
    assert "define or import Scale in the --custom-objects module" in str(lacking)
    assert isinstance(refused, UsageError)
    assert str(refused) == f"--custom-objects {tmp_path / 'exits.py'}, line 2: SystemExit: not today"


def test_damaged_files(sources: Sources) -> None:
    for name in ("keras3", "keras3_h5", "tflite_float", "graphdef"):
        assert sources.error(f"truncated_{name}", InvalidModelError)
    assert "not a readable SavedModel" in sources.error("broken_saved_model", InvalidModelError)
    assert "not a readable SavedModel" in sources.error("bare_saved_model", InvalidModelError)
    assert "the file holds weights, not a model" in sources.error("weights_only", InvalidModelError)


def test_int16x8_is_refused_by_name(sources: Sources) -> None:
    assert "int16x8 quantization" in sources.error("tflite_int16x8", UnsupportedError)


def test_state_is_refused_by_name(sources: Sources) -> None:
    message = "state is kept between calls, in variables 'total'\n    → make the state an input and an output of the model"
    assert message in sources.error("tflite_state", UnsupportedError)


def test_sparse_weights_are_written_out(sources: Sources) -> None:
    assert "sparse weights are written out: the crate computes with their zeros" in sources.loaded("tflite_sparse").notes


def test_keras_models_can_be_cut(sources: Sources) -> None:
    proto = sources.loaded("keras3_stem").proto
    assert [value.name for value in proto.graph.input] == ["zebra"]
    assert {node.name.split("/")[0] for node in proto.graph.node} == {"stem"}

"""ONNX files as they come, and as an attacker would make them: a clear error in bounded time and memory, or a clean model."""

from __future__ import annotations

import os
import random
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx2rust.base.errors import InvalidModelError, Onnx2RustError, UnsupportedError, UsageError
from onnx2rust.base.options import Options
from onnx2rust.frontends import load
from onnx2rust.model.reference import Reference


def _model(**changes: object) -> onnx.ModelProto:
    """y = relu(x · w) + b, three nodes."""
    w = numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(4, 3), "w")
    b = numpy_helper.from_array(np.ones(3, dtype=np.float32), "b")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="dense"),
        helper.make_node("Relu", ["h"], ["r"], name="act"),
        helper.make_node("Add", ["r", "b"], ["y"], name="shift"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 3])
    graph = helper.make_graph(nodes, "g", [x], [y], [w, b])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def _save(tmp_path: Path, model: onnx.ModelProto) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def _error(tmp_path: Path, model: onnx.ModelProto, kind: type[Onnx2RustError] = InvalidModelError) -> str:
    with pytest.raises(kind) as caught:
        load(_save(tmp_path, model), Options())
    return str(caught.value)


def test_a_good_file(tmp_path: Path) -> None:
    loaded = load(_save(tmp_path, _model()), Options())
    assert (loaded.kind, loaded.frontend, loaded.notes) == ("onnx", "onnx", ())
    assert [node.name for node in loaded.proto.graph.node] == ["dense", "act", "shift"]
    dims = loaded.proto.graph.input[0].type.tensor_type.shape.dim
    assert (dims[0].dim_param, dims[1].dim_value) == ("batch", 4)
    assert loaded.proto.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_named_symbols_stay_and_numbered_ones_go(tmp_path: Path) -> None:
    model = _model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "rows"
    dims = load(_save(tmp_path, model), Options()).proto.graph.input[0].type.tensor_type.shape.dim
    assert dims[0].dim_param == "rows"
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "unk__17"
    dims = load(_save(tmp_path, model), Options()).proto.graph.input[0].type.tensor_type.shape.dim
    assert dims[0].dim_param == "batch"


def test_placeholders_are_not_one_size(tmp_path: Path) -> None:
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["?", 3, "?", "?"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["?", 3, "?", "?"])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [image], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    dims = load(_save(tmp_path, model), Options()).proto.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == ["batch", 3, "height", "width"]


def test_a_size_that_the_model_calls_batch_is_not_another_one(tmp_path: Path) -> None:
    open_: dict[str, Any] = {"x": ["?", 3, "batch"], "z": ["unk__1"]}
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in open_.items()]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 3, None])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", inputs, [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    found = load(_save(tmp_path, model), Options()).proto.graph.input
    shapes = [[d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in found]
    assert shapes == [["batch_1", 3, "batch"], ["batch_1"]]


def test_nodes_are_sorted(tmp_path: Path) -> None:
    model = _model()
    nodes = [model.graph.node[i] for i in (2, 0, 1)]
    copies = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    loaded = load(_save(tmp_path, model), Options())
    assert [node.name for node in loaded.proto.graph.node] == ["dense", "act", "shift"]


def test_initializers_among_the_inputs_become_constants(tmp_path: Path) -> None:
    model = _model()
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 3]))
    loaded = load(_save(tmp_path, model), Options())
    assert [value.name for value in loaded.proto.graph.input] == ["x"]
    assert loaded.notes == ("inputs with an initializer are constants, not inputs: w",)


def test_a_cycle_names_its_nodes(tmp_path: Path) -> None:
    model = _model()
    model.graph.node[0].input[0] = "r"
    assert _error(tmp_path, model) == "the graph has a cycle: MatMul 'dense' → Relu 'act' → MatMul 'dense'"


def test_a_name_that_nothing_defines(tmp_path: Path) -> None:
    model = _model()
    model.graph.node[1].input[0] = "nowhere"
    model.graph.output[0].name = "z"
    message = _error(tmp_path, model)
    assert "Relu 'act': reads 'nowhere', which nothing defines" in message
    assert "graph output 'z' is defined by nothing" in message


def test_a_graph_without_outputs(tmp_path: Path) -> None:
    model = _model()
    del model.graph.output[:]
    assert _error(tmp_path, model) == "the graph has no outputs\n    → --output NAME gives a tensor of it"
    loaded = load(tmp_path / "model.onnx", Options(outputs=("r",)))
    assert [value.name for value in loaded.proto.graph.output] == ["r"]


def test_two_writers_of_one_name(tmp_path: Path) -> None:
    model = _model()
    model.graph.node[1].output[0] = "h"
    assert _error(tmp_path, model) == "Relu 'act': tensor 'h' is already written by MatMul 'dense'"


def test_the_checker_is_translated(tmp_path: Path) -> None:
    model = _model()
    model.graph.node[1].attribute.append(helper.make_attribute("bogus", 3))
    message = _error(tmp_path, model)
    assert message == "Relu 'act': breaks the ONNX specification: Unrecognized attribute: bogus for operator Relu"


def _set_ir(model: onnx.ModelProto) -> None:
    model.ir_version = 99


def _set_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 999


def _no_opset(model: onnx.ModelProto) -> None:
    del model.opset_import[:]


def _two_opsets(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("", 17))


def _giant(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [2**40, 2**40]


def _negative(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [-4, -3]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set_ir, "IR version 99 is unknown"),
        (_set_opset, "opset 999 is unknown"),
        (_no_opset, "does not say which opset"),
        (_two_opsets, "'ai.onnx' is imported in two versions"),
        (_giant, "needs 4835703278458516698824704 bytes, the file has 48"),
        (_negative, "negative dimension in [-4, -3]"),
    ],
)
def test_headers_and_sizes(tmp_path: Path, change: Callable[[onnx.ModelProto], None], words: str) -> None:
    model = _model()
    change(model)
    tracemalloc.start()
    message = _error(tmp_path, model)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()
    assert words in message


def test_truncated_and_corrupted_files_end_in_an_error_soon(tmp_path: Path) -> None:
    data = _model().SerializeToString()
    path = tmp_path / "model.onnx"
    rng = random.Random(5)
    started = time.monotonic()
    for length in range(1, len(data), 7):
        path.write_bytes(data[:length])
        with pytest.raises(Onnx2RustError):
            load(path, Options())
    for _ in range(300):
        broken = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        path.write_bytes(bytes(broken))
        try:
            load(path, Options())
        except Onnx2RustError:
            continue
    assert time.monotonic() - started < 30


def test_noise_and_other_protobufs(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(random.Random(1).randbytes(5000))
    with pytest.raises(InvalidModelError, match="not an ONNX file, or truncated"):
        load(path, Options())
    path.write_bytes(b"\x08\x08")
    with pytest.raises(InvalidModelError, match="holds no graph"):
        load(path, Options())


def test_bodies_that_nest_without_end(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y0"])], "b", [], [helper.make_tensor_value_info("y0", 1, [1])]
    )
    for depth in range(20):
        out = helper.make_tensor_value_info(f"y{depth + 1}", 1, [1])
        node = helper.make_node("If", ["c"], [f"y{depth + 1}"], then_branch=graph, else_branch=onnx.GraphProto())
        graph = helper.make_graph([node], "b", [], [out])
    graph.input.extend([helper.make_tensor_value_info("x", 1, [1]), helper.make_tensor_value_info("c", 9, [])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidModelError, match="nest deeper than 16"):
        load(path, Options())


def _external(tmp_path: Path, location: str, offset: int = 0, length: int | None = None) -> onnx.ModelProto:
    model = _model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", str(offset)), ("length", str(48 if length is None else length))):
        tensor.external_data.add(key=key, value=value)
    return model


def test_external_data_is_read_in(tmp_path: Path) -> None:
    weights = np.arange(12, dtype=np.float32)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "w.bin").write_bytes(b"12345678" + weights.tobytes())
    loaded = load(_save(tmp_path, _external(tmp_path, "sub/w.bin", 8)), Options())
    tensor = loaded.proto.graph.initializer[0]
    assert tensor.data_location == TensorProto.DEFAULT
    assert not tensor.external_data
    np.testing.assert_array_equal(numpy_helper.to_array(tensor).ravel(), weights)


def test_external_data_stays_inside_the_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(48))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link").symlink_to(secret)
    (folder / "dir").symlink_to(tmp_path)
    os.link(secret, folder / "inside")
    for location in ("../secret", str(secret), "a/../../secret", "dir/secret", "..\\secret"):
        assert "lies outside the model's folder" in _error(folder, _external(folder, location))
    assert "lies outside the model's folder" in _error(folder, _external(folder, "link"))
    (folder / "here").symlink_to(folder / "inside")
    assert "is a symbolic link" in _error(folder, _external(folder, "here"))
    assert "is missing" in _error(folder, _external(folder, "nothing"))
    assert "without a location" in _error(folder, _external(folder, ""))
    load(_save(folder, _external(folder, "inside")), Options())


def test_external_data_that_lies(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(40))
    assert "ends before byte 48; it is truncated" in _error(tmp_path, _external(tmp_path, "w.bin"))
    assert "has 40 at offset 0" in _error(tmp_path, _external(tmp_path, "w.bin", length=40))
    assert "must be non-negative" in _error(tmp_path, _external(tmp_path, "w.bin", -8))
    model = _external(tmp_path, "w.bin")
    model.graph.initializer[0].dims[:] = [2**31, 2**10]
    assert "claims more than" in _error(tmp_path, model)
    model = _external(tmp_path, "w.bin")
    model.graph.initializer[0].external_data[1].value = "eight"
    assert "cannot be read" in _error(tmp_path, model)


def test_model_local_functions_are_inlined(tmp_path: Path) -> None:
    model = _model()
    body = [helper.make_node("Relu", ["a"], ["t"]), helper.make_node("Neg", ["t"], ["b"])]
    model.functions.append(helper.make_function("mine", "NegRelu", ["a"], ["b"], body, [helper.make_opsetid("", 18)]))
    model.opset_import.append(helper.make_opsetid("mine", 1))
    model.graph.node[1].CopyFrom(helper.make_node("NegRelu", ["h"], ["r"], name="act", domain="mine"))
    loaded = load(_save(tmp_path, model), Options())
    assert [node.op_type for node in loaded.proto.graph.node] == ["MatMul", "Relu", "Neg", "Add"]
    assert not loaded.proto.functions
    x = np.ones((2, 4), np.float32)
    before = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    after = ort.InferenceSession(loaded.proto.SerializeToString()).run(None, {"x": x})
    np.testing.assert_array_equal(before, after)


def test_a_recursive_function_is_refused(tmp_path: Path) -> None:
    model = _model()
    body = [helper.make_node("Loop_", ["a"], ["b"], domain="mine")]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    model.functions.append(helper.make_function("mine", "Loop_", ["a"], ["b"], body, opsets))
    model.opset_import.append(helper.make_opsetid("mine", 1))
    assert _error(tmp_path, model) == "model-local function 'Loop_' calls itself"


def test_training_information_is_refused(tmp_path: Path) -> None:
    model = _model()
    model.training_info.add()
    assert "training information" in _error(tmp_path, model, UnsupportedError)


def test_a_split_into_more_parts_than_it_says(tmp_path: Path) -> None:
    """onnx's shape inference would end the process."""
    model = _model()
    model.graph.node.append(helper.make_node("Split", ["r"], ["p", "q", "s"], name="parts", axis=1, num_outputs=2))
    assert _error(tmp_path, model) == "Split 'parts': 3 outputs, but num_outputs is 2"


@pytest.mark.parametrize("constant", ["initializer", "node"])
def test_a_step_at_the_end_of_the_integers(tmp_path: Path, constant: str) -> None:
    """onnx's propagation of shapes would read outside of a list, and end the process."""
    far = numpy_helper.from_array(np.array([2**31 - 1]), "far")
    names = {"zero": numpy_helper.from_array(np.array([0]), "zero"), "from": numpy_helper.from_array(np.array([-1]), "from")}
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Slice", ["s", "from", "far", "zero", "far"], ["last"]),
        helper.make_node("Slice", ["x", "zero", "last"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, 4]) for n in "xy")
    given = [*names.values(), far] if constant == "initializer" else list(names.values())
    made = [] if constant == "initializer" else [helper.make_node("Constant", [], ["far"], value=far)]
    graph = helper.make_graph([*made, *nodes], "g", [x], [y], given)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    loaded = load(_save(tmp_path, model), Options()).proto
    kept = [*loaded.graph.initializer, *(a.t for node in loaded.graph.node for a in node.attribute)]
    assert [2**31 - 1] in [numpy_helper.to_array(t).tolist() for t in kept]


def test_cutting(tmp_path: Path) -> None:
    path = _save(tmp_path, _model())
    proto = load(path, Options(outputs=("h",))).proto
    assert [node.name for node in proto.graph.node] == ["dense"]
    assert [t.name for t in proto.graph.initializer] == ["w"]
    assert proto.graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    proto = load(path, Options(inputs=("h",))).proto
    assert [value.name for value in proto.graph.input] == ["h"]
    assert [node.name for node in proto.graph.node] == ["act", "shift"]
    ort.InferenceSession(proto.SerializeToString()).run(None, {"h": np.ones((2, 3), np.float32)})


def test_cutting_where_the_file_tells_no_shape(tmp_path: Path) -> None:
    """burn-onnx's files, and those made by hand."""
    for info in (onnx.ValueInfoProto(name="h"), helper.make_tensor_value_info("h", TensorProto.FLOAT, None)):
        model = _model()
        model.graph.value_info.append(info)
        proto = load(_save(tmp_path, model), Options(inputs=("h",))).proto
        (given,) = proto.graph.input
        assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["batch", 3]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(outputs=("hh",)), "--output: no tensor is called 'hh'\n    → did you mean 'h'"),
        (Options(inputs=("r",), outputs=("h",)), "--input: the outputs also need input 'x'"),
        (Options(inputs=("x", "r")), "--input: the outputs do not depend on 'x'"),
    ],
)
def test_cutting_where_it_cannot_be_done(tmp_path: Path, options: Options, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(_save(tmp_path, _model()), options)
    assert words in str(caught.value)


def test_a_top_k_in_any_order_is_sorted_for_the_reference_too(tmp_path: Path) -> None:
    """onnxruntime leaves them as its heap has them: no other program gives that order."""
    values = np.random.default_rng(3).standard_normal((2, 40)).astype(np.float32)
    node = helper.make_node("TopK", ["x", "k"], ["y", "i"], sorted=0)
    infos = [helper.make_tensor_value_info(n, t, s) for n, t, s in (("x", 1, [2, 40]), ("y", 1, [2, 9]), ("i", 7, [2, 9]))]
    graph = helper.make_graph([node], "g", infos[:1], infos[1:], [numpy_helper.from_array(np.array([9]), "k")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    loaded = load(_save(tmp_path, model), Options())
    assert loaded.notes == ("TopK with sorted=0 gives elements in any order: here, and in the reference, they are sorted",)
    free = ort.InferenceSession(model.SerializeToString()).run(None, {"x": values})[0]
    largest = np.sort(values)[:, : -9 - 1 : -1]
    assert not np.array_equal(free, largest)
    np.testing.assert_array_equal(Reference(loaded.proto).run({"x": values})[0], largest)

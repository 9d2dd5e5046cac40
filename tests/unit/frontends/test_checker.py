"""What `onnx.checker` does not take: a note where onnxruntime runs the model, an error where it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx2rust import importer
from onnx2rust.base.errors import InvalidModelError
from onnx2rust.base.options import Options
from onnx2rust.frontends import checker, load

Change = Callable[[onnx.ModelProto], None]
FLOAT = TensorProto.FLOAT


def _model(opset: int = 18) -> onnx.ModelProto:
    """y = softmax(relu(x) + w)."""
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], name="act"),
        helper.make_node("Add", ["r", "w"], ["s"], name="shift"),
        helper.make_node("Softmax", ["s"], ["y"], name="soft", axis=1),
    ]
    infos = [helper.make_tensor_value_info(n, FLOAT, [2, 4]) for n in ("x", "s", "y")]
    weights = [numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")]
    graph = helper.make_graph(nodes, "g", infos[:1], infos[2:], weights, value_info=infos[1:2])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def _judges(model: onnx.ModelProto) -> tuple[bool, bool]:
    """Whether the checker takes the model, and whether onnxruntime loads and runs it."""
    try:
        onnx.checker.check_model(model)
        checked = True
    except onnx.checker.ValidationError:
        checked = False
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        session.run(None, {"x": np.ones((2, 4), np.float32)})
    except Exception:  # onnxruntime's exceptions share no narrower base
        return checked, False
    return checked, True


def _save(tmp_path: Path, model: onnx.ModelProto) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def _no_type(model: onnx.ModelProto) -> None:
    model.graph.output[0].ClearField("type")


def _no_shape(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.ClearField("shape")


def _empty_type(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.Clear()
    model.graph.output[0].type.SetInParent()


def _no_graph_name(model: onnx.ModelProto) -> None:
    model.graph.name = ""


def _old(model: onnx.ModelProto) -> None:
    model.ir_version = 3


def _info_without(field: str) -> Change:
    def change(model: onnx.ModelProto) -> None:
        info = model.graph.value_info[0]
        (info if field == "type" else info.type.tensor_type).ClearField(field)

    return change


def _node(op: str, *inputs: str, **attributes: Any) -> Change:
    """Another last node."""

    def change(model: onnx.ModelProto) -> None:
        model.graph.node[2].CopyFrom(helper.make_node(op, list(inputs), ["y"], name="soft", **attributes))

    return change


def _of(opset: int, change: Change) -> Change:
    def both(model: onnx.ModelProto) -> None:
        model.opset_import[0].version = opset
        change(model)

    return both


TAKES = "onnx.checker does not take the model, onnxruntime does: "
NO_OPERATOR = TAKES + "No Op registered for {} with domain_version of {}"
RUN = {
    "an output without a type": (_no_type, TAKES + "Field 'type' of 'value_info' is required but missing."),
    "an output without a shape": (_no_shape, TAKES + "Field 'shape' of 'type' is required but missing."),
    "an output with an empty type": (_empty_type, TAKES + "Unrecognized type value case (value_info name: y): 0"),
    "a value without a type": (_info_without("type"), None),
    "a value without a shape": (_info_without("shape"), None),
    "a graph without a name": (_no_graph_name, TAKES + "Field 'name' of 'graph' is required to be non-empty."),
    "a constant that is no input of an old file": (_old, TAKES + "w in initializer but not in graph input"),
    "LayerNormalization at 13": (
        _of(13, _node("LayerNormalization", "s", "w", "w", axis=-1)),
        NO_OPERATOR.format("LayerNormalization", 13),
    ),
    "SimplifiedLayerNormalization": (
        _node("SimplifiedLayerNormalization", "s", "w"),
        NO_OPERATOR.format("SimplifiedLayerNormalization", 18),
    ),
}


@pytest.mark.parametrize("name", RUN)
def test_what_onnxruntime_runs_is_a_model(tmp_path: Path, name: str) -> None:
    change, note = RUN[name]
    model = _model()
    change(model)
    assert _judges(model) == (note is None, True)
    loaded = load(_save(tmp_path, model), Options())
    assert loaded.notes == (() if note is None else (note,))
    (output,) = importer.read(loaded.proto, Options()).outputs
    assert str(output.type) == "float32[2, 4]"


def test_the_long_name_of_the_domain(tmp_path: Path) -> None:
    model = _model()
    model.graph.node[0].domain = "ai.onnx"
    assert _judges(model) == (False, True)
    loaded = load(_save(tmp_path, model), Options())
    assert (loaded.notes, loaded.proto.graph.node[0].domain) == ((), "")


def test_bytes_and_values_in_one_tensor(tmp_path: Path) -> None:
    model = _model()
    model.graph.initializer[0].float_data.extend([9, 9, 9, 9])
    assert _judges(model) == (False, True)
    loaded = load(_save(tmp_path, model), Options())
    assert loaded.notes == ()
    assert numpy_helper.to_array(loaded.proto.graph.initializer[0]).tolist() == [0, 1, 2, 3]


def _twice(model: onnx.ModelProto) -> None:
    model.graph.node[2].attribute.append(helper.make_attribute("axis", 0))


def _untyped(model: onnx.ModelProto) -> None:
    model.graph.node[2].attribute[0].type = 0


def _wrong_field(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].ClearField("raw_data")
    model.graph.initializer[0].int32_data.extend([1, 2, 3, 4])


def _two_things(model: onnx.ModelProto) -> None:
    _no_type(model)
    model.graph.node[0].input.append("w")
    model.graph.node[1].output.append("more")


SPEC = "breaks the ONNX specification: "
SIZE = "Node({}) with schema(::{}:14) has {} size 2 not in range [min=1, max=1]."
ILL = {
    "unknown attribute": (
        _node("Relu", "s", bogus=1),
        [f"Relu 'soft': {SPEC}Unrecognized attribute: bogus for operator Relu"],
    ),
    "attribute of another type": (
        _node("Softmax", "s", axis=1.0),
        [f"Softmax 'soft': {SPEC}Mismatched attribute type in 'soft : axis'. Expected: 'INT', actual: 'FLOAT'"],
    ),
    "attribute without a type": (
        _untyped,
        [f"Softmax 'soft': {SPEC}type field and data field mismatch in attribute axis."],
    ),
    "attribute twice": (_twice, [f"Softmax 'soft': {SPEC}Attribute 'axis' appeared multiple times."]),
    "required attribute": (_node("Cast", "s"), [f"Cast 'soft': {SPEC}Required attribute 'to' is missing."]),
    "no such operator": (_node("Foo", "s"), [f"Foo 'soft': {SPEC}No Op registered for Foo with domain_version of 18"]),
    "operator of a later opset": (
        _of(10, _node("HardSwish", "s")),
        [f"HardSwish 'soft': {SPEC}No Op registered for HardSwish with domain_version of 10"],
    ),
    "values in another type's field": (
        _wrong_field,
        [f"initializer 'w': {SPEC}values of data_type '1' should be stored in field 'float_data' instead of 'int32_data'"],
    ),
    "two things, and one that is none": (
        _two_things,
        [
            f"Relu 'act': {SPEC}" + SIZE.format("act", "Relu", "input"),
            f"Add 'shift': {SPEC}" + SIZE.format("shift", "Add", "output"),
        ],
    ),
}


@pytest.mark.parametrize("name", ILL)
def test_what_neither_takes_is_ill_formed(tmp_path: Path, name: str) -> None:
    change, messages = ILL[name]
    model = _model()
    change(model)
    assert _judges(model) == (False, False)
    with pytest.raises(InvalidModelError) as caught:
        load(_save(tmp_path, model), Options())
    assert list(map(str, caught.value.problems)) == messages


def test_a_constant_defined_twice(tmp_path: Path) -> None:
    model = _model()
    model.graph.initializer.append(model.graph.initializer[0])
    with pytest.raises(InvalidModelError, match="initializer 'w': is defined 2 times"):
        load(_save(tmp_path, model), Options())


def test_an_operator_of_onnxruntime_is_held_to_its_specification(tmp_path: Path) -> None:
    model = _model(13)
    _node("LayerNormalization", "s", bogus=1)(model)
    loaded = load(_save(tmp_path, model), Options())
    with pytest.raises(InvalidModelError) as caught:
        importer.read(loaded.proto, Options())
    where = "node 2 'soft' (LayerNormalization, opset 13) on (float32[2, 4])"
    assert str(caught.value) == (
        f"{where}: unknown attribute 'bogus' of LayerNormalization\n    → the model does not follow the ONNX specification"
    )


NUMBERS = {
    "axis", "batch_axis", "batch_dims", "block_size", "blocksize", "chunk_size", "dtype", "end", "group", "hidden_size",
    "ignore_index", "k", "kv_num_heads", "left_window_size", "max_gram_length", "max_skip_count", "maxsplit",
    "min_gram_length", "num_groups", "num_heads", "num_outputs", "num_scan_inputs", "offset_group", "output_datatype",
    "output_dtype", "output_height", "output_width", "p", "precision", "q_num_heads", "qk_matmul_output_mode",
    "right_window_size", "rotary_embedding_dim", "sample_size", "sampling_ratio", "seed", "size", "softmax_precision",
    "start", "stash_type", "time_axis", "to", "value_int",
}  # fmt: skip
"""Integer attributes that are no booleans. (`consumed_inputs`, of operators that no opset from 7 selects, are lists.)"""


def test_every_integer_attribute_is_a_number_or_a_boolean() -> None:
    integers = {
        name
        for schema in onnx.defs.get_all_schemas_with_history()
        if schema.domain == ""
        for name, attribute in schema.attributes.items()
        if attribute.type == onnx.defs.OpSchema.AttrType.INT
    }
    assert not NUMBERS & checker.BOOLEANS
    assert integers == NUMBERS | checker.BOOLEANS


@pytest.mark.parametrize("value", [2, -1, 2**62])
@pytest.mark.parametrize(
    ("op", "attribute", "more"),
    [
        ("ReduceSum", "keepdims", {}),
        ("ReduceSum", "noop_with_empty_axes", {}),
        ("ArgMax", "select_last_index", {}),
        ("TopK", "largest", {}),
        ("TopK", "sorted", {}),
        ("Reshape", "allowzero", {}),
        ("MaxPool", "ceil_mode", {"kernel_shape": [1, 1]}),
        ("Attention", "is_causal", {}),
    ],
)
def test_what_is_no_boolean_is_invalid(tmp_path: Path, op: str, attribute: str, more: dict[str, Any], value: int) -> None:
    """onnxruntime reads 2 as no in keepdims and as yes in select_last_index, and refuses to load it in CumSum's reverse."""
    inputs = {"ReduceSum": 1, "ArgMax": 1, "MaxPool": 1, "Attention": 3}.get(op, 2)
    model = _model(23)
    model.graph.node[2].CopyFrom(
        helper.make_node(
            op, ["s", "w", "w"][:inputs], ["y", "i"] if op == "TopK" else ["y"], name="soft", **(more | {attribute: value})
        )
    )
    with pytest.raises(InvalidModelError) as caught:
        load(_save(tmp_path, model), Options())
    assert str(caught.value) == f"{op} 'soft': {attribute} is {value}; it is yes or no: 1 or 0"


def test_numbers_out_of_range_and_ill_formed_nodes_are_told_together(tmp_path: Path) -> None:
    model = _model(23)
    _node("Attention", "s", "s", "s", softcap=-1.0, qk_matmul_output_mode=4, is_causal=-1)(model)
    model.graph.node[0].input.append("w")
    with pytest.raises(InvalidModelError) as caught:
        load(_save(tmp_path, model), Options())
    assert list(map(str, caught.value.problems)) == [
        "Attention 'soft': is_causal is -1; it is yes or no: 1 or 0",
        "Attention 'soft': qk_matmul_output_mode is 4; it is 0, 1, 2 or 3",
        "Attention 'soft': softcap is -1; it cannot be negative",
        f"Relu 'act': {SPEC}" + SIZE.format("act", "Relu", "input"),
    ]


@pytest.mark.parametrize(
    ("op", "attributes", "message"),
    [
        ("LpPool", {"kernel_shape": [1], "p": -2}, "p is -2; it is 1 or more"),
        ("GlobalLpPool", {"p": 0}, "p is 0; it is 1 or more"),
        ("Attention", {"softcap": float("nan")}, "softcap is nan; it cannot be negative"),
    ],
)
def test_numbers_that_onnxruntime_takes_and_no_formula_does(
    tmp_path: Path, op: str, attributes: dict[str, Any], message: str
) -> None:
    model = _model(23)
    _node(op, *["s"] * (3 if op == "Attention" else 1), **attributes)(model)
    with pytest.raises(InvalidModelError) as caught:
        load(_save(tmp_path, model), Options())
    assert str(caught.value) == f"{op} 'soft': {message}"


def test_what_onnxruntimes_optimiser_wrote(tmp_path: Path) -> None:
    """A layer normalisation at opset 13, and the domains that it imports into every file."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[-1]),
        helper.make_node("Sub", ["x", "m"], ["d"]),
        helper.make_node("Pow", ["d", "two"], ["p"]),
        helper.make_node("ReduceMean", ["p"], ["v"], axes=[-1]),
        helper.make_node("Add", ["v", "e"], ["ve"]),
        helper.make_node("Sqrt", ["ve"], ["s"]),
        helper.make_node("Div", ["d", "s"], ["n"]),
        helper.make_node("Mul", ["n", "w"], ["nw"]),
        helper.make_node("Add", ["nw", "w"], ["y"]),
    ]
    constants = {"two": np.float32(2), "e": np.float32(1e-5), "w": np.ones(8, np.float32)}
    infos = [helper.make_tensor_value_info(n, FLOAT, ["n", 8]) for n in "xy"]
    weights = [numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()]
    graph = helper.make_graph(nodes, "g", infos[:1], infos[1:], weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    loaded = load(tmp_path / "optimised.onnx", Options())
    assert [node.op_type for node in loaded.proto.graph.node] == ["LayerNormalization"]
    assert loaded.notes == (NO_OPERATOR.format("LayerNormalization", 13),)
    assert [type(s.layer).__name__ for s in importer.read(loaded.proto, Options()).steps] == ["LayerNormalization"]

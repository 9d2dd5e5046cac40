"""Shells as a reviewer reads them: clippy has nothing to say, whatever a model's inputs and outputs are."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import onnx_models
import pytest
import rust_tools
from onnx import TensorProto, helper

from onnx2rust.conversion import pipeline

pytestmark = [pytest.mark.slow, pytest.mark.hosts]
BUILD = rust_tools.BUILD / "hosts_shells"
F32, F16, STRING, BOOL, I64 = (
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.STRING,
    TensorProto.BOOL,
    TensorProto.INT64,
)


def identities(name: str, inputs: dict[str, tuple[int, list[int | str]]]) -> onnx.ModelProto:
    """A model that gives back what it is given."""
    nodes = [helper.make_node("Identity", [n], [f"{n}_out"]) for n in inputs]
    ins = [helper.make_tensor_value_info(n, *of) for n, of in inputs.items()]
    outs = [helper.make_tensor_value_info(f"{n}_out", *of) for n, of in inputs.items()]
    graph = helper.make_graph(nodes, name, ins, outs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def nothing() -> onnx.ModelProto:
    """A model without inputs."""
    node = helper.make_node("Constant", [], ["y"], value_floats=[1.0, 2.0])
    graph = helper.make_graph([node], "nothing", [], [helper.make_tensor_value_info("y", F32, [2])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


MODELS = {
    "digits": onnx_models.digits(),
    "nothing": nothing(),
    "halves": identities("halves", {"x": (F16, ["n", 3])}),
    "texts": identities("texts", {"text": (STRING, ["n"])}),
    "sizes": identities("sizes", {"x": (F32, ["n", "m"]), "flag": (BOOL, ["k", "m"]), "count": (I64, [])}),
}
HOSTS = dict.fromkeys(MODELS, ("c", "python", "server", "wasm", "score")) | {
    "nothing": ("c", "python", "server", "wasm"),
    "texts": ("c", "python", "server", "wasm", "score"),
    "sizes": ("c", "python", "server", "wasm"),
}


@pytest.mark.parametrize("name", MODELS)
def test_clippy_has_nothing_to_say(name: str) -> None:
    folder = BUILD / name
    shutil.rmtree(folder, ignore_errors=True)
    BUILD.mkdir(parents=True, exist_ok=True)
    file = Path(f"{folder}.onnx")
    onnx.save(MODELS[name], file)
    (project,) = pipeline.convert_workspace([file], folder, None, hosts=HOSTS[name])
    shells = [argument for shell in project.shells for argument in ("-p", shell.package)]
    rust_tools.passes(folder, "clippy", "-q", *shells, "--all-targets", "--", "-D", "warnings")
    rust_tools.passes(folder, "clippy", "-q", "-p", f"{name}-wasm", "--target", "wasm32-unknown-unknown", "--", "-D", "warnings")

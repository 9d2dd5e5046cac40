"""What is said of shells before anything is built: all that hosts refuse, at once, and what a conversion promises of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from onnx import TensorProto, helper

import onnx2rust
from onnx2rust.base.errors import UnsupportedError, UsageError
from onnx2rust.base.options import Options
from onnx2rust.hosts import shells
from onnx2rust.hosts.shells import NOT_TENSORS


def sequences() -> onnx.ModelProto:
    """A sequence goes in, how many tensors it has comes out."""
    items = helper.make_tensor_type_proto(TensorProto.FLOAT, ["n"])
    given = helper.make_value_info("items", helper.make_sequence_type_proto(items))
    count = helper.make_tensor_value_info("count", TensorProto.INT64, [])
    graph = helper.make_graph([helper.make_node("SequenceLength", ["items"], ["count"])], "counted", [given], [count])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_all_hosts_say_at_once_what_they_have_no_form_for(tmp_path: Path) -> None:
    onnx.save(sequences(), tmp_path / "counted.onnx")
    kinds = ["c", "python", "wasm", "server"]
    with pytest.raises(UnsupportedError) as caught:
        onnx2rust.convert_workspace([tmp_path / "counted.onnx"], tmp_path / "out", hosts=kinds)
    said = [problem.what for problem in caught.value.problems]
    assert [text.partition(": ")[0] for text in said] == [f"--host {kind}" for kind in kinds]
    assert all(f'"items": {NOT_TENSORS} have no form in' in text for text in said)
    assert not (tmp_path / "out").exists()


def test_all_that_has_no_fixed_size_is_said_at_once(tmp_path: Path) -> None:
    """Who fixed the sizes would hear of the strings only then."""
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3]),
        helper.make_tensor_value_info("words", TensorProto.STRING, ["batch"]),
    ]
    outputs = [
        helper.make_tensor_value_info("places", TensorProto.INT64, [2, None]),
        helper.make_tensor_value_info("same", TensorProto.STRING, ["batch"]),
    ]
    nodes = [helper.make_node("NonZero", ["x"], ["places"]), helper.make_node("Identity", ["words"], ["same"])]
    graph = helper.make_graph(nodes, "odd", inputs, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "odd.onnx")
    with pytest.raises(UnsupportedError) as caught:
        onnx2rust.host("embedded", tmp_path / "odd.onnx", tmp_path / "out")
    assert [problem.what for problem in caught.value.problems] == [
        "--static: words: string has no fixed size",
        "--static: same: string has no fixed size",
        "--static: NonZero: its sizes depend on the data",
        "--static: the model leaves sizes open (batch)",
    ]
    assert caught.value.problems[-1].hint == "fix them: --dim batch=1"


def test_flash_is_that_of_all_tensors_each_once(tmp_path: Path) -> None:
    """Tables and constants that steps read count like what layers hold, and what two layers share counts once."""
    rng = np.random.default_rng(1)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("MatMul", ["rows", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "w"], ["c"]),
        helper.make_node("Add", ["c", "shift"], ["y"]),
    ]
    weights = {"table": (50, 16), "w": (16, 16), "shift": (4, 16)}
    drawn = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in weights.items()}
    proto = onnx_models.model("words", nodes, {"ids": (4,)}, {"y": (4, 16)}, drawn, TensorProto.INT64)
    onnx.save(proto, tmp_path / "words.onnx")
    project = onnx2rust.convert(tmp_path / "words.onnx", tmp_path / "out", Options(static=True))
    (note,) = (n for n in project.notes if n.startswith("RAM: "))
    readme = (project.crate / "README.md").read_text(encoding="utf-8")
    assert "* A workspace has a fixed size, `Workspace::BYTES`" in readme
    assert "A workspace grows" not in readme
    assert f"flash: {4 * (50 * 16 + 16 * 16 + 4 * 16)} bytes of weights before they are packed, and code" in note


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("path+file:///a/digits/rust_generated_code#digits@0.1.0+code.1.weights.2", "digits"),
        ("path+file:///a/rust_generated_code/rust_generated_code#0.1.0+code.1.weights.2", "rust_generated_code"),
        ("registry+https://github.com/rust-lang/crates.io-index#libm@0.2.15", "libm"),
    ],
)
def test_a_package_is_known_by_its_identity(identity: str, name: str) -> None:
    """cargo leaves the name out where the folder has it."""
    assert shells._package(identity) == name


def test_a_workspace_is_no_crate_and_its_crates_are_named(tmp_path: Path) -> None:
    onnx.save(onnx_models.score(), tmp_path / "score.onnx")
    onnx2rust.host("c", tmp_path / "score.onnx", tmp_path / "out")
    with pytest.raises(UsageError) as caught:
        onnx2rust.write_weights(tmp_path / "score.onnx", tmp_path / "out")
    (problem,) = caught.value.problems
    assert problem.hint == f"it is a workspace: give one of its crates, {tmp_path / 'out' / 'score'}"
    with pytest.raises(UsageError) as caught:
        onnx2rust.inspect(tmp_path / "out")
    (problem,) = caught.value.problems
    assert problem.hint == f"give one of its crates: {tmp_path / 'out' / 'score'}"
    assert onnx2rust.write_weights(tmp_path / "score.onnx", tmp_path / "out" / "score") == 4
    assert onnx2rust.inspect(tmp_path / "out" / "score").parameters == 193


def wide() -> onnx.ModelProto:
    """8 MB of values: an image of 256 × 256 pixels in 32 channels."""
    rng = np.random.default_rng(1)
    node = [
        helper.make_node("Conv", ["x", "k"], ["a"], pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["y"]),
    ]
    kernel = {"k": rng.standard_normal((32, 3, 3, 3)).astype(np.float32)}
    return onnx_models.model("wide", node, {"x": (1, 3, 256, 256)}, {"y": (1, 32, 1, 1)}, kernel)


def test_buffers_of_fixed_size_are_too_many_for_other_hosts_stacks(tmp_path: Path) -> None:
    """A server's worker would end with a stack overflow, and the program with it."""
    onnx.save(wide(), tmp_path / "wide.onnx")
    with pytest.raises(UnsupportedError) as caught:
        onnx2rust.convert_workspace([tmp_path / "wide.onnx"], tmp_path / "out", hosts=["embedded", "c", "server"])
    size = 4 * 32 * 256 * 256
    assert [problem.what.partition(", ")[0] for problem in caught.value.problems] == [
        "--host c: buffers of fixed size",
        "--host server: buffers of fixed size",
    ]
    said = caught.value.problems[0].what.split()
    assert int(said[said.index("bytes,") - 1]) >= size
    assert not (tmp_path / "out").exists()
    (project,) = onnx2rust.convert_workspace([tmp_path / "wide.onnx"], tmp_path / "out", hosts=["embedded"])
    assert [shell.package for shell in project.shells] == ["wide-embedded"]


@pytest.mark.slow
def test_a_crate_with_large_buffers_of_fixed_size_passes_its_tests(tmp_path: Path) -> None:
    """They are more than a thread's stack has by itself."""
    onnx.save(wide(), tmp_path / "wide.onnx")
    crate = onnx2rust.convert(tmp_path / "wide.onnx", tmp_path / "out", Options(static=True)).crate
    rust_tools.passes(crate, "test", "-q")
    rust_tools.passes(crate, "run", "-q", "--example", "predict", "--", "testdata/features.npz", str(tmp_path / "out.npz"))
    rust_tools.passes(crate, "clippy", "-q", "--all-targets", "--", "-D", "warnings")

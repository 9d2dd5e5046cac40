"""Models that are truncated, noisy, cyclic, oversized or wrongly typed: an error of ours, soon, and without much memory."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx2rust import emit, frontends
from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.plan import planner

F32, I64 = TensorProto.FLOAT, TensorProto.INT64
SEEDS = 400
MEMORY = 2 << 30
"""Bytes of address space beyond what importing takes."""


def generate(path: Any) -> None:
    """Everything but the reference and the disk."""
    options = Options()
    loaded = frontends.load(path, options)
    program = pipeline.lower(loaded, options)
    emit.render(planner.plan(program, options), options, emit.Context("m.onnx"))


def outcome(path: Any) -> Any:
    """The exit code; anything but our own errors is a failure of the test."""
    try:
        generate(path)
    except Onnx2RustError as error:
        if "bug in onnx2rust" in str(error):
            raise
        return error.exit_code
    return 0


@pytest.fixture(scope="module")
def originals() -> Any:
    """Serialized models to damage."""
    return [onnx_models.score().SerializeToString(), onnx_models.digits().SerializeToString()]


def test_truncated_files(originals: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    for content in originals:
        for length in [*range(200), *range(200, len(content), max(1, len(content) // 150))]:
            path.write_bytes(content[:length])
            assert outcome(path) in (0, 3), length


@pytest.mark.parametrize("seed", range(0, SEEDS, 50))
def test_flipped_inserted_and_removed_bytes(originals: Any, tmp_path: Path, seed: Any) -> None:
    path = tmp_path / "m.onnx"
    for k in range(seed, seed + 50):
        rng = np.random.default_rng(k)
        content = bytearray(originals[k % 2])
        for _ in range(rng.integers(1, 6)):
            at = int(rng.integers(len(content)))
            kind = rng.integers(3)
            if kind == 0:
                content[at] = int(rng.integers(256))
            elif kind == 1:
                content[at:at] = rng.bytes(int(rng.integers(1, 9)))
            else:
                del content[at : at + int(rng.integers(1, 9))]
        path.write_bytes(content)
        assert outcome(path) in (0, 2, 3, 4), k


ODD = [0, 1, -1, 2, 3, 7, 255, 1 << 31, (1 << 63) - 1, -(1 << 63), 1 << 40]


@pytest.mark.parametrize("seed", range(0, SEEDS, 50))
def test_odd_numbers_names_and_types_in_well_formed_files(originals: Any, tmp_path: Path, seed: Any) -> None:
    path = tmp_path / "m.onnx"
    for k in range(seed, seed + 50):
        rng = np.random.default_rng(1000 + k)
        proto = onnx.ModelProto.FromString(originals[k % 2])
        for _ in range(rng.integers(1, 4)):
            mutate(proto, rng)
        path.write_bytes(proto.SerializeToString())
        assert outcome(path) in (0, 2, 3, 4), k


def mutate(proto: Any, rng: Any) -> None:
    """Changes one thing that a damaged or malicious exporter could have written."""
    graph = proto.graph
    node = graph.node[rng.integers(len(graph.node))]
    names = [n for other in graph.node for n in (*other.input, *other.output)] + ["", "nowhere"]
    pick = int(rng.integers(11))
    if pick == 0 and node.input:
        node.input[rng.integers(len(node.input))] = str(rng.choice(names))
    elif pick == 1:
        node.output[0] = str(rng.choice(names))
    elif pick == 2 and node.attribute:
        attribute = node.attribute[rng.integers(len(node.attribute))]
        if attribute.ints:
            attribute.ints[rng.integers(len(attribute.ints))] = int(rng.choice(ODD))
        else:
            attribute.i = int(rng.choice(ODD))
    elif pick == 3 and node.attribute:
        node.attribute[0].type = int(rng.integers(0, 15))
    elif pick == 4:
        tensor = graph.initializer[rng.integers(len(graph.initializer))]
        tensor.data_type = int(rng.integers(0, 30))
    elif pick == 5:
        tensor = graph.initializer[rng.integers(len(graph.initializer))]
        if tensor.dims:
            tensor.dims[0] = int(rng.choice(ODD))
    elif pick == 6:
        dim = graph.input[0].type.tensor_type.shape.dim[int(rng.integers(2))]
        dim.dim_value = int(rng.choice(ODD))
    elif pick == 7:
        graph.input[0].type.tensor_type.elem_type = int(rng.integers(0, 30))
    elif pick == 8:
        node.op_type = str(rng.choice([s.name for s in onnx.defs.get_all_schemas()]))
    elif pick == 9:
        proto.opset_import[0].version = int(rng.choice([0, 1, 6, 7, 9, 13, 22, 28, 29, -1]))
    else:
        del graph.node[int(rng.integers(len(graph.node)))]


def model(nodes: Any, inputs: Any, outputs: Any, constants: Any = ()) -> Any:
    """Serialized model from nodes."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, t, s) for n, (t, s) in inputs.items()],
        [helper.make_tensor_value_info(n, F32, None) for n in outputs],
        [numpy_helper.from_array(a, n) for n, a in dict(constants).items()],
    )
    for output in graph.output:
        output.type.tensor_type.shape.SetInParent()
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def node(op: Any, inputs: Any, outputs: Any, **attributes: Any) -> Any:
    """A node with its first output's name."""
    return helper.make_node(op, inputs, outputs, name=outputs[0], **attributes)


X = {"x": (F32, [1])}
HUGE = np.array([1 << 20, 1 << 20], np.int64)
BOMBS = {
    "ConstantOfShape": model([node("ConstantOfShape", ["s"], ["c"]), node("Add", ["x", "c"], ["y"])], X, ["y"], {"s": HUGE}),
    "Expand": model([node("Expand", ["x", "s"], ["y"])], X, ["y"], {"s": HUGE}),
    "Expand of a constant": model(
        [node("Expand", ["c", "s"], ["e"]), node("Add", ["x", "e"], ["y"])], X, ["y"], {"s": HUGE, "c": np.ones(1, "f")}
    ),
    "Tile": model([node("Tile", ["x", "s"], ["y"])], X, ["y"], {"s": np.array([1 << 40])}),
    "Range": model(
        [node("Range", ["a", "b", "d"], ["r"]), node("Cast", ["r"], ["f"], to=F32), node("Add", ["x", "f"], ["y"])],
        X,
        ["y"],
        {"a": np.array(0), "b": np.array(1 << 40), "d": np.array(1)},
    ),
    "Pad": model(
        [node("Pad", ["c", "p"], ["e"]), node("Add", ["x", "e"], ["y"])],
        X,
        ["y"],
        {"c": np.ones((1,) * 6, "f"), "p": np.full(12, 500)},
    ),
    "outer product": model(
        [node("MatMul", ["a", "b"], ["m"]), node("Add", ["x", "m"], ["y"])],
        X,
        ["y"],
        {"a": np.ones((1 << 17, 1), "f"), "b": np.ones((1, 1 << 17), "f")},
    ),
    "broadcast": model(
        [node("Add", ["a", "b"], ["m"]), node("Add", ["x", "m"], ["y"])],
        X,
        ["y"],
        {"a": np.ones((1 << 17, 1), "f"), "b": np.ones((1, 1 << 17), "f")},
    ),
    "doubling": model(
        [node("Concat", [f"c{k}", f"c{k}"], [f"c{k + 1}"], axis=0) for k in range(45)] + [node("Add", ["x", "c45"], ["y"])],
        X,
        ["y"],
        {"c0": np.ones(1, "f")},
    ),
    "doubling at run time": model(
        [node("Concat", ["x" if not k else f"c{k}"] * 2, [f"c{k + 1}"], axis=0) for k in range(45)],
        X,
        ["c45"],
    ),
    "a thousand constants": model(
        [node("Expand", ["c", "s"], [f"e{k}"]) for k in range(1000)]
        + [node("Sum", [f"e{k}" for k in range(1000)], ["t"]), node("Add", ["x", "t"], ["y"])],
        X,
        ["y"],
        {"s": np.array([1 << 22]), "c": np.ones(1, "f")},
    ),
    "an input": model([node("Relu", ["x"], ["y"])], {"x": (F32, [1 << 20, 1 << 20])}, ["y"]),
    "an input that a machine could hold": model([node("Relu", ["x"], ["y"])], {"x": (F32, [1 << 32])}, ["y"]),
    "OneHot": model(
        [node("OneHot", ["i", "d", "v"], ["y"], axis=-1)],
        {"i": (I64, [1])},
        ["y"],
        {"d": np.array(1 << 40), "v": np.array([0, 1], "f")},
    ),
    "Resize": model(
        [node("Resize", ["x", "", "", "s"], ["y"])], {"x": (F32, [1, 1, 1, 1])}, ["y"], {"s": np.array([1, 1, 1 << 20, 1 << 20])}
    ),
    "a deep chain": model([node("Relu", ["x" if not k else f"r{k}"], [f"r{k + 1}"]) for k in range(20_000)], X, ["r20000"]),
}


@pytest.mark.slow  # each starts a process, and some are large
@pytest.mark.parametrize("name", BOMBS)
def test_no_allocation_out_of_proportion(name: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(BOMBS[name], path)
    code = textwrap.dedent(
        f"""
        import resource, sys
        from onnx2rust import cli, emit, frontends, samples
        from onnx2rust.conversion import pipeline
        from onnx2rust.plan import planner
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + {MEMORY}, used + {MEMORY}))
        sys.exit(cli.run(["inspect", "-q", {str(path)!r}]))
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert "bug in onnx2rust" not in done.stderr, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 3, 4), done.stderr


def test_a_cycle_is_named(tmp_path: Path) -> None:
    onnx.save(
        model([node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"])], X, ["b"]),
        tmp_path / "m.onnx",
    )
    with pytest.raises(Onnx2RustError, match="the graph has a cycle") as caught:
        generate(tmp_path / "m.onnx")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("depth", [10, 40, 400, pytest.param(40_000, marks=pytest.mark.slow)])
def test_bodies_without_end(tmp_path: Path, depth: Any) -> None:
    def message(field: Any, content: Any) -> Any:
        size, n = b"", len(content)
        while n > 127:
            size, n = size + bytes([n & 127 | 128]), n >> 7
        return bytes([field << 3 | 2]) + size + bytes([n]) + content

    body = b""
    for _ in range(depth):  # graph { node { attribute { g { … } } } }
        body = message(1, message(4, b"If") + message(5, message(1, b"then_branch") + b"\xa0\x01\x05" + message(6, body)))
    proto = model([], X, ["x"]).SerializeToString()
    (tmp_path / "m.onnx").write_bytes(proto + message(7, body))
    assert outcome(tmp_path / "m.onnx") == 3

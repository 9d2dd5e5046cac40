"""Names of generated code cannot collide, whatever a model uses and whatever it calls things."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import rust_tools
from model_modules import write
from onnx import TensorProto, helper, numpy_helper

import onnx2rust
from onnx2rust import emit
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.emit import cutting
from onnx2rust.emit.scope import LAYERS_FILE, MODEL_FILE, Scope
from onnx2rust.files import resources
from onnx2rust.frontends import Loaded
from onnx2rust.ir.layer import Layer
from onnx2rust.plan import planner

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(onnx2rust.__file__).parent


def layer_classes() -> list[type[Layer]]:
    """Every layer that has a Rust struct."""
    found, classes = [], [Layer]
    while classes:
        below = classes.pop().__subclasses__()
        classes += below
        found += [c for c in below if c.rust]
    return sorted(found, key=lambda c: c.rust)


def enums() -> set[str]:
    """Paths of the enums that layers' fields have: every first argument of `Variant.of`, wherever it is called."""
    calls = [
        node
        for file in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Variant.of", "Variant")
    ]
    return {str(c.args[0].value) for c in calls if c.args and isinstance(c.args[0], ast.Constant)}


def structs(layer: type[Layer]) -> set[str]:
    """Paths of the layer's own struct, and of those that its `run` takes."""
    return {layer.rust, *({layer.sizes_in} if layer.sizes_in else ()), *(r.path for r in (*layer.inputs_in, *layer.outputs_in))}


PATHS = sorted(set().union(*map(structs, layer_classes())) | enums())


def test_every_two_items_of_tf_layers_have_names_of_their_own() -> None:
    assert len(PATHS) > 90
    assert {"indexing::Reduction", "reduce::Reduction", "activation::Activation"} <= set(PATHS)
    for taken in (MODEL_FILE, LAYERS_FILE):
        for pair in itertools.permutations(PATHS, 2):
            scope = Scope(taken)
            names = [scope.item(path) for path in pair]
            assert len({*names, *taken}) == 2 + len(taken), pair


def test_what_has_a_name_of_its_own_keeps_it() -> None:
    scope = Scope(MODEL_FILE)
    asked = ["reduce::Reduction", "reduce::Reduce", "indexing::Reduction", "reduce::Reduction", "future::Tensor"]
    assert [scope.item(p) for p in asked] == ["Reduction", "Reduce", "IndexingReduction", "Reduction", "FutureTensor"]
    assert scope.imports() == [
        "future::Tensor as FutureTensor",
        "indexing::Reduction as IndexingReduction",
        "reduce::{Reduce, Reduction}",
    ]


@pytest.mark.parametrize(("file", "taken"), [("model", MODEL_FILE), ("layers", LAYERS_FILE)])
def test_what_a_file_names_itself_is_taken(file: str, taken: Sequence[str]) -> None:
    template = (resources.templates() / "src" / f"{file}.rs.j2").read_text()
    code = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|//.*|\"[^\"]*\"|#\[.*?\]", "", template)
    # not what follows a path or is a field, an associated constant, or a variant
    named = set(re.findall(r"(?<![\w:'])(?<!\.)[A-Z]\w*", code)) - set(re.findall(r"(?:const |^    )([A-Z]\w*)", code, re.M))
    assert named <= set(taken)
    assert len(named) >= 4


def declared(name: str, shape: Sequence[int | str], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """An input or output."""
    return helper.make_tensor_value_info(name, kind, list(shape))


def rendered(graph: onnx.GraphProto, module: str, name: str = "Case", whole: bool = False) -> emit.Rendered:
    """The graph as a module of a larger crate, or all files of a crate of its own."""
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    options = Options(name=name, binary_classification=False)
    program = pipeline.lower(Loaded(proto, "onnx", "onnx", ()), options)
    return emit.render(planner.plan(program, options), options, emit.Context(module, prefix=f"{module}/", module=not whole))


def test_a_module_is_a_part_of_the_crate() -> None:
    module, crate = rendered(running("x"), "m"), rendered(running("x"), "m", whole=True)
    in_crate = {path: text for path, text in crate.files.items() if path.startswith("src/") and path != "src/lib.rs"}
    assert module.files == in_crate
    assert len(crate.files) > len(module.files) >= 5
    assert (module.module, module.tensors) == (crate.module, crate.tensors)
    assert list(module.weights) == list(crate.weights)


def known(**arrays: Any) -> list[onnx.TensorProto]:
    """Initializers."""
    return [numpy_helper.from_array(np.asarray(a), n) for n, a in arrays.items()]


def running(name: str) -> onnx.GraphProto:
    """A model with a size, loops, branches, and sizes known only at run time; all that it can give a name has this one.

    Names that it does not try have a - in front: they are none of the others."""
    weight = f"{name}."
    step = helper.make_graph(
        [
            helper.make_node("Add", ["-state", name], ["-next"], name=name),
            helper.make_node("ReduceMean", ["-next"], [f"{name}m"], keepdims=0, name=name),
            helper.make_node("Less", [f"{name}m", "-one"], ["-small"], name=name),
        ],
        name,
        [declared("-i", [], TensorProto.INT64), declared("-going", [], TensorProto.BOOL), declared("-state", [1, 8, name])],
        [onnx.ValueInfoProto(name=n) for n in ("-small", "-next", f"{name}m")],
    )
    branches = [
        helper.make_graph(
            [helper.make_node(op, [f"{name}l"], [f"{op}{name}"], name=name)], op, [], [onnx.ValueInfoProto(name=f"{op}{name}")]
        )
        for op in ("Relu", "Sigmoid")
    ]
    nodes = [
        helper.make_node("Loop", ["-count", "", name], [f"{name}l", "-rows"], body=step, name=name),
        helper.make_node("If", ["-flag"], ["-branch"], then_branch=branches[0], else_branch=branches[1], name=name),
        helper.make_node("Conv", ["-branch", weight], ["-windows"], name=name, strides=[2], pads=[1, 0]),
        helper.make_node("Split", ["-windows", "-sizes"], ["-low", "-high"], axis=2, name=name),
        helper.make_node("Concat", ["-low", "-low"], [f"{name}:0"], axis=1, name=name),
    ]
    inputs = [
        declared(name, [1, 8, name]),
        declared("-sizes", [2], TensorProto.INT64),
        declared("-flag", [], TensorProto.BOOL),
        declared("-open", [f"{name} ", 2]),
    ]
    outputs = [onnx.ValueInfoProto(name=n) for n in (f"{name}:0", "-high", "-rows", "-more")]
    nodes.append(helper.make_node("Pad", ["-open", "-border"], ["-more"], name=name))
    arrays = {
        "-count": np.int64(4),
        "-one": np.float32(1),
        "-border": np.array([-1, 0, -1, 0]),
        weight: np.ones((3, 8, 2), np.float32),
    }
    return helper.make_graph(nodes, name, inputs, outputs, known(**arrays))


def batched(name: str) -> onnx.GraphProto:
    """A model whose layers take a few samples at a time."""
    nodes = [
        helper.make_node("Conv", [name, f"{name}."], [f"{name}c"], name=name, pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", [f"{name}c"], [f"{name}:0"], name=f"{name}/{name}"),
        helper.make_node("MaxPool", [f"{name}:0"], ["-p"], name=name, kernel_shape=[2, 2]),
    ]
    weights = known(**{f"{name}.": np.ones((16, 4, 3, 3), np.float32)})
    outputs = [onnx.ValueInfoProto(name=n) for n in ("-p", f"{name}:0")]
    return helper.make_graph(nodes, name, [declared(name, [name, 4, 48, 48])], outputs, weights)


def identifiers(files: dict[str, str]) -> Iterator[str]:
    """Identifiers of Rust in generated files: no comments, no texts."""
    for path, text in files.items():
        if path.endswith(".rs"):
            yield from re.findall(r"(?<![\w'])[A-Za-z_]\w*", re.sub(r'//.*|"(?:\\.|[^"\\])*"', "", text))


@pytest.mark.slow
@pytest.mark.parametrize("block", [cutting.BLOCK, 2], ids=["one function", "methods"])
def test_a_model_can_call_everything_like_something_that_generated_code_uses(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "BLOCK", block)
    monkeypatch.setattr(cutting, "FEW", min(cutting.FEW, block // 2))
    graphs = {"running": running, "batched": batched}
    plain = {f"{kind}_plain": rendered(graph("x"), f"{kind}_plain") for kind, graph in graphs.items()}
    goldens = {p.name: p.read_text() for p in (ROOT / "tests" / "golden").rglob("*.rs")}
    used = {n for files in [goldens, *(r.files for r in plain.values())] for n in identifiers(files)}
    assert {"check_input", "window_count", "elements", "size", "i_1", "keep_1", "samples", "iterations"} <= used
    assert len(used) > 150
    # everything but types is lower case in the end, whatever it is called
    names = sorted({n.lower(): n for n in sorted(used, reverse=True)}.values())
    models = plain | {
        f"{kind}_{k}": rendered(graph(name), f"{kind}_{k}", name)
        for kind, graph in graphs.items()
        for k, name in enumerate(names)
    }
    crate = rust_tools.BUILD / "every_name"
    write(crate, models)
    # the build script's layers need not be fast
    slow = ("--config", "profile.dev.package.tf-layers.opt-level=0")
    rust_tools.passes(crate, *slow, "check", "--message-format=short")


@pytest.mark.slow
def test_a_model_of_every_layer_compiles() -> None:
    """All items of tf-layers side by side, imported as a file with those names does it."""
    scope = Scope(MODEL_FILE)
    for path in PATHS:
        scope.item(path)
    crate = rust_tools.BUILD / "every_layer"
    write(
        crate,
        {},
        "".join(f"use tf_layers::{path};\n" for path in scope.imports()) + "use tf_layers::{Cpu, Error, Slot, TensorView};\n",
    )
    rust_tools.passes(crate, "check")


@pytest.mark.slow
def test_a_reduction_and_a_scatter_with_reduction_in_one_model() -> None:
    nodes = [
        helper.make_node("ScatterElements", ["x", "i", "u"], ["s"], reduction="add", axis=0),
        helper.make_node("ReduceSum", ["s", "axes"], ["y"], keepdims=0),
    ]
    arrays = known(i=np.array([[0, 2, 1]]), u=np.ones((1, 3), np.float32), axes=np.array([1]))
    graph = helper.make_graph(nodes, "g", [declared("x", ["n", 3])], [onnx.ValueInfoProto(name="y")], arrays)
    model = rendered(graph, "both")
    assert "IndexingReduction::Add" in model.files["src/layers.rs"] or "ReduceReduction" in model.files["src/layers.rs"]
    crate = rust_tools.BUILD / "two_reductions"
    write(crate, {"both": model})
    rust_tools.passes(crate, "check")

"""Models as modules of shared crates: which share one, and what one that does not compile costs the others."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools

from onnx2rust import emit
from onnx2rust.base.options import Checks, Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded
from onnx2rust.plan import planner
from onnx2rust.verification import modules, verify
from onnx2rust.verification.modules import Models, RunError
from onnx2rust.verification.workspace import Workspace


def rendered(name: str) -> emit.Rendered:
    options = Options(name="Score", binary_classification=False)
    program = pipeline.lower(Loaded(onnx_models.score(), "onnx", "onnx", ()), options)
    return emit.render(planner.plan(program, options), options, emit.Context("score.onnx", prefix=modules.prefix(name)))


@pytest.mark.parametrize(
    ("cores", "models", "crates"),
    [(1, 1, [1]), (8, 15, [15]), (8, 40, [20, 20]), (2, 40, [20, 20]), (1, 130, [64, 64, 2]), (2, 130, [64, 64, 2])],
)
def test_cores_share_the_models(cores: int, models: int, crates: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    found = Models(Workspace(Path("nowhere")))
    one = rendered("model0")
    for _ in range(models):
        found.add(one)
    assert [len(names) for names in found.shared_out()] == crates


def test_large_weights_have_crates_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "MOST_BYTES", 100)
    found = Models(Workspace(Path("nowhere")))
    for size in (10, 10, 1000, 5, 25, 1):
        found.add(dataclasses.replace(rendered("model0"), weights={"w": np.zeros(size, np.float32)}))
    assert [[*names] for names in found.shared_out()] == [["model0", "model1"], ["model2"], ["model3"], ["model4"], ["model5"]]


@pytest.mark.slow
def test_a_model_that_does_not_compile_costs_no_other() -> None:
    workspace = Workspace(rust_tools.VERIFY)
    with workspace.opened():
        models = Models(workspace)
        for number in range(4):
            own = rendered(models.next_name())
            if number == 1:
                # neither passes the parser ...
                own = dataclasses.replace(own, files=own.files | {"src/layers.rs": "pub struct Layers {"})
            if number == 3:
                # ... nor, which is found out when that one is gone, the checker of types
                own = dataclasses.replace(own, module=own.module + "pub const LENGTH: usize = true;\n")
            models.add(own)
        models.build()
        assert models.broken == {"model1": "this file contains an unclosed delimiter", "model3": "mismatched types"}
        feeds = {"features": np.ones((2, 10), np.float32)}
        first, third = (models.run(name, feeds) for name in ("model0", "model2"))
        assert first.keys() == {"probability"}
        np.testing.assert_array_equal(first["probability"], third["probability"])
        # a workspace that has run others before, or inputs that are none, answers the same
        for before in ({"features": np.zeros((7, 10), np.float32)}, {"y": np.zeros(3, np.float32)}):
            np.testing.assert_array_equal(models.run("model0", feeds, before)["probability"], first["probability"])
        with pytest.raises(RunError, match=r"^input `features`: axis 1 is 5, the model needs 10$"):
            models.run("model2", {"features": np.ones((2, 5), np.float32)})


@pytest.mark.slow
def test_an_output_of_any_rank_is_an_array_and_no_sequence() -> None:
    """One of two tensors of different ranks: it was looked for under the names of a sequence's items."""
    info, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto
    branches = {
        "then_branch": onnx.helper.make_node("Neg", ["x"], ["t"]),
        "else_branch": onnx.helper.make_node("ReduceSum", ["x"], ["e"], keepdims=0),
    }
    made = {name: [info(node.output[0], kind.FLOAT, None)] for name, node in branches.items()}
    graphs = {name: onnx.helper.make_graph([node], name, [], made[name]) for name, node in branches.items()}
    node = onnx.helper.make_node("If", ["c"], ["y"], **graphs)
    inputs = [info("x", kind.FLOAT, ["n", 8]), info("c", kind.BOOL, [])]
    graph = onnx.helper.make_graph([node], "branches", inputs, [info("y", kind.FLOAT, None)])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)
    report = verify([model], checks=Checks(target_dir=rust_tools.VERIFY, per_node=True))
    assert report.passed, report.text()

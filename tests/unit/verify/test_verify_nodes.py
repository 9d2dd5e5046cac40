"""Per-node comparison: what is exposed, which node is named."""

from __future__ import annotations

from typing import Any

import onnx_models

from onnx2rust.frontends import Loaded
from onnx2rust.oracle.compare import Comparison
from onnx2rust.verification import nodes
from onnx2rust.verification.reports import OutputReport


def reports(**passed: Any) -> Any:
    return [OutputReport(n, "float32", Comparison(p), "batch=1") for n, p in passed.items()]


def test_every_intermediate_value_becomes_an_output() -> None:
    proto = onnx_models.score()
    exposed = nodes.expose(Loaded(proto, "onnx", "onnx"))
    assert [o.name for o in exposed.proto.graph.output] == ["probability", "h", "r", "s"]
    assert [o.name for o in proto.graph.output] == ["probability"]


def test_the_first_node_that_departs_is_named() -> None:
    found = nodes.report(onnx_models.score(), reports(probability=False, h=True, r=False, s=False), whole_passes=False)
    assert found.node == "Relu 'hidden/Relu'"
    assert found.verdict == "Relu 'hidden/Relu' is the first to depart: its inputs agree, its result does not"
    assert [o.name for o in found.worst] == ["r", "s", "probability"]


def test_a_pass_is_at_fault_if_all_values_agree_but_the_whole_does_not() -> None:
    found = nodes.report(onnx_models.score(), reports(probability=True, h=True, r=True, s=True), whole_passes=False)
    assert found.node is None
    assert "a pass (fusion, layout or the sharing of memory) is at fault, not an operator" in found.verdict


def test_all_agrees() -> None:
    found = nodes.report(onnx_models.score(), reports(probability=True, h=True), whole_passes=True)
    assert (found.node, found.verdict) == (None, "all 2 values agree")

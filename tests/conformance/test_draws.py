"""The official node tests without their data: inputs are drawn for each model, and onnxruntime must be able to run them.

`not_drawn.txt` names those for which it cannot, with the reason; it is strict both ways.
"""

from __future__ import annotations

from pathlib import Path

import harness
import numpy as np
import pytest

from onnx2rust import importer, samples
from onnx2rust.base.errors import ToolError
from onnx2rust.base.options import Options
from onnx2rust.frontends import onnx_file
from onnx2rust.model.reference import Reference
from onnx2rust.samples import usage

LIST = Path(__file__).parent / "not_drawn.txt"
FREE = (
    "Expand",
    "Reshape",
    "Range",
    "Split",
    "CumSum",
    "ReduceSum",
    "ReduceMax",
    "ReduceMean",
    "Div",
    "Mod",
    "Gather",
    "GatherND",
    "OneHot",
)


def _drawn(case: harness.Case) -> str:
    """Why onnxruntime runs none of the inputs that are drawn; empty if it does."""
    onnx_file.prepare(case.model, Options())
    program = importer.read(case.model, Options())
    try:
        reference = Reference(case.model)
    except ToolError:
        return "no kernel in onnxruntime"
    uses = usage.of_inputs(case.model, program)
    for _, feeds in usage.attempts(program, uses, {}, samples.lengths(program), np.random.default_rng(0)):
        try:
            reference.run(feeds)
        except ToolError:
            continue
        return ""
    return "no inputs"


@pytest.mark.slow
def test_what_is_drawn_runs() -> None:
    refused = harness.listed()
    cases = [c for c in harness.cases() if c.name not in refused]
    known = dict(line.split(": ", 1) for line in LIST.read_text().splitlines() if not line.startswith("#"))
    failing = {c.name: why for c in cases if (why := _drawn(c))}
    assert failing.keys() == known.keys()
    assert {n for n, why in failing.items() if why == "no inputs"} == {
        n for n, why in known.items() if not why.startswith("no kernel")
    }
    operators = {c.model.graph.node[0].op_type for c in cases if c.name not in failing and len(c.model.graph.node) == 1}
    assert operators.issuperset(FREE)

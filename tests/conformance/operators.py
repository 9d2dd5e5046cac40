"""Writes docs/OPERATORS.md: `python tests/conformance/operators.py` (`make docs`).

Which operators are supported comes from the registry; how many official tests pass comes from the strict list beside this file,
which a test run proves. Nothing is run here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import harness
import onnx

import onnx2rust
from onnx2rust.conversion.support import Supported

TARGET = harness.ROOT / "docs" / "OPERATORS.md"
HEAD = """# Operators

Written by `make docs`; do not edit. *Opsets* are those whose meaning of the operator is supported. *Types* are the element
types of the first input that ONNX allows and onnx2rust has. *Official tests* counts the node tests of the installed `onnx`
({version}) that pass through generated code, of those that consist of this operator alone: {passed:,} of {total:,} with
those that combine several. Tests that give as an input what onnx2rust must know at conversion (axes, a region: almost every
model has it as a constant) are counted apart, *at run time*. What does not pass stands in
[`tests/conformance/unsupported.txt`](../tests/conformance/unsupported.txt), with the reason.

*By its function*: ONNX defines the operator by simpler ones, and those are what runs.
"""

AT_RUN_TIME = ("must be known at conversion", "only known at run time")
"""How the list says that a test gives at run time what must be known before."""


def text(cases: Sequence[harness.Case]) -> str:
    """The document, which counts these official tests."""
    listed = harness.listed()
    total, passing, later = Counter[str](), Counter[str](), Counter[str]()
    for case in cases:
        if len(case.model.graph.node) == 1:
            operator = case.model.graph.node[0]
            name = f"{operator.domain}::{operator.op_type}" if operator.domain else operator.op_type
            total[name] += 1
            passing[name] += case.name not in listed
            later[name] += any(words in listed.get(case.name, "") for words in AT_RUN_TIME)
    supported = {f"{s.domain}::{s.name}" if s.domain else s.name: s for s in onnx2rust.operators()}
    known = {s.name for s in onnx.defs.get_all_schemas() if s.domain == "" and not s.deprecated}
    lines = [HEAD.format(version=onnx.__version__, passed=len(cases) - len(listed), total=len(cases))]
    lines += ["| operator | opsets | types | official tests |", "|---|---|---|---|"]
    lines += [_row(name, one, passing[name], total[name], later[name]) for name, one in sorted(supported.items())]
    lines += ["", "## Not supported", "", ", ".join(f"`{name}`" for name in sorted(known - set(supported))) + "."]
    machine = {f"{s.domain}::{s.name}" for s in onnx.defs.get_all_schemas() if s.domain == "ai.onnx.ml" and not s.deprecated}
    lines += ["", "Of those for classical models: " + ", ".join(f"`{name}`" for name in sorted(machine - set(supported))) + "."]
    return "\n".join(lines) + "\n"


def _row(name: str, one: Supported, passing: int, total: int, later: int) -> str:
    how = ", by its function" if one.by_function else ""
    tests = f"{passing} of {total - later}" if total > later else "none"
    tests += f", {later} at run time" if later else ""
    return f"| `{name}`{how} | {one.first_opset}–{one.last_opset} | {', '.join(one.types)} | {tests} |"


if __name__ == "__main__":
    TARGET.write_text(text(harness.cases()))
    print(f"{TARGET.relative_to(harness.ROOT)} is written")

"""What views look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Step, Value


def sources(steps: Iterable[Step]) -> dict[Value, Value]:
    """What each view that a step makes is a view of: its elements are the source's."""
    found: dict[Value, Value] = {}
    for step in steps:
        if isinstance(step.layer, View):
            (view,), (source,) = step.outputs, step.inputs
            assert view is not None
            assert source is not None
            found[view] = source
    return found


def chain(value: Value, sources: Mapping[Value, Value]) -> list[Value]:
    """The value, what it is a view of, what that is a view of, and so on."""
    found = [value]
    while found[-1] in sources:
        found.append(sources[found[-1]])
    return found


def root(value: Value, sources: Mapping[Value, Value]) -> Value:
    """The value that has the elements: what is a source and no view."""
    return chain(value, sources)[-1]

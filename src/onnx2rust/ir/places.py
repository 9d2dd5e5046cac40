"""Where steps stand in the scopes that the model's nodes are named by, without the scopes that say nothing."""

from __future__ import annotations

from collections.abc import Iterable

from onnx2rust.base.naming import common_scopes, inside, scopes
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Step


def common(steps: Iterable[Step]) -> tuple[str, ...]:
    """The outer scopes that all steps have which compute something."""
    return common_scopes([scopes(step.origin.node, step.origin.op) for step in steps if not isinstance(step.layer, View)])


def paths(steps: Iterable[Step]) -> dict[Step, tuple[str, ...]]:
    """For each step the scopes that it stands in, the outermost first, and what it is called there."""
    steps = list(steps)
    outer = common(steps)
    return {step: inside(scopes(step.origin.node, step.origin.op), outer) for step in steps}

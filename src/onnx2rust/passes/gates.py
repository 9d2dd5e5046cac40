"""Recognises activations that exporters spell out: x · sigmoid(x) and x · hardsigmoid(x).

    s = Sigmoid(x); y = Mul(x, s)                          ->  y = Swish{alpha: 1}(x)
    s = HardSigmoid{alpha: 1/6, beta: 1/2}(x); y = Mul(x, s)  ->  y = HardSwish(x)

By definition: Swish(x) = x · sigmoid(x), HardSwish(x) = x · max(0, min(1, x / 6 + 1/2)). Only where s has no other use (then nothing is computed
twice) and has x's shape.
"""

from __future__ import annotations

from dataclasses import replace

from onnx2rust.layers.activation import Activate, activation
from onnx2rust.layers.base import Variant
from onnx2rust.layers.elementwise import Mul
from onnx2rust.passes.rewrite import Uses, rewrite
from onnx2rust.program import Program, Step, Value


def run(program: Program) -> Program:
    """The program with gates made activations."""
    return rewrite(program, _steps)


def _steps(steps: tuple[Step, ...], uses: Uses) -> tuple[Step, ...]:
    gates: dict[Value, Step] = {}
    kept: list[Step] = []
    for step in steps:
        if isinstance(step.layer, Activate) and _gated(step.layer.activation) is not None:
            assert step.outputs[0] is not None
            gates[step.outputs[0]] = step
        elif isinstance(step.layer, Mul):
            for x, s in (step.inputs, step.inputs[::-1]):
                gate = gates.get(s) if s is not None else None
                if gate is not None and gate.inputs[0] is x and s is not None and uses.once(s) and gate in kept:
                    assert isinstance(gate.layer, Activate)
                    found = _gated(gate.layer.activation)
                    assert found is not None
                    kept.remove(gate)
                    step = replace(step, layer=Activate(found), inputs=(x,))
                    break
        kept.append(step)
    return tuple(kept)


def _gated(gate: Variant) -> Variant | None:
    """The activation that x times this function of x is."""
    if gate.name == "Sigmoid":
        return activation("Swish", alpha=1.0)
    fields = dict(gate.fields)
    if gate.name == "HardSigmoid" and abs(fields["alpha"] - 1 / 6) < 1e-6 and fields["beta"] == 0.5:
        return activation("HardSwish")
    return None

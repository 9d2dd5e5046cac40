"""Control flow: layers whose steps have bodies. The emitter writes them as Rust's own `if` and `while`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import Program, Step, Value

KIND = Kind("control flow", (20, 20, 20))


class If(Layer, rust=""):
    """Inputs: cond [] bool. Bodies: then, else; their outputs are copied to the step's outputs. `defines` are the sizes that the
    two branches disagree on, as (output, axis)."""

    open_sizes: tuple[tuple[int, int], ...]


class Loop(Layer, rust=""):
    """Inputs: trip count [] i64 or None, condition [] bool or None, initial states. Body inputs: iteration [] i64, condition
    [] bool, states; body outputs: condition, new states, slices to collect. Outputs: final states, then collected slices
    `[iterations, …]`. `defines`: the number of iterations, then the state sizes that change from
    one iteration to the next, as (state, axis)."""

    states: int
    open_sizes: tuple[tuple[int, int], ...]

    def parts(self, step: Step) -> LoopParts:
        """What the operands of a step of this layer are."""
        trips, condition, *initial = step.inputs
        iterations, *changing = step.defines
        states = tuple(zip(_there(initial), _there(step.outputs[: self.states]), strict=True))
        collected = tuple(step.outputs[self.states :])
        return LoopParts(trips, condition, states, collected, iterations, tuple(changing), LoopBody.of(step.bodies[0]))


@dataclass(frozen=True)
class LoopBody:
    """Inputs and outputs of a loop's body."""

    iteration: Value
    condition: Value
    states: tuple[Value, ...]
    again: Value
    """The condition of the next iteration."""
    new_states: tuple[Value, ...]
    slices: tuple[Value, ...]

    @staticmethod
    def of(program: Program) -> LoopBody:
        """Those of the program that is the body."""
        iteration, condition, *states = program.inputs
        again, *outputs = program.outputs
        new, slices = tuple(outputs[: len(states)]), tuple(outputs[len(states) :])
        return LoopBody(iteration, condition, tuple(states), again, new, slices)


@dataclass(frozen=True)
class LoopParts:
    """Inputs, outputs, sizes and body of a loop."""

    trips: Value | None
    condition: Value | None
    states: tuple[tuple[Value, Value], ...]
    """Each as it is first, and as the loop leaves it."""
    collected: tuple[Value | None, ...]
    iterations: str
    changing: tuple[str, ...]
    body: LoopBody


def _there(values: Iterable[Value | None]) -> Iterator[Value]:
    for value in values:
        assert value is not None
        yield value

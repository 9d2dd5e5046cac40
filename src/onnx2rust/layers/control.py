"""Control flow: layers whose steps have bodies. The emitter writes them as Rust's own `if` and `while`."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir.layer import Layer


@dataclass(frozen=True)
class If(Layer):
    """Inputs: cond [] bool. Bodies: then, else; their outputs are copied to the step's outputs. `defines` are the sizes that the
    two branches disagree on, as (output, axis)."""

    open_sizes: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Loop(Layer):
    """Inputs: trip count [] i64 or None, condition [] bool or None, initial states. Body inputs: iteration [] i64, condition
    [] bool, states; body outputs: condition, new states, slices to collect. Outputs: final states, then collected slices
    `[iterations, …]`. `defines`: the number of iterations, then the state sizes that change from
    one iteration to the next, as (state, axis)."""

    states: int
    open_sizes: tuple[tuple[int, int], ...]

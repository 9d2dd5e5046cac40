"""If and Loop in Rust: the only steps whose emission is more than one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2rust.layers.base import Copy
from onnx2rust.layers.control import If, Loop
from onnx2rust.program import Program, Step, Value

if TYPE_CHECKING:
    from onnx2rust.emit.steps import Writer


def lines(writer: Writer, step: Step) -> list[str]:
    """The lines of a step with bodies."""
    return _if(writer, step) if isinstance(step.layer, If) else _loop(writer, step)


def _copy(writer: Writer, source: Value, target: Value) -> str:
    writer.use(Copy)
    return f"Copy.run(cpu, {writer.read(source)}, ws.s{writer.plan.slot_of[target]}.fit({writer.length(source.type)}));"


def _scalar(writer: Writer, value: Value) -> str:
    """The one element of a tensor."""
    text = writer.read(value)
    return text[2:-1] if text.startswith("&[") else f"{text}[0]"


def _if(writer: Writer, step: Step) -> list[str]:
    layer, (condition,) = step.layer, step.inputs
    assert isinstance(layer, If)
    assert condition is not None
    parts = []
    for number, body in enumerate(step.bodies):
        with writer.branch(f"{step.name}.{number}") as inner:
            inner += writer.steps(body.steps)
            for source, target in zip(body.outputs, step.outputs, strict=True):
                assert target is not None
                inner.append(_copy(writer, source, target))
            sizes = [writer.sizes.rust(body.outputs[k].shape[axis]) for k, axis in layer.open_sizes]
            parts.append(inner + ([f"[{', '.join(sizes)}]"] if sizes else []))
    head = f"let [{', '.join(step.defines)}] = " if step.defines else ""
    text = [f"{head}if {_scalar(writer, condition)} {{", *parts[0], "} else {", *parts[1], "}" + (";" if head else "")]
    return text + writer.define(step.defines)


def _loop(writer: Writer, step: Step) -> list[str]:
    layer, (body,) = step.layer, step.bodies
    assert isinstance(layer, Loop)
    trips, condition, *initial = step.inputs
    iterations, *changing = step.defines
    states, collected = step.outputs[: layer.states], step.outputs[layer.states :]
    writer.loops += 1
    index, keep = f"i_{writer.loops}", f"keep_{writer.loops}"
    text = []
    for name, (k, axis) in zip(changing, layer.open_sizes, strict=True):
        source = initial[k]
        assert source is not None
        text.append(f"let mut {name} = {writer.sizes.rust(source.shape[axis])};")
    for first, state in zip(initial, states, strict=True):
        assert first is not None
        assert state is not None
        text.append(_copy(writer, first, state))
    begin = f"{keep} = {'true' if condition is None else _scalar(writer, condition)};"
    bound = "" if trips is None else f" && ({index} as i64) < {_scalar(writer, trips)}"
    writer.names[body.inputs[0]] = f"&[{index} as i64]"
    writer.names[body.inputs[1]] = f"&[{keep}]"
    with writer.inside():
        inner = writer.define(changing, again=True)
        inner += writer.steps(body.steps)
        for source, target in zip(body.outputs[1 + layer.states :], collected, strict=True):
            if target is not None:
                length = writer.length(source.type)
                slot = f"ws.s{writer.plan.slot_of[target]}"
                writer.use(Copy)
                size = "" if length == "1" else f" * ({length})" if " " in length else f" * {length}"
                row = f"&mut {slot}.fit({f'({index} + 1)' if size else f'{index} + 1'}{size})[{index}{size}..]"
                inner.append(f"Copy.run(cpu, {writer.read(source)}, {row});")
        again = _scalar(writer, body.outputs[0])
        if again != keep:
            inner.append(f"{keep} = {again};")
        for name, (k, axis) in zip(changing, layer.open_sizes, strict=True):
            inner.append(f"{name} = {writer.sizes.rust(body.outputs[1 + k].shape[axis])};")
        inner += _next_states(writer, body, [v for v in states if v is not None])
        inner.append(f"{index} += 1;")
    text += [f"let {begin}" if again == keep else f"let mut {begin}", f"let mut {index} = 0_usize;"]
    text += [f"while {keep}{bound} {{", *inner, "}"]
    text.append(f"let {iterations} = {index};")
    names = [iterations, *changing]
    return text + writer.define(names)


def _next_states(writer: Writer, body: Program, states: list[Value]) -> list[str]:
    """New states become the old ones by exchanging buffers: nothing is copied."""
    swaps = []
    for new, state in zip(body.outputs[1 : 1 + len(states)], states, strict=True):
        a, b = writer.plan.slot_of[state], writer.plan.slot_of[writer.plan.root(new)]
        swaps.append(f"core::mem::swap(&mut ws.s{a}, &mut ws.s{b});")
    return swaps

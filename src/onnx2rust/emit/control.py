"""If and Loop in Rust: the only steps whose emission is more than one call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from onnx2rust.base.naming import string
from onnx2rust.emit.code import CPU, Assign, Block, Changed, Code, Do, Length, Let, Local, Size, Statement, code, joined
from onnx2rust.ir.program import Step, Value
from onnx2rust.layers.control import If, Loop

if TYPE_CHECKING:
    from onnx2rust.emit.steps import Writer


def statements(writer: Writer, step: Step) -> list[Statement]:
    """The statements of a step with bodies."""
    return [_if(writer, step)] if isinstance(step.layer, If) else _loop(writer, step)


def _copy(writer: Writer, source: Value, target: Value, name: str) -> Do:
    """The source's elements, copied to the target's buffer."""
    if source.type.room is None:
        to = code("&mut ", writer.slot(target))
    else:
        to = code(writer.slot(target, ".fit("), Length(source.shape), ")?")
    return _copied(writer, source, to, name)


def _copied(writer: Writer, source: Value, to: Code, name: str) -> Do:
    layer = source.type.copy
    tail = f".map_err(|e| e.at({string(name)}))?" if layer.fallible else ""
    return Do(code(writer.scope.layer(type(layer)), ".run(", CPU, ", ", writer.read(source), ", ", to, ")", tail))


def _if(writer: Writer, step: Step) -> Statement:
    layer, (condition,) = step.layer, step.inputs
    assert isinstance(layer, If)
    assert condition is not None
    parts = []
    for body in step.bodies:
        inner = writer.steps(body.steps)
        for source, target in zip(body.outputs, step.outputs, strict=True):
            assert target is not None
            inner.append(_copy(writer, source, target, step.name))
        sizes = [Size(body.outputs[k].shape[axis]) for k, axis in layer.open_sizes]
        parts.append((*inner, *([Do(code("[", joined(sizes), "]"), end="")] if sizes else [])))
    head = code("if ", writer.scalar(condition))
    return Block(head, parts[0], parts[1], writer.variables(step.defines), step.defines, step.name)


def _loop(writer: Writer, step: Step) -> list[Statement]:
    layer = step.layer
    assert isinstance(layer, Loop)
    loop = layer.parts(step)
    body = loop.body
    index, keep = (Local(writer.scope.counted(name)) for name in ("i", "keep"))
    variables = writer.variables(loop.changing)
    found: list[Statement] = []
    for name, (k, axis) in zip(variables, layer.open_sizes, strict=True):
        found.append(Let((name,), code(Size(loop.states[k][0].shape[axis])), mutable=True))
    for first, state in loop.states:
        found.append(_copy(writer, first, state, step.name))
    start = code("true") if loop.condition is None else writer.scalar(loop.condition)
    bound = code() if loop.trips is None else code(" && (", index, " as i64) < ", writer.scalar(loop.trips))
    scalars = {body.iteration: code(index, " as i64"), body.condition: code(keep)}
    inside = replace(writer, scalars={**writer.scalars, **scalars})
    inner: list[Statement] = [Changed(loop.changing), *inside.steps(step.bodies[0].steps)]
    for source, target in zip(body.slices, loop.collected, strict=True):
        if target is not None:
            end, begin = Length(source.shape, index, 1), Length(source.shape, index)
            inner.append(
                _copied(inside, source, code("&mut ", writer.slot(target, ".fit("), end, ")?[", begin, "..]"), step.name)
            )
    again = inside.scalar(body.again)
    if again != code(keep):
        inner.append(Assign(keep.name, again))
    for name, (k, axis) in zip(variables, layer.open_sizes, strict=True):
        inner.append(Assign(name, code(Size(body.new_states[k].shape[axis]))))
    # new states become the old ones by exchanging buffers: nothing is copied
    for (_, state), new in zip(loop.states, body.new_states, strict=True):
        inner.append(Do(code("core::mem::swap(&mut ", writer.slot(state), ", &mut ", writer.slot(new), ")")))
    inner.append(Do(code(index, " += 1")))
    found += [
        Let((keep.name,), start, mutable=again != code(keep)),
        Let((index.name,), code("0_usize"), mutable=True),
        Block(code("while ", keep, bound), tuple(inner)),
        Let(writer.variables([loop.iterations]), code(index), found=tuple(step.defines)),
    ]
    return found

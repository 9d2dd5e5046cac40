"""If and Loop in Rust: the only steps whose emission is more than one call."""

from __future__ import annotations

from dataclasses import dataclass, replace

from onnx2rust.base.naming import string
from onnx2rust.emit.code import CPU, Assign, Block, Changed, Code, Do, Length, Let, Local, Size, Statement, code, joined
from onnx2rust.emit.steps import Steps
from onnx2rust.ir.program import Step, Value
from onnx2rust.layers.control import If, Loop


@dataclass(frozen=True)
class Writer(Steps):
    """Writes steps, those with bodies too."""

    def control(self, step: Step) -> list[Statement]:
        return [self._if(step)] if isinstance(step.layer, If) else self._loop(step)

    def _copy(self, source: Value, target: Value, name: str) -> Do:
        """The source's elements, copied to the target's buffer."""
        if source.type.room is None:
            to = code("&mut ", self.slot(target))
        else:
            to = code(self.slot(target, ".fit("), Length(source.shape), ")?")
        return self._copied(source, to, name)

    def _copied(self, source: Value, to: Code, name: str) -> Do:
        layer = source.type.copy
        tail = f".map_err(|e| e.at({string(name)}))?" if layer.fallible else ""
        return Do(code(self.scope.layer(type(layer)), ".run(", CPU, ", ", self.read(source), ", ", to, ")", tail))

    def _if(self, step: Step) -> Statement:
        layer, (condition,) = step.layer, step.inputs
        assert isinstance(layer, If)
        assert condition is not None
        parts = []
        for body in step.bodies:
            inner = self.steps(body.steps)
            for source, target in zip(body.outputs, step.outputs, strict=True):
                assert target is not None
                inner.append(self._copy(source, target, step.name))
            sizes = [Size(body.outputs[k].shape[axis]) for k, axis in layer.open_sizes]
            parts.append((*inner, *([Do(code("[", joined(sizes), "]"), end="")] if sizes else [])))
        head = code("if ", self.scalar(condition))
        return Block(head, parts[0], parts[1], self.variables(step.defines), step.defines, step.name)

    def _loop(self, step: Step) -> list[Statement]:
        layer = step.layer
        assert isinstance(layer, Loop)
        loop = layer.parts(step)
        body = loop.body
        index, keep = (Local(self.scope.counted(name)) for name in ("i", "keep"))
        variables = self.variables(loop.changing)
        found: list[Statement] = []
        for name, (k, axis) in zip(variables, layer.open_sizes, strict=True):
            found.append(Let((name,), code(Size(loop.states[k][0].shape[axis])), mutable=True))
        for first, state in loop.states:
            found.append(self._copy(first, state, step.name))
        start = code("true") if loop.condition is None else self.scalar(loop.condition)
        bound = code() if loop.trips is None else code(" && (", index, " as i64) < ", self.scalar(loop.trips))
        scalars = {body.iteration: code(index, " as i64"), body.condition: code(keep)}
        inside = replace(self, scalars={**self.scalars, **scalars})
        inner: list[Statement] = [Changed(loop.changing), *inside.steps(step.bodies[0].steps)]
        for source, target in zip(body.slices, loop.collected, strict=True):
            if target is not None:
                end, begin = Length(source.shape, index, 1), Length(source.shape, index)
                inner.append(
                    inside._copied(source, code("&mut ", self.slot(target, ".fit("), end, ")?[", begin, "..]"), step.name)
                )
        again = inside.scalar(body.again)
        if again != code(keep):
            inner.append(Assign(keep.name, again))
        for name, (k, axis) in zip(variables, layer.open_sizes, strict=True):
            inner.append(Assign(name, code(Size(body.new_states[k].shape[axis]))))
        # new states become the old ones by exchanging buffers: nothing is copied
        for (_, state), new in zip(loop.states, body.new_states, strict=True):
            inner.append(Do(code("core::mem::swap(&mut ", self.slot(state), ", &mut ", self.slot(new), ")")))
        inner.append(Do(code(index, " += 1")))
        found += [
            Let((keep.name,), start, mutable=again != code(keep)),
            Let((index.name,), code("0_usize"), mutable=True),
            Block(code("while ", keep, bound), tuple(inner)),
            Let(self.variables([loop.iterations]), code(index), found=tuple(step.defines)),
        ]
        return found

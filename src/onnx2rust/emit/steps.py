"""Program → statements: one call per step, a comment above it saying what it is."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from onnx2rust.base.naming import Escaped, comment, string
from onnx2rust.emit import literals
from onnx2rust.emit.code import (
    CPU,
    FIRST,
    INPUTS,
    LAYERS,
    TURN,
    WORKSPACE,
    Code,
    Comment,
    Do,
    Function,
    Length,
    Let,
    Member,
    Signed,
    Size,
    Statement,
    Turn,
    code,
    joined,
)
from onnx2rust.emit.scope import Scope
from onnx2rust.emit.weights import WeightTable
from onnx2rust.ir.dims import Dim, substitute, symbol
from onnx2rust.ir.layer import Layer, Role, View
from onnx2rust.ir.program import Step, Value
from onnx2rust.ir.types import TensorType
from onnx2rust.plan.batching import Segment
from onnx2rust.plan.planner import Plan


@dataclass(frozen=True)
class Steps(ABC):
    """Writes steps of the file whose names are `scope`, in one place of it: in `segment`, where `scalars` are there."""

    plan: Plan
    weights: WeightTable
    inputs: dict[Value, Escaped]
    scope: Scope
    counted: frozenset[Value] = frozenset()
    """Tensors whose elements `predict` has counted before its first step."""
    marks: Mapping[Step, int] = field(default_factory=dict)
    """The steps that first say a number of theirs (`onnx2rust bench --per-layer`)."""
    scalars: Mapping[Value, Code] = field(default_factory=dict)
    """Values that are plain Rust variables: the iteration number of a loop, a branch's condition."""
    segment: Segment | None = None
    """The segment that the steps are in: whole values have a part in it."""

    # -- values ------------------------------------------------------------------------------------------------------

    def read(self, value: Value) -> Code:
        """A slice with the value's elements."""
        root = self.plan.root(value)
        constant = value if value.const is not None else root
        if constant.const is not None:
            return code(LAYERS, Member(self.weights.of_value(constant).name))
        if root in self.scalars:
            return code("&[", self.scalars[root], "]")
        if root in self.inputs:
            return self._part(root, code(INPUTS, f".{self.inputs[root]}"), None, "&")
        if root.type.room is None:
            return code("&", self.slot(root))
        return self._part(root, self.slot(root, ".get("), ")", "&")

    def scalar(self, value: Value) -> Code:
        """The one element of a tensor."""
        root = self.plan.root(value)
        return self.scalars[root] if root in self.scalars else code(self.read(value), "[0]")

    def write(self, value: Value, step: str = "") -> Code:
        """A mutable slice for the value's elements, whose number is checked if it was not at the begin: `step` is blamed."""
        root = self.plan.root(value)
        if root.type.room is None:
            return code("&mut ", self.slot(root))
        fit = self.slot(root, ".fit(")
        if step and root not in self.counted:
            shape = joined(Size(d) for d in value.shape)
            return code(fit, Function("elements"), f"({string(step)}, &[", shape, "])?)?")
        return self._part(root, fit, ")?", "&mut ")

    def slot(self, value: Value, text: str = "") -> Code:
        """The buffer of the value."""
        return code(WORKSPACE, f".{self.plan.names[self.plan.slot_of[self.plan.root(value)]]}{text}")

    def _part(self, root: Value, head: Code, close: str | None, borrow: str) -> Code:
        """A slice: `head`, the length and `close`. In a segment, the part of a whole value that
        belongs to this turn's samples."""
        if self.segment is None or root not in self.plan.whole:
            return head if close is None else code(head, Length(self.dims(root.shape)), close)
        elements = root.type.part(self.segment.batch)
        assert elements is not None
        whole = head if close is None else code(head, Length(root.shape), close)
        begin, length = Length((elements,), FIRST), Length((self.turn, elements))
        text = code(borrow, whole, "[", begin, "..][..", length, "]").pieces
        place = "input " + self.inputs[root] if root in self.inputs else f"slot {self.plan.slot_of[root]}"
        return code(Turn(place, root.name, elements, borrow != "&", text))

    @property
    def turn(self) -> Dim:
        """How many samples a turn of the segment takes."""
        return 1 if self.segment is None or self.segment.samples == 1 else symbol(TURN)

    def dims(self, shape: Iterable[Dim]) -> tuple[Dim, ...]:
        """The sizes as they are here: in a segment, for the samples of one turn."""
        if self.segment is None:
            return tuple(shape)
        return tuple(substitute(d, {self.segment.batch: self.turn}) for d in shape)

    # -- steps -------------------------------------------------------------------------------------------------------

    def steps(self, steps: tuple[Step, ...]) -> list[Statement]:
        """All statements of a list of steps."""
        return [statement for step in steps for statement in self.step(step)]

    @abstractmethod
    def control(self, step: Step) -> list[Statement]:
        """The statements of a step with bodies."""

    def step(self, step: Step) -> list[Statement]:
        """The statements of one step: comment, sizes that become known, the call."""
        if isinstance(step.layer, View):
            return []
        results = tuple(
            (dim, f"{step.name}_{axis}", step.layer.windows and 0 < axis < value.rank - 1)
            for value in step.results()
            if isinstance(value.type, TensorType)
            for axis, dim in enumerate(value.shape)
        )
        found: list[Statement] = [Comment(self.describe(step), results if self.segment is None else ())]
        if step in self.marks:
            found.append(Do(code(f"crate::profile::mark({self.marks[step]})")))
        if step.bodies:
            return found + self.control(step)
        if step.defines:
            by = step.layer.sized_by
            skipped = () if by is None else [k for k in range(len(step.inputs)) if k not in by]
            arguments = joined(self._arguments(step, skipped))
            method = _method("sizes", step.layer, [v if k not in skipped else None for k, v in enumerate(step.inputs)])
            value = code(self._receiver(step), f".{method}(", arguments, f").map_err(|e| e.at({string(step.name)}))?")
            found.append(Let(self.variables(step.defines), value, array=True, found=step.defines))
        if step.outputs:
            found.append(Do(self._call(step)))
        return found

    def variables(self, names: Iterable[str]) -> tuple[str, ...]:
        """The variables of symbols."""
        return tuple(str(self.scope.symbols[n]) for n in names)

    def describe(self, step: Step) -> str:
        """What stands above a step: `conv2d (Conv): [batch, 26, 26, 32]`."""
        shapes = ", ".join(v.type.dims for v in step.results())
        node, op = step.origin.node or step.name, step.origin.op
        known = node.rpartition("/")[2] == op
        text = (node if known else f"{node} ({op})") + (f": {shapes}" if shapes else "")
        return str(comment(text))

    def _receiver(self, step: Step) -> Code:
        return code(LAYERS, Member(step.name)) if step.layer.constants() else code(self.scope.layer(type(step.layer)))

    def _fitted(self, step: Step) -> Code:
        """The layer as `run` needs it: one whose pads depend on the size is told the size."""
        receiver, method = self._receiver(step), step.layer.told()
        if not method:
            return receiver
        size = step.layer.sizes()["size"]
        assert isinstance(size, tuple)
        return code(receiver, f".{method}([", joined(Size(d, f"{step.name}_size") for d in self.dims(size)), "])")

    def scratch_len(self, step: Step) -> Code:
        """Elements of scratch that a step needs."""
        layer, sizes = step.layer, self._sizes(step)
        own = layer.sizes_in and layer.sizes_in not in [r.path for r in layer.inputs_in]
        given = [self._sizes_in(layer, sizes)] if own else sizes.values()
        return code(self._fitted(step), ".scratch_len(", joined(given), ")")

    def _sizes(self, step: Step) -> dict[str, Code]:
        sizes = {}
        for name, dims in step.layer.sizes().items():
            if not isinstance(dims, tuple):
                sizes[name] = code(Size(self.dims([dims])[0], f"{step.name}_{name}"))
                continue
            signed = step.layer.mirror()[name].role is Role.SIGNED
            kind = [Signed(d) if signed else Size(d, f"{step.name}_size") for d in self.dims(dims)]
            sizes[name] = code("[", joined(kind), "]")
        return sizes

    def _arguments(self, step: Step, skip: Sequence[int] = (), instead: Code | None = None) -> list[Code]:
        """What stands in front of the outputs: the sizes and the inputs, without those of `skip`,
        or with `instead` in place of them."""
        layer, sizes = step.layer, self._sizes(step)
        reads: dict[int, Code | None] = {}
        for index, value in enumerate(step.inputs):
            if value is None and index in layer.chooses:
                continue
            if index not in skip:
                reads[index] = None if value is None else _some(self.read(value), index in layer.optional_inputs())
            elif instead is not None:
                reads[index] = instead
        shapes = {index: (name, sizes.pop(name)) for index, name in enumerate(layer.input_shapes)}
        sizes.pop(layer.output_shape, None)
        found = [code(CPU)]
        if layer.sizes_in not in [r.path for r in layer.inputs_in]:
            found += [self._sizes_in(layer, sizes)] if layer.sizes_in else sizes.values()
        for record in layer.inputs_in:
            fields: dict[str, Code | None] = {**sizes} if record.path == layer.sizes_in else {}
            for name, index in record.fields:
                fields.update([shapes.pop(index)] if index in shapes else [])
                fields[name] = reads.pop(index, None)
            reads[record.first] = self._record(record.path, fields)
        for index, (_, shape) in shapes.items():
            read = reads.get(index)
            if read is not None:
                reads[index] = code(shape, ", ", read)
        rest = _all_there(step, reads)
        return [*found, code("&[", _kept(joined(rest)), "]")] if layer.variadic else [*found, *rest]

    def _sizes_in(self, layer: Layer, sizes: dict[str, Code]) -> Code:
        """The struct that holds the sizes; what works along the last axis says so in one line."""
        if layer.sizes_in == "axis::AlongAxis" and layer.sizes()["inner"] == 1:
            return code(self.scope.item(layer.sizes_in), "::last([", joined([sizes["outer"], sizes["axis"]]), "])")
        return self._record(layer.sizes_in, sizes)

    def _record(self, path: str, fields: Mapping[str, Code | None]) -> Code:
        """A struct literal with those of the fields that have a value."""
        given: list[Code | str] = []
        for name, value in fields.items():
            if value is not None:
                # Rust writes a field and a variable of one name once
                same = any(isinstance(p, Size) and self.scope.symbols.get(str(p.dim)) == name for p in value.pieces[:1])
                given.append(value if same and len(value.pieces) == 1 else code(name, ": ", _kept(value)))
        if len(given) < len(fields):
            given.append("..Default::default()")
        return code(self.scope.item(path), " { ", joined(given), " }")

    def _call(self, step: Step) -> Code:
        layer, index = step.layer, self.plan.in_place.get(step)
        method = _method("run_known" if step.fits() else "run", layer, step.inputs, step.outputs)
        target = None
        if index is not None:
            value = step.inputs[index]
            assert value is not None
            method += "_in_place" if index == 0 or index in layer.chooses else "_in_place_right"
            target = self.write(value)
        arguments = self._arguments(step, () if index is None else [index], target)
        writes: dict[int, Code | None] = {}
        for position, value in enumerate(step.outputs):
            if index is None or position:
                text = None if value is None else self.write(value, step.name)
                writes[position] = None if text is None else _some(text, position in layer.optional_outputs())
        if layer.output_shape and (written := writes[0]) is not None:
            writes[0] = code(self._sizes(step)[layer.output_shape], ", ", written)
        for record in layer.outputs_in:
            fields = {name: writes.pop(k, None) for name, k in record.fields}
            if any(fields.values()) or not record.chooses:
                writes[record.first] = self._record(record.path, fields)
        arguments += _all_there(step, writes)
        if layer.scratch:
            arguments.append(code("&mut ", WORKSPACE, ".scratch" if self.segment is None else ".part.scratch"))
        tail = "?" if layer.scratch else ""
        if step.can_fail():
            tail = f".map_err(|e| e.at({string(step.name)}))?"
        return code(self._fitted(step), f".{method}(", joined(arguments), f"){tail}")

    @functools.cached_property
    def types(self) -> dict[str, str]:
        """The types of the layers' and constants' fields, by the paths of their modules."""
        steps = {step.name: literals.applied(step.layer.rust, step.layer) for step in self.plan.program.walk() if not step.bodies}
        return {**steps, **{e.name: f"&'w [{e.stored.rust}]" for e in self.weights.entries}}


def _method(name: str, layer: Layer, inputs: Sequence[Value | None], outputs: Sequence[Value | None] = ()) -> str:
    """The method for these operands: those that may be absent and are not are in its name."""
    given = {k for k, value in enumerate(inputs) if value is not None}
    wanted = {k for k, value in enumerate(outputs) if value is not None}
    words = [word for k, word in sorted(layer.chooses.items()) if k in given]
    words += [record.chooses for record in layer.outputs_in if record.chooses and wanted & {k for _, k in record.fields}]
    return "_".join([name, *words])


def _all_there(step: Step, operands: Mapping[int, Code | None]) -> list[Code]:
    """The operands that are passed by position, of which none may be absent."""
    found = []
    for k, operand in sorted(operands.items()):
        if operand is None:
            raise AssertionError(f"{step.name} ({type(step.layer).__name__}): nothing stands for operand {k}")
        found.append(operand)
    return found


def _some(value: Code, option: bool) -> Code:
    return code("Some(", _kept(value), ")") if option else value


def _kept(value: Code) -> Code:
    """The value where it is not passed on as it is."""
    return Code(tuple(replace(p, passed=False) if isinstance(p, Turn) else p for p in value.pieces))

"""Program → the lines of Rust that run it: one call per step, a comment above it saying what it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from onnx2rust.batching import Segment, part
from onnx2rust.dims import symbol, symbols
from onnx2rust.emit import control, literals
from onnx2rust.emit.scope import Scope
from onnx2rust.emit.sizes import NamedSize, SizeTable
from onnx2rust.emit.weights import WeightTable
from onnx2rust.layers.base import Layer, View
from onnx2rust.naming import Escaped, comment, string
from onnx2rust.planner import Plan
from onnx2rust.program import Step, TensorType, Value


@dataclass
class Writer:
    """Writes steps of the file whose names are `scope`."""

    plan: Plan
    weights: WeightTable
    sizes: SizeTable
    inputs: dict[Value, Escaped]
    scope: Scope
    features: set[str] = field(default_factory=set)
    """Cargo features of tf-layers that the layers lie behind."""
    needs_scratch: bool = False
    checks_elements: bool = False
    """Whether there is a value with a number of elements that the data decide."""
    names: dict[Value, str] = field(default_factory=dict)
    """Values that are plain Rust variables: the iteration number of a loop, a branch's condition."""
    late: list[NamedSize] = field(default_factory=list)
    """Named sizes that depend on symbols found while the model runs."""
    known: set[str] = field(default_factory=set)
    computed: set[str] = field(default_factory=set)
    depth: int = 0
    shares_dims: bool = False
    """Whether sizes found while running must reach other methods, through `d: &mut Dims`."""
    loops: int = 0
    segment: Segment | None = None
    """The segment that is being written: whole values have a part in it."""

    # -- values ------------------------------------------------------------------------------------------------------

    def read(self, value: Value) -> str:
        """A slice expression with the value's elements."""
        root = self.plan.root(value)
        if value.const is not None:
            return f"l.{self.weights.of_value(value).name}"
        if root.const is not None:
            return f"l.{self.weights.of_value(root).name}"
        if root in self.names:
            return self.names[root]
        text = f"inputs.{self.inputs[root]}" if root in self.inputs else f"ws.s{self.plan.slot_of[root]}.get({{}})"
        return self._part(root, text, "&")

    def write(self, value: Value, step: str = "") -> str:
        """A mutable slice expression for the value's elements, whose number is checked if the data have decided it: `step` is blamed."""
        root = self.plan.root(value)
        if step and {s for d in value.shape for s in symbols(d)} - set(self.plan.program.symbols):
            self.checks_elements = True
            shape = ", ".join(self.sizes.rust(d) for d in value.shape)
            return f"ws.s{self.plan.slot_of[root]}.fit(elements({string(step)}, &[{shape}])?)"
        return self._part(root, f"ws.s{self.plan.slot_of[root]}.fit({{}})", "&mut ")

    def _part(self, root: Value, text: str, borrow: str) -> str:
        """A slice expression with its length filled in: in a segment, the part of a whole value that belongs to this turn's samples."""
        length = self.length(root.type)
        if self.segment is None or root not in self.plan.whole:
            return text.format(length)
        elements = part(root, self.segment.batch)
        first, whole = (self.sizes.length([symbol(name), elements or 0]) for name in ("first", "samples"))
        return f"{borrow}{text.format(whole)}[{first}..][..{length}]"

    def length(self, type_: TensorType) -> str:
        """Number of elements, as a usize expression."""
        return self.sizes.length(type_.shape)

    def use(self, layer: type[Layer]) -> str:
        """Notes that the lines name a layer's struct; returns that name."""
        self.features.add(layer.feature)
        return self.scope.item(layer.rust)

    # -- steps -------------------------------------------------------------------------------------------------------

    def steps(self, steps: tuple[Step, ...]) -> list[str]:
        """All lines of a list of steps."""
        return [line for step in steps for line in self.step(step)]

    def step(self, step: Step) -> list[str]:
        """The lines of one step: comment, sizes that become known, the call."""
        if isinstance(step.layer, View):
            return []
        for value in step.results():
            for axis, dim in enumerate(value.shape):
                windows = step.layer.windows and 0 < axis < value.rank - 1
                self.sizes.name(dim, f"{step.name}_{axis}", windows)
        lines = [f"// {self.describe(step)}"]
        if step.bodies:
            return lines + control.lines(self, step)
        if step.defines:
            by = step.layer.sized_by
            skipped = () if by is None else [k for k in range(len(step.inputs)) if k not in by]
            arguments = ", ".join(self._arguments(step) + self._reads(step, skipped))
            tail = f".map_err(|e| e.at({string(step.name)}))?"
            lines.append(f"let [{', '.join(step.defines)}] = {self._receiver(step)}.sizes({arguments}){tail};")
            lines += self.define(step.defines)
        if step.outputs:
            lines.append(self._call(step))
        return lines

    def define(self, names: Iterable[str], again: bool = False) -> list[str]:
        """What follows once symbols have values: the named sizes that depend on them (`again`: they have changed)."""
        fresh = set(names)
        self.known |= fresh
        ready = [
            n
            for n in self.late
            if n.needs <= self.known
            and (n.needs & fresh if again else str(n.name) not in self.computed)
            and len(self.sizes.home(n)) <= len(self.sizes.place)
        ]
        self.computed |= {str(n.name) for n in ready}
        lines = []
        for name in sorted(fresh, key=list(names).index) if self.shares_dims and not self.depth and not again else []:
            lines.append(f"d.{name} = {name};")
        for size in ready:
            lines.append(size.let)
            if self.shares_dims and not self.depth:
                lines.append(f"d.{size.name} = {size.name};")
        return lines

    @contextmanager
    def branch(self, name: str) -> Iterator[list[str]]:
        """A branch of an `If`; gives the sizes that are computed in it."""
        outer = self.sizes.place
        with self.inside():
            self.sizes.place = (*outer, name)
            own = [n for n in self.sizes.named if n.needs <= self.known and self.sizes.home(n) == self.sizes.place]
            self.computed |= {str(n.name) for n in own}
            try:
                yield [n.let for n in own]
            finally:
                self.sizes.place = outer

    @contextmanager
    def inside(self) -> Iterator[None]:
        """A Rust block: what is computed inside is not known behind it."""
        saved = set(self.known), set(self.computed)
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            self.known, self.computed = saved

    def describe(self, step: Step) -> str:
        """What stands above a step: `conv2d (Conv): [batch, 26, 26, 32]`."""
        shapes = ", ".join(f"[{', '.join(map(str, v.shape))}]" for v in step.results())
        text = f"{step.origin.node or step.name} ({step.origin.op})" + (f": {shapes}" if shapes else "")
        return str(comment(text))

    def _receiver(self, step: Step) -> str:
        if step.layer.constants():
            return f"l.{step.name}"
        return self.use(type(step.layer))

    def _fitted(self, step: Step) -> str:
        """The layer as `run` needs it: one whose pads depend on the size is told the size."""
        receiver, same = self._receiver(step), step.layer.same()
        if same is None:
            return receiver
        size = step.layer.sizes()["size"]
        assert isinstance(size, tuple)
        return f"{receiver}.same_{same}([{', '.join(self.sizes.rust(d, f'{step.name}_size') for d in size)}])"

    def _arguments(self, step: Step) -> list[str]:
        arguments = ["cpu"]
        for name, dims in step.layer.sizes().items():
            if step.layer.signed(name):
                assert isinstance(dims, tuple)
                arguments.append(f"[{', '.join(map(self.sizes.signed, dims))}]")
            elif isinstance(dims, tuple):
                arguments.append(f"[{', '.join(self.sizes.rust(d, f'{step.name}_size') for d in dims)}]")
            else:
                arguments.append(self.sizes.rust(dims, f"{step.name}_{name}"))
        return arguments

    def _reads(self, step: Step, skip: Sequence[int] = ()) -> list[str]:
        texts = []
        for index, value in enumerate(step.inputs):
            if index in skip:
                continue
            text = "None" if value is None else self.read(value)
            texts.append(f"Some({text})" if value is not None and index in step.layer.optional else text)
        return [f"&[{', '.join(texts)}]"] if step.layer.variadic else texts

    def _tail(self, step: Step) -> str:
        return f".map_err(|e| e.at({string(step.name)}))?" if step.layer.fallible else ""

    def _call(self, step: Step) -> str:
        arguments = self._arguments(step)
        index = self.plan.in_place.get(step)
        if index is not None:
            value = step.inputs[index]
            assert value is not None
            method = "run_in_place" if index == 0 else "run_in_place_right"
            others = self._reads(step, [index])
            arguments += [*others[:index], self.write(value), *others[index:]]
        else:
            method = "run"
            arguments += self._reads(step)
        for position, value in enumerate(step.outputs):
            if index is not None and position == 0:
                continue
            text = "None" if value is None else self.write(value, step.name)
            arguments.append(f"Some({text})" if value is not None and position in step.layer.optional_outputs else text)
        if step.layer.scratch:
            self.needs_scratch = True
            arguments.append("&mut ws.scratch")
        return f"{self._fitted(step)}.{method}({', '.join(arguments)}){self._tail(step)};"

    def fields(self, scope: Scope) -> list[tuple[Step, str, str]]:
        """Layers with parameters: (step, Rust type, struct literal), as the file whose names are `scope` writes them."""
        found = []
        for step in self.plan.program.walk():
            if isinstance(step.layer, View) or step.bodies or not step.layer.constants():
                continue
            self.features.add(step.layer.feature)
            literal = literals.struct(step.layer, self.weights, scope)
            found.append((step, literals.struct_type(step.layer, scope), literal))
        return found

"""A graph that is being drawn, node by node.

onnxruntime runs each node as soon as it is drawn, at three sets of sizes, so that every value is known: a node that onnxruntime
refuses, whose numbers are not tame, or that makes much of a small error (a comparison of numbers that are nearly equal) is not
taken. What is exact (integers, and floats that are small multiples of a power of two) is known, and never in doubt.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2rust.model.reference import inputs as inputs_of
from onnx2rust.model.reference import session
from onnx2rust.oracle.compare import compare

Array = np.ndarray[Any, Any]
ML = "ai.onnx.ml"
MOST_ELEMENTS = 6000
LARGEST = 1e4
"""Values above are too large to go on with."""
NOISE = {np.dtype(np.float16): 1e-3, np.dtype(np.float32): 5e-7, np.dtype(np.float64): 5e-7}
"""The error that a computation in this type is taken to make."""
NAMES = (
    "x",
    "X",
    "fn",
    "self",
    "a/b:0",
    "ws",
    "cpu",
    "batch",
    "l",
    "1",
    "y.1",
    "data input",
    "ünï",
    "inputs",
    "é",
    "Some",
    "__",
    "x_1",
    "r#x",
    "*/",
)
ROUNDED = frozenset(
    [
        "Acos",
        "Acosh",
        "Asin",
        "Asinh",
        "Atan",
        "Atanh",
        "BiasGelu",
        "Cos",
        "Cosh",
        "Elu",
        "Erf",
        "Exp",
        "Gelu",
        "HardSwish",
        "Log",
        "LogSoftmax",
        "LSTM",
        "GRU",
        "RNN",
        "Mish",
        "Pow",
        "Selu",
        "Celu",
        "Sigmoid",
        "Sin",
        "Sinh",
        "Softmax",
        "Softplus",
        "Sqrt",
        "Swish",
        "Tan",
        "Tanh",
        "ReduceLogSum",
        "ReduceLogSumExp",
        "ReduceL2",
        "LayerNormalization",
        "InstanceNormalization",
        "GroupNormalization",
        "BatchNormalization",
        "RMSNormalization",
        "LpNormalization",
        "LRN",
        "MeanVarianceNormalization",
        "Resize",
        "Upsample",
    ]
)
"""Operators whose results are not exact even where they look it."""


class Unfit(Exception):
    """What was drawn does not make a good model."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value of the graph: what it is in each run, and what it would be if all floats before it were slightly off."""

    name: str
    runs: tuple[Array, ...]
    shaken: tuple[Array, ...]
    exact: bool = True
    known: bool = False

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Sizes; None for those that differ between runs."""
        sizes = zip(*(a.shape for a in self.runs), strict=True)
        return tuple(s[0] if len(set(s)) == 1 else None for s in sizes)

    @property
    def rank(self) -> int:
        """The number of axes."""
        return self.runs[0].ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type."""
        found: np.dtype[Any] = self.runs[0].dtype
        return found

    @property
    def size(self) -> int:
        """Elements in the smallest run."""
        return min(a.size for a in self.runs)

    @property
    def f32(self) -> bool:
        """Whether it is float32."""
        return self.dtype == np.float32

    @property
    def text(self) -> bool:
        """Whether it holds strings, or the pairs of a map: only a kind of its own picks it."""
        return self.dtype.kind in "OUV"

    @property
    def low(self) -> float:
        """The smallest element."""
        return min(float(a.min()) if a.size and not self.text else 0.0 for a in self.runs)

    @property
    def high(self) -> float:
        """The largest element."""
        return max(float(a.max()) if a.size and not self.text else 0.0 for a in self.runs)


@dataclass
class Draft:
    """A graph that is being drawn. A body's draft sees the values of the graph around it."""

    rng: random.Random
    opset: int
    sizes: list[dict[str, int]]
    outer: Draft | None = None
    taken: set[str] = field(default_factory=set)
    values: list[Tensor] = field(default_factory=list)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    inputs: list[tuple[Tensor, list[int | str]]] = field(default_factory=list)
    initializers: list[Tensor] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    tastes: dict[str, float] = field(default_factory=dict)

    @property
    def ml(self) -> int:
        """The version of ai.onnx.ml."""
        return ml_version(self.opset)

    def taste(self, name: str) -> float:
        """How much more often than usual a kind is drawn in this graph: graphs that differ find
        more than those that have all of everything."""
        return self.tastes.setdefault(name, self.rng.choice([0.0, 0.3, 1.0, 1.0, 5.0]))

    # -- values ------------------------------------------------------------------------------------------------------

    def numpy(self) -> np.random.Generator:
        """A source of arrays."""
        return np.random.default_rng(self.rng.getrandbits(32))

    def chance(self, p: float) -> bool:
        """True with probability p."""
        return self.rng.random() < p

    def fresh(self) -> str:
        """A name that no other value has; odd ones now and then."""
        base = self.rng.choice(NAMES) if self.chance(0.3) else f"v{len(self.taken)}"
        name = base
        while name in self.taken:
            name = f"{base}_{len(self.taken)}"
        self.taken.add(name)
        return name

    def visible(self) -> list[Tensor]:
        """All values that a node can read, the newest last."""
        return ([] if self.outer is None else self.outer.visible()) + self.values

    def pick(self, *tests: Callable[[Tensor], Any]) -> Tensor:
        """A value that passes all tests: rather one of the newest."""
        fitting = [t for t in self.visible() if all(test(t) for test in tests) and _tame(t)]
        if not fitting:
            raise Unfit("no such value")
        if self.chance(0.6):
            # chains are longer where what nobody has read yet is read first
            read = {name for node in self.nodes for name in node.input}
            fitting = [t for t in fitting if t.name not in read and not t.known] or fitting
        return fitting[max(self.rng.randrange(len(fitting)) for _ in range(2 if self.chance(0.7) else 1))]

    def input(self, dims: list[int | str], draw: Callable[[np.random.Generator, tuple[int, ...]], Array]) -> Tensor:
        """An input; where a size is less, it is the first elements of the larger one."""
        shapes = [tuple(d if isinstance(d, int) else s[d] for d in dims) for s in self.sizes]
        full = np.asarray(draw(self.numpy(), tuple(max(n) for n in zip(*shapes, strict=True))))
        runs = tuple(np.asarray(full[tuple(slice(n) for n in shape)], order="C") for shape in shapes)
        tensor = Tensor(self.fresh(), runs, runs, _exact(runs))
        self.inputs.append((tensor, dims))
        self.values.append(tensor)
        return tensor

    def known(self, array: Any, dtype: Any = None) -> Tensor:
        """A known value: an initializer or a Constant, an old one if it is the same."""
        array = np.asarray(array, dtype)
        root = self
        while root.outer is not None:
            root = root.outer
        for old in (t for t in self.visible() if t.known):
            same = (old.dtype, old.shape) == (array.dtype, array.shape) and old.runs[0].tobytes() == array.tobytes()
            if same and self.chance(0.7):
                return old
        runs = (array,) * len(self.sizes)
        tensor = Tensor(self.fresh(), runs, runs, _exact(runs), known=True)
        if self.chance(0.3):
            value = numpy_helper.from_array(array, "" if self.chance(0.5) else tensor.name)
            self.nodes.append(helper.make_node("Constant", [], [tensor.name], value=value))
            self.values.append(tensor)
        else:
            root.initializers.append(tensor)
            root.values.append(tensor)
        return tensor

    def ints(self, *values: int) -> Tensor:
        """A known vector of integers."""
        return self.known(list(values), np.int64)

    def weights(self, *shape: int, like: Tensor, scale: float | None = None) -> Tensor:
        """Known weights: small integers for exact data, so that results stay exact."""
        rng = self.numpy()
        if like.exact and self.chance(0.6):
            return self.known(rng.integers(-2, 3, shape), like.dtype)
        fan = max(1, int(np.prod(shape[1:]))) if len(shape) > 1 else 1
        return self.known(rng.standard_normal(shape) * (scale or fan**-0.5), like.dtype)

    # -- nodes -------------------------------------------------------------------------------------------------------

    def node(self, op: str, *inputs: Tensor | None, outputs: int = 1, captured: Sequence[Tensor] = (), **attributes: Any) -> Any:
        """A node, and its outputs in every run."""
        if _aborts(op, inputs, body=self.outer is not None):
            raise Unfit("onnxruntime ends the process")
        names = [t.name if t else "" for t in inputs]
        while names and not names[-1]:
            names.pop()
        results = [self.fresh() for _ in range(outputs)]
        # onnxruntime wants names that differ; names of values and names of nodes are different things
        title = self.rng.choice(
            ["", f"{op}_{len(self.taken)}", results[0], f"block/{op}/{len(self.taken)}", f"a/../{len(self.taken)}"]
        )
        attributes = {k: v for k, v in attributes.items() if v is not None}
        proto = helper.make_node(op, names, results, name=title, **attributes)
        made = self.chain([proto], [*(t for t in inputs if t), *captured])
        return made[0] if outputs == 1 else made

    def chain(self, nodes: Sequence[onnx.NodeProto], inputs: Sequence[Tensor]) -> list[Tensor]:
        """Nodes that read these values and each other, and the outputs of the last in every run."""
        made = self._run(nodes, inputs)
        self.nodes += nodes
        self.values += made
        return made

    def _run(self, nodes: Sequence[onnx.NodeProto], inputs: Sequence[Tensor]) -> list[Tensor]:
        proto = nodes[-1]
        distinct = {t.name: t for t in inputs}
        infos = [info(t, [None] * t.rank) for t in distinct.values() if not t.known]
        known = [numpy_helper.from_array(t.runs[0], t.name) for t in distinct.values() if t.known]
        outputs = [onnx.ValueInfoProto(name=o) for o in proto.output]
        alone = model(helper.make_graph(nodes, "node", infos, outputs, known), self.opset)
        try:
            running = session(alone)
            fed = [t for t in distinct.values() if not t.known]
            runs = [running.run(None, inputs_of(running, {t.name: t.runs[k] for t in fed})) for k in range(len(self.sizes))]
            shaken = [running.run(None, inputs_of(running, {t.name: t.shaken[k] for t in fed})) for k in range(len(self.sizes))]
        except Exception as error:  # onnxruntime's own classes share no narrower base
            raise Unfit(str(error)) from error
        rng = self.numpy()
        made = []
        for position, name in enumerate(proto.output):
            clean = tuple(np.asarray(r[position]) for r in runs)
            exact = all(t.exact for t in inputs) and _exact(clean) and not any(n.op_type in ROUNDED for n in nodes)
            off = tuple(np.asarray(r[position]) if exact else _shake(np.asarray(r[position]), rng) for r in shaken)
            made.append(Tensor(name, clean, off, exact))
            _check(made[-1])
        return made

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Takes back what was added if it turns out to be unfit."""
        lists: list[list[Any]] = [self.values, self.nodes, self.initializers, self.inputs]
        before = [len(added) for added in lists]
        try:
            yield
        except Unfit:
            for added, count in zip(lists, before, strict=True):
                del added[count:]
            raise


def _aborts(op: str, inputs: Sequence[Tensor | None], *, body: bool) -> bool:
    """Whether onnxruntime does not survive the node: a division by an integer zero, a recurrent layer of nothing."""
    if op in ("Div", "Mod") and inputs[1] is not None and inputs[1].dtype.kind in "iu":
        return not all(a.all() for a in inputs[1].runs) or (body and not inputs[1].known)
    return op in ("LSTM", "GRU", "RNN") and any(t is not None and t.size == 0 for t in inputs)


def _tame(tensor: Tensor) -> bool:
    return not tensor.text and all(np.abs(a.astype(np.float64)).max(initial=0.0) <= LARGEST for a in tensor.runs)


def _exact(runs: Sequence[Array]) -> bool:
    if runs[0].dtype.kind != "f":
        return True
    return all(bool((np.abs(a) <= 1024).all() and (a * 64 == np.round(a * 64)).all()) for a in runs)


def _shake(array: Array, rng: np.random.Generator) -> Array:
    if array.dtype.kind != "f":
        return array
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is not taken
        scale = np.abs(array) + 0.05 * np.abs(array).max(initial=0.0)
        return np.asarray(array + scale * NOISE[array.dtype] * rng.uniform(-1, 1, array.shape), array.dtype)


def _check(tensor: Tensor) -> None:
    if tensor.text:
        return
    for clean, off in zip(tensor.runs, tensor.shaken, strict=True):
        if clean.dtype.kind not in "biuf" or clean.size > MOST_ELEMENTS or clean.ndim > 6:
            raise Unfit("not a small tensor of numbers")
        if not np.isfinite(clean).all() or np.abs(clean.astype(np.float64)).max(initial=0.0) > 1e10:
            raise Unfit("not finite")
        rtol, atol = (3e-3, 6e-4) if clean.dtype == np.float16 else (3e-5, 3e-6)
        if clean.shape != off.shape or not compare(off, clean, rtol, atol).passed:
            raise Unfit("a small error becomes a large one")


def info(tensor: Tensor, dims: Sequence[int | str | None]) -> onnx.ValueInfoProto:
    """A tensor of these sizes (or a map), as a graph declares it."""
    if tensor.dtype.names:
        key, value = (helper.np_dtype_to_tensor_dtype(tensor.dtype[part]) for part in tensor.dtype.names)
        return helper.make_value_info(tensor.name, helper.make_map_type_proto(key, helper.make_tensor_type_proto(value, [])))
    return helper.make_tensor_value_info(tensor.name, helper.np_dtype_to_tensor_dtype(tensor.dtype), dims)


def model(graph: onnx.GraphProto, opset: int) -> onnx.ModelProto:
    """A model of the graph."""
    versions = {"": opset, **dict.fromkeys(sorted(_domains(graph)), 1)}
    versions |= {ML: ml_version(opset)} if ML in versions else {}
    opsets = [helper.make_opsetid(domain, version) for domain, version in versions.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8 if opset < 19 else 10)


def ml_version(opset: int) -> int:
    """The version of ai.onnx.ml that stands beside one of ONNX: the two last that have operators for trees."""
    return 5 if opset >= 18 else 3


def _domains(graph: onnx.GraphProto) -> set[str]:
    bodies = [a.g for node in graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
    return {node.domain for node in graph.node if node.domain}.union(*map(_domains, bodies))

"""Control flow: If and Loop."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim, maximum, symbol, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Program, Value
from onnx2rust.ir.types import SequenceType, TensorType, Type, UnrankedType
from onnx2rust.layers.control import If, Loop, LoopBody
from onnx2rust.ops.shape import fixed
from onnx2rust.ops.unranked import is_unranked, wrapped
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import Half, Ranks, Strings


@onnx_op("If", since=(1, 11, 13, 16, 19, 21, 23, 24, 25), half=Half.ITSELF, ranks=Ranks.ANY, folded=False, reads={0: reads.MASK})
def if_(g: Builder, cond: Value, *, then_branch: onnx.GraphProto, else_branch: onnx.GraphProto) -> tuple[Value | None, ...]:
    """The outputs of one branch. A condition known at conversion leaves no step; sizes on which the
    branches disagree become symbols."""
    if cond.array is not None:
        return tuple(g.inline(then_branch if bool(cond.array.ravel()[0]) else else_branch))
    bodies = _branches(g, then_branch, else_branch, ())
    pairs = list(zip(bodies[0].outputs, bodies[1].outputs, strict=True))
    of_any_rank = [k for k, (a, b) in enumerate(pairs) if _differ_in_rank(a.type, b.type)]
    if of_any_rank:
        bodies = _branches(g, then_branch, else_branch, of_any_rank)
    types: list[Type] = []
    open_sizes: dict[tuple[int, int], str] = {}
    for k, (a, b) in enumerate(zip(bodies[0].outputs, bodies[1].outputs, strict=True)):
        refusal = f"the branches give output {k} different types: {a.type} and {b.type}"
        types.append(_either(g, a.type, b.type, k, open_sizes, refusal))
    return g.steps(If(tuple(open_sizes)), [cond], *types, defines=tuple(open_sizes.values()), bodies=bodies)


def _branches(
    g: Builder, then_branch: onnx.GraphProto, else_branch: onnx.GraphProto, of_any_rank: Sequence[int]
) -> tuple[Program, Program]:
    """Both branches; the chosen outputs are tensors of any rank."""

    def finish(outputs: list[Value]) -> list[Value]:
        return [wrapped(g, v) if k in of_any_rank else v for k, v in enumerate(outputs)]

    return g.body(then_branch, [], "then", finish=finish), g.body(else_branch, [], "else", finish=finish)


def _differ_in_rank(a: Type, b: Type) -> bool:
    """Whether what is one of two tensors has a rank that only the run decides."""
    if not isinstance(a, (TensorType, UnrankedType)) or not isinstance(b, (TensorType, UnrankedType)) or a.dtype is not b.dtype:
        return False
    return not isinstance(a, TensorType) or not isinstance(b, TensorType) or a.rank != b.rank


def _either(g: Builder, a: Type, b: Type, k: int, changing: dict[tuple[int, int], str], refusal: str) -> Type:
    """The type of what is one of two values, with sizes that exist around a body: a new symbol where those of a tensor differ. It
    is `changing[k, axis]`; one that is there already stays in a's type. Where they differ in rank, only the run decides it."""
    if isinstance(a, SequenceType) and isinstance(b, SequenceType) and (type(a), a.dtype) == (type(b), b.dtype):
        return a.joined(b).within(g.visible_sizes())
    if _differ_in_rank(a, b):
        for known in [known for known in changing if known[0] == k]:
            del changing[known]
        return UnrankedType(a.dtype)
    if not isinstance(a, TensorType) or not isinstance(b, TensorType) or a.dtype is not b.dtype:
        raise Refuse(refusal)
    shape = list(a.shape)
    for axis, (m, n) in enumerate(zip(a.shape, b.shape, strict=True)):
        if m != n and (k, axis) not in changing:
            changing[k, axis] = g.new_symbol("length")
            shape[axis] = symbol(changing[k, axis])
    return a.with_shape(*shape)


_STATES_IN, _STATES_OUT = 2, 1
"""Where the states begin among inputs (behind iteration and condition) and outputs (behind the condition) of a body."""


@onnx_op(
    "Loop",
    since=(1, 11, 13, 16, 19, 21, 23, 24, 25),
    strings=Strings.TEXT,
    half=Half.ITSELF,
    ranks=Ranks.ANY,
    folded=False,
    reads={0: reads.SIZE, 1: reads.MASK},
)
def loop(
    g: Builder, m: Value | None = None, cond: Value | None = None, *v_initial: Value, body: onnx.GraphProto
) -> tuple[Value | None, ...]:
    """for i in 0..M while cond: states = body(i, cond, states); some of the body's outputs are collected along a new first axis.

    States that the body hands on unchanged are no states: the body reads their initial values from
    outside, where they may be constants.
    """
    gone = _unchanged_states(body, len(v_initial))
    known = {body.input[_STATES_IN + k].name: g.rounded(v_initial[k]) for k in gone}
    changing = [v for k, v in enumerate(v_initial) if k not in gone]
    with g.binding(known):
        results = iter(_loop(g, m, cond, changing, _without_states(body, gone) if gone else body))
    return (*(v if k in gone else next(results) for k, v in enumerate(v_initial)), *results)


def _unchanged_states(body: onnx.GraphProto, count: int) -> set[int]:
    """States whose new value is the old one, seen through Identity."""
    source = {n.output[0]: n.input[0] for n in body.node if n.op_type == "Identity" and n.domain in ("", "ai.onnx")}
    found = set()
    for k in range(min(count, len(body.output) - _STATES_OUT, len(body.input) - _STATES_IN)):
        name = body.output[_STATES_OUT + k].name
        seen = set()
        while name in source and name not in seen:
            seen.add(name)
            name = source[name]
        if name == body.input[_STATES_IN + k].name:
            found.add(k)
    return found


def _without_states(body: onnx.GraphProto, gone: set[int]) -> onnx.GraphProto:
    copy = onnx.GraphProto()
    copy.CopyFrom(body)
    for k in sorted(gone, reverse=True):
        del copy.input[_STATES_IN + k]
        del copy.output[_STATES_OUT + k]
    return copy


def _loop(
    g: Builder, m: Value | None, cond: Value | None, v_initial: list[Value], body: onnx.GraphProto
) -> tuple[Value | None, ...]:
    types = [v.type for v in v_initial]
    changing: dict[tuple[int, int], str] = {}
    while True:
        program = _body(g, body, types)
        wider = _widened(g, program, types, changing)
        if wider == types:
            break
        types = wider
    iterations = g.new_symbol("iterations")
    parts = LoopBody.of(program)
    count = _known_count(m, cond, parts)
    rows = symbol(iterations) if count is None else count
    if not all(isinstance(v.type, TensorType) for v in parts.slices):
        raise Refuse("slices collected by Loop are no tensors of a known rank")
    collected = [v.tensor.with_shape(rows, *v.shape) for v in parts.slices]
    defines = (iterations, *changing.values())
    outer = set(defines)
    for type_ in collected:
        if type_.symbols - outer - g.visible_sizes():
            raise Refuse("slices collected by Loop have a size that is only known inside its body")
    layer = Loop(len(types), tuple(changing))
    initial = [wrapped(g, v) if isinstance(t, UnrankedType) else v for v, t in zip(v_initial, types, strict=True)]
    return g.steps(layer, [m, cond, *initial], *types, *collected, defines=defines, bodies=(program,))


def _body(g: Builder, graph: onnx.GraphProto, types: list[Type]) -> Program:
    if len(graph.input) != _STATES_IN + len(types):
        raise Refuse(f"Loop's body takes {len(graph.input)} inputs, the node gives {_STATES_IN + len(types)}", invalid=True)
    shapes = [len(i.type.tensor_type.shape.dim) for i in graph.input[:_STATES_IN]]
    iteration = Value("iteration", TensorType(DType.I64, (1,) * shapes[0]))
    condition = Value("condition", TensorType(DType.BOOL, (1,) * shapes[1]))
    states = [Value(f"state_{k}", t) for k, t in enumerate(types)]

    def finish(outputs: list[Value]) -> list[Value]:
        again, *rest = outputs
        new, slices = rest[: len(types)], rest[len(types) :]
        infos = graph.output[_STATES_OUT + len(types) :]
        return [
            again,
            *(wrapped(g, v) if isinstance(t, UnrankedType) else v for v, t in zip(new, types, strict=False)),
            *(v if is_unranked(v) else _as_declared(g, v, info) for v, info in zip(slices, infos, strict=True)),
        ]

    program = g.body(graph, [iteration, condition, *states], "body", range(1, 1 + len(types)), finish)
    if len(program.outputs) < _STATES_OUT + len(types):
        raise Refuse("Loop's body gives fewer outputs than it has states", invalid=True)
    return program


def _as_declared(g: Builder, value: Value, info: onnx.ValueInfoProto) -> Value:
    """What a body's run collects: sizes that only its steps know are those that the graph declares, if it does."""
    inner = {s for step in g.collected for s in step.defines}
    declared = info.type.tensor_type.shape.dim
    for axis, dim in enumerate(declared if len(declared) == value.rank else []):
        if dim.dim_value > 0 and symbols(value.shape[axis]) & inner:
            value = fixed(g, value, axis, dim.dim_value)
    return value


def _known_count(m: Value | None, cond: Value | None, body: LoopBody) -> Dim | None:
    """The number of iterations if only M decides it."""
    known = m.dims() if m is not None else None
    if known is None or not (cond is None or (cond.array is not None and cond.array.all())):
        return None
    again = body.again
    always = again is body.condition or (again.array is not None and bool(again.array.all()))
    return maximum(known[0], 0) if always else None


def _widened(g: Builder, program: Program, types: list[Type], changing: dict[tuple[int, int], str]) -> list[Type]:
    """The types of states that hold before an iteration and behind it. A size that changes gets a symbol (`changing`), which may
    change others: the caller asks again until nothing changes, which ends because a size becomes a symbol once."""
    states = enumerate(zip(types, LoopBody.of(program).new_states, strict=True))
    return [_either(g, t, out.type, k, changing, f"state {k} changes its type from {t} to {out.type}") for k, (t, out) in states]

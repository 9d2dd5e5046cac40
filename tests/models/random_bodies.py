"""What random graphs are made of: branches and loops that see the values around them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from random_draft import Draft, Tensor, Unfit, info
from random_kinds import fill, kind, open_tensor


def _body(d: Draft, most: int) -> Draft:
    """A graph inside: it sees what is around it. Bodies stand in bodies once."""
    if d.outer is not None and d.outer.outer is not None:
        raise Unfit("deep enough")
    inner = Draft(d.rng, d.opset, d.sizes, d, d.taken, tastes=d.tastes)
    fill(inner, d.rng.randint(1, most))
    return inner


def _graph(inner: Draft, arguments: list[Any], results: list[Tensor]) -> Any:
    infos = [info(t, [None] * t.rank) for t in results]
    return helper.make_graph(inner.nodes, "body", arguments, infos)


def _is_like(first: Tensor, other: Tensor) -> bool:
    return other.dtype == first.dtype and other.rank == first.rank and not other.known


def _flag(d: Draft) -> Tensor:
    flags = [t for t in d.visible() if t.dtype == bool and not t.known and all(a.size == 1 for a in t.runs)]
    if flags and d.chance(0.6):
        return d.rng.choice(flags)
    x = d.pick(lambda t: t.f32 and t.exact and t.rank > 0, open_tensor)
    axes = list(range(x.rank))
    total = d.node("ReduceMax", x, d.ints(*axes), keepdims=0) if d.opset >= 18 else d.node("ReduceMax", x, axes=axes, keepdims=0)
    return d.node("Greater", total, d.known(d.rng.choice([0, 2, 4]), np.float32))  # type: ignore[no-any-return]


@kind(since=11, weight=1.5)
def branches(d: Draft) -> Any:
    """If with values of the graph around it; both branches give as many results of the same types."""
    flag = _flag(d) if d.chance(0.85) else d.known(d.chance(0.5), bool)
    then, otherwise = _body(d, 5), _body(d, 5)
    count = d.rng.choice([1, 1, 2])
    pairs = []
    for _ in range(count):
        first = then.pick(lambda t: t.dtype.kind == "f" and not t.known)
        second = otherwise.pick(functools.partial(_is_like, first))
        pairs.append((first, second))
    if d.chance(0.7):
        pairs = [(then.node("Identity", a), otherwise.node("Identity", b)) for a, b in pairs]
    firsts, seconds = ([p[k] for p in pairs] for k in (0, 1))
    if any(len({t.name for t in side}) < count for side in (firsts, seconds)):
        raise Unfit("one value twice")
    if any(t not in body.values for body, side in ((then, firsts), (otherwise, seconds)) for t in side):
        raise Unfit("not computed in the branch")
    graphs = _graph(then, [], firsts), _graph(otherwise, [], seconds)
    return d.node("If", flag, outputs=count, captured=d.visible(), then_branch=graphs[0], else_branch=graphs[1])


@kind(since=13, weight=0.4)
def of_any_rank(d: Draft) -> Any:
    """A tensor with an axis more or without it, as a branch decides; what comes of it has a known rank again."""
    x = d.pick(lambda t: t.f32 and t.rank > 0 and t.size, open_tensor)
    flag, front = _flag(d), d.ints(0)
    graphs = []
    for op, inputs in (("Identity", [x.name]), ("Unsqueeze", [x.name, front.name])):
        result = d.fresh()
        states_no_shape = helper.make_tensor_value_info(result, TensorProto.FLOAT, None)
        graphs.append(helper.make_graph([helper.make_node(op, inputs, [result])], "body", [], [states_no_shape]))
    wild, changed, result = d.fresh(), d.fresh(), d.fresh()
    nodes = [helper.make_node("If", [flag.name], [wild], then_branch=graphs[0], else_branch=graphs[1])]
    read = [x, flag, front]
    if d.chance(0.5):
        nodes.append(helper.make_node(d.rng.choice(["Relu", "Neg", "Abs"]), [wild], [changed]))
    else:
        other = d.pick(lambda t: t.f32 and t.size)
        read.append(other)
        nodes.append(helper.make_node("Add", [wild, other.name] if d.chance(0.5) else [other.name, wild], [changed]))
    target = d.ints(-1)
    read.append(target)
    nodes.append(helper.make_node("Reshape", [changed, target.name], [result]))
    return d.chain(nodes, read)[0]


@kind(since=11, weight=1.5)
def loop(d: Draft) -> Any:
    """Loop with one or two states, values of the graph around it, and rows that are collected."""
    inner = Draft(d.rng, d.opset, d.sizes, d, d.taken, tastes=d.tastes)
    if d.outer is not None and d.outer.outer is not None:
        raise Unfit("deep enough")
    starts = [d.pick(lambda t: t.f32 and t.rank < 4) for _ in range(d.rng.choice([1, 1, 2]))]
    runs = len(d.sizes)
    turn = Tensor(d.fresh(), (np.array(0),) * runs, (np.array(0),) * runs)
    going = Tensor(d.fresh(), (np.array(True),) * runs, (np.array(True),) * runs)
    states = [Tensor(d.fresh(), s.runs, s.shaken, False) for s in starts]
    inner.values += [turn, *states]
    fill(inner, d.rng.randint(1, 6))
    ends = []
    for state in states:
        same = [t for t in inner.values if t.f32 and [a.shape for a in t.runs] == [a.shape for a in state.runs] and not t.known]
        halved = inner.node("Mul", inner.rng.choice(same), inner.known(0.5, np.float32))
        ends.append(inner.node("Add", *d.rng.sample([halved, inner.rng.choice(same)], 2)))
    more = [t for t in inner.values if t not in (turn, going, *states, *ends) and not t.known and t.dtype.kind in "fi"]
    rows = d.rng.sample(more, min(len(more), d.rng.choice([0, 1, 2])))
    keep = inner.node("Identity", going)
    if d.chance(0.25):
        keep = inner.node("Less", inner.node("Cast", turn, to=TensorProto.FLOAT), inner.known(1, np.float32))
    graph = _graph(inner, [info(turn, []), info(going, []), *(info(s, s.shape) for s in states)], [keep, *ends, *rows])
    # rows of no iteration: onnxruntime takes sizes that it cannot infer for 0
    least = 1 if rows else 0
    count = d.known(d.rng.randint(least, 3), np.int64)
    if d.chance(0.3):
        counts = [
            t for t in d.visible() if t.dtype == np.int64 and all(a.size == 1 for a in t.runs) and least <= t.low and t.high < 5
        ]
        count = d.rng.choice(counts) if counts and d.outer is None else count
    return d.node(
        "Loop",
        count,
        None if d.chance(0.5) else d.known(True, bool),
        *starts,
        outputs=len(states) + len(rows),
        captured=d.visible(),
        body=graph,
    )

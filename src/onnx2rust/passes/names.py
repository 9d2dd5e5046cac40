"""Names steps after the layers that the model's author knows, and values after the steps that make them.

Runs last: before, nobody knows which steps become one. Frameworks name a node by its scope, `conv2d_1/BiasAdd` or
`encoder/dense/MatMul`. A step that is all that is left of a scope, or the only one in it that has weights, is called after the
scope (`conv2d_1`, `encoder_dense`): the shortest such scope, which is the layer. Any other step has its node's whole name; one
that a node needs besides its own step (a transposition of its input, a cast) is called after the node's scope and what it does.
Scopes that all nodes have in common, and counters behind an operator's name, say nothing and are left out. What is computed does
not change.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from onnx2rust.base.naming import Escaped, Names, ident, told_apart
from onnx2rust.ir.layer import View
from onnx2rust.ir.places import paths
from onnx2rust.ir.program import Program, Step, Value


def run(program: Program) -> Program:
    """The program with its steps and their values named anew."""
    return _renamed(program, _names(list(program.walk())), {})


def _names(steps: list[Step]) -> dict[Step, Escaped]:
    scopes_of = {step: [path[: k + 1] for k in range(len(path))] for step, path in paths(steps).items()}
    inside = {real: Counter(p for s in steps if not (real and _is_view(s)) for p in scopes_of[s]) for real in (False, True)}
    weighing = Counter(path for step in steps if _weighs(step) for path in scopes_of[step])
    of_node = Counter(step.origin for step in steps)
    wanted = dict[Step, list[str]]()
    # those that are their layer choose first
    for step in steps:
        for path in scopes_of[step]:
            if inside[not _is_view(step)][path] == 1 or (weighing[path] == 1 and _weighs(step)):
                wanted[step] = ["_".join(p) for p in (path, scopes_of[step][-1])]
                break
    for step in steps:
        if step not in wanted:
            whole, kind = "_".join(scopes_of[step][-1]), type(step.layer).__name__
            helps = of_node[step.origin] > 1 and kind != step.origin.op and not _weighs(step)
            scope = "_".join(scopes_of[step][-2:][0])
            # other nodes of the same name are counted, other steps of the same node say what they do
            others = [f"{whole}_{kind}"] if of_node[step.origin] > 1 and not helps else []
            wanted[step] = [f"{scope}_{kind}" if helps else whole, *others]
    names = Names()
    called = told_apart({name: ident(step.origin.op, "step") for step, ways in wanted.items() for name in ways})
    return {step: names.unique(*(called[name] for name in ways)) for step, ways in wanted.items()}


def _is_view(step: Step) -> bool:
    return isinstance(step.layer, View)


def _weighs(step: Step) -> bool:
    """Whether the step computes with numbers of the model."""
    return not _is_view(step) and (bool(step.layer.weights()) or any(v is not None and v.const is not None for v in step.inputs))


def _renamed(program: Program, names: dict[Step, Escaped], fresh: dict[Value, Value]) -> Program:
    steps = []
    for step in program.steps:
        inputs = tuple(None if v is None else fresh.get(v, v) for v in step.inputs)
        bodies = tuple(_renamed(body, names, fresh) for body in step.bodies)
        for index, value in enumerate(step.outputs):
            if value is not None:
                first = value is next(step.results())
                fresh[value] = replace(value, name=str(names[step]) if first else f"{names[step]}.{index}")
        outputs = tuple(None if v is None else fresh[v] for v in step.outputs)
        steps.append(replace(step, name=str(names[step]), inputs=inputs, outputs=outputs, bodies=bodies))
    return replace(program, steps=tuple(steps), outputs=tuple(fresh.get(v, v) for v in program.outputs))

"""Weights in fewer bits: what a model's large weights become, and how far its outputs move (`--weights f16`, `--weights int8`).

A model is rounded before it is lowered: so the reference is the rounded model, and a crate's tests ask for the same numbers as
always. What the rounding itself does is measured, between the model and the rounded one, on the samples of the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import onnx

from onnx2rust.base.sequences import flat
from onnx2rust.emit.storage import Array, Storage, rounded
from onnx2rust.frontends import Loaded
from onnx2rust.samples import TestData

_KERNELS = {
    "Conv": {1: 0},
    "ConvTranspose": {1: 1},
    "Gather": {0: 0},
    "LSTM": {1: 1, 2: 1},
    "GRU": {1: 1, 2: 1},
    "RNN": {1: 1, 2: 1},
}
"""Inputs that are weights, and the axis of each that counts what is computed side by side."""


def rounded_model(loaded: Loaded, storage: Storage) -> tuple[Loaded, int]:
    """The model with rounded weights, and how many tensors that are: those that products, convolutions, recurrent layers and
    lookups alone read."""
    axes: dict[str, set[int | None]] = {}
    for name, axis in _readers(loaded.proto.graph, loaded):
        axes.setdefault(name, set()).add(axis)
    found = dict(loaded.weights)
    count = 0
    for name, of in axes.items():
        (axis, *others) = of
        if axis is None or others or found[name].dtype != np.float32 or found[name].ndim < 2:
            continue
        codes = rounded(found[name], storage, axis)
        if codes is not None:
            found[name] = codes
            count += 1
    return replace(loaded, weights=found), count


def _readers(graph: onnx.GraphProto, loaded: Loaded) -> Iterator[tuple[str, int | None]]:
    """Each reading of a large weight, and the axis by which it is rounded; None if its reader is none that is known."""
    behind = {name: n for n in graph.node if n.op_type == "Transpose" for name in n.input if name in loaded.weights}
    turned = {n.output[0]: (n.input[0], _order(n, loaded.weights[n.input[0]].ndim)) for n in behind.values()}
    names = {name: name for name in loaded.weights} | {made: weight for made, (weight, _) in turned.items()}
    for node in graph.node:
        for k, name in enumerate(node.input):
            if name in names and node.output[0] not in turned:
                axis = _axis(node, k, loaded.weights[names[name]].ndim)
                order = turned[name][1] if name in turned else None
                yield names[name], axis if axis is None or order is None else order[axis]
    for node in graph.node:
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                for name in _captured(body):
                    if name in names:
                        yield names[name], None
    for output in graph.output:
        if output.name in names:
            yield names[output.name], None


def _captured(body: onnx.GraphProto) -> Iterator[str]:
    for node in body.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _captured(inner)
    yield from (output.name for output in body.output)


def _axis(node: onnx.NodeProto, k: int, rank: int) -> int | None:
    if node.domain not in ("", "ai.onnx"):
        return None
    if node.op_type == "MatMul":
        return rank - 1 if k == 1 else None
    if node.op_type == "Gemm":
        turned = any(a.name == "transB" and a.i for a in node.attribute)
        return (0 if turned else 1) if k == 1 else None
    if node.op_type == "Gather" and any(a.name == "axis" and a.i for a in node.attribute):
        return None
    return _KERNELS.get(node.op_type, {}).get(k)


def _order(node: onnx.NodeProto, rank: int) -> list[int]:
    return next((list(a.ints) for a in node.attribute if a.name == "perm"), list(range(rank))[::-1])


def told(form: str, exact: TestData, found: TestData, count: int) -> str:
    """How far the outputs of the rounded model are from those of the model, in a sentence."""
    if not count:
        return f"--weights {form}: the model has no large weights that can be rounded"
    head = f"--weights {form}: {count} tensors are rounded"
    before, after = flat(exact.arrays), flat(found.arrays)
    inputs = before.keys() - {*exact.expected, "labels"}
    same = before.keys() == after.keys() and all(np.array_equal(before[name], after[name]) for name in inputs)
    if not exact.samples or not same:
        return f"{head}; what that does to the outputs is not known: there are no samples that both models run on"
    errors = [f"{name} by at most {_distance(before[name], after[name])}" for name in exact.expected]
    return f"{head}; on {exact.samples} samples that moves {', '.join(errors)}"


def _distance(exact: Array, found: Array) -> str:
    """The largest difference, as a share of the largest number; or how many elements differ, where they are no floats."""
    if exact.shape != found.shape:
        return "another shape"
    if exact.dtype.kind != "f":
        return f"{int((exact != found).sum())} of {exact.size} elements"
    exact, found = exact.astype(np.float64), found.astype(np.float64)
    odd = ~(np.isfinite(exact) & np.isfinite(found))
    apart = int((odd & ~np.isclose(exact, found, equal_nan=True)).sum())
    largest = np.abs(exact[~odd]).max(initial=0)
    error = np.abs(exact[~odd] - found[~odd]).max(initial=0)
    told = f"{error / (largest or 1):.1e} of the largest"
    return f"{told}, and {apart} of {exact.size} elements that are not finite in both" if apart else told

"""Mutated models: the official node tests and the small models of every operator version with one thing changed (an attribute,
the order of inputs, a constant, the data), of which onnxruntime runs the result.

`python tests/models/mutations.py FIRST COUNT` hunts: it verifies the models of these seeds, and keeps those that are wrong.
"""

from __future__ import annotations

import argparse
import collections
import functools
import multiprocessing
import random
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))

import cases
import harness
import numpy as np
import onnx
import random_hunt
import rust_tools
import test_old_opsets
from onnx import numpy_helper
from random_graphs import Model

from onnx2rust.base.errors import InvalidModelError, UnsupportedError
from onnx2rust.model.reference import session
from onnx2rust.oracle.compare import compare

Array = np.ndarray[Any, Any]
Feeds = dict[str, Array]
INTEGERS = (-(2**31), -7, -3, -2, -1, 0, 1, 2, 3, 4, 5, 8, 64, 2**31 - 1)
FLOATS = (0.0, -0.0, -1.0, 0.5, 1.0, 2.0, 1e-40, 1e30, 3.4e38, -3.4e38, float("nan"), float("inf"), -float("inf"))
WORDS = (
    b"", b"SAME_UPPER", b"SAME_LOWER", b"VALID", b"NOTSET", b"linear", b"nearest", b"cubic", b"reflect", b"edge",
    b"wrap", b"add", b"mul", b"max", b"min", b"none", b"reverse", b"bidirectional", b"forward", b"floor", b"ceil",
    b"asymmetric", b"align_corners", b"tanh",
)  # fmt: skip
MOST_ELEMENTS = 1 << 20
"""Outputs of more elements are not looked at: what is tested is no matter of size."""


@functools.cache
def originals() -> list[harness.Case]:
    """The models that are changed, each with inputs."""
    cases.reseed()
    listed = harness.listed()
    official = [c for c in harness.cases() if c.name not in listed and len(c.model.graph.node) == 1]
    return [c for c in [*test_old_opsets._cases(), *official] if c.data and _plain(c)]


def _plain(case: harness.Case) -> bool:
    return all(isinstance(a, (np.ndarray, np.generic)) and a.dtype.kind in "biuf" for a in (*case.data[0][0], *case.data[0][1]))


@functools.cache
def _is_followed(name: str) -> bool:
    """Whether onnxruntime computes what the official test says; where it does not, we follow the test."""
    case = next(c for c in originals() if c.name == name)
    try:
        found = session(case.model).run(None, dict(zip((i.name for i in case.model.graph.input), case.data[0][0], strict=True)))
    except Exception:  # onnxruntime's own exception classes share no narrower base
        return False
    return all(compare(np.asarray(a), np.asarray(b), 1e-2).passed for a, b in zip(found, case.data[0][1], strict=True))


# -- what is changed -------------------------------------------------------------------------------------------------


def attribute(model: onnx.ModelProto, feeds: Feeds, rng: random.Random) -> None:
    """An attribute of a node gets another value, comes (with the default's type) or goes."""
    node = rng.choice(model.graph.node)
    schema = onnx.defs.get_schema(node.op_type, model.opset_import[0].version, node.domain)
    stated = {a.name: a for a in node.attribute}
    if not schema.attributes:
        return
    name = rng.choice(sorted(schema.attributes))
    found = stated.get(name)
    if found is None:
        kinds = onnx.defs.OpSchema.AttrType
        kind = schema.attributes[name].type
        some: dict[Any, Any] = {
            kinds.INT: rng.choice(INTEGERS), kinds.FLOAT: rng.choice(FLOATS), kinds.STRING: rng.choice(WORDS),
            kinds.INTS: [rng.choice(INTEGERS) for _ in range(rng.randint(1, 4))],
        }  # fmt: skip
        if kind in some:
            node.attribute.append(onnx.helper.make_attribute(name, some[kind]))
    elif rng.random() < 0.15:
        node.attribute.remove(found)
    elif found.type == onnx.AttributeProto.INT:
        found.i = rng.choice((*INTEGERS, found.i + 1, found.i - 1, -found.i))
    elif found.type == onnx.AttributeProto.INTS and found.ints:
        values = list(found.ints)
        at = rng.randrange(len(values))
        values[at] = rng.choice((*INTEGERS, values[at] + 1, values[at] - 1))
        found.ints[:] = rng.choice([values, values, values[::-1], values[:-1]])
    elif found.type == onnx.AttributeProto.FLOAT:
        found.f = rng.choice(FLOATS)
    elif found.type == onnx.AttributeProto.STRING:
        found.s = rng.choice(WORDS)


def order(model: onnx.ModelProto, feeds: Feeds, rng: random.Random) -> None:
    """Two inputs of a node change places, or one is read twice."""
    node = rng.choice(model.graph.node)
    if len(node.input) < 2:
        return
    a, b = rng.sample(range(len(node.input)), 2)
    if rng.random() < 0.7:
        node.input[a], node.input[b] = node.input[b], node.input[a]
    else:
        node.input[a] = node.input[b]


def constant(model: onnx.ModelProto, feeds: Feeds, rng: random.Random) -> None:
    """A constant gets another element, shape or type."""
    if not model.graph.initializer:
        return
    tensor = rng.choice(model.graph.initializer)
    array = _changed(numpy_helper.to_array(tensor).copy(), rng)
    kind = rng.randrange(8)
    if kind == 0:
        array = rng.choice(
            [array.reshape(-1), array.reshape(-1)[:-1], array[None], array.reshape(-1)[:1], array.reshape(array.shape[::-1])]
        )
    elif kind == 1:
        with np.errstate(all="ignore"):
            array = array.astype(rng.choice(["f4", "f8", "i8", "i4", "u1", "i1", "bool"]))
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), tensor.name))


def data(model: onnx.ModelProto, feeds: Feeds, rng: random.Random) -> None:
    """An input holds numbers at the edges of its type."""
    if feeds:
        name = rng.choice(sorted(feeds))
        feeds[name] = _changed(feeds[name].copy(), rng)


def _changed(array: Array, rng: random.Random) -> Array:
    """One to three other elements, or the same one everywhere."""
    if array.size:
        values = FLOATS if array.dtype.kind == "f" else INTEGERS
        with np.errstate(all="ignore"):
            for _ in range(rng.choice([1, 1, 1, 2, 3])):
                array.reshape(-1)[rng.randrange(array.size)] = np.array(rng.choice(values)).astype(array.dtype)
            if rng.random() < 0.1:
                array[...] = np.array(rng.choice(values)).astype(array.dtype)
    return array


MUTATIONS: tuple[Callable[[onnx.ModelProto, Feeds, random.Random], None], ...] = (
    attribute,
    attribute,
    order,
    constant,
    constant,
    data,
)


def mutated(seed: int) -> Model | None:
    """The model of a seed; None if the change is one that onnxruntime does not run (or answers in two ways)."""
    rng = random.Random(seed)
    case = rng.choice(originals())
    if not _is_followed(case.name):
        return None
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    inputs = [i for i in model.graph.input if i.name not in {t.name for t in model.graph.initializer}]
    feeds = {i.name: np.asarray(a) for i, a in zip(inputs, case.data[0][0], strict=True)}
    for info in inputs[1:]:
        if rng.random() < 0.6:  # what was given is known
            model.graph.initializer.append(numpy_helper.from_array(feeds.pop(info.name), info.name))
            model.graph.input.remove(info)
    before = model.SerializeToString(deterministic=True), {n: a.tobytes() for n, a in feeds.items()}
    rng.choice(MUTATIONS)(model, feeds, rng)
    if before == (model.SerializeToString(deterministic=True), {n: a.tobytes() for n, a in feeds.items()}):
        return None
    for info in model.graph.output:  # what they were need not be what they are now
        info.ClearField("type")
    for info in model.graph.input:  # an index may be one of these sizes, and of no others
        if info.name in feeds:
            kind = onnx.helper.np_dtype_to_tensor_dtype(feeds[info.name].dtype)
            info.CopyFrom(onnx.helper.make_tensor_value_info(info.name, kind, feeds[info.name].shape))
    arrays = [*feeds.values(), *map(numpy_helper.to_array, model.graph.initializer)]
    if _is_accident(model, arrays) or not _runs(model, feeds):
        return None
    return Model(seed, model, [feeds] * 3, "n", [case.name])


NAN = frozenset(("ArgMax", "ArgMin", "GRU", "Hardmax", "ReduceMax", "ReduceMin", "RNN", "TopK", "Unique"))
"""What onnxruntime makes of a NaN depends on its place and on the processor here, and NaN is lost
in GRU: any answer is as good."""


def _is_accident(model: onnx.ModelProto, arrays: list[Array]) -> bool:
    """Whether the answer is one of onnxruntime's machine code, and of no definition: comparisons
    with NaN, powers that overflow."""
    operators = {node.op_type for node in model.graph.node}
    nan = any(a.dtype.kind == "f" and not np.isfinite(a).all() for a in arrays)
    large = any(a.dtype.kind in "iu" and np.abs(a.astype(np.float64)).max(initial=0) > 64 for a in arrays)
    whole = any(a.dtype.kind in "iu" for a in arrays)
    return (nan and bool(operators & NAN)) or ("Pow" in operators and whole and (nan or large))


def _runs(model: onnx.ModelProto, feeds: Feeds) -> bool:
    try:
        results = [session(model, optimised=optimised).run(None, feeds) for optimised in (True, False)]
    except Exception:  # onnxruntime's own exception classes share no narrower base
        return False
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in zip(*results, strict=True)]
    return all(a.size < MOST_ELEMENTS and a.dtype.kind in "biuf" and compare(a, b, 1e-4).passed for a, b in pairs)


def generate(seeds: Iterable[int]) -> list[Model]:
    """The models of these seeds that onnxruntime runs. They are tried in another process: not every
    change is one that it survives."""
    originals()  # once, for all the processes that are forked
    models = []
    with rust_tools.forking():
        pool = _pool()
        for seed in seeds:
            try:
                model = pool.submit(mutated, seed).result()
            except BrokenProcessPool:
                pool = _pool()
            else:
                models += [model] if model is not None else []
        pool.shutdown()
    return models


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("fork"))


def run(models: list[Model], folder: Path) -> list[random_hunt.Outcome]:
    """What becomes of each: a crate that computes what onnxruntime does, a refusal, or something wrong."""
    return random_hunt.run(models, folder, refusals=(UnsupportedError, InvalidModelError))


def main() -> None:
    """Verifies the mutated models of COUNT seeds, and keeps those that are wrong."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    kept = random_hunt.KEPT / "mutated"
    kept.mkdir(parents=True, exist_ok=True)
    models = generate(range(arguments.first, arguments.first + arguments.count))
    with tempfile.TemporaryDirectory() as name:
        outcomes = run(models, Path(name))
    for outcome in outcomes:
        if outcome.wrong:
            path = kept / f"{outcome.model.seed}.onnx"
            path.write_bytes(outcome.model.proto.SerializeToString())
            print(f"== seed {outcome.model.seed} ({outcome.model.kinds[0]}, {path}): {outcome.wrong[:600]}")
    reasons = collections.Counter(o.refused.splitlines()[0].split("): ")[-1][:120] for o in outcomes if o.refused)
    for reason, times in reasons.most_common(30):
        print(f"refused {times}: {reason}")
    wrong = sum(bool(o.wrong) for o in outcomes)
    print(f"{len(outcomes)} of {arguments.count} run in onnxruntime: {sum(reasons.values())} refused, {wrong} wrong")


if __name__ == "__main__":
    main()

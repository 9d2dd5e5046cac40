"""Every layer that works in scratch gets as much as its `scratch_len` says, and computes what it does with a scratch that grows.

Official tests, each as it is and with all inputs but the first known, and drawn shapes of what those hardly have (groups,
strides, pads of ONNX's SAME, few and many channels), with `--static`: a scratch that is too short would be `Error::Memory`.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import harness
import numpy as np
import pytest
from cases import case, floats, ints, reseed
from onnx import helper, numpy_helper

from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded
from onnx2rust.ir.layer import Layer
from onnx2rust.plan import memory, planner

pytestmark = pytest.mark.slow

OFFICIAL = "^test_(attention|basic_conv|conv|gemm|gru|lstm|matmul|qlinear|rnn|simple_rnn|top_k)"
NOT_THERE = {"WinogradConv2d"}
"""What conversion with `--static` never chooses."""


def _known(official: harness.Case) -> harness.Case | None:
    """The same with all inputs but the first as constants."""
    model = copy.deepcopy(official.model)
    first, *others = model.graph.input
    if not others or len(official.data) != 1 or not all(isinstance(a, np.ndarray) for a in official.data[0][0]):
        return None
    inputs, outputs = official.data[0]
    model.graph.initializer.extend(numpy_helper.from_array(a, v.name) for a, v in zip(inputs[1:], others, strict=True))
    del model.graph.input[:]
    model.graph.input.append(first)
    return replace(official, name=f"{official.name}_known", model=model, data=[([inputs[0]], outputs)])


def _official() -> Iterator[harness.Case]:
    listed = harness.listed()
    chosen = harness.cases(OFFICIAL)
    attention = [c for c in chosen if c.name.startswith("test_attention")]
    for official in (*attention[::4], *(c for c in chosen if not c.name.startswith("test_attention"))):
        if official.name not in listed and not official.name.endswith("_expanded"):
            yield official
            known = _known(official)
            if known is not None:
                yield known


def _windows(rng: random.Random, axes: int) -> dict[str, Any]:
    found: dict[str, Any] = {"strides": [rng.choice([1, 2, 3]) for _ in range(axes)]}
    pads = rng.choice(["SAME_UPPER", "SAME_LOWER", "", "", ""])
    if pads:  # onnxruntime has no dilated windows there
        return found | {"auto_pad": pads}
    return found | {
        "dilations": [rng.choice([1, 1, 2]) for _ in range(axes)],
        "pads": [rng.randrange(3) for _ in range(2 * axes)],
    }


def _convolution(rng: random.Random, op: str, number: int) -> harness.Case:
    """A kernel that is known or computed, 1 to 3 axes, channels that fill no vector, one, and more."""
    axes, group = rng.choice([1, 2, 2, 3]), rng.choice([1, 1, 2, 5, 17])
    inputs, outputs = group * rng.choice([1, 1, 2, 9]), group * rng.choice([1, 1, 2, 8])
    kernel = [rng.choice([1, 2, 3, 3, 5]) for _ in range(axes)]
    attributes = {"group": group, **_windows(rng, axes)}
    drawn = floats if op != "ConvInteger" else lambda *shape: ints(*shape, low=0, high=255, dtype=np.uint8)
    w = drawn(inputs, outputs // group, *kernel) if op == "ConvTranspose" else drawn(outputs, inputs // group, *kernel)
    x = drawn(rng.choice([1, 2]), inputs, *(rng.randint(10, 13) for _ in range(axes)))
    node = helper.make_node(op, ["x", "w"], ["y"], **attributes)
    known = op != "Conv" or rng.random() < 0.8
    given = {"x": x} if known else {"x": x, "w": w}
    return case(f"{op.lower()}_{number}", [node], given, known={"w": w} if known else {}, atol=1e-4)


def _product(rng: random.Random, number: int) -> harness.Case:
    """Of transposed sides, few and many rows."""
    batch, m, k, n = rng.choice([[], [3]]), rng.choice([1, 5, 6, 20]), rng.choice([1, 7, 32]), rng.choice([1, 15, 40])
    order = [*range(len(batch)), len(batch) + 1, len(batch)]
    nodes = [helper.make_node("Transpose", [s], [f"{s}_t"], perm=order) for s in "ab"]
    turned = [rng.random() < 0.5 for _ in "ab"]
    sides = [f"{s}_t" if t else s for s, t in zip("ab", turned, strict=True)]
    shapes = [(*batch, *((j, i) if t else (i, j))) for (i, j), t in zip([(m, k), (k, n)], turned, strict=True)]
    given = {s: floats(*shape) for s, shape in zip("ab", shapes, strict=True)}
    return case(f"product_{number}", [*nodes, helper.make_node("MatMul", sides, ["y"])], given, atol=1e-4)


def _coupling(classes: int) -> harness.Case:
    """Probabilities of a support vector machine."""
    pairs = classes * (classes - 1) // 2
    numbers = {"support_vectors": 9 * classes, "coefficients": (classes - 1) * classes, "rho": pairs, "prob_b": pairs}
    attributes: dict[str, Any] = {name: floats(count).tolist() for name, count in numbers.items()}
    attributes |= {"prob_a": floats(pairs, low=-2, high=-1).tolist(), "vectors_per_class": [1] * classes}
    attributes |= {"kernel_params": [0.2, 0.0, 0.0], "classlabels_ints": list(range(classes)), "kernel_type": "RBF"}
    node = helper.make_node("SVMClassifier", ["x"], ["y", "z"], domain="ai.onnx.ml", **attributes)
    return case(f"coupling_{classes}", [node], {"x": floats(4, 9)}, outputs=("y", "z"), ml=1)


def _drawn() -> Iterator[harness.Case]:
    reseed()
    rng = random.Random(1)
    for op, count in {"Conv": 24, "ConvTranspose": 16, "ConvInteger": 10}.items():
        yield from (_convolution(rng, op, number) for number in range(count))
    yield from (_product(rng, number) for number in range(12))
    yield from map(_coupling, (2, 3, 7))


def _layers(of: harness.Case) -> set[str]:
    """The layers with scratch that it has; none if it has no form of fixed size."""
    options = Options(static=True)
    try:
        program = pipeline.lower(Loaded(of.model, "onnx", "onnx", ()), options)
        memory.of(planner.plan(program, options))
    except Onnx2RustError:
        return set()
    return {type(step.layer).__name__ for step in program.walk() if step.layer.scratch}


def _with_scratch(cls: type[Layer]) -> Iterator[str]:
    for child in cls.__subclasses__():
        if child.rust and child.scratch:
            yield child.__name__
        yield from _with_scratch(child)


def test_scratch_is_as_long_as_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name("fixed_memory"))
    found = {of.name: (replace(of, static=True), _layers(of)) for of in (*_official(), *_drawn())}
    assert set(_with_scratch(Layer)) - set().union(*(layers for _, layers in found.values())) == NOT_THERE
    results = harness.run([of for of, layers in found.values() if layers])
    refused = {name: why for name, why in results.items() if why}
    assert refused == {}

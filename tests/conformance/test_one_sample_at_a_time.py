"""Layers that say their samples are `independent` are run one sample at a time, and give what they give all at once.

Every operator's small models, some for layers that only passes make, and batching as eager as it can be: each run of steps that
may stand in a loop over the batch does, a sample a turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import cases
import forests
import harness
import mirror
import numpy as np
import pytest
import test_classical
import test_old_opsets
import test_spelled_attention
import test_spelled_patterns
from cases import case, floats, node
from forms import MODELS
from spelled_patterns import ONE_HOT, PATTERNS

from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded
from onnx2rust.plan import batching

ENOUGH = 3
"""Models for each layer."""


def every() -> Iterator[harness.Case]:
    """Small models whose batch is open."""
    for operator, forms in sorted(MODELS.items()):
        version = test_old_opsets.versions(operator)[-1]
        if version not in test_old_opsets.NO_REFERENCE.get(operator, ()):
            for k, form in enumerate(forms(version)):
                yield test_old_opsets._case(f"{operator.lower()}_{k}", max(version, test_old_opsets.LOWEST), form)
    yield from _elementwise()
    yield from _channels()
    yield from (test_spelled_attention._case(name) for name in ("keras", "bert", "gpt2"))
    yield from (test_spelled_patterns._case(name) for name in ONE_HOT if name in PATTERNS)
    for transform in ("SOFTMAX", "SOFTMAX_ZERO", "PROBIT"):
        rng = np.random.default_rng(3)
        model = forests.forest(rng, 5, 3, 4, 3)
        tree = forests.regressor(model.attributes("target"), 3, post_transform=transform)
        x = forests.rows(rng, 9, 4, (0.0,))
        yield case(f"tree_{transform.lower()}", [tree], {"x": x}, open_axes={"x": ["n", 4]}, ml=1, rtol=1e-4, atol=1e-4)
    yield from test_classical._features()
    yield from test_classical._machines()
    yield from cases.of_tests()


def _elementwise() -> Iterator[harness.Case]:
    shape, both = (5, 3, 4), {"a": ["n", 3, 4], "b": ["n", 3, 4]}
    a, b = floats(*shape), floats(*shape)
    b[:2] = a[:2]
    for op in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min"):
        yield case(op.lower(), [node(op, "a", "b")], {"a": a, "b": b}, open_axes=both)
    for op in ("And", "Or", "Xor"):
        yield case(op.lower(), [node(op, "a", "b")], {"a": a > 0, "b": b > 1}, open_axes=both)
    whole = {"a": cases.ints(*shape), "b": cases.ints(*shape, low=1)}
    for fmod in (0, 1):
        yield case(f"mod_{fmod}", [node("Mod", "a", "b", fmod=fmod)], whole, open_axes=both)
    bits = {name: np.abs(array).astype(np.uint8) % 8 for name, array in whole.items()}
    yield case("bitshift", [node("BitShift", "a", "b", direction="LEFT")], bits, open_axes=both)
    odd = a.copy()
    odd[0, 0] = [np.nan, np.inf, -np.inf, 0]
    for op in ("IsNaN", "IsInf"):
        yield case(op.lower(), [node(op, "x")], {"x": odd}, open_axes={"x": both["a"]})
    for op in ("Relu", "Sign"):
        yield case(f"{op.lower()}_i32", [node(op, "x")], {"x": cases.ints(*shape, dtype=np.int32)}, open_axes={"x": both["a"]})


def _channels() -> Iterator[harness.Case]:
    x = {"x": floats(4, 6, 8, 8)}
    images = {"x": ["n", 6, 8, 8]}
    scale = floats(6)
    for op, opset, more in (
        ("Hardmax", 13, {"axis": 1}),
        ("LpNormalization", 17, {"axis": 1}),
        ("LpPool", 18, {"kernel_shape": [3, 3], "strides": [2, 2]}),
        ("GlobalLpPool", 17, {"p": 2}),
    ):
        yield case(op.lower(), [node(op, "x", **more)], x, open_axes=images, opset=opset)
    group = node("GroupNormalization", "x", "s", "b", num_groups=3)
    yield case("groups", [group], x, open_axes=images, opset=21, known={"s": scale, "b": scale}, atol=1e-5)
    rms = node("RMSNormalization", "x", "s", axis=-1)
    yield case("rms", [rms], x, open_axes=images, opset=23, known={"s": floats(8)}, atol=1e-5)
    depthwise = node("Conv", "x", "w", group=6, pads=[1, 1, 1, 1])
    yield case("depthwise", [depthwise], x, open_axes=images, known={"w": floats(6, 1, 3, 3)}, atol=1e-4)
    winograd = node("Conv", "x", "w", pads=[1, 1, 1, 1])
    yield case(
        "winograd",
        [winograd],
        {"x": floats(3, 32, 8, 8)},
        open_axes={"x": ["n", 32, 8, 8]},
        known={"w": floats(32, 32, 3, 3)},
        rtol=1e-4,
        atol=1e-3,
    )


def looped(case: harness.Case) -> set[str]:
    """The layers that stand in loops over the batch."""
    try:
        program = pipeline.lower(Loaded(case.model, "onnx", "onnx", ()), Options(name="Case", binary_classification=False))
    except Onnx2RustError:
        return set()
    return {type(step.layer).__name__ for s in batching.segments(program) for step in program.steps[s.start : s.end]}


@pytest.mark.slow
def test_independent_layers_work_on_one_sample_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "CACHE", 0)
    monkeypatch.setattr(batching, "REUSE", 0)
    monkeypatch.setattr(batching, "_hands_over", bool)
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name("one_sample"))
    cases.reseed()
    seen = Counter[str]()
    chosen = []
    for one in every():
        layers = looped(one)
        if any(seen[name] < ENOUGH for name in layers - {"View"}):
            seen.update(layers)
            chosen.append(one)
    independent = {cls.__name__ for cls in mirror.layers() if cls.independent is not None}
    assert independent - set(seen) == set(), "layers that no model here has in a loop"
    assert {name: why for name, why in harness.run(chosen).items() if why} == {}

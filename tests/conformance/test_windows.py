"""Windows that reach beyond the image and its padding, against onnxruntime: wide ones, and weights that are not finite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cases
import harness
import numpy as np
import pytest
from cases import floats, node

POOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "mean": ("AveragePool", {}),
    "mean_of_all": ("AveragePool", {"count_include_pad": 1}),
    "max": ("MaxPool", {}),
    "power": ("LpPool", {"p": 2}),
}


def _cases() -> Iterator[harness.Case]:
    # Kernel = stride says "all of the image": Hugging Face's EfficientNet has it through torch's dynamo exporter.
    wide = [(3, (2, 2)), (4, (2, 2)), (5, (4, 4)), (8, (4, 4)), (256, (2, 2)), (320, (2, 2)), (5, (2,)), (3, (2, 1, 2))]
    for kernel, size in wide:
        image = (320 if kernel == 320 else 3, *size)
        for opset in (12, 22):
            yield from _pools(opset, image, kernel_shape=[kernel] * len(size), strides=[kernel] * len(size), ceil_mode=1)
    # Without ceil_mode onnxruntime takes such a window, too, if it is the only one; its divisor depends on the opset.
    for opset in (7, 12, 18, 19, 22):
        yield from _pools(opset, (3, 2, 4), kernel_shape=[3, 5], strides=[3, 2])
        yield from _pools(opset, (3, 2, 4), kernel_shape=[5, 5], strides=[4, 3], pads=[1, 0, 1, 2])
    for n, kernel, stride, pads in (
        (4, 5, 3, [0, 2]),
        (4, 5, 3, [2, 0]),
        (2, 5, 8, [1, 1]),
        (7, 3, 5, [1, 2]),
        (1, 2, 1, [0, 1]),
    ):
        yield from _pools(22, (5, n), kernel_shape=[kernel], strides=[stride], pads=pads, ceil_mode=1)
    for auto_pad in ("VALID", "SAME_UPPER", "SAME_LOWER"):
        yield from _pools(22, (3, 4, 2), kernel_shape=[5, 3], strides=[5, 3], auto_pad=auto_pad, ceil_mode=1)
    yield from _pools(22, (3, 4, 2), kernel_shape=[3, 2], strides=[4, 5], dilations=[2, 3], ceil_mode=1)
    # No tap lies in the image.
    yield from _pools(22, (3, 1, 4), kernel_shape=[2, 2], strides=[1, 1], dilations=[2, 1], pads=[1, 0, 1, 0])
    yield from _not_finite()


def _not_finite() -> Iterator[harness.Case]:
    """NaN and −∞ in one tap. A convolution multiplies them by the padding's zeros: NaN (so onnxruntime, but for its optimised 2-D
    kernel, which leaves such taps out, and ONNX' reference evaluator). A transposed one has no such products."""
    for name, wild in (("nan", np.nan), ("inf", -np.inf)):
        for op, size in (
            ("Conv", (5,)),
            ("Conv", (3, 4, 5)),
            ("ConvTranspose", (5,)),
            ("ConvTranspose", (4, 5)),
            ("ConvTranspose", (3, 4, 5)),
        ):
            w = floats(4, 4, *[3] * len(size))
            w[(1, 2, *[0] * len(size))] = wild
            for strides, pads in ((1, 1), (2, 0), (2, 1)):
                node_ = node(op, "x", "w", pads=[pads] * 2 * len(size), strides=[strides] * len(size))
                x = {"x": floats(2, 4, *size, low=0)}
                yield cases.case(
                    f"{op.lower()}_{name}_{len(size)}_{strides}_{pads}", [node_], x, known={"w": w}, rtol=1e-4, atol=1e-5
                )
    holes = np.array([[[np.nan, np.nan, 1, 2, -np.inf, np.nan]]], np.float64)
    yield cases.case("max_nan", [node("MaxPool", "x", kernel_shape=[2], strides=[2])], {"x": holes[..., :4]})


def _pools(opset: int, image: tuple[int, ...], **window: Any) -> Iterator[harness.Case]:
    """Every pool that has these attributes at this opset; the batch is open."""
    for name, (op, more) in POOLS.items():
        if (op == "LpPool" and opset < 18 and "ceil_mode" in window) or (
            op == "AveragePool" and opset < 19 and "dilations" in window
        ):
            continue
        text = "_".join(str(v) for v in (name, opset, *image, *window.values()))
        pool = node(op, "x", **window, **more)
        inputs = {"x": floats(2, *image)}
        yield cases.case(
            "".join(c if c.isalnum() else "_" for c in text), [pool], inputs, opset=opset, open_axes={"x": ["n", *image]}
        )


@pytest.mark.slow
def test_against_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    cases.reseed()
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name("windows"))
    results = harness.run(list(_cases()))
    assert {name: why for name, why in results.items() if why} == {}

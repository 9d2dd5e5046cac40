"""Runs the movement and recurrent benches side by side with onnxruntime: each name in turn, in both engines, three times.

    python benches/movement.py MOVEMENT_BINARY RECURRENT_BINARY [NAME...]

The binaries are what `cargo bench --bench movement --bench recurrent --no-run` names. Prints µs (best of three) and the
ratio; one thread; onnxruntime's cost of an empty call is subtracted. onnxruntime gets images as it likes them, channels
first; ours are channels last.
"""

import sys

import numpy as np
import onnxruntime as ort
from elementwise import best, criterion, session
from onnx import helper as h

RNG = np.random.default_rng(0)


def numbers(*shape):
    return RNG.uniform(-1, 1, shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def resize(**attributes):
    scales = [("k", np.array([1, 1, 2, 2], np.float32))]
    return one("Resize", numbers(1, 64, 28, 28), scales, inputs=["x", "", "k"], **attributes)


def one(op, x, weights=(), outputs=("y",), inputs=None, opset=18, **attributes):
    names = inputs or ["x", *(name for name, _ in weights)]
    return session([h.make_node(op, names, list(outputs), **attributes)], {"x": x}, weights, opset=opset, outputs=outputs)


def movement():
    for name, shape in {
        "NCHW-NHWC 64x56x56": (64, 3136),
        "NHWC-NCHW 56x56x64": (3136, 64),
        "NCHW-NHWC 3x224x224": (3, 50176),
        "NHWC-NCHW 224x224x3": (50176, 3),
        "transpose 512x512": (512, 512),
    }.items():
        yield name, lambda shape=shape: one("Transpose", numbers(*shape), perm=[1, 0])
    yield "heads 128x12x64", lambda: one("Transpose", numbers(128, 12, 64), perm=[1, 0, 2])
    yield (
        "concat 2x(3136x64)",
        lambda: session([h.make_node("Concat", ["x", "z"], ["y"], axis=1)], {"x": numbers(3136, 64), "z": numbers(3136, 64)}),
    )
    yield "slice 56x56x64", lambda: one("Slice", numbers(56, 56, 64), [("s", ints(1, 1)), ("e", ints(55, 55)), ("a", ints(0, 1))])
    yield "pad 56x56x64", lambda: one("Pad", numbers(56, 56, 64), [("p", ints(1, 1, 0, 1, 1, 0))])
    yield (
        "gather 5000x64[200]",
        lambda: session(
            [h.make_node("Gather", ["w", "x"], ["y"])], {"x": np.arange(200) * 37 % 5000}, [("w", numbers(5000, 64))]
        ),
    )
    yield "expand 1x1x64-56x56x64", lambda: one("Expand", numbers(1, 1, 64), [("s", ints(56, 56, 64))])
    yield "resize linear 28x28x64-56x56", lambda: resize(mode="linear")
    yield (
        "resize nearest 28x28x64-56x56",
        lambda: resize(mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric"),
    )
    for kind, k, s, p in (("2x2 s2", 2, 2, 0), ("3x3 s2", 3, 2, 1), ("3x3 s1", 3, 1, 1)):
        for c in (64, 16, 1):
            for name, op in (("max", "MaxPool"), ("average", "AveragePool")):
                yield (
                    f"{name} {kind} 56x56x{c}",
                    lambda op=op, c=c, k=k, s=s, p=p: one(
                        op, numbers(1, c, 56, 56), kernel_shape=[k, k], strides=[s, s], pads=[p] * 4
                    ),
                )
    yield "global average 7x7x1280", lambda: one("GlobalAveragePool", numbers(1, 1280, 7, 7))


def recurrent():
    for t, b, i, n in ((100, 1, 64, 64), (100, 1, 128, 128), (100, 1, 32, 32), (100, 32, 64, 64), (20, 1, 256, 256)):
        for kind, gates, extra in (
            ("LSTM", 4, {}),
            ("GRU", 3, {"linear_before_reset": 1}),
            ("GRU-before", 3, {}),
            ("RNN", 1, {}),
        ):
            yield (
                f"{kind} {t}x{b}x{i}x{n}",
                lambda t=t, b=b, i=i, n=n, kind=kind, gates=gates, extra=extra: one(
                    kind.split("-")[0],
                    numbers(t, b, i),
                    [
                        (k, 0.1 * numbers(1, *s))
                        for k, s in {"W": (gates * n, i), "R": (gates * n, n), "B": (2 * gates * n,)}.items()
                    ],
                    outputs=("y", "y_h"),
                    hidden_size=n,
                    **extra,
                ),
            )


def main():
    binaries, wanted = sys.argv[1:3], sys.argv[3:]
    empty = best(session([h.make_node("Identity", ["x"], ["y"])], {"x": np.zeros(1, np.float32)}))
    print(f"onnxruntime {ort.__version__}, an empty call {empty:.1f} µs (subtracted)")
    for binary, cases in zip(binaries, (movement(), recurrent()), strict=True):
        for name, make in cases:
            if wanted and name not in wanted:
                continue
            call = make()
            ours = theirs = float("inf")
            for _ in range(3):
                ours = min(ours, criterion(binary, name))
                theirs = min(theirs, best(call) - empty)
            print(f"{name:32} ours {ours:9.2f}   onnxruntime {theirs:9.2f}   ratio {theirs / ours:5.2f}", flush=True)


if __name__ == "__main__":
    main()

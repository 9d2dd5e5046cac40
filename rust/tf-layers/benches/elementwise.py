"""Runs the elementwise bench side by side with onnxruntime: each name in turn, in both engines, three times.

    python benches/elementwise.py BENCH_BINARY [NAME...]

BENCH_BINARY is what `cargo bench --bench elementwise --no-run` names. Prints µs (best of three) and the ratio; one thread;
onnxruntime's cost of an empty call (an Identity of one float) is subtracted.
"""

import re
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper as h

N = 65536


def session(nodes, inputs, initializers=(), opset=20, outputs=("y",), out_type=T.FLOAT):
    graph = h.make_graph(
        nodes,
        "g",
        [h.make_tensor_value_info(n, h.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in inputs.items()],
        [h.make_tensor_value_info(o, out_type, None) for o in outputs],
        [onnx.numpy_helper.from_array(v, k) for k, v in initializers],
    )
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    s = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    binding = s.io_binding()
    for n, a in inputs.items():
        binding.bind_ortvalue_input(n, ort.OrtValue.ortvalue_from_numpy(a))
    for meta, first in zip(s.get_outputs(), s.run(None, inputs), strict=False):
        binding.bind_ortvalue_output(meta.name, ort.OrtValue.ortvalue_from_numpy(first))
    return lambda: s.run_with_iobinding(binding)


def best(call):
    least, start = float("inf"), time.perf_counter()
    while time.perf_counter() - start < 0.15:
        t = time.perf_counter()
        for _ in range(8):
            call()
        least = min(least, (time.perf_counter() - t) / 8 * 1e6)
    return least


def models():
    line = ((np.arange(N) / N - 0.5) * 10).astype(np.float32)
    node = h.make_node

    def one(op, x=line, opset=20, **kw):
        return session([node(op, ["x"], ["y"], **kw)], {"x": x}, opset=opset)

    for op in ("Relu", "Exp", "Tanh", "Sigmoid", "Erf", "Gelu", "Log", "Softplus", "Elu", "Mish", "HardSwish", "Sin"):
        yield op, one(op, x=np.abs(line) + 0.01 if op == "Log" else line)
    yield "GeluTanh", one("Gelu", approximate="tanh")
    yield "Swish", session([node("Sigmoid", ["x"], ["s"]), node("Mul", ["x", "s"], ["y"])], {"x": line})
    for name, make in EXTRA.items():
        yield name, make(node)


def floats(*shape):
    return np.random.default_rng(1).uniform(1, 2, shape).astype(np.float32)


def two(op, a, b, out_type=T.FLOAT):
    return lambda node: session([node(op, ["a", "b"], ["y"])], {"a": a, "b": b}, out_type=out_type)


def whole(*shape):
    return np.full(shape, 3, np.int64)


def of(op, x, *weights, opset=20, **attributes):
    names = [f"w{i}" for i in range(len(weights))]
    return lambda node: session(
        [node(op, ["x", *names], ["y"], **attributes)], {"x": x}, list(zip(names, weights, strict=False)), opset=opset
    )


def reductions():
    for op in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2", "ReduceLogSumExp"):
        for name, axis in (("rows", 1), ("columns", 0)):
            yield f"{op} {name}", of(op, floats(64, 1024), np.array([axis]))


EXTRA = {
    "Softmax 64x1024": of("Softmax", floats(64, 1024)),
    "Softmax 1024x64": of("Softmax", floats(1024, 64)),
    "Softmax axis 1 of 8x64x128": of("Softmax", floats(8, 64, 128), axis=1),
    "LogSoftmax 64x1024": of("LogSoftmax", floats(64, 1024)),
    "LayerNormalization 64x768": of("LayerNormalization", floats(64, 768), floats(768), floats(768)),
    "InstanceNormalization 1x64x1024": of("InstanceNormalization", floats(1, 64, 1024), floats(64), floats(64)),
    "BatchNormalization 1x64x1024": of("BatchNormalization", floats(1, 64, 1024), *[floats(64)] * 4),
    **dict(reductions()),
    "Add same": two("Add", floats(N), floats(N)),
    "Mul scalar": two("Mul", floats(N), floats(1)),
    "Add row": two("Add", floats(64, 1024), floats(1, 1024)),
    "Sub column": two("Sub", floats(64, 1024), floats(64, 1)),
    "Add short row": two("Add", floats(8192, 8), floats(1, 8)),
    "Sub short column": two("Sub", floats(8192, 8), floats(8192, 1)),
    "Max same": two("Max", floats(N), floats(N)),
    "Div same": two("Div", floats(N), floats(N)),
    "Less same": two("Less", floats(N), floats(N), T.BOOL),
    "Add i64": two("Add", whole(N), whole(N), T.INT64),
}


def criterion(binary, name):
    """µs that a bench takes, as criterion prints them."""
    command = [binary, "--bench", "--output-format", "bencher", re.escape(name)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^test \w+/(.*?) \.\.\. bench: +([\d,]+) ns/iter", printed, re.M)
    return min((float(time.replace(",", "")) / 1e3 for found_name, time in found if found_name == name), default=float("inf"))


def main():
    binary, wanted = sys.argv[1], sys.argv[2:]
    empty = best(session([h.make_node("Identity", ["x"], ["y"])], {"x": np.zeros(1, np.float32)}))
    print(f"onnxruntime {ort.__version__}, an empty call {empty:.1f} µs (subtracted)")
    for name, call in models():
        if wanted and name not in wanted:
            continue
        ours = theirs = float("inf")
        for _ in range(3):
            ours = min(ours, criterion(binary, name))
            theirs = min(theirs, best(call) - empty)
        print(f"{name:28} ours {ours:9.2f}   onnxruntime {theirs:9.2f}   ratio {theirs / ours:5.2f}", flush=True)


if __name__ == "__main__":
    main()

"""How long onnxruntime takes for a model, on one thread: `python examples/onnxruntime_burst.py model.onnx in.npz N`.

The counterpart of a generated crate's `predict in.npz out.npz --repeat N`, as a process of its own, so that both sides start the
same way and neither measures the other's memory. Prints one line of JSON: medians of N calls in nanoseconds, of `run` and with
bound inputs and outputs, of an empty model, and the peak memory in kB with and without onnxruntime.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def peak_kb() -> int:
    """Peak resident memory of this process alone (ru_maxrss also counts what the parent had before exec)."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)


PYTHON_KB = peak_kb()

import onnxruntime as ort  # noqa: E402 (after the measurement above)


def session(model: str | bytes) -> ort.InferenceSession:
    """One thread, everything else at its default, as most users have it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def bound(model: ort.InferenceSession, inputs: dict[str, np.ndarray]) -> Callable[[], object]:
    """A call that copies nothing: inputs and outputs are bound before."""
    binding = model.io_binding()
    for name, array in inputs.items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array))
    for output, array in zip(model.get_outputs(), model.run(None, inputs), strict=True):
        binding.bind_ortvalue_output(output.name, ort.OrtValue.ortvalue_from_numpy(array))
    return lambda: model.run_with_iobinding(binding)


def median_ns(call: Callable[[], object], repeat: int) -> float:
    """The median time of a call."""
    times = np.empty(repeat)
    for k in range(repeat):
        start = time.perf_counter_ns()
        call()
        times[k] = time.perf_counter_ns() - start
    return float(np.median(times))


def empty_call_ns(repeat: int) -> float:
    """What a call costs before the model does anything: a model that copies one number."""
    from onnx import TensorProto, helper

    one = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "empty", one[:1], one[1:])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return median_ns(bound(session(proto.SerializeToString()), {"x": np.zeros(1, np.float32)}), repeat)


def main() -> None:
    path, archive, repeat = sys.argv[1], sys.argv[2], int(sys.argv[3])
    model = session(path)
    with np.load(archive) as arrays:
        inputs = {value.name: arrays[value.name] for value in model.get_inputs()}
    run = median_ns(lambda: model.run(None, inputs), repeat)
    binding = median_ns(bound(model, inputs), repeat)
    peak = peak_kb()
    result = {"run_ns": run, "bound_ns": binding, "peak_kb": peak, "python_kb": PYTHON_KB, "empty_ns": empty_call_ns(repeat)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()

"""The wheel, or onnxruntime's session. Says its first answer, then the median of calls in nanoseconds.

FILE SECONDS SHAPE MODULE ARGUMENT, or FILE SECONDS SHAPE MODEL.onnx NAME
"""

import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

file, seconds, shape, what, name = sys.argv[1:]
x = np.fromfile(file, np.float32).reshape(json.loads(shape))
feeds = {name: x}
call: Callable[[], Any]
if what.endswith(".onnx"):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    run = onnxruntime.InferenceSession(what, options, providers=["CPUExecutionProvider"]).run
    call = lambda: run(None, feeds)  # noqa: E731 - both are called by the same means
else:
    predict = importlib.import_module(what).Model().predict
    call = lambda: predict(**feeds)  # noqa: E731 - both are called by the same means
print(json.dumps(call()[0].ravel().tolist()), flush=True)
times: list[int] = []
end = time.perf_counter() + float(seconds)
while float(seconds) and (time.perf_counter() < end or len(times) < 5):
    begin = time.perf_counter_ns()
    call()
    times.append(time.perf_counter_ns() - begin)
print(json.dumps([statistics.median(times) if times else 0]))

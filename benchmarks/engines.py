"""LiteRT, as an engine that `onnx2rust.timing` measures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Feeds = Mapping[str, Array]


class LiteRt:
    """LiteRT with XNNPACK on one thread; one interpreter a batch size, since its files have fixed sizes."""

    def __init__(self, paths: Sequence[Path], sets: Sequence[Feeds]) -> None:
        from ai_edge_litert.interpreter import Interpreter  # an optional package

        self.interpreters = []
        for path, feeds in zip(paths, sets, strict=True):
            interpreter = Interpreter(str(path), num_threads=1)
            interpreter.allocate_tensors()
            details = interpreter.get_input_details()
            for name, array in feeds.items():
                detail = next((d for d in details if name in d["name"]), details[0])
                if tuple(detail["shape"]) != array.shape or detail["dtype"] != array.dtype:
                    raise ValueError(f"input {detail['name']} is {detail['shape']}, not {array.shape}")
                interpreter.set_tensor(detail["index"], array)
            self.interpreters.append(interpreter)

    def burst(self, k: int, runs: int) -> list[int]:
        invoke, clock = self.interpreters[k].invoke, time.perf_counter_ns
        times = []
        for _ in range(runs):
            start = clock()
            invoke()
            times.append(clock() - start)
        return times

    def outputs(self, k: int) -> list[Array]:
        interpreter = self.interpreters[k]
        interpreter.invoke()
        return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]

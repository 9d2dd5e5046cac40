"""The engines that are measured, each as a `burst(batch index, runs) → nanoseconds of each run`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime

Array = np.ndarray[Any, Any]
Feeds = Mapping[str, Array]


class Engine(Protocol):
    """One model loaded in one engine, with inputs of several batch sizes."""

    def burst(self, k: int, runs: int) -> list[int]:
        """Runs the model on inputs k, `runs` times; nanoseconds of each."""

    def outputs(self, k: int) -> list[Array]:
        """What it computes from inputs k."""


class OnnxRuntime:
    """onnxruntime on one thread, called as most people call it."""

    def __init__(self, model: bytes, sets: Sequence[Feeds]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.sets = [dict(feeds) for feeds in sets]

    def burst(self, k: int, runs: int) -> list[int]:
        feeds, run, clock = self.sets[k], self.session.run, time.perf_counter_ns
        times = []
        for _ in range(runs):
            start = clock()
            run(None, feeds)
            times.append(clock() - start)
        return times

    def outputs(self, k: int) -> list[Array]:
        return [np.asarray(a) for a in self.session.run(None, self.sets[k])]


class BoundOnnxRuntime(OnnxRuntime):
    """onnxruntime with inputs and outputs bound beforehand: its least overhead from Python."""

    def __init__(self, model: bytes, sets: Sequence[Feeds]) -> None:
        super().__init__(model, sets)
        self.bindings = []
        for feeds in self.sets:
            binding = self.session.io_binding()
            for name, array in feeds.items():
                binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
            for output, array in zip(self.session.get_outputs(), self.session.run(None, feeds), strict=True):
                binding.bind_ortvalue_output(output.name, onnxruntime.OrtValue.ortvalue_from_numpy(np.asarray(array)))
            self.bindings.append(binding)

    def burst(self, k: int, runs: int) -> list[int]:
        binding, run, clock = self.bindings[k], self.session.run_with_iobinding, time.perf_counter_ns
        times = []
        for _ in range(runs):
            start = clock()
            run(binding)
            times.append(clock() - start)
        return times


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

"""Small programs for the reports' tests, made of layers directly."""

from __future__ import annotations

import numpy as np

from onnx2rust.ir.dims import Dim, symbol
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer, Variant, View, Weight
from onnx2rust.ir.program import Origin, Program, Step, Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers.activation import LINEAR, Activate, activation
from onnx2rust.layers.binary import Add
from onnx2rust.layers.dense import Dense

BATCH = symbol("batch")


class Maker:
    """Collects steps."""

    def __init__(self) -> None:
        self.inputs: list[Value] = []
        self.steps: list[Step] = []
        self.rng = np.random.default_rng(0)

    def input(self, name: str, *shape: Dim) -> Value:
        self.inputs.append(Value(name, TensorType(DType.F32, shape)))
        return self.inputs[-1]

    def step(self, name: str, op: str, layer: Layer, inputs: list[Value], *shape: Dim) -> Value:
        value = Value(name, TensorType(DType.F32, shape))
        origin = Origin(name, op, "", 18, len(self.steps))
        self.steps.append(Step(name.replace("/", "_"), layer, tuple(inputs), (value,), origin))
        return value

    def dense(self, name: str, x: Value, units: int, applied: Variant = LINEAR) -> Value:
        width = x.shape[-1]
        assert isinstance(width, int)
        kernel = Weight(f"{name}/kernel", self.rng.standard_normal((width, units)).astype(np.float32))
        bias = Weight(f"{name}/bias", np.zeros(units, np.float32))
        layer = Dense(width, units, kernel, bias, applied, x.shape[0])
        return self.step(name, "Gemm", layer, [x], *x.shape[:-1], units)

    def relu(self, name: str, x: Value) -> Value:
        return self.step(name, "Relu", Activate(activation("Relu")), [x], *x.shape)

    def add(self, name: str, a: Value, b: Value) -> Value:
        return self.step(name, "Add", Add(a.shape, b.shape), [a, b], *a.shape)

    def program(self, *outputs: Value) -> Program:
        names = tuple(f"y{k}" for k in range(len(outputs)))
        return Program("model", tuple(self.inputs), outputs, names, tuple(self.steps), ("batch",))


def residual() -> Program:
    """x → hidden → relu → out; added to x."""
    m = Maker()
    x = m.input("x", BATCH, 8)
    y = m.dense("out", m.relu("hidden/Relu", m.dense("hidden", x, 16)), 8)
    return m.program(m.add("sum", x, y))


def deep(blocks: int) -> Program:
    """A residual network of four layers a block."""
    m = Maker()
    x = m.dense("stem", m.input("x", BATCH, 4), 8)
    for k in range(blocks):
        y = m.dense(f"block{k}/down", m.relu(f"block{k}/relu", m.dense(f"block{k}/up", x, 16)), 8)
        x = m.add(f"block{k}/add", x, y)
    return m.program(x)


def flat() -> Program:
    """An image flattened into a dense layer."""
    m = Maker()
    x = m.input("image", BATCH, 4, 4, 2)
    return m.program(m.dense("out", m.step("flatten", "Flatten", View(), [x], BATCH, 32), 3, activation("LeakyRelu", alpha=0.1)))

"""Facts of operators that have no lowering here: ONNX defines them by others, in whose place they are read."""

from __future__ import annotations

from onnx2rust.registry import reads
from onnx2rust.registry.facts import onnx_facts
from onnx2rust.registry.rules import Within

onnx_facts("Attention", reads={6: lambda use: Within(1, use.shape(1)[-2])}, unknown=1)
onnx_facts("CenterCropPad", reads={1: reads.SIZE})
onnx_facts("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss", reads={1: lambda use: Within(0, use.shape(0)[1] - 1)})
onnx_facts("RotaryEmbedding", reads={3: lambda use: Within(0, use.shape(1)[0] - 1)})
onnx_facts("Scan", folded=False)

"""onnxruntime, the reference: one thread, on the CPU, silent."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime

from onnx2rust.errors import ToolError

Array = np.ndarray[Any, Any]


def session(proto: onnx.ModelProto, *, optimised: bool = True) -> onnxruntime.InferenceSession:
    """A session for the model. onnxruntime's errors share no narrower base than Exception."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])


QUANTISED = (
    "quantised: onnxruntime's graph optimisations round elsewhere than the model says, so it is the reference without them; "
    "numbers may be off by as much as its two answers are apart, or by one step of quantisation"
)


class Reference:
    """The model in onnxruntime. Where its optimiser makes of the model what it cannot run (it moves a transpose over a bicubic Resize, for
    which it has no channels-last kernel), the model runs as it stands, and `note` says so.

    So do quantised models: a number near the middle of two steps falls to either side, depending on the order of a sum, and the optimiser
    turns some of the sums into integers, which ones depending on its version and the processor. `slack` is how far the two answers were
    apart in any run so far, by output, and at least one step where the output is quantised (docs/adr/0009).
    """

    def __init__(self, proto: onnx.ModelProto) -> None:
        self._proto = proto
        self.note: str | None = None
        self.slack = [0.0] * len(proto.graph.output)
        self._rival: onnxruntime.InferenceSession | None = None
        if any(node.op_type == "QuantizeLinear" for node in proto.graph.node):
            try:
                self.session, self._rival = session(proto, optimised=False), session(proto)
            except Exception:  # as below: then it is a model like others
                self._rival = None
            else:
                self.note, self.slack = QUANTISED, _steps(proto)
                return
        try:
            self.session = session(proto)
        except Exception as error:  # onnxruntime's own exception classes share no narrower base
            if not self._unoptimised(error):
                raise ToolError(f"onnxruntime, the reference, cannot load the model: {str(error)[:400]}") from error

    def run(self, feeds: dict[str, Array]) -> list[Array]:
        """All outputs, in the model's order."""
        arrays = {n: np.asarray(a) for n, a in feeds.items()}
        try:
            outputs = [np.asarray(a) for a in self.session.run(None, arrays)]
            if self._rival is not None:
                apart = map(_apart, outputs, map(np.asarray, self._rival.run(None, arrays)))
                self.slack = [max(pair) for pair in zip(self.slack, apart, strict=True)]
            return outputs
        except Exception as error:  # as above
            raise ToolError(f"onnxruntime, the reference, cannot run the model: {str(error)[:400]}") from error

    def _unoptimised(self, error: Exception) -> bool:
        try:
            self.session = session(self._proto, optimised=False)
        except Exception:  # as above; then the first error is the one to tell
            return False
        self.note = f"onnxruntime runs it without its graph optimisations only: with them it says {str(error)[:200]!r}"
        return True


def _steps(proto: onnx.ModelProto) -> list[float]:
    """One step of each output that is quantised, or was just before it left: 0 for others."""
    known = {i.name: onnx.numpy_helper.to_array(i) for i in proto.graph.initializer}
    made = {output: node for node in proto.graph.node for output in node.output}
    steps = []
    for output in proto.graph.output:
        node = made.get(output.name)
        scale = known.get(node.input[1]) if node is not None and node.op_type == "DequantizeLinear" else None
        whole = output.type.tensor_type.elem_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
        steps.append(1.0 if whole else 0.0 if scale is None else float(np.max(scale, initial=0)))
    return steps


def _apart(a: Array, b: Array) -> float:
    """The largest finite difference."""
    if a.shape != b.shape or a.dtype.kind not in "iuf":
        return 0.0
    with np.errstate(invalid="ignore"):
        difference = np.abs(a.astype(np.float64) - b.astype(np.float64))
    return float(difference.max(initial=0.0, where=np.isfinite(difference)))

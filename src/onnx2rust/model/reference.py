"""onnxruntime, the reference: one thread, on the CPU, silent."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

# read when it is imported: its telemetry writes into the home folder, and a warning where it cannot
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state

from onnx2rust.base import sequences
from onnx2rust.base.errors import ToolError
from onnx2rust.model.weights import NONE, Weights, is_outside

Array = np.ndarray[Any, Any]
_OWN = [e for e in vars(onnxruntime_pybind11_state).values() if isinstance(e, type) and issubclass(e, Exception)]
ERRORS: tuple[type[Exception], ...] = (*_OWN, RuntimeError, ValueError, IndexError)
"""What onnxruntime raises: exceptions of its own, each derived from Exception alone, and what its binding makes
of those of C++."""


def session(
    proto: onnx.ModelProto,
    weights: Weights = NONE,
    *,
    optimised: bool = True,
    packed: bool = False,
    profile: Path | None = None,
) -> onnxruntime.InferenceSession:
    """A session for the model, which is lent its `weights`; with its profiler on, which writes files called like `profile`. It
    lays them out for its kernels, as a user's does, only if they are to be `packed`. Raises one of ERRORS."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    outside = [tensor.name for tensor in proto.graph.initializer if is_outside(tensor)]
    lent = [onnxruntime.OrtValue.ortvalue_from_numpy(weights[name]) for name in outside]
    if outside:
        options.add_external_initializers(outside, lent)
    for name, value in zip(outside, lent, strict=True):
        if not packed:  # the optimiser reads the ones above, kernels these where they lie
            options.add_initializer(name, value)
    found = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found.lent = lent  # it does not keep them itself
    return found


def inputs(session: onnxruntime.InferenceSession, feeds: Mapping[str, Array]) -> dict[str, Any]:
    """Inputs as the session takes them."""
    return {
        i.name: sequences.for_engine(np.asarray(feeds[i.name]), i.type.startswith(_OPTIONAL))
        for i in session.get_inputs()
        if i.name in feeds
    }


def outputs(session: onnxruntime.InferenceSession, content: Sequence[Any]) -> list[Array]:
    """What the session gives, as arrays."""
    pairs = zip(session.get_outputs(), content, strict=True)
    return [sequences.of_engine(a, o.type.startswith(_OPTIONAL)) for o, a in pairs]


_OPTIONAL = "optional("
MOST_WEIGHTS = 1 << 26
"""Elements of weights of which memory should not hold more copies than it must."""


class Reference:
    """The model in onnxruntime. Where its optimiser makes of the model what it cannot run (it moves a transpose over a bicubic
    Resize, for which it has no channels-last kernel), the model runs as it stands, and `note` says so.

    A quantised model does unless it is to be `optimised`, as people run it: its optimiser turns some of the float products into
    integers, which ones depending on its version, and how they saturate on the processor (docs/adr/0010). So does a model of
    more than MOST_WEIGHTS: each session holds a copy of them, and whether it runs as it stands is a question anyway.
    """

    def __init__(self, proto: onnx.ModelProto, weights: Weights = NONE, *, optimised: bool = False) -> None:
        self._proto, self._weights = proto, weights
        self._plain: onnxruntime.InferenceSession | None = None
        """The model as it stands, in a session of its own."""
        self.note: str | None = None
        quantised = any(node.op_type == "QuantizeLinear" for node in proto.graph.node)
        large = sum(array.size for array in weights.values()) > MOST_WEIGHTS
        plain = (quantised or large) and not optimised
        self._optimised = not plain
        try:
            self.session = session(proto, weights, optimised=self._optimised, packed=optimised)
        except ERRORS as error:
            if quantised or not self._other(error, optimised=plain):
                raise ToolError(f"onnxruntime, the reference, cannot load the model: {str(error)[:400]}") from error

    def run(self, feeds: dict[str, Array]) -> list[Array]:
        """All outputs, in the model's order."""
        try:
            return outputs(self.session, self.session.run(None, inputs(self.session, feeds)))
        except ERRORS as error:
            raise ToolError(f"onnxruntime, the reference, cannot run the model: {str(error)[:400]}") from error

    def check_as_it_stands(self, feeds: dict[str, Array]) -> None:
        """Raises ToolError if the model runs on these inputs only because the optimiser has removed what fails, as a Reshape of
        the wrong size in front of another: what the optimiser does differs from version to version, and is not what the model
        says."""
        if not self._optimised:
            return
        try:
            self._plain = self._plain or session(self._proto, self._weights, optimised=False)
        except ERRORS:  # then it cannot run otherwise
            return
        try:
            self._plain.run(None, inputs(self._plain, feeds))
        except ERRORS as error:
            raise ToolError(
                "onnxruntime runs the model on these inputs with its graph optimisations only; without them it says: "
                f"{str(error)[:400]}"
            ) from error

    def _other(self, error: Exception, *, optimised: bool) -> bool:
        """Whether there is a session with the optimiser, or without it, where there is none the other way."""
        try:
            self.session = session(self._proto, self._weights, optimised=optimised)
        except ERRORS:  # then the first error is the one to tell
            return False
        self._optimised = optimised
        if not optimised:
            self.note = f"onnxruntime runs it without its graph optimisations only: with them it says {str(error)[:200]!r}"
        return True

"""The referee: a model evaluated in float64, by onnx's reference evaluator with kernels of our own
where its are slow, narrow or missing.

onnxruntime computes in single precision, and so does a generated crate. Where the two differ, the referee says which is nearer to
what the model means, and how far single precision can be trusted there (docs/adr/0010).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from onnx2rust.base import sequences
from onnx2rust.model.schemas import FUNCTIONS
from onnx2rust.model.weights import NONE, Weights, is_outside
from onnx2rust.oracle.referee import classical, control, integers, recurrent, small, windows
from onnx2rust.oracle.referee.doubled import double, widened

Array = np.ndarray[Any, Any]
NOISE = 1e-6
"""What single precision makes of a sum before it is quantised, as a share of the largest: sums of a
few hundred terms err by this."""
_KERNELS: list[Any] = [
    control.Loop,
    windows.Conv, windows.ConvTranspose, windows.AveragePool, windows.LpPool, windows.MaxPool,
    windows.GlobalMaxPool, windows.GlobalLpPool,
    recurrent.RNN, recurrent.LSTM, recurrent.GRU,
    small.Softmax, small.LogSoftmax, small.Hardmax, small.Scatter, small.Resize, small.Erf, small.BatchNormalization,
    small.LpNormalization, small.LRN, small.OneHot, small.LayerNormalization, small.SimplifiedLayerNormalization,
    small.Optional, small.DequantizeLinear, small.QuantizeLinear, small.DynamicQuantizeLinear, small.Unique,
    integers.QLinearConv, integers.QLinearMatMul,
    classical.TreeEnsembleRegressor, classical.TreeEnsembleClassifier, classical.TreeEnsemble, classical.ZipMap,
    classical.Scaler, classical.Normalizer, classical.Imputer, classical.FeatureVectorizer, classical.OneHotEncoder,
    classical.LabelEncoder, classical.DictVectorizer, classical.CastMap, classical.LinearRegressor, classical.LinearClassifier,
    classical.SVMRegressor, classical.SVMClassifier,
]  # fmt: skip


class NoRefereeError(Exception):
    """The referee cannot evaluate a model, or these inputs; the text says why."""


class _Evaluator(ReferenceEvaluator):
    """onnx's evaluator with our kernels, inside functions too: it makes those with its own class."""

    def __init__(self, proto: Any, **more: Any) -> None:
        super().__init__(proto, **more | {"new_ops": _KERNELS})


class Referee:
    """A model in float64, or as it is unless `wide`. Raises NoRefereeError if the evaluator lacks an operator."""

    def __init__(self, proto: onnx.ModelProto, weights: Weights = NONE, *, wide: bool = True) -> None:
        self._wide = wide
        self._optional = {v.name for v in (*proto.graph.input, *proto.graph.output) if v.type.HasField("optional_type")}
        model = onnx.ModelProto()
        model.CopyFrom(proto)
        inside = [tensor for tensor in proto.graph.initializer if not is_outside(tensor)]
        del model.graph.initializer[:]
        model.graph.initializer.extend(inside)
        if wide:
            double(model)
        model.functions.extend(FUNCTIONS)
        try:
            self._evaluator = _Evaluator(model)
        except Exception as error:  # the evaluator's errors share no narrower base: any of them means that it cannot
            raise NoRefereeError(str(error)[:300]) from error
        outside = (tensor.name for tensor in proto.graph.initializer if is_outside(tensor))
        self._evaluator.rt_inits_ |= {name: self._taken(weights[name]) for name in outside}

    def _taken(self, array: Array) -> Array:
        return widened(array) if self._wide else array

    def _fed(self, name: str, content: Array) -> Any:
        items = sequences.is_sequence(content)
        taken = sequences.sequence(map(self._taken, content)) if items else self._taken(content)
        return sequences.for_engine(taken, name in self._optional)

    def run(self, feeds: dict[str, Array], noise: float = 0.0, seed: int = 0) -> list[Array]:
        """All outputs, floats as float64. With `noise`, what is quantised was off at random by up to that share of the largest.

        Raises NoRefereeError where the evaluator fails.
        """
        small.Rounding.noise, small.Rounding.draws = noise, np.random.default_rng(seed)
        try:
            with np.errstate(all="ignore"):
                found = self._evaluator.run(None, {n: self._fed(n, np.asarray(a)) for n, a in feeds.items()})
                named = zip(self._evaluator.output_names, found, strict=True)
                return [sequences.of_engine(a, name in self._optional) for name, a in named]
        except Exception as error:  # as above
            raise NoRefereeError(str(error)[:300]) from error
        finally:
            small.Rounding.noise = 0.0

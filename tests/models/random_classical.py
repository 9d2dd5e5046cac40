"""What random graphs are made of: operators of ai.onnx.ml, and of com.microsoft."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper
from random_draft import ML, Draft, Tensor, Unfit
from random_kinds import has, is_int, is_real, kind, open_tensor, static

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from forests import BRANCHES, ensemble, forest

from onnx2rust.base.sequences import pairs
from onnx2rust.model.schemas import MICROSOFT

TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO")


def _rows(d: Draft) -> tuple[Tensor, int]:
    """Samples of a known number of columns."""
    x = d.pick(has(2), lambda t: t.f32 and t.size, lambda t: t.shape[1], open_tensor)
    return x, static(x, 1)


def _ml(d: Draft, op: str, *inputs: Tensor, outputs: int = 1, **attributes: Any) -> Any:
    return d.node(op, *inputs, outputs=outputs, domain=ML, **attributes)


def _numbers(d: Draft, *shape: int) -> list[float]:
    return d.numpy().uniform(-1, 1, shape).astype(np.float32).ravel().tolist()


@kind(weight=0.5)
def features(d: Draft) -> Any:
    """Scaler, Normalizer, Imputer, Binarizer of columns."""
    x, columns = _rows(d)
    op = d.rng.choice(["Scaler", "Normalizer", "Imputer", "Binarizer"])
    count = d.rng.choice([1, columns])
    attributes: dict[str, Any] = {
        "Scaler": {"scale": _numbers(d, count), "offset": _numbers(d, count)},
        "Normalizer": {"norm": d.rng.choice(["MAX", "L1", "L2"])},
        "Imputer": {"imputed_value_floats": _numbers(d, count), "replaced_value_float": 0.0},
        "Binarizer": {"threshold": 0.25},
    }
    return _ml(d, op, x, **attributes[op])


@kind(weight=0.3)
def chosen_columns(d: Draft) -> Any:
    """ArrayFeatureExtractor, and FeatureVectorizer, which puts columns side by side."""
    x, columns = _rows(d)
    taken = [d.rng.randrange(columns) for _ in range(d.rng.randint(1, 4))]
    y = _ml(d, "ArrayFeatureExtractor", x, d.ints(*taken))
    return _ml(d, "FeatureVectorizer", y, x, inputdimensions=[len(taken), columns]) if d.chance(0.5) else y


@kind(weight=0.3)
def encoders(d: Draft) -> Any:
    """OneHotEncoder and LabelEncoder of integers."""
    x = d.pick(is_int, lambda t: 0 < t.rank < 5, lambda t: t.dtype == np.int64, open_tensor)
    if d.chance(0.5):
        return _ml(d, "OneHotEncoder", x, cats_int64s=[0, 3, 1, -2], zeros=1)
    into: dict[str, Any] = {"values_int64s": [5, -1, 2]} if d.chance(0.5) else {"values_floats": [0.5, -1.25, 2.0]}
    return _ml(d, "LabelEncoder", x, keys_int64s=[0, 1, 2], default_int64=7, default_float=0.75, **into)


@kind(weight=0.5)
def linear(d: Draft) -> Any:
    """LinearRegressor and LinearClassifier."""
    x, columns = _rows(d)
    count, how = d.rng.choice([1, 2, 3]), d.rng.choice(TRANSFORMS)
    given: dict[str, Any] = {"coefficients": _numbers(d, count, columns), "intercepts": _numbers(d, count)}
    if d.chance(0.5):
        return _ml(d, "LinearRegressor", x, targets=count, post_transform=how, **given)
    labels = [4, -3, 0][: max(count, 2)]
    return _ml(d, "LinearClassifier", x, outputs=2, classlabels_ints=labels, post_transform=how, **given)


@kind(weight=0.4)
def machines(d: Draft) -> Any:
    """SVMRegressor and SVMClassifier."""
    x, columns = _rows(d)
    name, parameters = d.rng.choice([("LINEAR", [0.0, 0.0, 0.0]), ("POLY", [0.1, 0.5, 2.0]), ("RBF", [0.2, 0.0, 0.0])])
    given: dict[str, Any] = {"kernel_type": name, "kernel_params": parameters}
    if d.chance(0.5):
        own: dict[str, Any] = {"support_vectors": _numbers(d, 5, columns), "coefficients": _numbers(d, 5), "rho": [0.25]}
        return _ml(d, "SVMRegressor", x, n_supports=5, **given, **own)
    counts = [3, 2, 4][: d.rng.choice([2, 3])]
    classes = len(counts)
    return _ml(
        d, "SVMClassifier", x, outputs=2, vectors_per_class=counts, classlabels_ints=[4, -2, 0][:classes],
        support_vectors=_numbers(d, sum(counts), columns), coefficients=_numbers(d, classes - 1, sum(counts)),
        rho=_numbers(d, classes * (classes - 1) // 2), **given,
    )  # fmt: skip


@kind(weight=0.7)
def trees(d: Draft) -> Any:
    """TreeEnsembleRegressor and TreeEnsembleClassifier, or what replaced them: TreeEnsemble."""
    x, columns = _rows(d)
    targets = d.rng.choice([1, 3])
    modes, each = d.rng.choice([BRANCHES, BRANCHES[:1]]), "one" if d.ml >= 5 else "all"
    model = forest(d.numpy(), d.rng.randint(1, 9), d.rng.randint(1, 4), columns, targets, modes=modes, each=each)
    if d.ml >= 5:
        return _ml(d, "TreeEnsemble", x, **{a.name: helper.get_attribute_value(a) for a in ensemble(model, targets).attribute})
    if targets == 3 and d.chance(0.5):
        how = d.rng.choice(TRANSFORMS)
        attributes = model.attributes("class") | {"classlabels_int64s": [4, -2, 0], "post_transform": how}
        return _ml(d, "TreeEnsembleClassifier", x, outputs=2, **attributes)
    return _ml(d, "TreeEnsembleRegressor", x, n_targets=targets, **model.attributes("target"))


@kind(weight=0.3)
def maps(d: Draft) -> Any:
    """A further input that is a map, and DictVectorizer or CastMap, which read it."""
    if d.outer is not None:
        raise Unfit("a body has no inputs of its own")
    rng, count = d.numpy(), d.rng.randint(1, 5)
    words: Any = d.rng.choice([["", "a", "naïve", "b c"], [3, -2, 0, 2**40]])
    op = d.rng.choice(["DictVectorizer", "CastMap"])
    keys = rng.permutation(8)[:count] if op == "CastMap" else rng.choice(np.array(words), min(count, 4), replace=False)
    x = d.input([len(keys)], lambda rng, shape: pairs(keys, rng.integers(-4, 5, shape).astype(np.float32)))
    if op == "DictVectorizer":
        vocabulary: Any = {"string_vocabulary" if "a" in words else "int64_vocabulary": words}
        return _ml(d, op, x, **vocabulary)
    return _ml(d, op, x, cast_to=d.rng.choice(["TO_FLOAT", "TO_INT64"]), map_form=d.rng.choice(["DENSE", "SPARSE"]), max_map=5)


@kind(weight=0.3)
def bias_gelu(d: Draft) -> Any:
    """BiasGelu of a bias that is known, or computed as the data are."""
    x = d.pick(lambda t: is_real(t) and t.rank, open_tensor, lambda t: t.shape[-1])
    columns = static(x, -1)
    biases = d.weights(columns, like=x)
    if d.chance(0.4):
        biases = d.pick(has(1), lambda t: t.dtype == x.dtype and t.shape[0] == columns)
    return d.node("BiasGelu", x, biases, domain=MICROSOFT)

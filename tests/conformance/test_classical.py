"""Operators of ai.onnx.ml through generated code, against onnxruntime."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import cases
import harness
import numpy as np
import pytest
from forests import BRANCHES, classifier, ensemble, forest, regressor, rows
from onnx import helper, numpy_helper

from onnx2rust.base.sequences import pairs
from onnx2rust.oracle.referee import Referee

EDGES = (0.0, -0.0, 1.5, -2.25, 3.4028235e38, -3.4028235e38, 1e-45, np.inf, -np.inf)
"""Thresholds whose neighbours are something else."""
TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def _open(x: np.ndarray[Any, Any]) -> dict[str, Any]:
    return {"x": ["n", x.shape[1]]}


def _trees() -> Iterator[harness.Case]:
    rng = np.random.default_rng(7)

    def case(name: str, node: Any, x: np.ndarray[Any, Any], ml: int = 1, outputs: tuple[str, ...] = ("y",)) -> harness.Case:
        # onnxruntime's z-scores lose digits around 0, where two large numbers cancel
        near = 1e-4 if "PROBIT" in name else 2e-6
        return cases.case(name, [node], {"x": x}, open_axes=_open(x), outputs=outputs, ml=ml, rtol=near, atol=near)

    # every mode alone, and all of them: thresholds decide exactly, with and without missing values
    for k, modes in enumerate([*((m,) for m in BRANCHES), BRANCHES]):
        for missing in (False, True):
            model = forest(rng, 6, 4, 5, 1, modes=modes, values=EDGES)
            x = rows(rng, 61, 5, EDGES)
            yield case(f"modes_{k}_{missing}", regressor(model.attributes("target", missing=missing), 1), x)
            wide = forest(rng, 6, 4, 5, 1, modes=modes, values=(*EDGES, 1e-300, 1 + 2**-40), dtype=np.float64)
            x = rows(rng, 61, 5, (*EDGES, 1e-300, 1 + 2**-40), np.float64)
            node = regressor(wide.attributes("target", np.float64, missing=missing), 1)
            yield case(f"wide_modes_{k}_{missing}", node, x, ml=3)
    # rows around the number that goes together, whole numbers, one sample of one axis
    model = forest(rng, 13, 5, 3, 2)
    for count in (1, 7, 8, 9, 127, 128, 129, 260):
        yield case(f"rows_{count}", regressor(model.attributes("target"), 2), rows(rng, count, 3, (0.0,)))
    of_class = forest(rng, 13, 5, 3, 3, values=(-1.0, 0.0, 16777216.0))
    for dtype in (np.int32, np.int64, np.float64):
        # 2²⁴ + 1 is no float32
        x = rng.choice(np.array([-2, -1, 0, 1, 16777216, 16777217], dtype), (20, 3))
        yield case(f"type_{np.dtype(dtype)}", classifier(of_class.attributes("class"), [4, 5, 6]), x, outputs=("y", "z"))
    # one leaf, one side only, deeper than any early end
    for name, more in {"leaf": {"depth": 0}, "comb": {"depth": 70, "lopsided": True}, "deep": {"depth": 9}}.items():
        model = forest(rng, 3, columns=2, targets=1, **more)  # type: ignore[arg-type]  # of several types
        yield case(name, regressor(model.attributes("target"), 1), rows(rng, 40, 2, (0.0,)))
    # what becomes of the weights
    for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
        for targets, each in ((1, "all"), (3, "all"), (3, "one")):
            model = forest(rng, 9, 3, 4, targets, each=each)
            for base in ([], [0.25, -1.5, 3.0][:targets]):
                node = regressor(model.attributes("target"), targets, aggregate_function=aggregate, base_values=base)
                yield case(f"{aggregate}_{targets}_{each}_{len(base)}", node, rows(rng, 33, 4, (0.0,)))
    yield case("sparse", regressor(forest(rng, 9, 3, 4, 5, each="some").attributes("target"), 5), rows(rng, 33, 4, (0.0,)))
    for how in TRANSFORMS:
        model = forest(rng, 1, 3, 4, 3, low=0.01)
        yield case(f"regressor_{how}", regressor(model.attributes("target"), 3, post_transform=how), rows(rng, 33, 4, (0.0,)))
        model = forest(rng, 1, 3, 4, 1, low=0.01)
        yield case(f"single_{how}", regressor(model.attributes("target"), 1, post_transform=how), rows(rng, 33, 4, (0.0,)))
        for labels in ([0, 1, 2], [7, -3, 10**15, 0]):
            model = forest(rng, 12, 3, 4, len(labels), each="one")
            for base in ([], [0.5, -0.5, 0.0, 1.0][: len(labels)]):
                node = classifier(model.attributes("class"), labels, post_transform=how, base_values=base)
                yield case(f"many_{how}_{len(labels)}_{len(base)}", node, rows(rng, 33, 4, (0.0,)), outputs=("y", "z"))
        if how == "PROBIT":
            continue
        both = forest(rng, 7, 3, 4, 2)
        node = classifier(both.attributes("class"), [0, 1], post_transform=how)
        yield case(f"both_{how}", node, rows(rng, 33, 4, (0.0,)), outputs=("y", "z"))
        for labels in ([0, 1], [5, -7]):
            for low in (0.0, -1.0):
                model = forest(rng, 1 if low == 0 else 7, 3, 4, 1, low=low)
                for base in ([], [0.125]):
                    node = classifier(model.attributes("class"), labels, post_transform=how, base_values=base)
                    name = f"two_{how}_{labels[0]}_{low == 0}_{len(base)}"
                    yield case(name, node, rows(rng, 33, 4, (0.0,)), outputs=("y", "z"))
    wide = forest(rng, 7, 3, 4, 3, dtype=np.float64)
    node = classifier(wide.attributes("class", np.float64), [1, 2, 3], post_transform="SOFTMAX")
    yield case("wide_classifier", node, rows(rng, 33, 4, (0.0,), np.float64), ml=3, outputs=("y", "z"))


_NUMBER = itertools.count()


def _ml(op: str, inputs: dict[str, Any], into: tuple[str, ...] = ("y",), ml: int = 1, **attributes: Any) -> harness.Case:
    """A case of one node whose first axis is open."""
    node = helper.make_node(op, list(inputs), list(into), domain="ai.onnx.ml", **attributes)
    open_axes = {k: ["n", *a.shape[1:]] for k, a in inputs.items() if a.ndim > 1 and k != "ids"}
    near = 1e-4 if attributes.get("post_transform") == "PROBIT" else 2e-6
    return cases.case(f"{op}_{next(_NUMBER)}", [node], inputs, open_axes=open_axes, outputs=into, ml=ml, rtol=near, atol=near)


def _features() -> Iterator[harness.Case]:
    x = np.array([[1, -2, 3], [0, 0, 0], [-1, -4, -2], [np.nan, 1, 2], [1e15, 3, 1e-30]], np.float32)
    whole = np.array([[1, -2, 3], [0, 0, 0], [-1, -4, -2]], np.int64)
    every = (x, x[0], x[:3].astype(np.float64), whole, whole.astype(np.int32))
    for given in every:
        yield _ml("Scaler", {"x": given}, scale=[2.0, 1.0, 0.25], offset=[1.0, 0.0, 1e6])
        yield _ml("Scaler", {"x": given}, scale=[3.0], offset=[1.0])
        for norm in ("MAX", "L1", "L2"):
            yield _ml("Normalizer", {"x": given}, norm=norm)
    yield _ml("Scaler", {"x": np.arange(12, dtype=np.float32).reshape(2, 2, 3)}, scale=[1.0], offset=[0.0])
    for replaced in (np.nan, 0.0):
        for imputed in ([7.0], [7.0, -0.5, np.nan]):
            yield _ml("Imputer", {"x": x}, imputed_value_floats=imputed, replaced_value_float=replaced)
    yield _ml("Imputer", {"x": x[0]}, imputed_value_floats=[7.0, 8.0, 9.0], replaced_value_float=1.0)
    yield _ml("Imputer", {"x": whole}, imputed_value_int64s=[2**60, 5, 6], replaced_value_int64=-2)
    for threshold in (0.0, 2.0, -1.5):
        yield _ml("Binarizer", {"x": x[:3]}, threshold=threshold)
    for given in (x, x[0], whole, np.arange(12.0).reshape(2, 2, 3)):
        for ids in (np.array([2, 0]), np.array([[1, 1, 2, 0]]), np.array([0])):
            yield _ml("ArrayFeatureExtractor", {"x": given, "ids": ids})
    yield _ml("FeatureVectorizer", {"x": x, "b": x[:, :2]}, inputdimensions=[3, 2])
    yield _ml("FeatureVectorizer", {"x": whole, "b": whole[:, :1]}, inputdimensions=[3, 1])
    yield _ml("FeatureVectorizer", {"x": x.astype(np.float64), "b": x.astype(np.float64)}, inputdimensions=[3, 3])
    for given in (whole, np.array([3, 7]), np.array([[1.9, -2.0, 9.0]], np.float32), np.array([[1.9, -2.0, 9.0]])):
        yield _ml("OneHotEncoder", {"x": given}, cats_int64s=[3, 9, -2, 1])
    for ml in (2, 4):
        values: Any
        for values in ({"values_int64s": [10, 90, 50]}, {"values_floats": [10.5, -90.0, 0.0]}):
            yield _ml("LabelEncoder", {"x": whole}, ml=ml, keys_int64s=[-2, 10**12, 0], **values)
            keys: Any = {"keys_floats": [-2.0, np.nan, 0.0]}
            yield _ml("LabelEncoder", {"x": x}, ml=ml, default_int64=3, default_float=0.125, **keys, **values)
    for kind in (np.float64, np.int64, np.float32):
        tensors = {
            "keys_tensor": np.array([3, -2, 0], kind),
            "values_tensor": np.array([1, 2, 4], kind),
            "default_tensor": np.array([9], kind),
        }
        yield _ml("LabelEncoder", {"x": whole.astype(kind)}, ml=4, **{k: numpy_helper.from_array(v) for k, v in tensors.items()})


def _linear() -> Iterator[harness.Case]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(9, 4)).astype(np.float32)
    for how in TRANSFORMS:
        for targets in (1, 3):
            a = rng.uniform(0.01, 0.2, size=targets * 4).tolist()
            given: Any = {"coefficients": a, "targets": targets, "post_transform": how}
            yield _ml("LinearRegressor", {"x": np.abs(x)}, intercepts=[0.25] * targets, **given)
            yield _ml("LinearRegressor", {"x": np.abs(x[0])}, **given)
        for labels, count in (([5, -7], 1), ([0, 1], 2), ([4, 9, 2**40], 3)):
            if count == 1 and how == "PROBIT":
                continue
            a = rng.uniform(-0.2, 0.2, size=count * 4).tolist()
            given = {
                "coefficients": a,
                "intercepts": rng.uniform(0, 1, count).tolist(),
                "classlabels_ints": labels,
                "post_transform": how,
            }
            yield _ml("LinearClassifier", {"x": x}, ("y", "z"), **given)
    for kind in (np.float64, np.int32, np.int64):
        given = {"coefficients": [0.5, 1, -1, 2], "intercepts": [0.5], "classlabels_ints": [0, 1]}
        yield _ml("LinearClassifier", {"x": (3 * x).astype(kind)}, ("y", "z"), **given)


def _ensembles() -> Iterator[harness.Case]:
    rng = np.random.default_rng(11)

    def case(node: Any, x: np.ndarray[Any, Any], near: float = 2e-6) -> harness.Case:
        return cases.case(f"e_{next(_NUMBER)}", [node], {"x": x}, open_axes=_open(x), ml=5, rtol=near, atol=near)

    for dtype in (np.float32, np.float64):
        model = forest(rng, 6, 4, 5, 1, modes=BRANCHES, values=EDGES, dtype=dtype)
        yield case(ensemble(model, 1, dtype), rows(rng, 61, 5, EDGES, dtype))
        for aggregate in range(4):
            model = forest(rng, 9, 3, 4, 3, each="one", dtype=dtype)
            yield case(ensemble(model, 3, dtype, aggregate_function=aggregate), rows(rng, 33, 4, (0.0,), dtype))
    # sets, with missing values, of one value and of many
    values = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    for depth in (1, 3, 5):
        model = forest(rng, 5, depth, 3, 1, values=values)
        branches = sum(mode != "LEAF" for mode in model.modes)
        asked = {n: rng.choice(values, size=rng.integers(1, 5), replace=False).tolist() for n in range(0, branches, 2)}
        yield case(ensemble(model, 1, members=asked), rows(rng, 90, 3, values))


def _machines() -> Iterator[harness.Case]:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(11, 9)).astype(np.float32)
    kernels = {"LINEAR": [0.0, 0.0, 0.0], "POLY": [0.1, 0.5, 3.0], "RBF": [0.2, 0.0, 0.0], "SIGMOID": [0.1, -0.25, 0.0]}
    for name, parameters in kernels.items():
        given: Any = {"kernel_type": name, "kernel_params": parameters}
        for one_class in (0, 1):
            vectors: Any = {
                "support_vectors": rng.normal(size=7 * 9).tolist(),
                "coefficients": rng.normal(size=7).tolist(),
                "rho": [0.25],
            }
            yield _ml("SVMRegressor", {"x": x}, n_supports=7, one_class=one_class, **given, **vectors)
        for classes in (2, 3, 4):
            counts = [3, 2, 4, 1][:classes]
            pairs = classes * (classes - 1) // 2
            own: Any = {
                **given,
                "support_vectors": rng.normal(size=sum(counts) * 9).tolist(),
                "coefficients": rng.normal(size=(classes - 1) * sum(counts)).tolist(),
                "rho": rng.normal(size=pairs).tolist(),
                "vectors_per_class": counts,
                "classlabels_ints": [4, -2, 0, 9][:classes],
            }
            yield _ml("SVMClassifier", {"x": x}, ("y", "z"), **own)
            platt: Any = {"prob_a": rng.uniform(-2, -0.5, pairs).tolist(), "prob_b": rng.normal(size=pairs).tolist()}
            yield _ml("SVMClassifier", {"x": x}, ("y", "z"), **own, **platt)
            for how in ("LOGISTIC", "SOFTMAX"):
                yield _ml("SVMClassifier", {"x": x}, ("y", "z"), post_transform=how, **own)
    linear: Any = {"coefficients": rng.normal(size=9).tolist(), "rho": [0.5], "kernel_params": [0.0, 0.0, 0.0]}
    yield _ml("SVMRegressor", {"x": x}, **linear)


def _maps() -> Iterator[harness.Case]:
    words = ["b", "naïve", "", "a", "b"]
    texts, numbers = np.array(["a", "b", "naïve", "no word", "b"]), np.array([7, 0, 2**40, -9, 0])
    values = np.array([1.5, -2.5, np.nan, 4, 5], np.float32)
    for count in (1, 5):
        yield _ml("DictVectorizer", {"x": pairs(texts[:count], values[:count])}, string_vocabulary=words)
        yield _ml("DictVectorizer", {"x": pairs(numbers[:count], values[:count])}, int64_vocabulary=[2**40, 7, 0, 1])
    yield _ml("DictVectorizer", {"x": pairs(texts, values)}, string_vocabulary=["", "a", "b", "naïve"])
    places = np.array([3, 0, 1, 900, 4])
    for count in (1, 2, 5):
        yield _ml("CastMap", {"x": pairs(places[:count], values[:count])}, map_form="SPARSE", max_map=4)
    yield _ml("CastMap", {"x": pairs(numbers, values)}, map_form="DENSE")
    whole = np.array([1.5, -2.5, 0, 4, 9], np.float32)
    yield _ml("CastMap", {"x": pairs(numbers, whole)}, cast_to="TO_INT64")
    yield _ml("CastMap", {"x": pairs(places, whole)}, cast_to="TO_INT64", map_form="SPARSE", max_map=7)
    for kind in (np.float64, np.int64):
        y = np.array([[5, 3, 0, 1, 5]], kind)
        yield _told("DictVectorizer", pairs(texts, np.arange(1, 6, dtype=kind)), y, string_vocabulary=words)
    yield _told("DictVectorizer", pairs(numbers, texts), np.array([["b", "", "naïve"]]), int64_vocabulary=[0, 1, 2**40])
    yield _told("CastMap", pairs(numbers, texts), np.array([["no word", "b", "a", "naïve"]]), cast_to="TO_STRING")
    nothing = pairs(numbers[:0], values[:0])
    yield _told("DictVectorizer", nothing, np.zeros((1, 2), np.float32), int64_vocabulary=[0, 1])
    yield _told("CastMap", nothing, np.zeros((1, 0), np.float32))


def _told(op: str, x: Any, y: Any, **attributes: Any) -> harness.Case:
    """What onnxruntime cannot be asked from Python: empty maps, and those of other values than float32."""
    node = helper.make_node(op, ["x"], ["y"], domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph([node], "told", [cases.declared("x", x, None)], [cases.declared("y", y, None)])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return harness.Case(f"case_{op}_{next(_NUMBER)}", model, [([x], [y])], 0.0, 0.0)


FAMILIES = (_trees, _ensembles, _features, _linear, _machines, _maps)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_against_onnxruntime(family: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name("classical"))
    results = harness.run(list(family()))
    assert {name: why for name, why in results.items() if why} == {}


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_referee_agrees(family: Any) -> None:
    """The float64 evaluation that decides whether a crate is right, against onnxruntime."""
    for case in family():
        ((inputs, expected),) = case.data
        found = Referee(case.model).run({i.name: a for i, a in zip(case.model.graph.input, inputs, strict=True)})
        for a, b in zip(found, expected, strict=True):
            if b.dtype.kind in "OU":
                assert a.tolist() == b.tolist(), case.name
            else:
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=case.atol, err_msg=case.name)
            assert a.shape == b.shape, case.name

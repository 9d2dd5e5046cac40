"""Classical models, trained on small seeded data and exported to ONNX: scikit-learn's estimators and pipelines, XGBoost,
LightGBM, CatBoost.

What they need is the optional extra `models`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx

Array = np.ndarray[Any, Any]
COLUMNS = 5


def data(classes: int = 3) -> tuple[Array, Array, Array]:
    """Samples, classes and a target to regress."""
    rng = np.random.default_rng(classes)
    x = rng.normal(size=(150, COLUMNS)).astype(np.float32)
    score = x[:, 0] + x[:, 1] * x[:, 2] - 0.5 * x[:, 3] + 0.2 * rng.normal(size=150)
    labels = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
    return x, labels.astype(np.int64), (2 * score + 1).astype(np.float32)


def scikit_learn() -> Iterator[tuple[str, Callable[[], onnx.ModelProto]]]:
    """Names, and what trains and exports each."""
    from sklearn import (
        calibration,
        cluster,
        compose,
        decomposition,
        discriminant_analysis,
        ensemble,
        feature_selection,
        impute,
        linear_model,
        naive_bayes,
        neural_network,
        pipeline,
        preprocessing,
        svm,
        tree,
    )

    x, labels, target = data()
    names = np.array(["cat", "dog", "eel"])[labels]
    two = (labels > 1).astype(np.int64)

    def export(estimator: Any, y: Array | None = None, samples: Array = x) -> Callable[[], onnx.ModelProto]:
        def make() -> onnx.ModelProto:
            from skl2onnx import to_onnx

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                estimator.fit(samples) if y is None else estimator.fit(samples, y)
                proto: onnx.ModelProto = to_onnx(estimator, samples[:1], target_opset={"": 18, "ai.onnx.ml": 3})
                return proto

        return make

    seed: dict[str, Any] = {"random_state": 0}
    few: dict[str, Any] = {"n_estimators": 7, "random_state": 0}
    for name, regressor in {
        "linear": linear_model.LinearRegression(),
        "ridge": linear_model.Ridge(),
        "lasso": linear_model.Lasso(alpha=0.05),
        "elastic_net": linear_model.ElasticNet(alpha=0.05),
        "sgd": linear_model.SGDRegressor(**seed),
        "huber": linear_model.HuberRegressor(),
        "linear_svr": svm.LinearSVR(**seed),
        "svr_rbf": svm.SVR(),
        "svr_poly": svm.SVR(kernel="poly"),
        "nu_svr": svm.NuSVR(kernel="sigmoid", gamma=0.05),
        "tree": tree.DecisionTreeRegressor(max_depth=5, **seed),
        "forest": ensemble.RandomForestRegressor(max_depth=6, **few),
        "extra_trees": ensemble.ExtraTreesRegressor(**few),
        "boosting": ensemble.GradientBoostingRegressor(**few),
        "bagging": ensemble.BaggingRegressor(**few),
        "mlp": neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=30, **seed),
        "scaled": pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge()),
        "polynomial": pipeline.make_pipeline(preprocessing.PolynomialFeatures(2), linear_model.Ridge()),
    }.items():
        yield f"regress_{name}", export(regressor, target)
    for name, classifier in {
        "logistic": linear_model.LogisticRegression(),
        "sgd": linear_model.SGDClassifier(loss="log_loss", **seed),
        "linear_svc": svm.LinearSVC(**seed),
        "svc_rbf": svm.SVC(),
        "svc_probability": svm.SVC(probability=True, **seed),
        "svc_poly": svm.SVC(kernel="poly"),
        "nu_svc": svm.NuSVC(nu=0.3),
        "tree": tree.DecisionTreeClassifier(max_depth=5, **seed),
        "forest": ensemble.RandomForestClassifier(max_depth=6, **few),
        "extra_trees": ensemble.ExtraTreesClassifier(**few),
        "boosting": ensemble.GradientBoostingClassifier(**few),
        "bayes": naive_bayes.GaussianNB(),
        "mlp": neural_network.MLPClassifier(hidden_layer_sizes=(8,), max_iter=30, **seed),
        "lda": discriminant_analysis.LinearDiscriminantAnalysis(),
        "qda": discriminant_analysis.QuadraticDiscriminantAnalysis(),
        "calibrated": calibration.CalibratedClassifierCV(linear_model.LogisticRegression(), cv=2),
        "voting": ensemble.VotingClassifier(
            [("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=3, **seed))],
            voting="soft",
            flatten_transform=False,
        ),
        "scaled": pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()),
        "reduced": pipeline.make_pipeline(decomposition.PCA(3, **seed), ensemble.RandomForestClassifier(max_depth=4, **few)),
    }.items():
        yield f"classify_{name}", export(classifier, labels)
        if name in ("logistic", "svc_probability", "forest", "boosting", "tree"):
            yield f"classify_{name}_names", export(classifier, names)
            yield f"classify_{name}_two", export(classifier, two)
    with_gaps = x.copy()
    with_gaps[::7, 1] = np.nan
    for name, transformer in {
        "standard": preprocessing.StandardScaler(),
        "min_max": preprocessing.MinMaxScaler(),
        "max_abs": preprocessing.MaxAbsScaler(),
        "robust": preprocessing.RobustScaler(),
        "normalizer": preprocessing.Normalizer(),
        "binarizer": preprocessing.Binarizer(threshold=0.25),
        "bins": preprocessing.KBinsDiscretizer(3, encode="ordinal"),
        "polynomial": preprocessing.PolynomialFeatures(2),
        "pca": decomposition.PCA(3, **seed),
        "svd": decomposition.TruncatedSVD(3, **seed),
        "variance": feature_selection.VarianceThreshold(),
        "means": cluster.KMeans(3, n_init=2, **seed),
        "columns": compose.ColumnTransformer(
            [("a", preprocessing.StandardScaler(), [0, 1]), ("b", preprocessing.MinMaxScaler(), [2, 4])]
        ),
    }.items():
        yield f"transform_{name}", export(transformer)
    yield "transform_imputer", export(impute.SimpleImputer(), None, with_gaps)
    yield "outliers_forest", export(ensemble.IsolationForest(**few))
    yield "outliers_svm", export(svm.OneClassSVM())


def dictionaries() -> Iterator[tuple[str, Callable[[], onnx.ModelProto]]]:
    """Pipelines behind scikit-learn's DictVectorizer, whose samples are dictionaries."""
    from sklearn import ensemble, feature_extraction, linear_model, pipeline, preprocessing

    rows = [{"city": "Paris", "age": 3.0}, {"city": "Rome", "age": 5.5}, {"age": 1.0}, {"city": "Rome", "size": -2.0}] * 5
    labels = [0, 1, 2, 1] * 5
    for name, behind in {
        "logistic": [linear_model.LogisticRegression()],
        "forest": [ensemble.RandomForestClassifier(5, max_depth=3, random_state=0)],
        "scaled": [preprocessing.MaxAbsScaler(), linear_model.LogisticRegression()],
        "alone": [],
    }.items():

        def make(behind: list[Any] = behind) -> onnx.ModelProto:
            from skl2onnx import convert_sklearn
            from skl2onnx.common.data_types import DictionaryType, FloatTensorType, StringTensorType

            model = pipeline.make_pipeline(feature_extraction.DictVectorizer(sparse=False), *behind).fit(rows, labels)
            x = DictionaryType(StringTensorType([1]), FloatTensorType([1]))
            proto: onnx.ModelProto = convert_sklearn(model, initial_types=[("x", x)], target_opset={"": 18, "ai.onnx.ml": 3})
            return proto

        yield name, make


def boosted() -> Iterator[tuple[str, Callable[[], onnx.ModelProto]]]:
    """XGBoost, LightGBM and CatBoost."""
    x, labels, target = data()
    x[::9, 2] = np.nan
    for kind in ("regress", "classify", "classify_two"):
        y = target if kind == "regress" else (labels > 1).astype(np.int64) if kind == "classify_two" else labels
        for library in (_xgboost, _lightgbm, _catboost):
            yield f"{kind}{library.__name__}", lambda library=library, kind=kind, y=y: library(kind, x, y)  # type: ignore[misc]


def _shape() -> list[Any]:
    from onnxmltools.convert.common.data_types import FloatTensorType

    return [("x", FloatTensorType([None, COLUMNS]))]


def _xgboost(kind: str, x: Array, y: Array) -> onnx.ModelProto:
    import xgboost
    from onnxmltools.convert import convert_xgboost

    cls = xgboost.XGBRegressor if kind == "regress" else xgboost.XGBClassifier
    model = cls(n_estimators=6, max_depth=3, random_state=0, n_jobs=1).fit(x, y)
    proto: onnx.ModelProto = convert_xgboost(model, initial_types=_shape(), target_opset=15)
    return proto


def _lightgbm(kind: str, x: Array, y: Array) -> onnx.ModelProto:
    import lightgbm
    from onnxmltools.convert import convert_lightgbm

    cls = lightgbm.LGBMRegressor if kind == "regress" else lightgbm.LGBMClassifier
    model = cls(n_estimators=6, num_leaves=7, min_child_samples=5, random_state=0, n_jobs=1, verbose=-1).fit(x, y)
    proto: onnx.ModelProto = convert_lightgbm(model, initial_types=_shape(), target_opset=15)
    return proto


def _catboost(kind: str, x: Array, y: Array) -> onnx.ModelProto:
    import tempfile
    from pathlib import Path

    import catboost

    cls = catboost.CatBoostRegressor if kind == "regress" else catboost.CatBoostClassifier
    model = cls(iterations=6, depth=3, random_seed=0, thread_count=1, verbose=False, allow_writing_files=False)
    model.fit(x, y)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        model.save_model(str(path), format="onnx")
        return onnx.load(path)

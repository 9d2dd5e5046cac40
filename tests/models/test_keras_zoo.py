"""Every case of the zoo through one child, then through a crate: the numbers of Keras, or a refusal that names the operator.

The ONNX model is held against Keras, and the crate against onnxruntime on that ONNX model, at two batch sizes and lengths. Cases
that no crate can be generated for are named in `zoo_unsupported.txt`; the list is strict both ways.

`ONNX2RUST_ZOO=n` keeps every n-th case (the everyday subset); unset or 1 runs all of them.
"""

from __future__ import annotations

import gc
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import rust_tools

from onnx2rust.base.errors import Onnx2RustError, UnsupportedError
from onnx2rust.base.options import Checks, Options
from onnx2rust.frontends import Loaded, load_many
from onnx2rust.verification import verify

os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")
keras = pytest.importorskip("keras", reason="the TensorFlow extra is not installed")

import keras_zoo  # noqa: E402

pytestmark = pytest.mark.slow

CASES = keras_zoo.CASES[:: int(os.environ.get("ONNX2RUST_ZOO", "1"))]
_UNSUPPORTED = Path(__file__).parent / "zoo_unsupported.txt"
_BATCHES = ((2, 5, 1), (3, 7, 2))  # rows, size of unknown dimensions, seed


# Loops, recurrent layers and attention first: there tf2onnx numbers the most.
_TWICE = [c for c in CASES if re.search("gru_masked|convlstm2d|causal|bidirectional|while_loop|transformer|groups", c.name)]


@dataclass(frozen=True)
class Run:
    """One case: what was fed, what Keras answered, what the frontend made of the saved file."""

    case: keras_zoo.Case
    batches: list[tuple[list[Any], list[Any]]]
    result: Loaded | Onnx2RustError


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("zoo")
    gc.collect()
    gc.freeze()  # Keras collects garbage between models, and TensorFlow's own objects are many
    references = [_save(case, folder / f"{case.name}.keras") for case in CASES]
    gc.unfreeze()
    own_source = Options(custom_objects=Path(keras_zoo.__file__))
    results = load_many([folder / f"{case.name}.keras" for case in CASES], own_source)
    again = load_many([folder / f"{case.name}.keras" for case in _TWICE], own_source)
    _SECOND.update({case.name: result for case, result in zip(_TWICE, again, strict=True)})
    return {c.name: Run(c, b, r) for c, b, r in zip(CASES, references, results, strict=True)}


_SECOND: dict[str, Loaded | Onnx2RustError] = {}


def test_another_process_gives_the_same_bytes(runs: dict[str, Run]) -> None:
    for name, second in _SECOND.items():
        first = runs[name].result
        assert isinstance(first, Loaded), name
        assert isinstance(second, Loaded), name
        bytes_of = [r.encoded for r in (first, second)]
        assert bytes_of[0] == bytes_of[1], name


def _save(case: keras_zoo.Case, path: Path) -> list[tuple[list[Any], list[Any]]]:
    import tensorflow as tf

    keras.backend.clear_session()
    keras.utils.set_random_seed(7)
    model = case.build()
    model.save(path)
    batches = []
    for rows, unknown, seed in _BATCHES:
        values = keras_zoo.draw(case, model, rows, unknown, seed)
        tensors = [tf.constant(value) for value in values]
        answer = model(tensors if len(tensors) > 1 else tensors[0], training=False)
        batches.append((values, [np.asarray(tensor) for tensor in keras.tree.flatten(answer)]))
    return batches


@pytest.mark.parametrize("name", [case.name for case in CASES if not case.refusal])
def test_numbers_are_those_of_keras(name: str, runs: dict[str, Run]) -> None:
    run = runs[name]
    if isinstance(run.result, Onnx2RustError):
        raise run.result
    proto = run.result.proto
    session = ort.InferenceSession(run.result.encoded)
    names = [value.name for value in proto.graph.input]
    for values, expected in run.batches:
        outputs = session.run(None, dict(zip(names, values, strict=True)))
        assert len(outputs) == len(expected)
        for got, want in zip(outputs, expected, strict=True):
            assert (got.shape, got.dtype) == (want.shape, want.dtype)
            _assert_close(got, want, run.case.tolerance)


def test_crates_give_the_numbers_of_onnxruntime(runs: dict[str, Run], tmp_path: Path) -> None:
    files = {}
    for name, run in runs.items():
        if isinstance(run.result, Loaded):
            files[name] = tmp_path / f"{name}.onnx"
            files[name].write_bytes(run.result.encoded)
    found = verify(list(files.values()), Options(), Checks(batches=(1, 5), target_dir=rust_tools.VERIFY))
    reports = dict(zip(files, found.models, strict=True))
    lines = [line for line in _UNSUPPORTED.read_text().splitlines() if not line.startswith("#")]
    listed = dict(line.split(": ", 1) for line in lines)
    unlisted = [r.text() for name, r in reports.items() if not r.passed and name not in listed]
    assert not unlisted, f"{len(unlisted)} of {len(reports)} fail without being listed:\n" + "\n".join(unlisted)
    for name, reason in listed.items():
        if name in reports:
            assert not reports[name].passed, f"{name} is listed as unsupported, but passes: delete its line"
            assert isinstance(reports[name].error, UnsupportedError), reports[name].text()
            assert re.search(reason, reports[name].text()), reports[name].text()


def _assert_close(got: np.ndarray[Any, Any], want: np.ndarray[Any, Any], tolerance: float) -> None:
    if got.dtype == object or want.dtype == bool or np.issubdtype(want.dtype, np.integer):
        np.testing.assert_array_equal(got, want)
        return
    scale = np.maximum(1.0, np.abs(want.astype(np.float64)))
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    difference = np.abs(got.astype(np.float64) - want.astype(np.float64)) / scale
    assert np.nanmax(difference, initial=0.0) < tolerance


@pytest.mark.parametrize("case", [case for case in CASES if case.refusal], ids=lambda case: case.name)
def test_what_onnx_cannot_express_is_refused_by_name(case: keras_zoo.Case, runs: dict[str, Run]) -> None:
    error = runs[case.name].result
    assert isinstance(error, UnsupportedError)
    assert re.search(case.refusal, str(error))


def test_names_are_those_of_the_model(runs: dict[str, Run]) -> None:
    for name, run in runs.items():
        if isinstance(run.result, Onnx2RustError):
            continue
        graph = run.result.proto.graph
        tensors = [n for node in graph.node for n in (*node.input, *node.output)]
        assert not [t for t in [*tensors, *(n.name for n in graph.node)] if re.search(r"__\d|:0$|Partitioned", t)], name
        assert not any(v.name.startswith("onnx2rust_input") for v in graph.input), name


def test_only_known_symbols_are_left(runs: dict[str, Run]) -> None:
    for name, run in runs.items():
        if isinstance(run.result, Onnx2RustError):
            continue
        graph = run.result.proto.graph
        inputs = [dim for value in graph.input for dim in value.type.tensor_type.shape.dim]
        assert all(dim.dim_param or dim.dim_value > 0 for dim in inputs), name
        symbols = {dim.dim_param for dim in inputs if dim.dim_param}
        outputs = [dim for value in graph.output for dim in value.type.tensor_type.shape.dim]
        assert {dim.dim_param for dim in outputs if dim.dim_param} <= symbols, name
        onnx.checker.check_model(run.result.encoded)

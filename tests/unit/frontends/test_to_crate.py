"""Every kind of source through to a built crate: the numbers of onnxruntime, and those of the
framework where they are not quantised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import rust_tools
from frontend_sources import WITH_OPTIONS, Sources, io_names

from onnx2rust.base.options import Checks, Options
from onnx2rust.frontends import Loaded, load
from onnx2rust.verification import verify
from onnx2rust.verification.reports import ModelReport

QUANTISED = ("tflite_dynamic", "tflite_sparse_dynamic", "tflite_int8", "tflite_int8_all")
NAMES = [
    "export", "keras2_saved_model", "module_call", "module_plain", "module_shifted",
    "keras3", "keras2", "dicts", "keras3_h5", "keras2_h5",
    "tflite_float", "tflite_fp16", "tflite_pool_dense", "tflite_sparse", *QUANTISED,
    "graphdef_out", "onnx_external",
]  # fmt: skip
pytestmark = pytest.mark.slow


def _source(sources: Sources, name: str, folder: Path) -> tuple[Path, Options, Loaded, list[Any], list[Any]]:
    """Where it lies, how it is read and what comes of it, and what the framework answers to which inputs."""
    if name == "onnx_external":
        path = folder / "pair.onnx"
        loaded = sources.loaded("keras3")
        proto = onnx.load_from_string(loaded.encoded)
        onnx.save(proto, path, save_as_external_data=True, location="pair.bin", size_threshold=0)
        return path, Options(), load(path, Options()), *sources.answers["keras3"]
    source, options = WITH_OPTIONS.get(name, (name, Options()))
    answers = sources.answers["graphdef" if source == "graphdef" else name]
    return sources.paths[source], options, sources.loaded(name), *answers


def _features(name: str, loaded: Loaded, values: list[Any], expected: list[Any], folder: Path) -> Path:
    inputs, outputs = io_names(loaded)
    if name == "module_shifted":  # its inputs are in alphabetical order
        values = values[::-1]
    arrays = dict(zip(inputs, values, strict=True))
    if name not in QUANTISED:
        arrays |= dict(zip(outputs if len(outputs) > 1 else ["predictions"], expected, strict=True))
    if name.startswith("tflite"):  # of fixed size: one sample
        arrays = {key: array[None] for key, array in arrays.items()}
    path = folder / f"{name}.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def reports(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelReport]:
    folder = tmp_path_factory.mktemp("crates")
    cases = {name: _source(sources, name, folder) for name in NAMES}
    paths = [path for path, *_ in cases.values()]
    options = [
        replace(own, features=_features(name, loaded, values, expected, folder))
        for name, (_, own, loaded, values, expected) in cases.items()
    ]
    found = verify(paths, options, Checks(target_dir=rust_tools.VERIFY))
    return dict(zip(NAMES, found.models, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_crate_computes_what_the_framework_computes(reports: dict[str, ModelReport], name: str) -> None:
    report = reports[name]
    assert report.passed, report.text()
    assert any(o.name.endswith("(predictions)") for o in report.outputs) == (name not in QUANTISED)

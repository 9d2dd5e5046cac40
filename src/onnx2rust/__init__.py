"""onnx2rust: a trained model in, a self-contained, safe Rust crate out.

The command line's commands are functions here, with the same options and the same errors:

    import onnx2rust

    project = onnx2rust.convert("mnist/", "out", onnx2rust.Options(name="MNIST"))
    report = onnx2rust.verify(["mnist/"])
    assert report.passed

Importing this module is cheap: whatever is heavy (numpy, onnx, onnxruntime) is imported by the first call that needs it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onnx2rust.base.errors import (
    InvalidModelError,
    MismatchError,
    Onnx2RustError,
    Problem,
    ToolError,
    UnsupportedError,
    UsageError,
)
from onnx2rust.base.options import Checks, Options, Timing
from onnx2rust.base.version import VERSION

if TYPE_CHECKING:
    from onnx import ModelProto

    from onnx2rust.conversion.inspection import Inspection
    from onnx2rust.conversion.pipeline import Project
    from onnx2rust.conversion.support import ModelSupport, Supported
    from onnx2rust.timing.clock import Times
    from onnx2rust.timing.reports import LayerTime
    from onnx2rust.timing.reports import Report as BenchReport
    from onnx2rust.timing.reports import Row as BenchRow
    from onnx2rust.verification.reports import ModelReport, OutputReport, Report

__version__ = VERSION
__all__ = [
    "BenchReport",
    "BenchRow",
    "Checks",
    "Inspection",
    "InvalidModelError",
    "LayerTime",
    "MismatchError",
    "ModelReport",
    "ModelSupport",
    "Onnx2RustError",
    "Options",
    "OutputReport",
    "Problem",
    "Project",
    "Report",
    "Supported",
    "Times",
    "Timing",
    "ToolError",
    "UnsupportedError",
    "UsageError",
    "bench",
    "convert",
    "convert_workspace",
    "inspect",
    "operators",
    "supports",
    "verify",
    "write_weights",
]

_RESULTS = {
    "BenchReport": "timing.reports:Report",
    "BenchRow": "timing.reports:Row",
    "Inspection": "conversion.inspection:Inspection",
    "LayerTime": "timing.reports:LayerTime",
    "ModelReport": "verification.reports:ModelReport",
    "ModelSupport": "conversion.support:ModelSupport",
    "OutputReport": "verification.reports:OutputReport",
    "Project": "conversion.pipeline:Project",
    "Report": "verification.reports:Report",
    "Supported": "conversion.support:Supported",
    "Times": "timing.clock:Times",
}
"""What the functions return, and where it is defined."""


def __getattr__(name: str) -> Any:
    if name not in _RESULTS:
        raise AttributeError(f"module 'onnx2rust' has no attribute {name!r}")
    module, _, own = _RESULTS[name].partition(":")
    return getattr(importlib.import_module(f"onnx2rust.{module}"), own)


def convert(
    model: Path | str | ModelProto,
    out: Path | str,
    options: Options | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Project:
    """Converts `model`, a file, a folder or a ModelProto, into a Rust project at `out` (`onnx2rust convert`).

    `progress` hears the name of each stage as it begins. Raises an `Onnx2RustError` that holds all problems at once; then
    nothing has been written and nothing at `out` has been touched.
    """
    from onnx2rust.conversion import pipeline
    from onnx2rust.frontends import protos

    with protos.as_paths([model]) as (path,):
        return pipeline.convert(path, out, options, progress)


def convert_workspace(
    models: Sequence[Path | str],
    out: Path | str,
    options: Options | Sequence[Options] | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Project]:
    """Converts several models into one cargo workspace at `out`, with one copy of the layers (`onnx2rust convert --workspace`).

    `options` are for all models, or one for each. Raises as `convert`, with the problems of all models.
    """
    from onnx2rust.conversion import pipeline

    return pipeline.convert_workspace(models, out, options, progress)


def verify(
    models: Sequence[Path | str | ModelProto],
    options: Options | Sequence[Options] | None = None,
    checks: Checks | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Converts and builds all `models`, runs them, and compares with onnxruntime (`onnx2rust verify`).

    `options` are for all models, or one for each. Inputs are those of `options.features`, else seeded draws. Whatever is wrong
    with a model is in its report (`report.passed`, `report.models[k].error`), so that one bad model does not cost the others;
    `report.raise_for_failure()` makes an error of it.
    """
    from onnx2rust import verification
    from onnx2rust.frontends import protos

    with protos.as_paths(list(models)) as paths:
        report = verification.verify(paths, options, checks, progress)
    for model, found in zip(models, report.models, strict=True):
        # the file that a ModelProto was in is no more
        found.model = str(model) if isinstance(model, Path | str) else Path(found.model).name
    return report


def bench(
    model: Path | str | ModelProto,
    options: Options | None = None,
    timing: Timing | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> BenchReport:
    """Times a model's crate beside onnxruntime, on one thread, in turns (`onnx2rust bench`).

    Raises an `Onnx2RustError` where the model cannot be converted or built, and MismatchError where the answers differ.
    """
    from onnx2rust import timing as room
    from onnx2rust.frontends import protos

    with protos.as_paths([model]) as (path,):
        report = room.bench(path, options, timing, progress)
    report.model = str(model) if isinstance(model, Path | str) else path.name
    return report


def inspect(
    model: Path | str,
    options: Options | None = None,
    *,
    passes: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Inspection:
    """What a model, or the model that a conversion's output was made from, consists of (`onnx2rust inspect`).

    With `passes`, the program after each pass is kept as text.
    """
    from onnx2rust.conversion import inspection

    return inspection.inspect(model, options, passes=passes, progress=progress)


def operators() -> list[Supported]:
    """The operators that are supported, with opsets and element types (`onnx2rust ops`)."""
    from onnx2rust.conversion import support

    return support.operators()


def supports(
    model: Path | str, options: Options | None = None, *, progress: Callable[[str], None] = lambda _: None
) -> ModelSupport:
    """Every node of a model that is not supported, and why (`onnx2rust ops MODEL`)."""
    from onnx2rust.conversion import support

    return support.model(model, options, progress)


def write_weights(
    model: Path | str,
    target: Path | str,
    options: Options | None = None,
    *,
    like: Path | str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Writes the weights of a retrained model for a crate that exists (`onnx2rust weights`); returns the number of tensors.

    `target` is a file, or a crate (or a conversion's output), whose weights and version are
    renewed. With `like`, names, shapes and types must be the same as there.
    """
    from onnx2rust.conversion import retrain

    return retrain.write(model, target, options, like=like, progress=progress)

"""onnx2rust: a trained model in, a self-contained, safe Rust crate out.

The command line's commands are functions here, with the same options and the same errors:

    import onnx2rust

    project = onnx2rust.convert("mnist/", "out", onnx2rust.Options(name="MNIST"))
    report = onnx2rust.verify(["mnist/"])
    assert report.passed

Importing this module is cheap: whatever is heavy (numpy, onnx, onnxruntime) is imported with the first name that needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from onnx2rust.base.errors import (
    InvalidDataError,
    InvalidModelError,
    MismatchError,
    Onnx2RustError,
    Problem,
    ToolError,
    UnsupportedError,
    UsageError,
)
from onnx2rust.base.options import Checks, Options, Tables, Timing
from onnx2rust.base.version import VERSION

if TYPE_CHECKING:
    from onnx2rust.conversion.hosting import Hosted as Hosted
    from onnx2rust.conversion.hosting import host as host
    from onnx2rust.conversion.inspection import Inspection as Inspection
    from onnx2rust.conversion.inspection import inspect as inspect
    from onnx2rust.conversion.pipeline import Project as Project
    from onnx2rust.conversion.pipeline import convert as convert
    from onnx2rust.conversion.pipeline import convert_workspace as convert_workspace
    from onnx2rust.conversion.retrain import write_weights as write_weights
    from onnx2rust.conversion.scoring import Scored as Scored
    from onnx2rust.conversion.scoring import score as score
    from onnx2rust.conversion.support import ModelSupport as ModelSupport
    from onnx2rust.conversion.support import Supported as Supported
    from onnx2rust.conversion.support import operators as operators
    from onnx2rust.conversion.support import supports as supports
    from onnx2rust.pages import Written as Written
    from onnx2rust.pages import write_report as write_report
    from onnx2rust.timing import bench as bench
    from onnx2rust.timing.clock import Times as Times
    from onnx2rust.timing.reports import BenchReport as BenchReport
    from onnx2rust.timing.reports import BenchRow as BenchRow
    from onnx2rust.timing.reports import LayerTime as LayerTime
    from onnx2rust.verification import verify as verify
    from onnx2rust.verification.reports import ModelReport as ModelReport
    from onnx2rust.verification.reports import OutputReport as OutputReport
    from onnx2rust.verification.reports import Report as Report

__version__ = VERSION

_LATER = {
    "conversion.hosting": ("Hosted", "host"),
    "conversion.inspection": ("Inspection", "inspect"),
    "conversion.pipeline": ("Project", "convert", "convert_workspace"),
    "conversion.retrain": ("write_weights",),
    "conversion.scoring": ("Scored", "score"),
    "conversion.support": ("ModelSupport", "Supported", "operators", "supports"),
    "pages": ("Written", "write_report"),
    "timing": ("bench",),
    "timing.clock": ("Times",),
    "timing.reports": ("BenchReport", "BenchRow", "LayerTime"),
    "verification": ("verify",),
    "verification.reports": ("ModelReport", "OutputReport", "Report"),
}
"""What is imported when it is first asked for, by module; above, the same for type checkers."""

_MODULES = {name: module for module, names in _LATER.items() for name in names}

__all__ = [
    "Checks", "InvalidDataError", "InvalidModelError", "MismatchError", "Onnx2RustError", "Options", "Problem", "Tables",
    "Timing", "ToolError", "UnsupportedError", "UsageError", *_MODULES,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'onnx2rust' has no attribute {name!r}")
    return getattr(importlib.import_module(f"onnx2rust.{_MODULES[name]}"), name)

"""What tests of passes share: the program that is left of a model, and what the passes said."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
from build import layers, model
from spelled_patterns import Pattern

from onnx2rust import importer, passes
from onnx2rust.base.options import Options
from onnx2rust.ir.program import Step
from onnx2rust.passes.rewriting import Passed


def result(pattern: Pattern, outputs: tuple[str, ...] = ("y",)) -> Passed:
    """What the passes return."""
    proto = model(pattern.nodes, pattern.inputs, list(outputs), pattern.constants, opset=pattern.opset, dtypes=pattern.dtypes)
    return passes.run(importer.read(proto, Options(name="test")))


def passed(pattern: Pattern, outputs: tuple[str, ...] = ("y",)) -> tuple[Any, list[str]]:
    """The program, and what passes left alone, as `inspect --passes` prints it."""
    found = result(pattern, outputs)
    return found.program, [str(d) for d in found.declined]


def rewritten(pattern: Pattern) -> list[Step]:
    """The steps that passes rewrote."""
    return list(result(pattern).rewritten)


def left(pattern: Pattern, outputs: tuple[str, ...] = ("y",)) -> list[str]:
    """The layers that are left."""
    return layers(passed(pattern, outputs)[0])

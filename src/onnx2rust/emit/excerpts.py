"""What stands in a generated crate for one step: its lines in `src/model.rs`, and its layer in `src/layers.rs`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from onnx2rust.emit import literals, rustfmt
from onnx2rust.emit.predict import Predict
from onnx2rust.emit.scope import Scope
from onnx2rust.emit.weights import WeightTable
from onnx2rust.ir.program import Step


@dataclass(frozen=True)
class Excerpt:
    """The code of a step. `place` is the method that the lines stand in, and for one of several alike blocks which of them."""

    place: str
    lines: str
    layer: str
    """The struct literal with the layer's parameters; empty if it has none."""


def excerpts(text: Predict, weights: WeightTable, in_layers: Scope) -> dict[Step, Excerpt]:
    """Those of all steps of the main program that have lines: of a view there are none."""
    return {step: Excerpt(place, lines, _layer(step, weights, in_layers)) for step, place, lines in _calls(text)}


def _calls(text: Predict) -> Iterator[tuple[Step, str, str]]:
    for part in text.parts:
        shown = part.shown
        assert shown is not None
        assert shown.lines_of is not None
        place = f"{part.called.name}" if part.called else "predict"
        if part.called and part.called.kind:
            kind = part.called.kind
            place += f", for {kind.array}[{part.called.block}] of {len(kind.blocks)}"
        for unit, written in zip(part.units, shown.units, strict=True):
            yield unit.step, place, _formatted("\n".join(shown.lines_of(written)))


def _layer(step: Step, weights: WeightTable, in_layers: Scope) -> str:
    if step.bodies or not step.layer.constants():
        return ""
    text = _formatted(f"let {step.name} = {literals.struct(step.layer, weights, in_layers)};")
    return f"{step.name}: {text.removeprefix(f'let {step.name} =').strip().removesuffix(';')}"


def _formatted(lines: str) -> str:
    text = rustfmt.formatted(f"fn f() {{\n{lines}\n}}\n")
    return textwrap.dedent("\n".join(text.splitlines()[1:-1]))

"""Kinds of layers, as the picture of a model shows them: a family's module says which is its own (`KIND`), or makes one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of layers: what the legend calls it, and its colour."""

    name: str
    colour: tuple[int, int, int]


PRODUCT = Kind("dense, product", (37, 99, 180))
ACTIVATION = Kind("activation", (214, 134, 16))
REDUCTION = Kind("reduction", (92, 96, 190))
QUANTIZATION = Kind("quantization", (160, 110, 60))
ELEMENTWISE = Kind("elementwise", (196, 72, 58))
CLASSICAL = Kind("classical model", (46, 112, 72))
MOVEMENT = Kind("data movement", (128, 116, 100))
OTHER = Kind("other", (110, 120, 130))

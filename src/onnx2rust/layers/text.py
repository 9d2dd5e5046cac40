"""Layers of strings (`tf_layers::text`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.layer import Layer
from onnx2rust.layers.binary import Binary

KIND = Kind("text", (120, 90, 150))


@dataclass(frozen=True)
class StringConcat(Binary, rust="text::StringConcat", in_place=(0,)):
    """a, and b behind it"""


@dataclass(frozen=True)
class Names(Layer, rust="text::Names", fallible=True, independent=(), generic_over=("names",)):
    """y = the strings at the places x in a table"""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Places(Layer, rust="text::Places", independent=(), generic_over=("names",)):
    """y = the place of each string x in a table (in ascending order of UTF-8), its length for one that is not there"""

    names: tuple[str, ...]

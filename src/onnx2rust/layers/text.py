"""Layers of strings (`tf_layers::text`)."""

from __future__ import annotations

from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.layer import Layer
from onnx2rust.layers.binary import Binary

KIND = Kind("text", (120, 90, 150))


class StringConcat(Binary):
    """a, and b behind it"""


class Names(Layer, fallible=True, independent=(), generic_over=("names",)):
    """y = the strings at the places x in a table"""

    names: tuple[str, ...]


class Places(Layer, independent=(), generic_over=("names",)):
    """y = the place of each string x in a table (in ascending order of UTF-8), its length for one that is not there"""

    names: tuple[str, ...]

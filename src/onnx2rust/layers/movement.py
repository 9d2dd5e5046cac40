"""Layers that move whole axes, and what lies between them, without computing (`tf_layers::movement`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Keras, Layer, Operand, Record, SignedDims, Size, Variant

KIND = kinds.MOVEMENT


class Transpose(Layer, independent=("shape",), generic_over=("perm",), keras="Permute"):
    """y axis k is x axis perm[k]."""

    perm: Annotated[tuple[int, ...], Keras("dims")]
    shape: Dims

    def by_sample(self, batch: str) -> bool:
        return self.perm[0] == 0 and super().by_sample(batch)


class CheckedCopy(Layer, fallible=True):
    """y = x under a shape that is known only at run time to hold as many elements."""


class Concat(Layer, sizes_in="movement::JoinedParts", variadic=True, fallible=True, independent=("outer",), keras="Concatenate"):
    """y [outer, Σ parts] = the inputs [outer, parts[i]] side by side."""

    outer: Size
    parts: Dims

    def fits(self, types: Sequence[Operand]) -> bool:
        return all(t.size == self.outer * part for t, part in zip(types, self.parts, strict=True))


class Slice(Layer, sizes_in="movement::SlicedPart", independent=("shape", "size"), generic_over=("steps",)):
    """y[i] = x[start + i · step] along every axis."""

    steps: tuple[int, ...]
    shape: Dims
    start: Dims
    size: Dims

    def by_sample(self, batch: str) -> bool:
        whole = self.steps[0] == 1 and self.start[0] == 0 and self.size[0] == self.shape[0]
        return whole and super().by_sample(batch)


_BOUNDS = Record.of("movement::SliceBounds", "starts ends steps?", 1, 2, 3)


class DynamicSlice(Layer, fallible=True, sized_by=(1, 2, 3), inputs_in=(_BOUNDS,), generic_over=("axes",)):
    """Slice with starts, ends and steps from tensors."""

    axes: tuple[int, ...]
    shape: Dims


class Expand(Layer, input_shapes=("source",), output_shape="target"):
    """y [target] = x [source], repeated along its axes of size 1."""

    source: Dims
    target: Dims


class Tile(Layer, sizes_in="movement::Repeated"):
    """y = x, repeats[d] times along axis d."""

    shape: Dims
    repeats: Dims


class Pad(Layer, sizes_in="movement::Border", chooses={1: "with_value"}, independent=("shape",), generic_over=("shape",)):
    """y = x with a border; negative sizes crop."""

    mode: Variant
    shape: Dims
    before: SignedDims
    after: SignedDims

    def by_sample(self, batch: str) -> bool:
        return self.before[0] == 0 == self.after[0] and super().by_sample(batch)


class DynamicPad(Layer, fallible=True, sized_by=(1,), chooses={2: "with_value"}, generic_over=("axes",)):
    """Pad with the sizes from a tensor."""

    mode: Variant
    axes: tuple[int, ...]
    shape: Dims


class Trilu(Layer, sizes_in="movement::MatrixStack", fallible=(1,), in_place=(0,), chooses={1: "with_k"}):
    """The upper or lower triangle of matrices."""

    upper: bool
    batch: Size
    rows: Size
    columns: Size


class ReverseSequence(Layer, sizes_in="movement::Sequences", fallible=True):
    """The first lengths[b] steps of sequence b reversed."""

    time_major: bool
    batch: Size
    steps: Size
    inner: Size

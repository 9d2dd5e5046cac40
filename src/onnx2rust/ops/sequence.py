"""Sequences of tensors."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import onnx

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir import dtypes
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import OptionalType, SequenceType, TensorType, UnrankedType
from onnx2rust.layers import sequence
from onnx2rust.ops.axes import normal_axis
from onnx2rust.ops.unranked import is_unranked
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import Half, Ranks, Strings, onnx_facts
from onnx2rust.registry.rules import Within


def _facts(*operators: str, **more: Any) -> None:
    onnx_facts(*operators, half=Half.ITSELF, ranks=Ranks.ANY, strings=Strings.TEXT, folded=False, **more)


_POSITION = reads.always(Within(-1, 0))
_facts("SequenceConstruct", "SequenceEmpty", "SequenceLength", "ConcatFromSequence")
_facts("SequenceErase", "SequenceAt", reads={1: _POSITION})
_facts("SequenceInsert", reads={2: _POSITION})
_facts("SplitToSequence", reads={1: reads.always(Within(1, 2))})


@onnx_op("SequenceEmpty", since=11)
def sequence_empty(g: Builder, *, dtype: int | None = None) -> Value:
    """A sequence without items."""
    known = DType.F32 if dtype is None else dtypes.from_onnx(dtype)
    if known is None:
        raise Refuse(f"element type {dtype} is not supported", f"supported: {dtypes.known()}")
    return g.step(sequence.SequenceEmpty(), [], SequenceType(known, None, empty=True))


@onnx_op("SequenceConstruct", since=11)
def sequence_construct(g: Builder, *inputs: Value) -> Value:
    """A sequence of the inputs."""
    if not inputs:
        raise Refuse("a sequence is constructed of one tensor at least", invalid=True)
    if any(map(is_unranked, inputs)):
        start = g.step(sequence.SequenceEmpty(), [], SequenceType(inputs[0].dtype, None, empty=True))
        return functools.reduce(lambda so_far, x: sequence_insert(g, so_far, x), inputs, start)
    type_ = _of(inputs[0])
    for x in inputs[1:]:
        type_ = type_.joined(_of(x))
    shapes = tuple(d for x in inputs for d in x.shape)
    return g.step(sequence.SequenceConstruct(tuple(x.rank for x in inputs), shapes), inputs, type_)


@onnx_op("SequenceInsert", since=11)
def sequence_insert(g: Builder, input_sequence: Value, tensor: Value, position: Value | None = None) -> Value:
    """The sequence with a tensor in front of the item at a position, or at the end."""
    if tensor.dtype is not input_sequence.dtype:
        raise Refuse(f"{tensor.type} in a {input_sequence.type}", invalid=True)
    type_ = _type(input_sequence).joined(_of(tensor))
    layer = sequence.SequenceInsertUnranked() if is_unranked(tensor) else sequence.SequenceInsert(tensor.shape)
    return g.step(layer, [input_sequence, tensor, _position(g, position)], type_)


@onnx_op("SequenceErase", since=11)
def sequence_erase(g: Builder, input_sequence: Value, position: Value | None = None) -> Value:
    """The sequence without the item at a position, or the last."""
    return g.step(sequence.SequenceErase(), [input_sequence, _position(g, position)], input_sequence.type)


@onnx_op("SequenceLength", since=11)
def sequence_length(g: Builder, input_sequence: Value) -> Value:
    """The number of items."""
    return g.step(sequence.SequenceLength(), [input_sequence], TensorType(DType.I64, ()))


@onnx_op("SequenceAt", since=11)
def sequence_at(g: Builder, input_sequence: Value, position: Value) -> Value:
    """The item at a position."""
    type_ = _type(input_sequence)
    if type_.empty:
        raise Refuse(f"there is no item ({type_})")
    shape = type_.shape
    if shape is None:
        return g.step(sequence.SequenceAtUnranked(), [input_sequence, _position(g, position)], UnrankedType(type_.dtype))
    open_axes = [axis for axis, d in enumerate(shape) if d is None]
    return g.opened(sequence.SequenceAt(tuple(open_axes)), [input_sequence, _position(g, position)], type_.dtype, shape)


@onnx_op("ConcatFromSequence", since=11)
def concat_from_sequence(g: Builder, input_sequence: Value, *, axis: int, new_axis: int = 0) -> Value:
    """The items one behind the other along an axis of theirs, or along a new one."""
    type_ = _type(input_sequence)
    shape = list(_known_rank(type_))
    at = normal_axis(axis, len(shape) + (new_axis != 0))
    if new_axis:
        shape.insert(at, None)
    else:
        shape[at] = None
    open_axes = tuple(k for k, d in enumerate(shape) if d is None)
    layer = sequence.ConcatFromSequence(at, bool(new_axis), open_axes)
    return g.opened(layer, [input_sequence], type_.dtype, shape)


@onnx_op("SplitToSequence", since=(11, 24))
def split_to_sequence(g: Builder, input: Value, split: Value | None = None, *, axis: int = 0, keepdims: int = 1) -> Value:
    """Pieces of the input along an axis: of size 1, or as `split` says: the size of each, or all sizes."""
    at = normal_axis(axis, input.rank)
    if split is not None and split.rank > 1:
        raise Refuse(f"the pieces' sizes are a scalar or a list, not of rank {split.rank}", invalid=True)
    sizes = None if split is None else g.cast_sizes(split)
    each, parts = (sizes, None) if sizes is not None and sizes.rank == 0 else (None, sizes)
    keeps = bool(keepdims) or sizes is not None
    shape: list[Dim | None] = [*input.shape]
    shape[at] = _size_of_pieces(input.shape[at], sizes)
    if not keeps:
        del shape[at]
    return g.step(sequence.SplitToSequence(at, keeps, input.shape), [input, each, parts], SequenceType(input.dtype, tuple(shape)))


_facts("Optional", "OptionalHasElement", "OptionalGetElement")


@onnx_op("Optional", since=(15, 28))
def optional(g: Builder, input: Value | None = None, *, type: onnx.TypeProto | None = None) -> Value:
    """An optional tensor that is there, or one of this type that is not."""
    if input is None:
        if type is None or not type.HasField("tensor_type") or (dtype := dtypes.from_onnx(type.tensor_type.elem_type)) is None:
            raise Refuse("an optional tensor of no known type")
        return g.step(sequence.SequenceEmpty(), [], OptionalType(dtype, None, empty=True))
    if is_unranked(input):
        empty = g.step(sequence.SequenceEmpty(), [], OptionalType(input.dtype, None, empty=True))
        return g.step(sequence.SequenceInsertUnranked(), [empty, input], OptionalType(input.dtype, None))
    if not isinstance(input.type, TensorType):
        raise Refuse(f"an optional {input.type.kind} is not supported")
    layer = sequence.SequenceConstruct((input.rank,), input.shape)
    return g.step(layer, [input], OptionalType(input.dtype, input.shape))


@onnx_op("OptionalHasElement", since=(15, 18, 28), optional={18: "input"})
def optional_has_element(g: Builder, input: Value | None = None) -> Value:
    """Whether it is there. What is not optional is."""
    if input is None or not isinstance(input.type, OptionalType) or input.type.empty:
        there = input is not None and not isinstance(input.type, OptionalType)
        return g.constant(np.array(there))
    return g.step(sequence.OptionalHasElement(), [input], TensorType(DType.BOOL, ()))


@onnx_op("OptionalGetElement", since=(15, 18, 28))
def optional_get_element(g: Builder, input: Value) -> Value:
    """The tensor that it is. What is not optional is itself."""
    if not isinstance(input.type, OptionalType):
        return input
    return sequence_at(g, input, g.constant(np.array(0)))


def _size_of_pieces(whole: Dim, sizes: Value | None) -> Dim | None:
    """The size that all pieces have, if one is known."""
    if sizes is None:
        return 1
    known = sizes.dims()
    if known is None or len(set(known)) != 1:
        return None
    rest = isinstance(whole, int) and isinstance(known[0], int) and known[0] > 0 and whole % known[0] == 0
    return known[0] if sizes.rank or rest else None


def _type(value: Value) -> SequenceType:
    assert isinstance(value.type, SequenceType)
    return value.type


def _of(x: Value) -> SequenceType:
    """A sequence of such tensors."""
    return SequenceType(x.dtype, None if is_unranked(x) else x.shape)


def _known_rank(type_: SequenceType) -> tuple[Dim | None, ...]:
    if type_.empty:
        raise Refuse(f"there is no item ({type_})")
    if type_.shape is None:
        hint = "sequences whose items are all of one rank are supported"
        raise Refuse("the items' number of axes is known only at run time", hint)
    return type_.shape


def _position(g: Builder, position: Value | None) -> Value | None:
    """A position as i64."""
    if position is not None and position.rank > 1:
        raise Refuse(f"a position is one number, not of rank {position.rank}", invalid=True)
    return None if position is None else g.cast_sizes(position)

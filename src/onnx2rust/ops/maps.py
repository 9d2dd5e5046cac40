"""Tables of ai.onnx.ml: ZipMap, whose sequence of maps is a tensor here, with a column a key."""

from __future__ import annotations

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.model.schemas import ML
from onnx2rust.ops import scores
from onnx2rust.registry import onnx_op


@onnx_op("ZipMap", since=1, domain=ML)
def zip_map(
    g: Builder, X: Value, *, classlabels_int64s: list[int] | None = None, classlabels_strings: list[str] | None = None
) -> Value:
    """The columns of x [rows, n], which the model calls by n keys."""
    keys = scores.class_labels(classlabels_int64s, classlabels_strings, ("classlabels_int64s", "classlabels_strings"))
    rows = scores.rows_of(g, X)
    if rows.shape[1] != len(keys):
        raise Refuse(f"{len(keys)} keys for the columns of {rows.type}", invalid=isinstance(rows.shape[1], int))
    if len(set(keys)) < len(keys):
        raise Refuse("two columns have one key", invalid=True)
    columns = tuple(map(str, keys)) if classlabels_strings else tuple(map(int, keys))
    return g.step(View(), [rows], TensorType(rows.dtype, rows.shape, None, columns))

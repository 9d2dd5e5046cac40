"""Ensembles of decision trees (`tf_layers::tree`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer, Variant, Weight

KIND = kinds.CLASSICAL


class TreeEnsemble(Layer, independent=("size",), generic_over=("thresholds",)):
    """y [rows, targets] = what the trees say of each row of x [rows, columns]; the tables are those of `ops.tree_tables`."""

    targets: int
    columns_read: int
    depth: int
    weights_per_leaf: int
    aggregate: Variant
    questions: Variant
    roots: Weight
    branches: Weight
    thresholds: Weight
    leaves: Weight
    leaf_targets: Weight | None
    leaf_weights: Weight
    size: Dims

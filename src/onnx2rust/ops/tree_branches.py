"""The branches and leaves of `TreeEnsemble` (version 5) as the nodes that `tree_tables` knows.

There branches name their children by place in one of two lists, and a leaf may be the child of many. `BRANCH_MEMBER` asks whether
a column is one of several values: a row of branches that ask for one each, whose true children all are the same node again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.ops.tree_tables import EQ, LEAF, Nodes, Weights

Array = np.ndarray[Any, Any]
MEMBER = 6


@dataclass
class Rows:
    """Nodes in the making, a list a field; a model's are its branches. Columns, modes, thresholds, places of the children (of a
    branch among branches or leaves, and which they are), and whether NaN goes to the true child."""

    columns: list[int]
    modes: list[int]
    splits: list[float]
    true: list[int]
    false: list[int]
    true_is_leaf: list[int]
    false_is_leaf: list[int]
    missing_is_true: list[int]
    again: dict[int, int] = field(default_factory=dict)
    """Which node another one is again."""
    leaf_of: dict[int, int] = field(default_factory=dict)
    """Which leaf of the model a node is."""

    def add(self, mode: int, column: int = 0, missing: int = 0) -> int:
        """A node more, and its place."""
        place = len(self.modes)
        self.modes.append(mode)
        self.columns.append(column)
        self.splits.append(0.0)
        self.true.append(place)
        self.false.append(place)
        self.missing_is_true.append(missing)
        return place


def nodes(rows: Rows, targets: Array, weights: Array, roots: Array, members: Array | None) -> tuple[Nodes, Weights]:
    """The nodes, with a leaf for each branch that has it for a child. Raises Refuse."""
    count = len(rows.modes)
    lengths = {name: len(values) for name, values in vars(rows).items() if isinstance(values, list)}
    if len({*lengths.values()}) > 1 or len(targets) != len(weights):
        told = ", ".join(f"{length} {name}" for name, length in lengths.items())
        what = f"lists of different lengths: {told}; {len(targets)} targets and {len(weights)} weights of leaves"
        raise Refuse(what, invalid=True)
    if not count or not len(roots) or roots.min() < 0 or roots.max() >= count:
        raise Refuse(f"tree_roots has {len(roots)} places, not all of the {count} branches", invalid=True)
    for mode in rows.modes:
        if not 0 <= mode <= MEMBER:
            raise Refuse(f"nodes_modes has {mode}; it is 0 to {MEMBER}", invalid=True)
    sets = [k for k, mode in enumerate(rows.modes) if mode == MEMBER]
    for children, is_leaf, which in ((rows.true, rows.true_is_leaf, "true"), (rows.false, rows.false_is_leaf, "false")):
        for k in range(count):
            kind, most = ("leaves", len(weights)) if is_leaf[k] else ("branches", count)
            if not 0 <= children[k] < most:
                raise Refuse(f"the {which} child of node {k} is {children[k]} of {most} {kind}", invalid=True)
            if is_leaf[k]:
                leaf = rows.add(LEAF)
                rows.leaf_of[leaf], children[k] = children[k], leaf
    _expand(rows, sets, members)
    places, leaves = np.array(list(rows.leaf_of), np.int64), np.array(list(rows.leaf_of.values()), np.int64)
    found = Nodes(
        np.zeros(len(rows.modes), np.int64),
        np.arange(len(rows.modes)),
        np.array(rows.modes, np.int64),
        np.array(rows.columns, np.int64),
        np.array(rows.splits, weights.dtype),
        np.array(rows.true, np.int64),
        np.array(rows.false, np.int64),
        np.array(rows.missing_is_true, np.int64) == 1,
        roots,
        np.array([rows.again.get(k, -1) for k in range(len(rows.modes))], np.int64),
    )
    return found, Weights(np.zeros(len(places), np.int64), places, targets[leaves], weights[leaves])


def _expand(rows: Rows, sets: list[int], members: Array | None) -> None:
    """A row of branches for each that asks for a set: its values stand in `members`, in the order of the branches, with NaN
    behind each set."""
    values = np.zeros(0) if members is None else members
    ends = np.flatnonzero(np.isnan(values))
    if len(ends) != len(sets) or len(values) != (ends[-1] + 1 if len(ends) else 0):
        what = f"membership_values has {len(ends)} sets, each with NaN at its end, for {len(sets)} BRANCH_MEMBER"
        raise Refuse(what, invalid=True)
    for k, begin, end in zip(sets, [0, *(ends + 1)], ends, strict=False):
        # nothing is a member of no set: a comparison with NaN, which nothing equals
        asked = values[begin:end].tolist() or [float("nan")]
        true, false, place = rows.true[k], rows.false[k], k
        for value in asked[:-1]:
            rows.modes[place], rows.splits[place] = EQ, value
            rows.true[place] = rows.add(EQ)
            rows.again[rows.true[place]] = true
            rows.false[place] = rows.add(EQ, rows.columns[k], rows.missing_is_true[k])
            place = rows.false[place]
        # the node itself is the child of the last, which is farthest from the root
        rows.modes[place], rows.splits[place], rows.true[place], rows.false[place] = EQ, asked[-1], true, false

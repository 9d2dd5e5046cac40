"""The branches and leaves of `TreeEnsemble` (version 5) as the nodes that `tree_tables` knows.

There branches name their children by place in one of two lists, and a leaf may be the child of many. `BRANCH_MEMBER` asks whether
a column is one of several values: a row of branches that ask for one each, whose true children all are the same node again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx2rust.ops.tree_tables import EQ, LEAF, Malformed, Nodes, Weights

Array = np.ndarray[Any, Any]
MEMBER = 6


@dataclass(frozen=True)
class Branches:
    """What a model says of its branches, one element a branch: columns, modes, thresholds, places of the children among branches
    or leaves, whether they are leaves, and whether NaN goes to the true child."""

    columns: Array
    modes: Array
    splits: Array
    true: Array
    false: Array
    true_is_leaf: Array
    false_is_leaf: Array
    missing_is_true: Array


class _Rows:
    """Nodes in the making, a list a field."""

    def __init__(self, branches: Branches) -> None:
        self.modes = branches.modes.tolist()
        self.columns = branches.columns.tolist()
        self.splits = branches.splits.tolist()
        self.true = branches.true.tolist()
        self.false = branches.false.tolist()
        self.missing = branches.missing_is_true.tolist()
        self.again = [-1] * len(self.modes)
        self.leaf_of: dict[int, int] = {}
        """Which leaf of the model a node is."""

    def add(self, mode: int, column: int = 0, missing: bool = False, again: int = -1) -> int:
        """A node more."""
        place = len(self.modes)
        self.modes.append(mode)
        self.columns.append(column)
        self.splits.append(0.0)
        self.true.append(place)
        self.false.append(place)
        self.missing.append(missing)
        self.again.append(again)
        return place


def nodes(branches: Branches, targets: Array, weights: Array, roots: Array, members: Array | None) -> tuple[Nodes, Weights]:
    """The nodes, with a leaf for each branch that has it for a child. Raises Malformed."""
    count = len(branches.modes)
    if len({len(array) for array in vars(branches).values()}) > 1 or len(targets) != len(weights):
        told = ", ".join(f"{len(array)} {name}" for name, array in vars(branches).items())
        raise Malformed(f"lists of different lengths: {told}; {len(targets)} targets and {len(weights)} weights of leaves")
    if not count or not len(roots) or roots.min() < 0 or roots.max() >= count:
        raise Malformed(f"tree_roots has {len(roots)} places, not all of the {count} branches")
    wrong = (branches.modes < 0) | (branches.modes > MEMBER)
    if wrong.any():
        raise Malformed(f"nodes_modes has {branches.modes[np.argmax(wrong)]}; it is 0 to {MEMBER}")
    rows = _Rows(branches)
    for children, is_leaf, which in ((rows.true, branches.true_is_leaf, "true"), (rows.false, branches.false_is_leaf, "false")):
        for k in range(count):
            kind, most = ("leaves", len(weights)) if is_leaf[k] else ("branches", count)
            if not 0 <= children[k] < most:
                raise Malformed(f"the {which} child of node {k} is {children[k]} of {most} {kind}")
            if is_leaf[k]:
                leaf = rows.add(LEAF)
                rows.leaf_of[leaf], children[k] = children[k], leaf
    _expand(rows, np.flatnonzero(branches.modes == MEMBER).tolist(), members)
    places, leaves = np.array(list(rows.leaf_of), np.int64), np.array(list(rows.leaf_of.values()), np.int64)
    found = Nodes(
        np.zeros(len(rows.modes), np.int64),
        np.arange(len(rows.modes)),
        np.array(rows.modes, np.int64),
        np.array(rows.columns, np.int64),
        np.array(rows.splits, weights.dtype),
        np.array(rows.true, np.int64),
        np.array(rows.false, np.int64),
        np.array(rows.missing, bool),
        roots,
        np.array(rows.again, np.int64),
    )
    return found, Weights(np.zeros(len(places), np.int64), places, targets[leaves], weights[leaves])


def _expand(rows: _Rows, sets: list[int], members: Array | None) -> None:
    """A row of branches for each that asks for a set: its values stand in `members`, in the order of the branches, with NaN
    behind each set."""
    values = np.zeros(0) if members is None else members
    ends = np.flatnonzero(np.isnan(values))
    if len(ends) != len(sets) or len(values) != (ends[-1] + 1 if len(ends) else 0):
        raise Malformed(f"membership_values has {len(ends)} sets, each with NaN at its end, for {len(sets)} BRANCH_MEMBER")
    for k, begin, end in zip(sets, [0, *(ends + 1)], ends, strict=False):
        # nothing is a member of no set: a comparison with NaN, which nothing equals
        asked = values[begin:end].tolist() or [float("nan")]
        true, false, place = rows.true[k], rows.false[k], k
        for value in asked[:-1]:
            rows.modes[place], rows.splits[place] = EQ, value
            rows.true[place] = rows.add(EQ, again=true)
            rows.false[place] = rows.add(EQ, rows.columns[k], rows.missing[k])
            place = rows.false[place]
        # the node itself is the child of the last, which is farthest from the root
        rows.modes[place], rows.splits[place], rows.true[place], rows.false[place] = EQ, asked[-1], true, false

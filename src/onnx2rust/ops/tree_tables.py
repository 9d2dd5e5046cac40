"""The nodes of decision trees, as models list them, made into the tables that `tf_layers::tree` walks through.

In a model a node is told by the number of its tree and its own, in any order; a branch compares a column with a threshold in one
of six ways. In the tables all nodes of a tree lie together, level by level, children side by side, and every branch asks `x ≤
threshold`:

* `x < t` is `x ≤ t⁻`, the next float below;
* `x > t` and `x ≥ t` are the opposite, so their children change places, and NaN, which answers
  everything with no, now has to be told to answer with yes;
* `x = t` is a question of its own, and `x ≠ t` its opposite.

What is never true (`x < −∞`, a comparison with NaN) asks nothing, and leads to one child.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse

Array = np.ndarray[Any, Any]
MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "LEAF")
"""The modes of nodes; branches in the order of their numbers in `TreeEnsemble` of version 5."""
LEQ, LT, GTE, GT, EQ, NEQ, LEAF = range(7)
MOST_LEVELS = 4096
"""The deepest trees that are taken: training stops at some tens of levels."""
MOST_COLUMNS = 1 << 29
ASKS, NAN_IS_YES, ONLY_EQUAL = 1, 2, 4


@dataclass(frozen=True)
class Nodes:
    """What a model says of its nodes, one element a node: numbers of trees and nodes, places in MODES, columns, thresholds,
    numbers of the children, and whether NaN goes to the true child. The first node of each tree is its root, unless the places of
    `roots` are given.

    A node may be another one again (`same_as`, its place; −1 where it is none): the child of a second branch. It has no children
    of its own.
    """

    trees: Array
    numbers: Array
    modes: Array
    columns: Array
    thresholds: Array
    true_children: Array
    false_children: Array
    missing_is_true: Array
    roots: Array | None = None
    same_as: Array | None = None

    def name(self, place: int) -> str:
        """How messages call a node."""
        if self.roots is not None:
            return f"node {self.numbers[place]}"
        return f"node {self.numbers[place]} of tree {self.trees[place]}"


@dataclass(frozen=True)
class Weights:
    """What a model says of its leaves, one element a weight: numbers of tree and node, target, weight."""

    trees: Array
    numbers: Array
    targets: Array
    weights: Array


@dataclass(frozen=True)
class Tables:
    """The fields of `tf_layers::tree::TreeEnsemble`. `always` tells of each target whether every row is given a weight for it."""

    roots: Array
    branches: Array
    thresholds: Array
    leaves: Array
    leaf_targets: Array | None
    leaf_weights: Array
    weights_per_leaf: int
    depth: int
    columns_read: int
    special: bool
    always: Array


def tables(nodes: Nodes, weights: Weights, targets: int, *, adds: bool) -> Tables:
    """The tables of an ensemble that adds up its weights, or else takes the least or greatest. Raises Refuse."""
    places = _Places(nodes)
    leaf = nodes.modes == LEAF
    wrong = np.flatnonzero(~leaf & ((nodes.columns < 0) | (nodes.columns >= MOST_COLUMNS)))
    if wrong.size:
        raise Refuse(f"{nodes.name(wrong[0])} reads column {nodes.columns[wrong[0]]}", invalid=True)
    again = np.full(len(leaf), -1) if nodes.same_as is None else nodes.same_as
    branch = ~leaf & (again < 0)
    first, second, asks, thresholds = _questions(nodes, places, branch)
    order, tree, roots, depth = _levels(nodes, first, second, branch)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    place = np.where(again >= 0, again, np.where(leaf, np.arange(len(order)), first))
    columns = np.where(branch, nodes.columns, 0)
    # a node that is another one again asks nothing, and leads to it
    branches = np.stack([columns * 8 + asks, rank[place]], axis=1)[order]
    leaves = np.where(leaf[order], np.cumsum(leaf[order]) - 1, 0)
    leaf_places = order[leaf[order]]
    owned = _owned(nodes, places, weights, targets)
    per_leaf, leaf_targets, leaf_weights = _of_leaves(nodes, owned, targets, leaf_places, adds)
    always = _given(tree, leaf, owned, targets)
    return Tables(
        rank[roots].astype(np.uint32),
        branches.astype(np.uint32),
        thresholds[order],
        leaves.astype(np.uint32),
        leaf_targets,
        leaf_weights,
        per_leaf,
        depth,
        int(columns.max(initial=0)) + 1,
        bool(np.any(asks & (NAN_IS_YES | ONLY_EQUAL))),
        always,
    )


class _Places:
    """Finds nodes by the numbers of tree and node."""

    def __init__(self, nodes: Nodes) -> None:
        self._trees, trees = np.unique(nodes.trees, return_inverse=True)
        self._numbers, numbers = np.unique(nodes.numbers, return_inverse=True)
        keys = trees.reshape(-1) * len(self._numbers) + numbers.reshape(-1)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        twice = np.flatnonzero(self._keys[1:] == self._keys[:-1])
        if twice.size:
            raise Refuse(f"{nodes.name(self._order[twice[0]])} is there twice", invalid=True)

    def of(self, trees: Array, numbers: Array) -> Array:
        """The places of nodes, −1 for those that do not exist."""
        tree, is_tree = _sought(self._trees, trees)
        number, is_number = _sought(self._numbers, numbers)
        place, found = _sought(self._keys, tree * len(self._numbers) + number)
        return np.where(is_tree & is_number & found, self._order[place], -1)


def _sought(known: Array, wanted: Array) -> tuple[Array, Array]:
    """Where each stands among the sorted known ones, and whether it does."""
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return place, known[place] == wanted


def _questions(nodes: Nodes, places: _Places, branch: Array) -> tuple[Array, Array, Array, Array]:
    """Of each node the children for no and yes, what it asks, and its threshold. Those of leaves mean nothing."""
    true, false = (
        places.of(nodes.trees, np.where(branch, c, nodes.numbers)) for c in (nodes.true_children, nodes.false_children)
    )
    for children, numbers, which in ((true, nodes.true_children, "true"), (false, nodes.false_children, "false")):
        lost = np.flatnonzero(children < 0)
        if lost.size:
            raise Refuse(f"the {which} child of {nodes.name(lost[0])}, {numbers[lost[0]]}, does not exist", invalid=True)
    modes, threshold = nodes.modes, nodes.thresholds
    nothing = np.isnan(threshold)
    opposite = np.isin(modes, (GT, GTE, NEQ))
    below = np.isin(modes, (LT, GTE))
    # −∞ has nothing below it; a comparison with NaN is false, but that it is not equal is true
    never = nothing | (below & (threshold == -np.inf))
    opposite &= ~nothing | (modes == NEQ)
    nan_is_true = nodes.missing_is_true | (modes == NEQ)
    asks = np.where(never, 0, ASKS) | np.where(nan_is_true != opposite, NAN_IS_YES, 0)
    asks |= np.where(np.isin(modes, (EQ, NEQ)), ONLY_EQUAL, 0)
    with np.errstate(over="ignore"):  # below the least float lies −∞
        lower = np.nextafter(threshold, threshold.dtype.type(-np.inf), dtype=threshold.dtype)
    thresholds = np.where(never | ~branch, 0, np.where(below, lower, threshold)).astype(threshold.dtype)
    return np.where(opposite, true, false), np.where(opposite, false, true), np.where(branch, asks, 0), thresholds


def _levels(nodes: Nodes, first: Array, second: Array, branch: Array) -> tuple[Array, Array, Array, int]:
    """The nodes tree by tree, in each level by level, children side by side; the tree of each node, the roots, and the number of
    levels below them."""
    parents = np.zeros(len(branch), np.int64)
    np.add.at(parents, first[branch], 1)
    np.add.at(parents, second[branch], 1)
    if (parents > 1).any():
        raise Refuse(f"{nodes.name(int(np.argmax(parents > 1)))} is the child of two branches", invalid=True)
    begins = _roots(nodes)
    if parents[begins].any():
        inner = begins[np.argmax(parents[begins] > 0)]
        why = "a root" if nodes.roots is not None else "the first of its tree and so the root"
        raise Refuse(f"{nodes.name(inner)}, {why}, is another node's child", invalid=True)
    tree = np.full(len(branch), -1)
    tree[begins] = np.arange(len(begins))
    levels, level = [begins], begins
    while (level := level[branch[level]]).size:
        children = np.stack([first[level], second[level]], axis=1)
        tree[children] = tree[level][:, None]
        level = children.reshape(-1)
        levels.append(level)
        if len(levels) > MOST_LEVELS:
            raise Refuse(f"a tree has more than {MOST_LEVELS} levels", invalid=True)
    order = np.concatenate(levels)
    if len(order) < len(branch):
        lost = np.setdiff1d(np.arange(len(branch)), order)
        raise Refuse(f"{nodes.name(lost[0])} cannot be reached from the root of its tree", invalid=True)
    return order[np.argsort(tree[order], kind="stable")], tree, begins, len(levels) - 1


def _roots(nodes: Nodes) -> Array:
    """The places of the roots."""
    if nodes.roots is not None:
        if len(np.unique(nodes.roots)) < len(nodes.roots):
            raise Refuse("a root is given twice", invalid=True)
        return nodes.roots
    begins = np.flatnonzero(np.r_[True, nodes.trees[1:] != nodes.trees[:-1]])
    if len(begins) != len(np.unique(nodes.trees)):
        raise Refuse("the nodes of a tree do not stand together", invalid=True)
    return begins


_Owned = tuple[Array, Array, Array]
"""Of each weight the place of its leaf, its target, and itself."""


def _of_leaves(nodes: Nodes, owned: _Owned, targets: int, leaves: Array, adds: bool) -> tuple[int, Array | None, Array]:
    """How many weights each of the leaves has, their targets (None: all, in order), and the weights. What a leaf lacks is filled
    up with what changes nothing: zeros to add, or a weight again."""
    owner, target, weight = owned
    number = np.full(len(nodes.modes), -1)
    number[leaves] = np.arange(len(leaves))
    order = np.lexsort((target, number[owner]))
    owner, target, weight = number[owner][order], target[order], weight[order]
    twice = np.flatnonzero((owner[1:] == owner[:-1]) & (target[1:] == target[:-1]))
    if twice.size:
        raise Refuse(f"{nodes.name(leaves[owner[twice[0]]])} has two weights for target {target[twice[0]]}", invalid=True)
    counts = np.bincount(owner, minlength=len(leaves))
    if (counts == 0).any():
        raise Refuse(f"{nodes.name(leaves[int(np.argmin(counts))])}, a leaf, has no weight", invalid=True)
    most = int(counts.max())
    begins = np.cumsum(counts) - counts
    places_ = begins[:, None] + np.minimum(np.arange(most), counts[:, None] - 1)
    spare = np.arange(most) >= counts[:, None]
    if spare.any() and spare.size > 4 * len(owner) + (1 << 20):
        raise Refuse(f"leaves have from {counts.min()} to {most} weights", invalid=True)
    filled = np.where(spare & adds, weight.dtype.type(0), weight[places_])
    if most == targets and not spare.any():
        return most, None, filled
    return most, target[places_].astype(np.uint32), filled


def _owned(nodes: Nodes, places: _Places, weights: Weights, targets: int) -> _Owned:
    """The weights of leaves. Branches may have some (early versions of onnxmltools wrote them): nothing comes of those."""
    owner = places.of(weights.trees, weights.numbers)
    lost = np.flatnonzero(owner < 0)
    if lost.size:
        what = f"a weight belongs to node {weights.numbers[lost[0]]} of tree {weights.trees[lost[0]]}, which does not exist"
        raise Refuse(what, invalid=True)
    wrong = np.flatnonzero((weights.targets < 0) | (weights.targets >= targets))
    if wrong.size:
        raise Refuse(f"a weight is for target {weights.targets[wrong[0]]}; there are {targets}", invalid=True)
    kept = nodes.modes[owner] == LEAF
    return owner[kept], weights.targets[kept], weights.weights[kept]


def _given(tree: Array, leaf: Array, owned: _Owned, targets: int) -> Array:
    """Of each target, whether all leaves of some tree have a weight for it."""
    owner, target, _ = owned
    leaves = np.bincount(tree[leaf])
    pairs, counts = np.unique(np.stack([tree[owner], target], axis=1), axis=0, return_counts=True)
    always = np.zeros(targets, bool)
    always[pairs[counts == leaves[pairs[:, 0]], 1]] = True
    return always

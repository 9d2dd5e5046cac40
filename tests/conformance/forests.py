"""Random ensembles of decision trees, as ai.onnx.ml's operators list them, and rows that lie on their thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

Rng = np.random.Generator
BRANCHES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


@dataclass
class Forest:
    """The lists of an ensemble."""

    trees: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    true: list[int] = field(default_factory=list)
    false: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    leaf_trees: list[int] = field(default_factory=list)
    leaf_numbers: list[int] = field(default_factory=list)
    leaf_ids: list[int] = field(default_factory=list)
    leaf_weights: list[float] = field(default_factory=list)

    def attributes(self, what: str, dtype: Any = np.float32, *, missing: bool = True) -> dict[str, Any]:
        """As the node has them; doubles are tensors. `what` is "target" or "class"."""
        wide = dtype == np.float64
        numbers = {"nodes_values": self.values, f"{what}_weights": self.leaf_weights}
        lists = {
            "nodes_treeids": self.trees,
            "nodes_nodeids": self.numbers,
            "nodes_modes": self.modes,
            "nodes_featureids": self.columns,
            "nodes_truenodeids": self.true,
            "nodes_falsenodeids": self.false,
            **({"nodes_missing_value_tracks_true": self.missing} if missing else {}),
            f"{what}_treeids": self.leaf_trees,
            f"{what}_nodeids": self.leaf_numbers,
            f"{what}_ids": self.leaf_ids,
        }
        as_tensors = {f"{k}_as_tensor": numpy_helper.from_array(np.array(v, np.float64)) for k, v in numbers.items()}
        return lists | (as_tensors if wide else numbers)


def forest(
    rng: Rng,
    trees: int,
    depth: int,
    columns: int,
    targets: int,
    *,
    modes: Sequence[str] = BRANCHES[:1],
    values: Sequence[float] | None = None,
    each: str = "all",
    low: float = -1.0,
    lopsided: bool = False,
    dtype: Any = np.float32,
) -> Forest:
    """Trees of up to `depth` levels whose nodes are numbered in random order. Leaves have weights for all targets, for `one` each
    (those of a tree for the same), or for `some`, but no fewer than one."""
    found = Forest()
    for tree in range(trees):
        own = Forest()
        counter = iter(range(1 << 20))

        def grow(level: int, own: Forest = own, counter: Any = counter, tree: int = tree) -> int:
            number: int = next(counter)
            leaf = level == 0 or (rng.random() < 0.15 and level < depth)
            own.numbers.append(number)
            own.modes.append("LEAF" if leaf else str(rng.choice(list(modes))))
            own.columns.append(0 if leaf else int(rng.integers(columns)))
            choice = rng.normal() if values is None else rng.choice(list(values))
            own.values.append(0.0 if leaf else float(dtype(choice)))
            own.missing.append(0 if leaf else int(rng.integers(2)))
            place = len(own.true)
            own.true.append(0)
            own.false.append(0)
            if leaf:
                given = np.flatnonzero(rng.random(targets) < 0.5) if each == "some" else np.arange(targets)
                given = np.array([tree % targets]) if each == "one" or not given.size else given
                for target in given:
                    own.leaf_numbers.append(number)
                    own.leaf_ids.append(int(target))
                    own.leaf_weights.append(float(dtype(rng.uniform(low, 1.0))))
            else:
                own.true[place] = grow(level - 1)
                own.false[place] = grow(0 if lopsided else level - 1)
            return number

        grow(depth)
        # the root stays first, the others come in any order
        order = np.r_[0, 1 + rng.permutation(len(own.numbers) - 1)].astype(int)
        for name in ("numbers", "modes", "columns", "values", "true", "false", "missing"):
            getattr(found, name).extend(np.array(getattr(own, name), object)[order].tolist())
        found.trees += [tree] * len(own.numbers)
        found.leaf_trees += [tree] * len(own.leaf_numbers)
        found.leaf_numbers += own.leaf_numbers
        found.leaf_ids += own.leaf_ids
        found.leaf_weights += own.leaf_weights
    return found


def rows(
    rng: Rng, count: int, columns: int, values: Sequence[float], dtype: Any = np.float32, *, wild: bool = True
) -> np.ndarray[Any, Any]:
    """Rows of numbers, of which half are thresholds or next to them, and some NaN and infinite if `wild`."""
    x = rng.normal(size=(count, columns)).astype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        at = rng.choice(np.array(values, dtype), size=x.shape)
        near = np.where(rng.random(x.shape) < 0.5, np.nextafter(at, dtype(np.inf)), np.nextafter(at, dtype(-np.inf)))
        x = np.where(rng.random(x.shape) < 0.3, at, np.where(rng.random(x.shape) < 0.3, near, x))
    if wild:
        x = np.where(rng.random(x.shape) < 0.1, rng.choice(np.array([np.nan, np.inf, -np.inf], dtype), size=x.shape), x)
    return np.ascontiguousarray(x.astype(dtype))


def _node(op: str, outputs: Sequence[str], attributes: dict[str, Any]) -> Any:
    """The node; empty lists are left out."""
    given: dict[str, Any] = {name: v for name, v in attributes.items() if not isinstance(v, list) or v}
    return helper.make_node(op, ["x"], list(outputs), domain="ai.onnx.ml", **given)


def regressor(attributes: dict[str, Any], targets: int, **more: Any) -> Any:
    """The node."""
    return _node("TreeEnsembleRegressor", ["y"], {"n_targets": targets, **attributes, **more})


def classifier(attributes: dict[str, Any], labels: Sequence[int], **more: Any) -> Any:
    """The node."""
    return _node("TreeEnsembleClassifier", ["y", "z"], {"classlabels_int64s": list(labels), **attributes, **more})


def ensemble(
    model: Forest, targets: int, dtype: Any = np.float32, members: dict[int, list[float]] | None = None, **more: Any
) -> Any:
    """The node of version 5, from leaves with one weight each. `members` are sets that branches ask for, by their place."""
    keys = list(zip(model.trees, model.numbers, strict=True))
    branches = [k for k, mode in enumerate(model.modes) if mode != "LEAF"]
    leaves = [k for k, mode in enumerate(model.modes) if mode == "LEAF"]
    place = {keys[k]: (n, 0) for n, k in enumerate(branches)} | {keys[k]: (n, 1) for n, k in enumerate(leaves)}
    weight = dict(
        zip(
            zip(model.leaf_trees, model.leaf_numbers, strict=True),
            zip(model.leaf_ids, model.leaf_weights, strict=True),
            strict=True,
        )
    )
    true, false = ([place[model.trees[k], children[k]] for k in branches] for children in (model.true, model.false))
    sets = members or {}
    modes = [6 if n in sets else BRANCHES.index(model.modes[k]) for n, k in enumerate(branches)]
    given = {
        "n_targets": targets,
        "nodes_featureids": [model.columns[k] for k in branches],
        "nodes_modes": numpy_helper.from_array(np.array(modes, np.uint8)),
        "nodes_splits": numpy_helper.from_array(np.array([model.values[k] for k in branches], dtype)),
        "nodes_missing_value_tracks_true": [model.missing[k] for k in branches],
        "nodes_truenodeids": [n for n, _ in true],
        "nodes_trueleafs": [leaf for _, leaf in true],
        "nodes_falsenodeids": [n for n, _ in false],
        "nodes_falseleafs": [leaf for _, leaf in false],
        "tree_roots": [place[keys[model.trees.index(tree)]][0] for tree in dict.fromkeys(model.trees)],
        "leaf_targetids": [weight[keys[k]][0] for k in leaves],
        "leaf_weights": numpy_helper.from_array(np.array([weight[keys[k]][1] for k in leaves], dtype)),
    }
    if sets:
        flat = [v for n in sorted(sets) for v in (*sets[n], np.nan)]
        given["membership_values"] = numpy_helper.from_array(np.array(flat, dtype))
    return _node("TreeEnsemble", ["y"], {**given, **more})

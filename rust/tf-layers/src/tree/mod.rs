//! Ensembles of decision trees, as tables that a loop walks through.

mod walk;

use crate::brief::brief;
use crate::cpu::Cpu;
use crate::number::Float;

use walk::{LANES, Nodes};

/// What becomes of the weights that the trees of an ensemble give to one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Their sum, from the first tree to the last.
    Sum,
    /// The least of them.
    Min,
    /// The greatest of them.
    Max,
}

/// What the nodes of an ensemble ask for besides `x ≤ threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Questions {
    /// Nothing.
    Plain,
    /// Some ask where NaN goes, or for equality.
    Special,
}

/// y = what the trees say of each row of x (ONNX `TreeEnsembleRegressor`, `TreeEnsembleClassifier`, `TreeEnsemble`, up to where
/// base values are added).
///
/// x `[rows, columns]`, y `[rows, targets]`. A node has two children, side by side in the tables, and the row goes to the second
/// of them where the node's question is answered with yes; a leaf is its own child. Each leaf has `weights_per_leaf` weights.
///
/// Tables that do not fit together (from a weights file that someone else made) give numbers without meaning, never a panic: ids
/// that point nowhere end a walk, and so does `depth`.
#[derive(Clone, Copy)]
pub struct TreeEnsemble<'w, T> {
    /// Numbers in a row of y.
    pub targets: usize,
    /// Columns of x that the nodes read, at least: one more than the last of them.
    pub columns_read: usize,
    /// Steps from a root to the leaf that is farthest from it.
    pub depth: usize,
    /// Weights of each leaf.
    pub weights_per_leaf: usize,
    /// What becomes of the weights.
    pub aggregate: Aggregate,
    /// What the nodes ask.
    pub questions: Questions,
    /// The first node of each tree.
    pub roots: &'w [u32],
    /// Two numbers a node: the column that it reads, times 8, plus what it asks (1: `x ≤ threshold`; 2: NaN is answered with yes;
    /// 4: only `x = threshold` is), and its first child. A leaf asks nothing.
    pub branches: &'w [u32],
    /// One number a node.
    pub thresholds: &'w [T],
    /// Which leaf a node is; anything where it is none.
    pub leaves: &'w [u32],
    /// The targets of the weights of each leaf; `None`: all, in order.
    pub leaf_targets: Option<&'w [u32]>,
    /// The weights of each leaf.
    pub leaf_weights: &'w [T],
}

brief!(
    [T] TreeEnsemble<'_, T>: targets, columns_read, depth, weights_per_leaf, aggregate, questions;
    roots, branches, thresholds, leaves, leaf_targets, leaf_weights
);

/// Rows that go through all trees before the next ones do: what they read and the tables of a tree stay in the nearest cache.
const TILE: usize = 16 * LANES;

/// An element type of thresholds and weights: f32 and f64. Both walks are compiled here, at full speed whatever the crate that
/// calls them is compiled for.
pub trait Threshold: Float {
    /// [`TreeEnsemble::run`]
    #[doc(hidden)]
    fn run(ensemble: &TreeEnsemble<'_, Self>, size: [usize; 2], x: &[Self], y: &mut [Self]);
}

impl Threshold for f32 {
    fn run(ensemble: &TreeEnsemble<'_, Self>, size: [usize; 2], x: &[Self], y: &mut [Self]) {
        ensemble.all_trees(size, x, y);
    }
}

impl Threshold for f64 {
    fn run(ensemble: &TreeEnsemble<'_, Self>, size: [usize; 2], x: &[Self], y: &mut [Self]) {
        ensemble.all_trees(size, x, y);
    }
}

impl<T: Threshold> TreeEnsemble<'_, T> {
    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        let nodes = self.thresholds.len();
        assert!(self.branches.len() == 2 * nodes, "TreeEnsemble: branches");
        assert!(self.leaves.len() == nodes, "TreeEnsemble: leaves");
        match self.leaf_targets {
            Some(targets) => assert!(
                targets.len() == self.leaf_weights.len(),
                "TreeEnsemble: leaf_targets"
            ),
            None => assert!(
                self.weights_per_leaf == self.targets,
                "TreeEnsemble: weights_per_leaf"
            ),
        }
        self
    }

    /// y = what the trees say of x; `size` is `[rows, columns]`.
    pub fn run(&self, _cpu: Cpu, size: [usize; 2], x: &[T], y: &mut [T]) {
        T::run(self, size, x, y);
    }

    #[inline(always)]
    fn all_trees(&self, [rows, columns]: [usize; 2], x: &[T], y: &mut [T]) {
        debug_assert!(columns >= self.columns_read, "TreeEnsemble: columns");
        y.fill(match self.aggregate {
            Aggregate::Sum => T::ZERO,
            Aggregate::Min => T::HIGHEST,
            Aggregate::Max => T::LOWEST,
        });
        let nodes = Nodes {
            branches: self.branches.as_chunks().0,
            thresholds: self.thresholds,
            depth: self.depth,
        };
        match self.questions {
            Questions::Plain => self.all::<false>(&nodes, rows, columns, x, y),
            Questions::Special => self.all::<true>(&nodes, rows, columns, x, y),
        }
    }

    /// All rows through all trees. Each row adds up its weights in the order of the trees, however many rows there are.
    fn all<const SPECIAL: bool>(
        &self,
        nodes: &Nodes<'_, T>,
        rows: usize,
        columns: usize,
        x: &[T],
        y: &mut [T],
    ) {
        let together = rows - rows % LANES;
        for first in (0..together).step_by(TILE) {
            let tile = first..together.min(first + TILE);
            for &root in self.roots {
                for row in tile.clone().step_by(LANES) {
                    let places = core::array::from_fn(|k| (row + k) * columns);
                    let reached = nodes.descend::<SPECIAL>([root; LANES], x, places);
                    for (node, row) in reached.into_iter().zip(row..) {
                        self.give(node, y, row);
                    }
                }
            }
        }
        for row in together..rows {
            for roots in self.roots.chunks(LANES) {
                let lanes = core::array::from_fn(|k| roots[k.min(roots.len() - 1)]);
                let reached = nodes.descend::<SPECIAL>(lanes, x, [row * columns; LANES]);
                for &node in &reached[..roots.len()] {
                    self.give(node, y, row);
                }
            }
        }
    }

    /// Gives a row of y the weights of a leaf.
    #[inline(always)]
    fn give(&self, node: u32, y: &mut [T], row: usize) {
        let leaf = self.leaves.get(node as usize).copied().unwrap_or_default() as usize;
        // a damaged table may name any leaf
        let start = leaf.saturating_mul(self.weights_per_leaf);
        let place = start..start.saturating_add(self.weights_per_leaf);
        let Some(weights) = self.leaf_weights.get(place.clone()) else {
            return;
        };
        let row = &mut y[row * self.targets..][..self.targets];
        match self.leaf_targets {
            None => {
                for (sum, &weight) in row.iter_mut().zip(weights) {
                    *sum = self.with(*sum, weight);
                }
            }
            Some(targets) => {
                for (&target, &weight) in targets[place].iter().zip(weights) {
                    if let Some(sum) = row.get_mut(target as usize) {
                        *sum = self.with(*sum, weight);
                    }
                }
            }
        }
    }

    /// One weight more.
    #[inline(always)]
    fn with(&self, so_far: T, weight: T) -> T {
        match self.aggregate {
            Aggregate::Sum => so_far.plus(weight),
            Aggregate::Min => so_far.smaller(weight),
            Aggregate::Max => so_far.larger(weight),
        }
    }
}

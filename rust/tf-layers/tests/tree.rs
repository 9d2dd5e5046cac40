//! Ensembles of trees against a walk that follows the definition node by node.
#![cfg(feature = "tree")]

mod common;

use common::Rng;
use tf_layers::Cpu;
use tf_layers::tree::{Aggregate, Questions, Threshold, TreeEnsemble};

/// The tables of an ensemble, in the making.
#[derive(Default)]
struct Tables<T> {
    roots: Vec<u32>,
    branches: Vec<u32>,
    thresholds: Vec<T>,
    leaves: Vec<u32>,
    weights: Vec<T>,
    depth: usize,
}

impl<T: Threshold> Tables<T> {
    /// Random trees whose nodes ask what is in `questions`, about one of five columns.
    fn random(
        rng: &mut Rng,
        trees: usize,
        depth: usize,
        per_leaf: usize,
        questions: &[u32],
    ) -> Self {
        let mut tables = Self::default();
        for _ in 0..trees {
            let root = tables.nodes(1);
            tables.roots.push(root as u32);
            tables.grow(rng, root, depth, 0, per_leaf, questions);
        }
        tables
    }

    fn nodes(&mut self, count: usize) -> usize {
        let first = self.thresholds.len();
        self.branches.resize(2 * (first + count), 0);
        self.thresholds.resize(first + count, T::ZERO);
        self.leaves.resize(first + count, 0);
        first
    }

    fn grow(
        &mut self,
        rng: &mut Rng,
        node: usize,
        left: usize,
        level: usize,
        per_leaf: usize,
        questions: &[u32],
    ) {
        self.depth = self.depth.max(level);
        if left == 0 || (level > 0 && rng.size(0, 5) == 0) {
            self.branches[2 * node + 1] = node as u32;
            self.leaves[node] = (self.weights.len() / per_leaf) as u32;
            self.weights
                .extend((0..per_leaf).map(|_| T::from_f64(f64::from(rng.f32()))));
            return;
        }
        let first = self.nodes(2);
        let question = questions[rng.size(0, questions.len())];
        self.branches[2 * node] = 8 * rng.size(0, 5) as u32 + question;
        self.branches[2 * node + 1] = first as u32;
        self.thresholds[node] = T::from_f64(f64::from(rng.f32()));
        self.grow(rng, first, left - 1, level + 1, per_leaf, questions);
        self.grow(rng, first + 1, left - 1, level + 1, per_leaf, questions);
    }

    fn ensemble(
        &self,
        targets: usize,
        per_leaf: usize,
        aggregate: Aggregate,
        questions: Questions,
        leaf_targets: Option<&'static [u32]>,
    ) -> TreeEnsemble<'_, T> {
        TreeEnsemble {
            targets,
            columns_read: 5,
            depth: self.depth,
            weights_per_leaf: per_leaf,
            aggregate,
            questions,
            roots: &self.roots,
            branches: &self.branches,
            thresholds: &self.thresholds,
            leaves: &self.leaves,
            leaf_targets,
            leaf_weights: &self.weights,
        }
    }

    /// The weights of the leaf that a row comes to in a tree.
    fn weights_of(&self, root: u32, row: &[T], per_leaf: usize) -> &[T] {
        let mut node = root as usize;
        while self.branches[2 * node + 1] as usize != node {
            let (branch, first) = (self.branches[2 * node], self.branches[2 * node + 1]);
            let (x, threshold) = (row[branch as usize / 8], self.thresholds[node]);
            let yes = if x.is_not_a_number() {
                branch & 2 != 0
            } else if branch & 1 == 0 {
                false
            } else if branch & 4 != 0 {
                x == threshold
            } else {
                x <= threshold
            };
            node = first as usize + usize::from(yes);
        }
        &self.weights[self.leaves[node] as usize * per_leaf..][..per_leaf]
    }
}

fn samples<T: Threshold>(rng: &mut Rng, tables: &Tables<T>, rows: usize) -> Vec<T> {
    (0..rows * 5)
        .map(|_| match rng.size(0, 10) {
            0 => T::from_f64(f64::NAN),
            1 => T::HIGHEST,
            2 => T::LOWEST,
            3..6 => tables.thresholds[rng.size(0, tables.thresholds.len())],
            _ => T::from_f64(f64::from(rng.f32())),
        })
        .collect()
}

/// Every number of rows around those that go together, and every aggregate: the very bits, because each row adds up in the order of the trees.
fn walks<T: Threshold>(seed: u64) {
    let mut rng = Rng::new(seed);
    for (questions, asked) in [
        (Questions::Plain, &[1][..]),
        (Questions::Special, &[1, 3][..]),
        (Questions::Special, &[0, 1, 2, 3, 5, 7][..]),
    ] {
        for (trees, depth) in [(1, 0), (3, 1), (7, 4), (8, 5), (9, 6), (17, 13)] {
            let tables = Tables::<T>::random(&mut rng, trees, depth, 3, asked);
            for rows in [0, 1, 7, 8, 9, 127, 128, 137] {
                let x = samples(&mut rng, &tables, rows);
                for aggregate in [Aggregate::Sum, Aggregate::Min, Aggregate::Max] {
                    let mut want = Vec::new();
                    for row in x.chunks(5) {
                        let mut found = [match aggregate {
                            Aggregate::Sum => T::ZERO,
                            Aggregate::Min => T::HIGHEST,
                            Aggregate::Max => T::LOWEST,
                        }; 3];
                        for &root in &tables.roots {
                            for (so_far, &weight) in
                                found.iter_mut().zip(tables.weights_of(root, row, 3))
                            {
                                *so_far = match aggregate {
                                    Aggregate::Sum => so_far.plus(weight),
                                    Aggregate::Min => so_far.smaller(weight),
                                    Aggregate::Max => so_far.larger(weight),
                                };
                            }
                        }
                        want.extend(found);
                    }
                    let mut y = vec![T::ONE; rows * 3];
                    tables
                        .ensemble(3, 3, aggregate, questions, None)
                        .checked()
                        .run(Cpu::new(), [rows, 5], &x, &mut y);
                    assert_eq!(y, want, "{trees} trees, {rows} rows, {aggregate:?}");
                }
            }
        }
    }
}

#[test]
fn walks_end_where_the_definition_says() {
    walks::<f32>(1);
    walks::<f64>(2);
}

#[test]
fn weights_go_to_their_targets() {
    // two stumps: x0 ≤ 0
    let branches = [1, 1, 0, 1, 0, 2, 1, 4, 0, 4, 0, 5];
    let layer = TreeEnsemble {
        targets: 4,
        columns_read: 1,
        depth: 1,
        weights_per_leaf: 2,
        aggregate: Aggregate::Sum,
        questions: Questions::Plain,
        roots: &[0, 3],
        branches: &branches,
        thresholds: &[0.0_f32; 6],
        leaves: &[0, 0, 1, 0, 2, 3],
        leaf_targets: Some(&[3, 0, 0, 1, 2, 3, 3, 0]),
        leaf_weights: &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0],
    }
    .checked();
    let mut y = [0.0; 8];
    layer.run(Cpu::new(), [2, 1], &[1.0, -1.0], &mut y);
    assert_eq!(y, [2.0, 0.0, 16.0, 33.0, 132.0, 8.0, 0.0, 64.0]);
}

/// What a weights file may hold that someone else made.
#[test]
fn tables_that_do_not_fit_together_give_some_number() {
    let mut rng = Rng::new(3);
    for round in 0..2000 {
        let mut draw = |count: usize, below: usize| -> Vec<u32> {
            (0..count)
                .map(|_| {
                    if rng.size(0, 8) == 0 {
                        u32::MAX - 1
                    } else {
                        rng.size(0, below) as u32
                    }
                })
                .collect()
        };
        let (roots, branches, leaves, targets) =
            (draw(9, 12), draw(22, 40), draw(11, 8), draw(12, 3));
        let layer = TreeEnsemble {
            targets: 2,
            columns_read: 5,
            depth: 6,
            weights_per_leaf: 2,
            aggregate: Aggregate::Sum,
            questions: if round % 2 == 0 {
                Questions::Plain
            } else {
                Questions::Special
            },
            roots: &roots,
            branches: &branches,
            thresholds: &[0.5_f32; 11],
            leaves: &leaves,
            leaf_targets: Some(&targets),
            leaf_weights: &[1.0; 12],
        }
        .checked();
        let mut y = [0.0; 34];
        layer.run(Cpu::new(), [17, 5], &[0.25; 85], &mut y);
        assert!(y.iter().all(|y| y.is_finite()));
    }
}

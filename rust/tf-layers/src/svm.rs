//! Support vector machines.

use crate::brief::brief;
use crate::cpu::Cpu;
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::{Result, Scratch};

/// How alike two vectors are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kernel {
    /// x · v
    Linear,
    /// (gamma · x · v + coef0)^degree
    Poly {
        /// Factor.
        gamma: f32,
        /// Summand.
        coef0: f32,
        /// Exponent.
        degree: f32,
    },
    /// e^(−gamma · |x − v|²)
    Rbf {
        /// Factor.
        gamma: f32,
    },
    /// tanh(gamma · x · v + coef0)
    Sigmoid {
        /// Factor.
        gamma: f32,
        /// Summand.
        coef0: f32,
    },
}

/// y = how alike each row of x is to each support vector (the kernel of ONNX `SVMClassifier` and `SVMRegressor`).
///
/// x `[rows, columns]`, vectors `[count, columns]`, y `[rows, count]`.
#[derive(Clone, Copy)]
pub struct SupportVectors<'w> {
    /// Numbers in a vector.
    pub columns: usize,
    /// What alike means.
    pub kernel: Kernel,
    /// The support vectors, one behind the other.
    pub vectors: &'w [f32],
}

brief!([] SupportVectors<'_>: columns, kernel; vectors);

/// Sums that are added up side by side.
const LANES: usize = 8;

impl SupportVectors<'_> {
    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(
            self.columns > 0 && self.vectors.len().is_multiple_of(self.columns),
            "SupportVectors: columns"
        );
        self
    }

    /// y = how alike the rows of x are to the vectors.
    pub fn run(&self, _cpu: Cpu, rows: usize, x: &[f32], y: &mut [f32]) {
        let count = self.vectors.len() / self.columns;
        if count == 0 {
            return;
        }
        let x = x.chunks_exact(self.columns).take(rows);
        for (x, y) in x.zip(y.chunks_exact_mut(count)) {
            for (v, y) in self.vectors.chunks_exact(self.columns).zip(y) {
                *y = self.alike(x, v);
            }
        }
    }

    fn alike(&self, x: &[f32], v: &[f32]) -> f32 {
        let dot = || sum(x, v, |x, v| x * v);
        match self.kernel {
            Kernel::Linear => dot(),
            Kernel::Poly {
                gamma,
                coef0,
                degree,
            } => (gamma * dot() + coef0).powf(degree),
            Kernel::Rbf { gamma } => (-gamma * sum(x, v, |x, v| (x - v) * (x - v))).exp(),
            Kernel::Sigmoid { gamma, coef0 } => (gamma * dot() + coef0).tanh(),
        }
    }
}

/// Σ term(x, v)
#[inline(always)]
fn sum(x: &[f32], v: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (xs, rest) = x.as_chunks::<LANES>();
    let (vs, rest_of_v) = v.as_chunks::<LANES>();
    for (x, v) in xs.iter().zip(vs) {
        for ((sum, &x), &v) in sums.iter_mut().zip(x).zip(v) {
            *sum += term(x, v);
        }
    }
    let tail: f32 = rest.iter().zip(rest_of_v).map(|(&x, &v)| term(x, v)).sum();
    sums.iter().sum::<f32>() + tail
}

/// y = the probability of each class, from a score for each pair of them (ONNX `SVMClassifier` with `prob_a` and `prob_b`).
///
/// scores `[rows, classes · (classes − 1) / 2]`, of pairs (0, 1), (0, 2)…, greater for the first; y `[rows, classes]`. A score
/// becomes the probability that it is the first of the two, `1 / (1 + e^(score · a + b))` (Platt). Those of all pairs are coupled
/// as in libsvm: Wu, Lin and Weng, "Probability Estimates for Multi-class Classification by Pairwise Coupling" (2004), algorithm
/// 2, up to an error of 0.005 / classes.
#[derive(Clone, Copy)]
pub struct PairwiseCoupling<'w> {
    /// Number of classes.
    pub classes: usize,
    /// a of each pair.
    pub prob_a: &'w [f32],
    /// b of each pair.
    pub prob_b: &'w [f32],
}

brief!([] PairwiseCoupling<'_>: classes; prob_a, prob_b);

/// Rounds after which the probabilities are taken as they are.
const ROUNDS: usize = 100;
/// The least probability of a class in a pair.
const LEAST: f32 = 1e-7;

impl PairwiseCoupling<'_> {
    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        let pairs = self.classes * self.classes.saturating_sub(1) / 2;
        assert!(self.classes > 1, "PairwiseCoupling: classes");
        assert!(
            self.prob_a.len() == pairs && self.prob_b.len() == pairs,
            "PairwiseCoupling: pairs"
        );
        self
    }

    /// Elements of scratch that a run needs: two tables of pairs, and a row.
    #[must_use]
    pub const fn scratch_len(&self, _: usize) -> usize {
        let n = self.classes;
        2 * n * n + n
    }

    /// y = the probabilities of the classes.
    ///
    /// # Errors
    /// If there is no memory for the table of a row's pairs.
    pub fn run(
        &self,
        _cpu: Cpu,
        rows: usize,
        scores: &[f32],
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        let n = self.classes;
        let (table, rest) = scratch.fit(self.scratch_len(rows))?.split_at_mut(n * n);
        let (quadratic, product) = rest.split_at_mut(n * n);
        let rows = scores.chunks_exact(self.prob_a.len()).take(rows);
        for (scores, p) in rows.zip(y.chunks_exact_mut(n)) {
            self.of_pairs(scores, table);
            couple(n, table, quadratic, product, p);
        }
        Ok(())
    }

    /// `table[i, j]` = the probability of i among i and j.
    fn of_pairs(&self, scores: &[f32], table: &mut [f32]) {
        let n = self.classes;
        let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        for ((i, j), ((&score, &a), &b)) in
            pairs.zip(scores.iter().zip(self.prob_a).zip(self.prob_b))
        {
            let p = (1.0 - logistic(score * a + b)).clamp(LEAST, 1.0 - LEAST);
            table[i * n + j] = p;
            table[j * n + i] = 1.0 - p;
        }
    }
}

/// 1 / (1 + e^−x)
fn logistic(x: f32) -> f32 {
    let p = 1.0 / (1.0 + (-x.abs()).exp());
    if x < 0.0 { 1.0 - p } else { p }
}

/// The p that make Σ (r[j, i] pᵢ − r[i, j] pⱼ)² over all pairs least, and add up to 1.
fn couple(n: usize, r: &[f32], q: &mut [f32], qp: &mut [f32], p: &mut [f32]) {
    for i in 0..n {
        q[i * n + i] = 0.0;
        for j in (0..n).filter(|&j| j != i) {
            q[i * n + i] += r[j * n + i] * r[j * n + i];
            q[i * n + j] = -r[j * n + i] * r[i * n + j];
        }
    }
    p.fill(1.0 / n as f32);
    let enough = 0.005 / n as f32;
    for _ in 0..ROUNDS {
        let mut pqp = 0.0;
        for i in 0..n {
            qp[i] = (0..n).map(|j| q[i * n + j] * p[j]).sum();
            pqp += p[i] * qp[i];
        }
        let error = qp
            .iter()
            .fold(0.0, |most, &v| f32::max(most, (v - pqp).abs()));
        if error < enough {
            return;
        }
        for i in 0..n {
            let own = q[i * n + i];
            let step = (pqp - qp[i]) / own;
            p[i] += step;
            pqp = (pqp + step * (step * own + 2.0 * qp[i])) / (1.0 + step) / (1.0 + step);
            for j in 0..n {
                qp[j] = (qp[j] + step * q[i * n + j]) / (1.0 + step);
                p[j] /= 1.0 + step;
            }
        }
    }
}

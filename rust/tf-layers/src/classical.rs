//! Preparing features and labels as classical models do (ai.onnx.ml), where no other layer does it.

use crate::brief::brief;
use crate::cpu::Cpu;
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::number::{Float, Number};

/// What the rows of a [`Normalizer`] are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// Their greatest element (with its sign).
    Max,
    /// The sum of their magnitudes.
    L1,
    /// The root of the sum of their squares.
    L2,
}

/// y = each row of x divided by its norm; a row whose norm is 0 stays as it is (ONNX `Normalizer`).
///
/// x and y `[rows, columns]`. A sum is added up from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normalizer {
    /// The norm.
    pub norm: Norm,
}

impl Normalizer {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = the normalised rows of x.
    pub fn run<T: Float>(&self, cpu: Cpu, size: [usize; 2], x: &[T], y: &mut [T]) {
        y.copy_from_slice(x);
        self.run_in_place(cpu, size, y);
    }

    /// x = its normalised rows.
    pub fn run_in_place<T: Float>(&self, _cpu: Cpu, [_, columns]: [usize; 2], x: &mut [T]) {
        if columns == 0 {
            return;
        }
        for row in x.chunks_exact_mut(columns) {
            let norm = match self.norm {
                Norm::Max => row
                    .iter()
                    .fold(T::LOWEST, |most, &x| if x > most { x } else { most }),
                Norm::L1 => row.iter().fold(T::ZERO, |sum, &x| sum.plus(x.magnitude())),
                Norm::L2 => {
                    let squares = row
                        .iter()
                        .fold(0.0, |sum, &x| sum + x.to_f64() * x.to_f64());
                    T::from_f64(squares.sqrt())
                }
            };
            if norm != T::ZERO {
                row.iter_mut().for_each(|x| *x = x.over(norm));
            }
        }
    }
}

/// y = the place of each x among the keys, or their number where it is none of them: the first half of ONNX's `LabelEncoder`.
///
/// The keys are in ascending order, NaN (which finds NaN) last.
#[derive(Clone, Copy)]
pub struct Lookup<'w, T> {
    /// What is looked for.
    pub keys: &'w [T],
}

brief!([T] Lookup<'_, T>: ; keys);

impl<T: Number> Lookup<'_, T> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = the places of x.
    pub fn run(&self, _cpu: Cpu, x: &[T], y: &mut [i64]) {
        for (&x, y) in x.iter().zip(y) {
            let place = if x.is_not_a_number() {
                let last = self.keys.last().filter(|k| k.is_not_a_number());
                last.map_or(self.keys.len(), |_| self.keys.len() - 1)
            } else {
                let place = self.keys.partition_point(|&key| key < x);
                self.keys
                    .get(place)
                    .filter(|&&key| key == x)
                    .map_or(self.keys.len(), |_| place)
            };
            *y = place as i64;
        }
    }
}

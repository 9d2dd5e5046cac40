//! What the scores of classical models are turned into (`post_transform` of ai.onnx.ml), where no other layer does it.

use crate::cpu::Cpu;
#[cfg(not(feature = "std"))]
use crate::float::Float as _;

/// y = √2 · erf⁻¹(2x − 1), element by element: the z-score of a probability (`PROBIT`).
///
/// erf⁻¹ is Winitzki's approximation (`a = 0.147`, off by 2e-3 at most), as in onnxruntime and in ONNX's reference. 0 and 1 give
/// infinities, what is outside NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probit;

impl Probit {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = the z-scores of x.
    pub fn run(&self, cpu: Cpu, x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
        self.run_in_place(cpu, y);
    }

    /// x = its z-scores.
    pub fn run_in_place(&self, _cpu: Cpu, x: &mut [f32]) {
        const A: f64 = 0.147;
        for x in x {
            let value = 2.0 * f64::from(*x) - 1.0;
            let log = ((1.0 - value) * (1.0 + value)).ln();
            let half = 2.0 / (core::f64::consts::PI * A) + 0.5 * log;
            let size = ((half * half - log / A).sqrt() - half).sqrt();
            *x = (core::f64::consts::SQRT_2 * size).copysign(value) as f32;
        }
    }
}

/// y = e^(x − max) / Σ e^(x − max) over each row, where what is 0 stays 0 and is left out of the sum (`SOFTMAX_ZERO`).
///
/// x and y `[rows, columns]`. What is nearer to 0 than 1e-7 counts as 0. A row of zeros gives NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoftmaxZero;

impl SoftmaxZero {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = the shares of x.
    pub fn run(&self, cpu: Cpu, size: [usize; 2], x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
        self.run_in_place(cpu, size, y);
    }

    /// x = its shares.
    pub fn run_in_place(&self, _cpu: Cpu, [_, columns]: [usize; 2], x: &mut [f32]) {
        if columns == 0 {
            return;
        }
        for row in x.chunks_exact_mut(columns) {
            let greatest = row
                .iter()
                .fold(-f32::MAX, |most, &x| if x > most { x } else { most });
            let scale = f64::from(-greatest).exp();
            let mut sum = 0.0;
            for x in &mut *row {
                if x.abs() > 1e-7 {
                    *x = f64::from(*x - greatest).exp() as f32;
                    sum += f64::from(*x);
                } else {
                    *x = (f64::from(*x) * scale) as f32;
                }
            }
            for x in row {
                *x = (f64::from(*x) / sum) as f32;
            }
        }
    }
}

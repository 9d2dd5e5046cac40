//! Choosing between two tensors element by element.

use crate::Result;
use crate::broadcast::Walk;
use crate::cpu::{Cpu, dispatch};

/// What [`Where`] takes: three tensors and their shapes, which have one rank; an axis has one size or is 1.
#[derive(Debug, Clone, Copy)]
pub struct WhereInputs<'a, T, const R: usize> {
    /// Shape of `condition`.
    pub condition_shape: [usize; R],
    /// Where y is `a`.
    pub condition: &'a [bool],
    /// Shape of `a`.
    pub a_shape: [usize; R],
    /// What y is where the condition holds.
    pub a: &'a [T],
    /// Shape of `b`.
    pub b_shape: [usize; R],
    /// What y is elsewhere.
    pub b: &'a [T],
}

/// y = condition ? a : b, all three broadcast against each other (ONNX `Where`).
#[derive(Debug, Clone, Copy)]
pub struct Where;

impl Where {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = condition ? a : b
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) if the shapes cannot be broadcast.
    pub fn run<T: Clone, const R: usize>(
        &self,
        cpu: Cpu,
        inputs: WhereInputs<T, R>,
        y: &mut [T],
    ) -> Result<()> {
        Walk::fitting(inputs.shapes(), y.len())?;
        self.run_known(cpu, inputs, y);
        Ok(())
    }

    /// y = condition ? a : b, for shapes that fit.
    pub fn run_known<T: Clone, const R: usize>(
        &self,
        cpu: Cpu,
        inputs: WhereInputs<T, R>,
        y: &mut [T],
    ) {
        let walk = Walk::new(inputs.shapes());
        let WhereInputs {
            condition, a, b, ..
        } = inputs;
        dispatch!(cpu.level, _ => choose(&walk, condition, a, b, y));
    }
}

impl<T, const R: usize> WhereInputs<'_, T, R> {
    fn shapes(&self) -> [&[usize; R]; 3] {
        [&self.condition_shape, &self.a_shape, &self.b_shape]
    }
}

#[inline(always)]
fn choose<T: Clone>(walk: &Walk<3>, condition: &[bool], a: &[T], b: &[T], y: &mut [T]) {
    let n = walk.inner.len;
    let [step_c, step_a, step_b] = walk.inner.steps;
    walk.rows(
        #[inline(always)]
        |[at_c, at_a, at_b], at_y| {
            let y = &mut y[at_y..][..n];
            if step_c == 0 {
                // One answer for the row.
                let (from, at, step) = if condition[at_c] {
                    (a, at_a, step_a)
                } else {
                    (b, at_b, step_b)
                };
                if step == 0 {
                    y.fill(from[at].clone());
                } else {
                    y.clone_from_slice(&from[at..][..n]);
                }
                return;
            }
            let condition = &condition[at_c..][..n];
            match (step_a, step_b) {
                (0, 0) => each(
                    condition,
                    core::iter::repeat(&a[at_a]),
                    core::iter::repeat(&b[at_b]),
                    y,
                ),
                (0, _) => each(condition, core::iter::repeat(&a[at_a]), &b[at_b..][..n], y),
                (_, 0) => each(condition, &a[at_a..][..n], core::iter::repeat(&b[at_b]), y),
                _ => each(condition, &a[at_a..][..n], &b[at_b..][..n], y),
            }
        },
    );
}

#[inline(always)]
fn each<'a, T: Clone + 'a>(
    condition: &[bool],
    a: impl IntoIterator<Item = &'a T>,
    b: impl IntoIterator<Item = &'a T>,
    y: &mut [T],
) {
    for (((y, &c), a), b) in y.iter_mut().zip(condition).zip(a).zip(b) {
        *y = if c { a.clone() } else { b.clone() };
    }
}

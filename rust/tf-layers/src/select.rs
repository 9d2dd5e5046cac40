//! Choosing between two tensors element by element.

use crate::Result;
use crate::broadcast::Walk;
use crate::cpu::{Cpu, dispatch};

/// y = condition ? a : b, all three broadcast against each other (ONNX `Where`).
#[derive(Debug, Clone, Copy)]
pub struct Where;

impl Where {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = condition ? a : b; the shapes have one rank, an axis has one size or is 1.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) if the shapes cannot be broadcast.
    #[expect(clippy::too_many_arguments, reason = "three operands and their shapes")]
    pub fn run<T: Clone, const R: usize>(
        &self,
        cpu: Cpu,
        condition_shape: [usize; R],
        condition: &[bool],
        a_shape: [usize; R],
        a: &[T],
        b_shape: [usize; R],
        b: &[T],
        y: &mut [T],
    ) -> Result<()> {
        Walk::fitting([&condition_shape, &a_shape, &b_shape], y.len())?;
        self.run_known(cpu, condition_shape, condition, a_shape, a, b_shape, b, y);
        Ok(())
    }

    /// y = condition ? a : b, for shapes that fit.
    #[expect(clippy::too_many_arguments, reason = "three operands and their shapes")]
    pub fn run_known<T: Clone, const R: usize>(
        &self,
        cpu: Cpu,
        condition_shape: [usize; R],
        condition: &[bool],
        a_shape: [usize; R],
        a: &[T],
        b_shape: [usize; R],
        b: &[T],
        y: &mut [T],
    ) {
        let walk = Walk::new([&condition_shape, &a_shape, &b_shape]);
        dispatch!(cpu.level, _ => choose(&walk, condition, a, b, y));
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

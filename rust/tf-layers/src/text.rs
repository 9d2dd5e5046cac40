//! Strings: joining them, and their places in tables of names.
//!
//! A tensor of strings is a slice of [`String`]. What a workspace holds is reused from call to call, so that nothing is allocated for strings
//! that are no longer than those before.

use crate::broadcast::Walk;
use crate::cpu::Cpu;
use crate::{Error, Result};
use alloc::string::String;

/// y = a, and b behind it: `a + b`, broadcast against each other (ONNX `StringConcat`).
///
/// Shapes of a and b have one rank; an axis has one size or is 1 in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StringConcat;

impl StringConcat {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = a + b
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if the shapes cannot be broadcast.
    pub fn run<const R: usize>(
        &self,
        cpu: Cpu,
        a_shape: [usize; R],
        a: &[String],
        b_shape: [usize; R],
        b: &[String],
        y: &mut [String],
    ) -> Result<()> {
        Walk::fitting([&a_shape, &b_shape], y.len())?;
        self.run_known(cpu, a_shape, a, b_shape, b, y);
        Ok(())
    }

    /// a = a + b; the result has a's shape.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn run_in_place<const R: usize>(
        &self,
        cpu: Cpu,
        a_shape: [usize; R],
        a: &mut [String],
        b_shape: [usize; R],
        b: &[String],
    ) -> Result<()> {
        Walk::fitting([&a_shape, &b_shape], a.len())?;
        self.run_known_in_place(cpu, a_shape, a, b_shape, b);
        Ok(())
    }

    /// b = a + b; the result has b's shape.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn run_in_place_right<const R: usize>(
        &self,
        cpu: Cpu,
        a_shape: [usize; R],
        a: &[String],
        b_shape: [usize; R],
        b: &mut [String],
    ) -> Result<()> {
        Walk::fitting([&a_shape, &b_shape], b.len())?;
        self.run_known_in_place_right(cpu, a_shape, a, b_shape, b);
        Ok(())
    }

    /// y = a + b, for shapes that fit.
    pub fn run_known<const R: usize>(
        &self,
        _cpu: Cpu,
        a_shape: [usize; R],
        a: &[String],
        b_shape: [usize; R],
        b: &[String],
        y: &mut [String],
    ) {
        each_pair([&a_shape, &b_shape], y, |[at_a, at_b], y| {
            let (a, b) = (&a[at_a], &b[at_b]);
            y.clear();
            y.reserve(a.len() + b.len());
            y.push_str(a);
            y.push_str(b);
        });
    }

    /// a = a + b; the result has a's shape, for shapes that fit.
    pub fn run_known_in_place<const R: usize>(
        &self,
        _cpu: Cpu,
        a_shape: [usize; R],
        a: &mut [String],
        b_shape: [usize; R],
        b: &[String],
    ) {
        each_pair([&a_shape, &b_shape], a, |[_, at_b], a| a.push_str(&b[at_b]));
    }

    /// b = a + b; the result has b's shape, for shapes that fit.
    pub fn run_known_in_place_right<const R: usize>(
        &self,
        _cpu: Cpu,
        a_shape: [usize; R],
        a: &[String],
        b_shape: [usize; R],
        b: &mut [String],
    ) {
        each_pair([&a_shape, &b_shape], b, |[at_a, _], b| {
            b.insert_str(0, &a[at_a]);
        });
    }
}

/// Calls `f` for each element of y with the positions of what it comes from.
fn each_pair<const R: usize>(
    shapes: [&[usize; R]; 2],
    y: &mut [String],
    f: impl Fn([usize; 2], &mut String),
) {
    let walk = Walk::new(shapes);
    let [step_a, step_b] = walk.inner.steps;
    walk.rows(|[at_a, at_b], at_y| {
        for (k, y) in y[at_y..][..walk.inner.len].iter_mut().enumerate() {
            f([at_a + k * step_a, at_b + k * step_b], y);
        }
    });
}

/// y = the strings at places in a table: `names[x]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names<const N: usize> {
    /// The table.
    pub names: [&'static str; N],
}

impl<const N: usize> Names<N> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = names\[x\]
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] for a place that the table does not have.
    pub fn run(&self, _cpu: Cpu, x: &[i64], y: &mut [String]) -> Result<()> {
        for (&index, y) in x.iter().zip(y) {
            let name = usize::try_from(index).ok().and_then(|k| self.names.get(k));
            let name = name.ok_or(Error::IndexOutOfRange { index, size: N })?;
            y.clear();
            y.push_str(name);
        }
        Ok(())
    }
}

/// y = the place of each string in a table, N for one that is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places<const N: usize> {
    /// The table, in ascending order of its bytes.
    pub names: [&'static str; N],
}

impl<const N: usize> Places<N> {
    /// Checks that the table is in order.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub const fn checked(self) -> Self {
        let mut k = 1;
        while k < N {
            assert!(
                ascends(self.names[k - 1].as_bytes(), self.names[k].as_bytes()),
                "Places: names in ascending order"
            );
            k += 1;
        }
        self
    }

    /// y = the place of x in `names`.
    pub fn run(&self, _cpu: Cpu, x: &[String], y: &mut [i64]) {
        for (x, y) in x.iter().zip(y) {
            let place = self.names.binary_search(&x.as_str()).unwrap_or(N);
            *y = place as i64;
        }
    }
}

/// Whether `a` stands before `b`.
const fn ascends(a: &[u8], b: &[u8]) -> bool {
    let mut k = 0;
    while k < a.len() && k < b.len() {
        if a[k] != b[k] {
            return a[k] < b[k];
        }
        k += 1;
    }
    a.len() < b.len()
}

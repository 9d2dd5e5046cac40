//! Elementwise operators of one operand that are not only for floats (those are
//! [`Activation`](crate::activation::Activation)s), and limits known only when the model runs.

use crate::cpu::{Cpu, dispatch};
use crate::number::{Bits, Float, Number};

/// y = f(x) for every element, in code compiled for the machine's vectors.
#[inline(always)]
pub(crate) fn each<X: Copy, Y>(cpu: Cpu, x: &[X], y: &mut [Y], f: impl Fn(X) -> Y) {
    #[inline(always)]
    fn at<X: Copy, Y>(x: &[X], y: &mut [Y], f: impl Fn(X) -> Y) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = f(x);
        }
    }
    dispatch!(cpu.level, _ => at(x, y, &f));
}

/// x = f(x) for every element.
#[inline(always)]
fn each_in_place<X: Copy>(cpu: Cpu, x: &mut [X], f: impl Fn(X) -> X) {
    #[inline(always)]
    fn at<X: Copy>(x: &mut [X], f: impl Fn(X) -> X) {
        for x in x {
            *x = f(*x);
        }
    }
    dispatch!(cpu.level, _ => at(x, &f));
}

macro_rules! unary {
    ($($(#[$doc:meta])* $layer:ident [$bound:ident] $f:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $layer;

        impl $layer {
            /// Checks the parameters (there is nothing to check).
            #[must_use]
            pub const fn checked(self) -> Self {
                self
            }

            /// y = f(x); any shape, `x` and `y` have the same length.
            pub fn run<T: $bound>(&self, cpu: Cpu, x: &[T], y: &mut [T]) {
                each(cpu, x, y, $f);
            }

            /// x = f(x)
            pub fn run_in_place<T: $bound>(&self, cpu: Cpu, x: &mut [T]) {
                each_in_place(cpu, x, $f);
            }
        }
    )*};
}

unary! {
    /// y = |x|; the least integer stays as it is.
    Abs [Number] T::magnitude;
    /// y = −x
    Neg [Number] T::negated;
    /// y = −1, 0 or 1
    Sign [Number] T::signum_or_zero;
    /// y = max(x, 0)
    Relu [Number] |x| if x < T::ZERO { T::ZERO } else { x };
    /// y = ¬x, of booleans (ONNX `Not`) or bit by bit (`BitwiseNot`).
    Not [Bits] T::inverted;
}

/// y = min(max(x, min), max), with limits that may be known only when the model runs; `max` wins where it is below `min`.
#[derive(Debug, Clone, Copy)]
pub struct Clip;

impl Clip {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = min(max(x, min), max); each limit has one element. `x` and `y` have the same length.
    pub fn run<T: Number>(&self, cpu: Cpu, x: &[T], min: &[T], max: &[T], y: &mut [T]) {
        let (min, max) = (min[0], max[0]);
        each(
            cpu,
            x,
            y,
            #[inline(always)]
            |x| clip(x, min, max),
        );
    }

    /// x = min(max(x, min), max)
    pub fn run_in_place<T: Number>(&self, cpu: Cpu, x: &mut [T], min: &[T], max: &[T]) {
        let (min, max) = (min[0], max[0]);
        each_in_place(
            cpu,
            x,
            #[inline(always)]
            |x| clip(x, min, max),
        );
    }
}

/// NaN stays NaN.
#[inline(always)]
fn clip<T: Number>(x: T, min: T, max: T) -> T {
    let x = if x < min { min } else { x };
    if x > max { max } else { x }
}

/// y = (x is NaN)
#[derive(Debug, Clone, Copy)]
pub struct IsNaN;

impl IsNaN {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = (x is NaN); any shape, `x` and `y` have the same length.
    pub fn run<T: Float>(&self, cpu: Cpu, x: &[T], y: &mut [bool]) {
        each(cpu, x, y, T::is_not_a_number);
    }
}

/// y = (x is ∞ or −∞), each if wanted.
#[derive(Debug, Clone, Copy)]
pub struct IsInf {
    /// −∞ counts.
    pub detect_negative: bool,
    /// ∞ counts.
    pub detect_positive: bool,
}

impl IsInf {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = (x is an infinity that counts); any shape, `x` and `y` have the same length.
    pub fn run<T: Float>(&self, cpu: Cpu, x: &[T], y: &mut [bool]) {
        let (negative, positive) = (self.detect_negative, self.detect_positive);
        each(
            cpu,
            x,
            y,
            #[inline(always)]
            |x| negative && x == T::LOWEST || positive && x == T::HIGHEST,
        );
    }
}

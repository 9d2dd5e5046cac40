//! Elementwise operators of two operands, broadcast against each other as numpy does.
//!
//! Every layer's `run` takes each operand behind its shape. Both have one rank: axes are as long in both, or 1 in one of them (a symbolic
//! size may turn out to be 1). Where that is known only at run time, `run` returns a `Result`; shapes that are known to fit go to `run_known`. Shapes outermost first; the result has the longer size of each axis. All loops are one mechanism:
//! `Walk` finds the rows, `combine` runs one of three inner loops (both rows, or one value against a row).

mod power;

pub use power::{Pow, Power};

use crate::broadcast::Walk;
use crate::cpu::{Cpu, dispatch};
use crate::number::{Bits, Float, Number, Shifted};
use crate::{Error, Result};

/// Where the operands are; the result goes to a slice of its own, which in two cases is an operand before.
#[derive(Debug)]
pub enum Operands<'a, T> {
    /// y = f(a, b)
    Both(&'a [T], &'a [T]),
    /// y = f(y, b)
    Left(&'a [T]),
    /// y = f(a, y)
    Right(&'a [T]),
}

impl Walk<2> {
    /// y = f(a, b) over all rows.
    #[inline(always)]
    pub(crate) fn combine<A: Copy, B: Copy, Y>(
        &self,
        cpu: Cpu,
        a: &[A],
        b: &[B],
        y: &mut [Y],
        f: impl Fn(A, B) -> Y,
    ) {
        dispatch!(cpu.level, _ => self.combine_at(a, b, y, &f));
    }

    #[inline(always)]
    fn combine_at<A: Copy, B: Copy, Y>(
        &self,
        a: &[A],
        b: &[B],
        y: &mut [Y],
        f: impl Fn(A, B) -> Y,
    ) {
        let n = self.inner.len;
        self.rows(
            #[inline(always)]
            |[at_a, at_b], at_y| {
                let y = &mut y[at_y..][..n];
                match self.inner.steps {
                    [0, _] => {
                        let a = a[at_a];
                        for (y, &b) in y.iter_mut().zip(&b[at_b..][..n]) {
                            *y = f(a, b);
                        }
                    }
                    [_, 0] => {
                        let b = b[at_b];
                        for (y, &a) in y.iter_mut().zip(&a[at_a..][..n]) {
                            *y = f(a, b);
                        }
                    }
                    _ => {
                        for ((y, &a), &b) in y.iter_mut().zip(&a[at_a..][..n]).zip(&b[at_b..][..n])
                        {
                            *y = f(a, b);
                        }
                    }
                }
            },
        );
    }

    /// y = f(y, b) over all rows; the left operand has the result's shape.
    #[inline(always)]
    pub(crate) fn combine_in_place<Y: Copy, B: Copy>(
        &self,
        cpu: Cpu,
        b: &[B],
        y: &mut [Y],
        f: impl Fn(Y, B) -> Y,
    ) {
        dispatch!(cpu.level, _ => self.combine_in_place_at(b, y, &f));
    }

    #[inline(always)]
    fn combine_in_place_at<Y: Copy, B: Copy>(&self, b: &[B], y: &mut [Y], f: impl Fn(Y, B) -> Y) {
        let n = self.inner.len;
        self.rows(
            #[inline(always)]
            |[_, at_b], at_y| {
                let y = &mut y[at_y..][..n];
                if self.inner.steps[1] == 0 {
                    let b = b[at_b];
                    for y in y {
                        *y = f(*y, b);
                    }
                } else {
                    for (y, &b) in y.iter_mut().zip(&b[at_b..][..n]) {
                        *y = f(*y, b);
                    }
                }
            },
        );
    }

    /// `combine`, or in place, as `x` says. The plan's first operand is the one that `f` takes first, except for
    /// [`Operands::Right`], where it is the one in `y`.
    #[inline(always)]
    fn apply<T: Copy>(&self, cpu: Cpu, x: Operands<'_, T>, y: &mut [T], f: impl Fn(T, T) -> T) {
        match x {
            Operands::Both(a, b) => self.combine(cpu, a, b, y, f),
            Operands::Left(b) => self.combine_in_place(cpu, b, y, f),
            Operands::Right(a) => self.combine_in_place(
                cpu,
                a,
                y,
                #[inline(always)]
                |y, a| f(a, y),
            ),
        }
    }
}

/// Integer division by any zero is refused before anything is written.
fn refuse_zero<T: Number>(divisors: &[T]) -> Result<()> {
    if T::INTEGER && divisors.contains(&T::ZERO) {
        return Err(Error::DivisionByZero);
    }
    Ok(())
}

fn accept<T>(_: &[T]) -> Result<()> {
    Ok(())
}

/// The three ways to run a layer of two operands of one type, for shapes that may not fit and for such that do. `$rows` is
/// `|cpu, walk, operands, y| …`; `$check` may refuse the right operand, of elements that are not `$known`.
macro_rules! runs {
    ([$($bound:tt)*] [$($known:tt)*] $check:expr, |$this:ident, $cpu:ident, $walk:ident, $x:ident, $y:ident| $rows:expr) => {
        /// Checks the parameters.
        #[must_use]
        pub const fn checked(self) -> Self {
            self
        }

        /// y = f(a, b)
        ///
        /// # Errors
        /// [`Error::SizeMismatch`] if the shapes cannot be broadcast; [`Error::DivisionByZero`] for integers.
        pub fn run<T: $($bound)*, const R: usize>(&self, cpu: Cpu, a_shape: [usize; R], a: &[T], b_shape: [usize; R], b: &[T], y: &mut [T]) -> Result<()> {
            let walk = Walk::fitting([&a_shape, &b_shape], y.len())?;
            $check(b)?;
            let ($this, $cpu, $walk, $x, $y) = (self, cpu, &walk, Operands::Both(a, b), y);
            $rows;
            Ok(())
        }

        /// a = f(a, b); the result has a's shape
        ///
        /// # Errors
        /// As for [`run`](Self::run).
        pub fn run_in_place<T: $($bound)*, const R: usize>(&self, cpu: Cpu, a_shape: [usize; R], a: &mut [T], b_shape: [usize; R], b: &[T]) -> Result<()> {
            let walk = Walk::fitting([&a_shape, &b_shape], a.len())?;
            $check(b)?;
            let ($this, $cpu, $walk, $x, $y) = (self, cpu, &walk, Operands::Left(b), a);
            $rows;
            Ok(())
        }

        /// b = f(a, b); the result has b's shape
        ///
        /// # Errors
        /// As for [`run`](Self::run).
        pub fn run_in_place_right<T: $($bound)*, const R: usize>(&self, cpu: Cpu, a_shape: [usize; R], a: &[T], b_shape: [usize; R], b: &mut [T]) -> Result<()> {
            let walk = Walk::fitting([&b_shape, &a_shape], b.len())?;
            $check(b)?;
            let ($this, $cpu, $walk, $x, $y) = (self, cpu, &walk, Operands::Right(a), b);
            $rows;
            Ok(())
        }

        /// y = f(a, b), for shapes that fit.
        pub fn run_known<T: $($known)*, const R: usize>(&self, cpu: Cpu, a_shape: [usize; R], a: &[T], b_shape: [usize; R], b: &[T], y: &mut [T]) {
            let walk = Walk::new([&a_shape, &b_shape]);
            let ($this, $cpu, $walk, $x, $y) = (self, cpu, &walk, Operands::Both(a, b), y);
            $rows;
        }

        /// a = f(a, b); the result has a's shape, for shapes that fit.
        pub fn run_known_in_place<T: $($known)*, const R: usize>(&self, cpu: Cpu, a_shape: [usize; R], a: &mut [T], b_shape: [usize; R], b: &[T]) {
            let walk = Walk::new([&a_shape, &b_shape]);
            let ($this, $cpu, $walk, $x, $y) = (self, cpu, &walk, Operands::Left(b), a);
            $rows;
        }

        /// b = f(a, b); the result has b's shape, for shapes that fit.
        pub fn run_known_in_place_right<T: $($known)*, const R: usize>(&self, cpu: Cpu, a_shape: [usize; R], a: &[T], b_shape: [usize; R], b: &mut [T]) {
            let walk = Walk::new([&b_shape, &a_shape]);
            let ($this, $cpu, $walk, $x, $y) = (self, cpu, &walk, Operands::Right(a), b);
            $rows;
        }
    };
}

/// Layers of arithmetic. Their loops are default methods of [`Arithmetic`], compiled where a model uses them, except for
/// f32, whose loops are compiled once, in this crate.
macro_rules! arithmetic {
    ($($(#[$doc:meta])* $layer:ident $method:ident [$($known:tt)*] = $function:expr, $check:expr;)*) => {
        /// Elements that the layers of this module calculate with: every [`Number`].
        pub trait Arithmetic: Number {
            $(
                #[doc(hidden)]
                fn $method(cpu: Cpu, walk: &Walk<2>, x: Operands<'_, Self>, y: &mut [Self]) {
                    walk.apply(cpu, x, y, $function);
                }
            )*
        }

        impl Arithmetic for f32 {
            $(
                fn $method(cpu: Cpu, walk: &Walk<2>, x: Operands<'_, Self>, y: &mut [Self]) {
                    walk.apply(cpu, x, y, $function);
                }
            )*
        }

        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $layer;

            impl $layer {
                runs!([Arithmetic] [$($known)*] $check, |_this, cpu, walk, x, y| T::$method(cpu, walk, x, y));
            }
        )*
    };
}

arithmetic! {
    /// y = a + b
    Add add_rows [Arithmetic] = Self::plus, accept;
    /// y = a − b
    Sub sub_rows [Arithmetic] = Self::minus, accept;
    /// y = a · b
    Mul mul_rows [Arithmetic] = Self::times, accept;
    /// y = a / b; integers are truncated.
    Div div_rows [Arithmetic + Float] = Self::over, refuse_zero;
    /// y = max(a, b); NaN if either is.
    Max max_rows [Arithmetic] = Self::larger, accept;
    /// y = min(a, b); NaN if either is.
    Min min_rows [Arithmetic] = Self::smaller, accept;
    /// y = a − b·trunc(a / b), with the sign of a (ONNX `Mod` with `fmod = 1`).
    Remainder remainder_rows [Arithmetic + Float] = Self::remainder, refuse_zero;
    /// y = a − b·floor(a / b), with the sign of b (ONNX `Mod` with `fmod = 0`).
    Modulo modulo_rows [Arithmetic + Float] = Self::modulo, refuse_zero;
    /// y = a where a ≥ 0, a·b below (b is the slope; ONNX `PRelu`).
    PRelu prelu_rows [Arithmetic] = prelu, accept;
}

#[inline(always)]
fn prelu<T: Number>(a: T, slope: T) -> T {
    if a < T::ZERO { a.times(slope) } else { a }
}

macro_rules! default_arithmetic {
    ($($t:ty)*) => {$( impl Arithmetic for $t {} )*};
}
default_arithmetic!(u8 u16 u32 u64 i8 i16 i32 i64 f64 crate::F16 crate::Bf16);

macro_rules! bitwise {
    ($($(#[$doc:meta])* $layer:ident = $function:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $layer;

        impl $layer {
            runs!([Bits] [Bits] accept, |_this, cpu, walk, x, y| walk.apply(cpu, x, y, T::$function));
        }
    )*};
}

bitwise! {
    /// y = a ∧ b: of booleans (ONNX `And`) or bit by bit (`BitwiseAnd`).
    And = and;
    /// y = a ∨ b: of booleans (ONNX `Or`) or bit by bit (`BitwiseOr`).
    Or = or;
    /// y = a ⊕ b: of booleans (ONNX `Xor`) or bit by bit (`BitwiseXor`).
    Xor = xor;
}

/// y = a · 2ᵇ or a / 2ᵇ (ONNX `BitShift`), 0 once all bits are out.
#[derive(Debug, Clone, Copy)]
pub struct BitShift {
    /// Towards the greater values.
    pub left: bool,
}

impl BitShift {
    runs!([Shifted] [Shifted] accept, |this, cpu, walk, x, y| if this.left {
        walk.apply(cpu, x, y, T::left);
    } else {
        walk.apply(cpu, x, y, T::right);
    });
}

macro_rules! comparisons {
    ($($(#[$doc:meta])* $layer:ident [$($bound:tt)*] $f:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $layer;

        impl $layer {
            /// Checks the parameters (there is nothing to check).
            #[must_use]
            pub const fn checked(self) -> Self {
                self
            }

            /// y = f(a, b)
            ///
            /// # Errors
            /// [`Error::SizeMismatch`] if the shapes cannot be broadcast.
            pub fn run<T: $($bound)*, const R: usize>(&self, cpu: Cpu, a_shape: [usize; R], a: &[T], b_shape: [usize; R], b: &[T], y: &mut [bool]) -> Result<()> {
                Walk::fitting([&a_shape, &b_shape], y.len())?;
                self.run_known(cpu, a_shape, a, b_shape, b, y);
                Ok(())
            }

            /// y = f(a, b), for shapes that fit.
            pub fn run_known<T: $($bound)*, const R: usize>(&self, cpu: Cpu, a_shape: [usize; R], a: &[T], b_shape: [usize; R], b: &[T], y: &mut [bool]) {
                Walk::new([&a_shape, &b_shape]).combine(
                    cpu,
                    a,
                    b,
                    y,
                    #[inline(always)]
                    |a, b| $f(&a, &b),
                );
            }
        }
    )*};
}

comparisons! {
    /// y = (a = b); NaN equals nothing.
    Equal [Copy + PartialEq] T::eq;
    /// y = (a < b); false where either is NaN.
    Less [Copy + PartialOrd] T::lt;
    /// y = (a ≤ b); false where either is NaN.
    LessOrEqual [Copy + PartialOrd] T::le;
    /// y = (a > b); false where either is NaN.
    Greater [Copy + PartialOrd] T::gt;
    /// y = (a ≥ b); false where either is NaN.
    GreaterOrEqual [Copy + PartialOrd] T::ge;
}

/// y = scale·(a₀ + a₁ + … ) step by step: this layer is one step of ONNX `Mean`'s last addition, y = (a + b)·scale.
#[derive(Debug, Clone, Copy)]
pub struct AddScaled {
    /// 1 / (number of operands of the mean).
    pub scale: f32,
}

impl AddScaled {
    runs!([Float] [Float] accept, |this, cpu, walk, x, y| {
        let scale = T::from_f32(this.scale);
        walk.apply(
            cpu,
            x,
            y,
            #[inline(always)]
            |a, b| a.plus(b).times(scale),
        );
    });
}

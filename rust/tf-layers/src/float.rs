//! Functions of floats that `core` lacks, through `libm`: with the standard library, floats have them as methods.

/// The methods of the standard library by the same names.
pub(crate) trait Float: Sized {
    fn acos(self) -> Self;
    fn acosh(self) -> Self;
    fn asin(self) -> Self;
    fn asinh(self) -> Self;
    fn atan(self) -> Self;
    fn atanh(self) -> Self;
    fn ceil(self) -> Self;
    fn cos(self) -> Self;
    fn cosh(self) -> Self;
    fn exp(self) -> Self;
    fn exp_m1(self) -> Self;
    fn floor(self) -> Self;
    fn ln(self) -> Self;
    fn ln_1p(self) -> Self;
    fn powf(self, exponent: Self) -> Self;
    fn round(self) -> Self;
    fn round_ties_even(self) -> Self;
    fn sin(self) -> Self;
    fn sinh(self) -> Self;
    fn sqrt(self) -> Self;
    fn tan(self) -> Self;
    fn tanh(self) -> Self;
}

macro_rules! through_libm {
    ($t:ty: $($method:ident $function:ident,)*; $power:ident) => {
        impl Float for $t {
            $(#[inline]
            fn $method(self) -> Self {
                libm::$function(self)
            })*
            #[inline]
            fn powf(self, exponent: Self) -> Self {
                libm::$power(self, exponent)
            }
        }
    };
}
through_libm! {
    f32: acos acosf, acosh acoshf, asin asinf, asinh asinhf, atan atanf, atanh atanhf, ceil ceilf, cos cosf, cosh coshf, exp expf,
        exp_m1 expm1f, floor floorf, ln logf, ln_1p log1pf, round roundf, round_ties_even rintf, sin sinf, sinh sinhf, sqrt sqrtf,
        tan tanf, tanh tanhf,; powf
}
through_libm! {
    f64: acos acos, acosh acosh, asin asin, asinh asinh, atan atan, atanh atanh, ceil ceil, cos cos, cosh cosh, exp exp,
        exp_m1 expm1, floor floor, ln log, ln_1p log1p, round round, round_ties_even rint, sin sin, sinh sinh, sqrt sqrt,
        tan tan, tanh tanh,; pow
}

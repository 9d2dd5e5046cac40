//! Comparing arrays with a reference: what generated tests assert.

use crate::npz::{Array, Data};

/// How far floating-point results may be from the reference: |a − b| ≤ rtol · |b| + atol · max |b|.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Relative to each element.
    pub rtol: f64,
    /// Relative to the largest finite element of the reference.
    pub atol: f64,
}

/// Asserts that `actual` is `expected` within the tolerance; types must be equal, and so must everything that is not
/// floating point. NaN equals NaN, infinities equal themselves.
///
/// Shapes may differ in how they are flattened (references hold one row a sample), never in the number of elements.
///
/// # Panics
/// If they differ, with the output's name, the worst index and both values.
#[track_caller]
pub fn assert_close(actual: &Array, expected: &Array, tolerance: Tolerance) {
    let name = &actual.name;
    let (a, b) = (floats(&actual.data), floats(&expected.data));
    match (a, b) {
        (Some(a), Some(b)) => floats_close(name, &a, &b, tolerance),
        _ => assert!(
            actual.data == expected.data,
            "output `{name}` is not what the reference computed"
        ),
    }
}

/// [`assert_close`] for quantised models, whose references are uncertain themselves: everything may be off by `slack` more, integers too.
///
/// # Panics
/// As [`assert_close`].
#[track_caller]
pub fn assert_near(actual: &Array, expected: &Array, tolerance: Tolerance, slack: f64) {
    let Tolerance { rtol, atol } = tolerance;
    match (floats(&actual.data), floats(&expected.data)) {
        (Some(a), Some(b)) => {
            floats_within(&actual.name, &a, &b, rtol, atol * largest(&b) + slack);
        }
        _ => match (bytes(&actual.data), bytes(&expected.data)) {
            (Some(a), Some(b)) => floats_within(&actual.name, &a, &b, 0.0, slack),
            _ => assert_close(actual, expected, tolerance),
        },
    }
}

/// [`assert_close`] with an absolute tolerance: |a − b| ≤ atol + rtol · |b|, as numpy's `assert_allclose` has it.
///
/// # Panics
/// As [`assert_close`].
#[track_caller]
pub fn assert_within(actual: &Array, expected: &Array, rtol: f64, atol: f64) {
    match (floats(&actual.data), floats(&expected.data)) {
        (Some(a), Some(b)) => floats_within(&actual.name, &a, &b, rtol, atol),
        _ => assert!(
            actual.data == expected.data,
            "output `{}` is {:?}, the reference computed {:?}",
            actual.name,
            actual.data,
            expected.data
        ),
    }
}

#[track_caller]
fn floats_close(name: &str, a: &[f64], b: &[f64], Tolerance { rtol, atol }: Tolerance) {
    floats_within(name, a, b, rtol, atol * largest(b));
}

/// The largest finite magnitude.
fn largest(values: &[f64]) -> f64 {
    let finite = values.iter().filter(|v| v.is_finite());
    finite.fold(0.0, |m: f64, v| m.max(v.abs()))
}

#[track_caller]
fn floats_within(name: &str, a: &[f64], b: &[f64], rtol: f64, atol: f64) {
    assert_eq!(a.len(), b.len(), "output `{name}`: number of elements");
    let excess = |(a, b): (&f64, &f64)| {
        if a == b || (a.is_nan() && b.is_nan()) {
            f64::NEG_INFINITY
        } else if a.is_finite() && b.is_finite() {
            (a - b).abs() - (rtol * b.abs() + atol)
        } else {
            f64::INFINITY
        }
    };
    let worst = a
        .iter()
        .zip(b)
        .map(excess)
        .enumerate()
        .max_by(|x, y| x.1.total_cmp(&y.1));
    if let Some((k, e)) = worst {
        assert!(
            e <= 0.0,
            "output `{name}`: element {k} is {}, the reference computed {}",
            a[k],
            b[k]
        );
    }
}

fn floats(data: &Data) -> Option<Vec<f64>> {
    match data {
        Data::F32(v) => Some(v.iter().map(|&x| f64::from(x)).collect()),
        Data::F64(v) => Some(v.clone()),
        Data::F16(v) => Some(v.iter().map(|&bits| f16_to_f64(bits)).collect()),
        _ => None,
    }
}

fn bytes(data: &Data) -> Option<Vec<f64>> {
    match data {
        Data::U8(v) => Some(v.iter().map(|&x| f64::from(x)).collect()),
        Data::I8(v) => Some(v.iter().map(|&x| f64::from(x)).collect()),
        _ => None,
    }
}

/// The number that the 16 bits of an IEEE half stand for.
fn f16_to_f64(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

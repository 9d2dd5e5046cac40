//! Broadcasting operators against loops over indices, in f64 or in integers.

mod draws;

use draws::{Rng, levels};
use tf_layers::binary::*;
use tf_layers::number::{Bits, Number};
use tf_layers::{Bf16, Cpu, Error, F16};

/// f32 arithmetic is one rounding away from f64's.
const BUDGET: f64 = f32::EPSILON as f64;

/// Indices into operands of these shapes for every element of the result, in order.
fn indices<const R: usize>(a: [usize; R], b: [usize; R]) -> Vec<(usize, usize)> {
    let shape: Vec<usize> = a
        .iter()
        .zip(&b)
        .map(|(&a, &b)| if a == 1 { b } else { a })
        .collect();
    let at = |operand: [usize; R], mut index: usize| {
        let (mut position, mut step) = (0, 1);
        for axis in (0..R).rev() {
            let i = index % shape[axis];
            index /= shape[axis];
            if operand[axis] != 1 {
                position += i * step;
            }
            step *= operand[axis];
        }
        position
    };
    (0..shape.iter().product())
        .map(|i| (at(a, i), at(b, i)))
        .collect()
}

/// Pairs of shapes: same, scalar, row, column, bias of channels, both sides repeated, ones, empty, tails.
fn shapes() -> Vec<([usize; 4], [usize; 4])> {
    let mut shapes = vec![
        ([1, 1, 1, 1], [1, 1, 1, 1]),
        ([2, 3, 5, 7], [2, 3, 5, 7]),
        ([2, 3, 5, 7], [1, 1, 1, 1]),
        ([2, 3, 5, 33], [1, 1, 1, 33]),
        ([2, 3, 5, 33], [2, 3, 5, 1]),
        ([2, 3, 5, 4], [1, 3, 1, 1]),
        ([2, 1, 5, 1], [1, 3, 1, 17]),
        ([1, 3, 1, 17], [2, 1, 5, 1]),
        ([0, 3, 2, 1], [1, 3, 1, 5]),
        ([2, 3, 2, 3], [2, 1, 2, 1]),
    ];
    for n in [0, 1, 7, 8, 9, 15, 16, 17, 64, 65] {
        shapes.push(([1, 1, 2, n], [1, 1, 1, n]));
    }
    let mut rng = Rng::new(3);
    for _ in 0..40 {
        let (mut a, mut b) = ([1; 4], [1; 4]);
        for axis in 0..4 {
            let n = rng.size(1, 6);
            let kind = rng.size(0, 3);
            (a[axis], b[axis]) = (if kind == 1 { 1 } else { n }, if kind == 2 { 1 } else { n });
        }
        shapes.push((a, b));
    }
    shapes
}

macro_rules! check {
    ($layer:expr, $t:ty, $random:expr, $exact:expr, $same:expr) => {
        let mut rng = Rng::new(5);
        for cpu in levels() {
            for (a_shape, b_shape) in shapes() {
                let len = |shape: [usize; 4]| shape.iter().product::<usize>();
                let a: Vec<$t> = (0..len(a_shape)).map(|_| $random(&mut rng)).collect();
                let b: Vec<$t> = (0..len(b_shape)).map(|_| $random(&mut rng)).collect();
                let want: Vec<$t> = indices(a_shape, b_shape)
                    .into_iter()
                    .map(|(i, j)| $exact(a[i], b[j]))
                    .collect();
                let what = format!(
                    "{} {a_shape:?} {b_shape:?} at {}",
                    stringify!($layer),
                    cpu.name()
                );
                let mut y = vec![<$t>::default(); want.len()];
                $layer
                    .checked()
                    .run(cpu, a_shape, &a, b_shape, &b, &mut y)
                    .expect(&what);
                for (y, want) in y.iter().zip(&want) {
                    assert!($same(*y, *want), "{what}: {y:?}, not {want:?}");
                }
                if a.len() == want.len() {
                    let mut a = a.clone();
                    $layer
                        .run_in_place(cpu, a_shape, &mut a, b_shape, &b)
                        .expect(&what);
                    assert!(
                        a.iter().zip(&y).all(|(a, y)| $same(*a, *y)),
                        "{what} in place"
                    );
                }
                if b.len() == want.len() {
                    let mut b = b.clone();
                    $layer
                        .run_in_place_right(cpu, a_shape, &a, b_shape, &mut b)
                        .expect(&what);
                    assert!(
                        b.iter().zip(&y).all(|(b, y)| $same(*b, *y)),
                        "{what} in place, right"
                    );
                }
            }
        }
    };
}

fn random_f32(rng: &mut Rng) -> f32 {
    if rng.size(0, 50) == 0 {
        f32::NAN
    } else {
        rng.float(-9.0, 9.0)
    }
}

fn close(got: f32, want: f32) -> bool {
    got.is_nan() && want.is_nan()
        || got == want
        || (f64::from(got) - f64::from(want)).abs() <= BUDGET * f64::from(want).abs()
}

#[test]
fn floats() {
    fn wide(f: impl Fn(f64, f64) -> f64) -> impl Fn(f32, f32) -> f32 {
        move |a, b| f(f64::from(a), f64::from(b)) as f32
    }
    let larger = |a: f32, b: f32| {
        if a.is_nan() || b.is_nan() {
            f32::NAN
        } else {
            a.max(b)
        }
    };
    let smaller = |a: f32, b: f32| {
        if a.is_nan() || b.is_nan() {
            f32::NAN
        } else {
            a.min(b)
        }
    };
    check!(Add, f32, random_f32, wide(|a, b| a + b), close);
    check!(Sub, f32, random_f32, wide(|a, b| a - b), close);
    check!(Mul, f32, random_f32, wide(|a, b| a * b), close);
    check!(Div, f32, random_f32, wide(|a, b| a / b), close);
    check!(Max, f32, random_f32, larger, close);
    check!(Min, f32, random_f32, smaller, close);
    check!(Remainder, f32, random_f32, wide(|a, b| a % b), close);
    check!(
        PRelu,
        f32,
        random_f32,
        wide(|a, b| if a < 0.0 { a * b } else { a }),
        close
    );
    check!(
        AddScaled { scale: 0.25 },
        f32,
        random_f32,
        wide(|a, b| (a + b) * 0.25),
        |a: f32, b: f32| close(a, b) || (a - b).abs() < 1e-6
    );
    check!(
        Add,
        f64,
        |rng: &mut Rng| f64::from(rng.float(-9.0, 9.0)),
        |a, b| a + b,
        |a: f64, b: f64| a == b
    );
}

#[test]
fn halves() {
    fn random(rng: &mut Rng) -> f32 {
        rng.float(-9.0, 9.0)
    }
    check!(
        Add,
        F16,
        |r: &mut Rng| F16::from_f32(random(r)),
        |a: F16, b: F16| F16::from_f32(a.to_f32() + b.to_f32()),
        |a: F16, b| a == b
    );
    check!(
        Mul,
        Bf16,
        |r: &mut Rng| Bf16::from_f32(random(r)),
        |a: Bf16, b: Bf16| Bf16::from_f32(a.to_f32() * b.to_f32()),
        |a: Bf16, b| a == b
    );
}

#[test]
fn integers() {
    let eq = |a: i32, b: i32| a == b;
    let any = |rng: &mut Rng| rng.bits() as i32;
    let small = |rng: &mut Rng| rng.size(0, 20) as i32 - 10;
    let divisor = |rng: &mut Rng| small(rng) * 2 + 1;
    check!(Add, i32, any, i32::wrapping_add, eq);
    check!(Sub, i32, any, i32::wrapping_sub, eq);
    check!(Mul, i32, any, i32::wrapping_mul, eq);
    check!(Div, i32, divisor, |a: i32, b: i32| a / b, eq);
    check!(Remainder, i32, divisor, |a: i32, b: i32| a % b, eq);
    check!(
        Modulo,
        i32,
        divisor,
        |a: i32, b: i32| a - b * (f64::from(a) / f64::from(b)).floor() as i32,
        eq
    );
    check!(Max, i32, any, i32::max, eq);
    check!(And, i32, any, |a, b| a & b, eq);
    check!(Or, i32, any, |a, b| a | b, eq);
    check!(
        Xor,
        bool,
        |rng: &mut Rng| rng.size(0, 2) == 1,
        |a, b| a != b,
        |a: bool, b| a == b
    );
    let shifted = |rng: &mut Rng| rng.size(0, 40) as u32;
    check!(
        BitShift { left: true },
        u32,
        shifted,
        |a: u32, b| a.checked_shl(b).unwrap_or(0),
        |a: u32, b| a == b
    );
    check!(
        BitShift { left: false },
        u32,
        shifted,
        |a: u32, b| a.checked_shr(b).unwrap_or(0),
        |a: u32, b| a == b
    );
    let mut y = [0i8; 4];
    BitShift { left: false }
        .run(
            Cpu::new(),
            [4],
            &[-8, -8, 64, 64],
            [4],
            &[1, 100, 3, 100],
            &mut y,
        )
        .expect("shapes fit");
    assert_eq!(y, [-4, -1, 8, 0]);
    // The one quotient that overflows wraps.
    let mut y = [0];
    Div.run(Cpu::new(), [1], &[i32::MIN], [1], &[-1], &mut y)
        .expect("no zero");
    assert_eq!(y, [i32::MIN]);
    assert_eq!(Number::modulo(-7i8, 3), 2);
    assert_eq!(Number::modulo(7i64, -3), -2);
    assert_eq!(Number::modulo(-7.5f32, 2.0), 0.5);
    assert_eq!(Bits::inverted(0u8), 255);
}

#[test]
fn refusals() {
    let (cpu, mut y) = (Cpu::new(), [0; 4]);
    assert_eq!(
        Div.run(cpu, [4], &[1, 2, 3, 4], [1], &[0], &mut y),
        Err(Error::DivisionByZero)
    );
    let mismatch = Add.run(cpu, [4], &[1, 2, 3, 4], [3], &[1, 2, 3], &mut y);
    assert_eq!(
        mismatch,
        Err(Error::SizeMismatch {
            what: "broadcast",
            left: 4,
            right: 3
        })
    );
    assert!(
        Add.run_in_place(cpu, [1], &mut [1], [4], &[1, 2, 3, 4])
            .is_err()
    );
}

#[test]
fn shapes_that_are_known_to_fit() {
    let mut rng = Rng::new(9);
    for cpu in levels() {
        for (a_shape, b_shape) in shapes() {
            let mut some = |shape: [usize; 4]| -> Vec<f32> {
                (0..shape.iter().product())
                    .map(|_| random_f32(&mut rng))
                    .collect()
            };
            let (a, b) = (some(a_shape), some(b_shape));
            let want: Vec<u32> = indices(a_shape, b_shape)
                .into_iter()
                .map(|(i, j)| (a[i] / b[j]).to_bits())
                .collect();
            let same = |y: &[f32]| {
                y.iter()
                    .zip(&want)
                    .all(|(y, &w)| y.to_bits() == w || (y.is_nan() && f32::from_bits(w).is_nan()))
            };
            let mut y = vec![0.0; want.len()];
            Div.run_known(cpu, a_shape, &a, b_shape, &b, &mut y);
            assert!(same(&y), "{a_shape:?} {b_shape:?}");
            if a.len() == want.len() {
                y.copy_from_slice(&a);
                Div.run_known_in_place(cpu, a_shape, &mut y, b_shape, &b);
                assert!(same(&y), "{a_shape:?} {b_shape:?} in place");
            }
            if b.len() == want.len() {
                y.copy_from_slice(&b);
                Div.run_known_in_place_right(cpu, a_shape, &a, b_shape, &mut y);
                assert!(same(&y), "{a_shape:?} {b_shape:?} in place, right");
            }
        }
    }
}

#[test]
fn comparisons() {
    let mut rng = Rng::new(7);
    for cpu in levels() {
        for (a_shape, b_shape) in shapes() {
            let mut some = |shape: [usize; 4]| -> Vec<f32> {
                (0..shape.iter().product())
                    .map(|_| {
                        if rng.size(0, 9) == 0 {
                            f32::NAN
                        } else {
                            rng.size(0, 3) as f32
                        }
                    })
                    .collect()
            };
            let (a, b) = (some(a_shape), some(b_shape));
            let pairs = indices(a_shape, b_shape);
            let mut y = vec![false; pairs.len()];
            macro_rules! compare {
                ($layer:ident, $op:tt) => {
                    $layer.checked().run(cpu, a_shape, &a, b_shape, &b, &mut y).expect("shapes fit");
                    let want: Vec<bool> = pairs.iter().map(|&(i, j)| a[i] $op b[j]).collect();
                    assert_eq!(y, want, "{} {a_shape:?} {b_shape:?}", stringify!($layer));
                };
            }
            compare!(Equal, ==);
            compare!(Less, <);
            compare!(LessOrEqual, <=);
            compare!(Greater, >);
            compare!(GreaterOrEqual, >=);
        }
    }
}

#[test]
fn powers() {
    for cpu in levels() {
        let a = [1.5f32, 2.0, 3.0, -2.0, 0.0];
        let mut y = [0.0; 5];
        for exponent in [2.0f32, 3.0, 0.0, -1.0] {
            Pow.run(cpu, [5], &a, [1], &[exponent], &mut y)
                .expect("shapes fit");
            for (a, y) in a.iter().zip(y) {
                assert!(
                    close(y, f64::from(*a).powf(exponent.into()) as f32),
                    "{a}^{exponent} = {y}"
                );
            }
            let mut in_place = a;
            Pow.run_in_place(cpu, [5], &mut in_place, [1], &[exponent])
                .expect("shapes fit");
            assert_eq!(in_place, y);
        }
        let mut y = [0i64; 3];
        Pow.run(cpu, [3], &[2i64, 3, -2], [3], &[10.0f32, 2.0, 3.0], &mut y)
            .expect("shapes fit");
        assert_eq!(y, [1024, 9, -8]);
    }
}

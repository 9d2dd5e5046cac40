//! Reductions against loops in f64, over every set of axes.

mod draws;

use draws::{Rng, levels};
use tf_layers::reduce::{Reduce, Reduction};
use tf_layers::{Cpu, F16};

/// Error allowed, relative to Σ|terms|: the rounding of the result, and of a block's sum.
const BUDGET: f64 = 2.0 * f32::EPSILON as f64;

const ALL: [Reduction; 10] = [
    Reduction::Sum,
    Reduction::Mean,
    Reduction::Max,
    Reduction::Min,
    Reduction::Prod,
    Reduction::SumSquare,
    Reduction::L1,
    Reduction::L2,
    Reduction::LogSum,
    Reduction::LogSumExp,
];

/// (the reduction of `x` in f64, the scale of its rounding errors)
fn exact(reduction: Reduction, x: &[f64]) -> (f64, f64) {
    let sum = |f: fn(f64) -> f64| x.iter().map(|&x| f(x)).sum::<f64>();
    let size = sum(f64::abs);
    let n = x.len() as f64;
    let nan = x.iter().any(|x| x.is_nan());
    let or_nan = |y: f64| if nan { f64::NAN } else { y };
    let max = or_nan(x.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    match reduction {
        Reduction::Sum => (sum(|x| x), size),
        Reduction::Mean => (sum(|x| x) / n, size / n),
        Reduction::Max => (max, 0.0),
        Reduction::Min => (or_nan(x.iter().copied().fold(f64::INFINITY, f64::min)), 0.0),
        Reduction::Prod => (x.iter().product(), 0.0),
        Reduction::SumSquare => (sum(|x| x * x), 0.0),
        Reduction::L1 => (size, 0.0),
        Reduction::L2 => (sum(|x| x * x).sqrt(), 0.0),
        Reduction::LogSum => (sum(|x| x).ln(), 1.0 + size / sum(|x| x).abs()),
        Reduction::LogSumExp => {
            let offset = if max.is_finite() { max } else { 0.0 };
            let y = offset + x.iter().map(|x| (x - offset).exp()).sum::<f64>().ln();
            (y, 1.0)
        }
        _ => unreachable!("every reduction is listed"),
    }
}

/// The elements that make each result, in the order of the results.
fn groups<const R: usize>(shape: [usize; R], axes: [bool; R]) -> Vec<Vec<usize>> {
    let kept: usize = shape
        .iter()
        .zip(axes)
        .filter(|(_, reduce)| !reduce)
        .map(|(n, _)| n)
        .product();
    let mut groups = vec![Vec::new(); kept];
    for i in 0..shape.iter().product() {
        let (mut rest, mut to, mut step) = (i, 0, 1);
        for axis in (0..R).rev() {
            if !axes[axis] {
                to += rest % shape[axis] * step;
                step *= shape[axis];
            }
            rest /= shape[axis];
        }
        groups[to].push(i);
    }
    groups
}

fn check<const R: usize>(
    cpu: Cpu,
    reduction: Reduction,
    shape: [usize; R],
    axes: [bool; R],
    x: &[f32],
) {
    let groups = groups(shape, axes);
    let mut y = vec![7.0; groups.len()];
    Reduce { reduction, axes }
        .checked()
        .run(cpu, shape, x, &mut y);
    for (y, group) in y.iter().zip(&groups) {
        let elements: Vec<f64> = group.iter().map(|&i| f64::from(x[i])).collect();
        let (want, scale) = exact(reduction, &elements);
        let fine = f64::from(*y) == want
            || y.is_nan() && want.is_nan()
            || (f64::from(*y) - want).abs()
                <= BUDGET * want.abs().max(scale).max(f64::from(f32::MIN_POSITIVE));
        assert!(
            fine,
            "{reduction:?} {shape:?} {axes:?} at {}: {y:e}, not {want:e}",
            cpu.name()
        );
    }
}

#[test]
fn all_axes_shapes_and_tails() {
    let mut rng = Rng::new(1);
    for cpu in levels() {
        for reduction in ALL {
            for shape in [
                [2, 3, 4, 5],
                [3, 1, 2, 17],
                [1, 70, 1, 3],
                [2, 2, 65, 1],
                [0, 3, 2, 4],
                [2, 0, 3, 2],
            ] {
                let x = rng.floats(shape.iter().product(), 0.1, 1.5);
                for mask in 0..16 {
                    check(
                        cpu,
                        reduction,
                        shape,
                        [0, 1, 2, 3].map(|axis| mask >> axis & 1 == 1),
                        &x,
                    );
                }
            }
            for n in [0, 1, 3, 4, 5, 15, 16, 17, 63, 64, 65, 127, 130, 300] {
                let x = rng.floats(3 * n, -0.5, 1.5);
                check(cpu, reduction, [3, n], [false, true], &x);
                check(cpu, reduction, [n, 3], [true, false], &x);
                check(cpu, reduction, [3, n], [true, false], &x);
            }
        }
    }
}

#[test]
fn long_sums_stay_accurate() {
    let mut rng = Rng::new(2);
    let x = rng.floats(1_000_000, -1.0, 1.0);
    for cpu in levels() {
        for reduction in [
            Reduction::Sum,
            Reduction::Mean,
            Reduction::SumSquare,
            Reduction::L1,
        ] {
            check(cpu, reduction, [1_000_000], [true], &x);
            check(cpu, reduction, [100_000, 10], [true, false], &x);
        }
    }
}

#[test]
fn not_a_number_and_infinities() {
    for cpu in levels() {
        for reduction in ALL {
            for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for at in [0, 5, 16, 36] {
                    let mut x = vec![0.5; 37];
                    x[at] = special;
                    check(cpu, reduction, [37], [true], &x);
                    check(cpu, reduction, [37, 1], [true, false], &x);
                    let wide: Vec<f32> = x.iter().flat_map(|&x| [x, 1.0, x]).collect();
                    check(cpu, reduction, [37, 3], [true, false], &wide);
                }
            }
            check(cpu, reduction, [20], [true], &[f32::NEG_INFINITY; 20]);
        }
    }
}

#[test]
fn other_types() {
    let cpu = Cpu::new();
    let reduce = |reduction, axes| Reduce { reduction, axes };
    let x = [3i64, -1, 2, 5, -7, 2];
    let mut y = [0; 2];
    for (reduction, want) in [
        (Reduction::Sum, [4, 0]),
        (Reduction::Mean, [1, 0]),
        (Reduction::Max, [3, 5]),
        (Reduction::Min, [-1, -7]),
        (Reduction::Prod, [-6, -70]),
        (Reduction::SumSquare, [14, 78]),
        (Reduction::L1, [6, 14]),
        (Reduction::L2, [3, 8]),
    ] {
        reduce(reduction, [false, true]).run(cpu, [2, 3], &x, &mut y);
        assert_eq!(y, want, "{reduction:?}");
    }
    let mut y = [0; 3];
    reduce(Reduction::Max, [true, false]).run(cpu, [2, 3], &x, &mut y);
    assert_eq!(y, [5, -1, 2]);
    let mut none = [1u8];
    reduce(Reduction::Max, [true, false]).run(cpu, [0, 1], &[], &mut none);
    assert_eq!(none, [0]);
    // Half sums are rounded once: 3,000 ones are not the 2,048 that adding in f16 stops at.
    let mut half = [F16::default()];
    Reduce {
        reduction: Reduction::Sum,
        axes: [true],
    }
    .run(cpu, [3000], &[F16::from_f32(1.0); 3000], &mut half);
    assert_eq!(half[0].to_f32(), 3000.0);
    let mut wide = [0.0f64];
    Reduce {
        reduction: Reduction::LogSumExp,
        axes: [true],
    }
    .run(cpu, [2], &[1000.0, 1000.0], &mut wide);
    assert!((wide[0] - 1000.0 - 2f64.ln()).abs() < 1e-12);
}

//! Reductions of any element type, by plain loops over rows.

use super::{Plan, Reducible, Reduction};
use crate::cpu::{Cpu, dispatch};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::number::Number;

/// Columns that are accumulated together.
const BLOCK: usize = 64;

/// See [`Reducible::reduce`].
pub(super) fn reduce<T: Reducible>(
    cpu: Cpu,
    reduction: Reduction,
    plan: &Plan,
    x: &[T],
    y: &mut [T],
) {
    dispatch!(cpu.level, _ => reduce_at(reduction, plan, x, y));
}

/// Chooses the step of the accumulation, then its end.
#[inline(always)]
fn reduce_at<T: Reducible>(reduction: Reduction, plan: &Plan, x: &[T], y: &mut [T]) {
    let finish = |total: T::Total| finish::<T>(reduction, plan.count, total);
    let zero = T::Total::ZERO;
    match reduction {
        Reduction::Sum | Reduction::Mean | Reduction::LogSum => {
            fold(plan, x, y, zero, |sum, x: T| sum.plus(x.total()), finish);
        }
        Reduction::SumSquare | Reduction::L2 => {
            fold(
                plan,
                x,
                y,
                zero,
                |sum, x: T| sum.plus(x.total().times(x.total())),
                finish,
            );
        }
        Reduction::L1 => fold(
            plan,
            x,
            y,
            zero,
            |sum, x: T| sum.plus(x.total().magnitude()),
            finish,
        ),
        Reduction::Prod => {
            fold(
                plan,
                x,
                y,
                T::Total::ONE,
                |product, x: T| product.times(x.total()),
                finish,
            );
        }
        Reduction::Max => {
            fold(
                plan,
                x,
                y,
                T::LOWEST.total(),
                |max, x: T| max.larger(x.total()),
                finish,
            );
        }
        Reduction::Min => {
            fold(
                plan,
                x,
                y,
                T::HIGHEST.total(),
                |min, x: T| min.smaller(x.total()),
                finish,
            );
        }
        Reduction::LogSumExp => log_sum_exp(plan, x, y),
    }
}

/// The result of an accumulated total.
#[inline(always)]
fn finish<T: Reducible>(reduction: Reduction, count: usize, total: T::Total) -> T {
    match reduction {
        Reduction::Mean if T::INTEGER => {
            T::from_total(total.over(T::Total::from_f64(count as f64)))
        }
        Reduction::Mean => T::from_f64(total.to_f64() / count as f64),
        Reduction::L2 => T::from_f64(total.to_f64().sqrt()),
        Reduction::LogSum => T::from_f64(total.to_f64().ln()),
        _ => T::from_total(total),
    }
}

/// y = end(step(step(start, x), x)…) for the elements of each result.
#[inline(always)]
fn fold<T: Copy, A: Copy>(
    plan: &Plan,
    x: &[T],
    y: &mut [T],
    start: A,
    step: impl Fn(A, T) -> A,
    end: impl Fn(A) -> T,
) {
    let n = plan.inner;
    if plan.inner_reduced {
        let mut y = y.iter_mut();
        plan.kept.positions(|kept| {
            let mut total = start;
            plan.reduced.positions(|reduced| {
                for &x in &x[kept + reduced..][..n] {
                    total = step(total, x);
                }
            });
            if let Some(y) = y.next() {
                *y = end(total);
            }
        });
    } else {
        let mut rows = y.chunks_exact_mut(n.max(1));
        plan.kept.positions(|kept| {
            for (i, y) in rows
                .next()
                .into_iter()
                .flat_map(|row| row.chunks_mut(BLOCK))
                .enumerate()
            {
                let mut totals = [start; BLOCK];
                let totals = &mut totals[..y.len()];
                plan.reduced.positions(|reduced| {
                    for (total, &x) in totals.iter_mut().zip(&x[kept + reduced + i * BLOCK..]) {
                        *total = step(*total, x);
                    }
                });
                for (y, &total) in y.iter_mut().zip(&*totals) {
                    *y = end(total);
                }
            }
        });
    }
}

/// ln Σeˣ = max + ln Σe^(x − max), kept up to date in one pass: (greatest so far, sum relative to it).
#[inline(always)]
fn log_sum_exp<T: Reducible>(plan: &Plan, x: &[T], y: &mut [T]) {
    let step = |(max, sum): (f64, f64), x: T| {
        let x = x.to_f64();
        if x > max {
            (x, sum * (max - x).exp() + 1.0)
        } else {
            (max, sum + if x == max { 1.0 } else { (x - max).exp() })
        }
    };
    fold(plan, x, y, (f64::NEG_INFINITY, 0.0), step, |(max, sum)| {
        T::from_f64(max + sum.ln())
    });
}

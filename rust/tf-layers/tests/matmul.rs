//! `MatMul` against its definition in f64.

mod common;

use common::Rng;
use tf_layers::matmul::MatMul;
use tf_layers::matrices::Matrices;
use tf_layers::{Cpu, Slot};

/// |error| ≤ budget · |alpha| · Σ |a·b|.
const MAX_ERROR: f64 = 1e-6;

/// Steps of an operand `[batch, rows, columns]`, by the order in which its axes lie in memory.
fn steps(order: [usize; 3], shape: [usize; 3]) -> [usize; 3] {
    let (mut steps, mut step) = ([0; 3], 1);
    for axis in order.into_iter().rev() {
        steps[axis] = step;
        step *= shape[axis];
    }
    steps
}

fn check(
    rng: &mut Rng,
    cpu: Cpu,
    batch: usize,
    [m, k, n]: [usize; 3],
    orders: [[usize; 3]; 2],
    shared: [bool; 2],
) {
    let alpha = 0.5;
    let mut a_steps = steps(orders[0], [batch, m, k]);
    let mut b_steps = steps(orders[1], [batch, k, n]);
    for (steps, shared) in [&mut a_steps, &mut b_steps].into_iter().zip(shared) {
        if shared {
            steps[0] = 0;
        }
    }
    let (a, b) = (rng.f32s(batch * m * k), rng.f32s(batch * k * n));
    let mut y = vec![f32::NAN; batch * m * n];
    let mut scratch = Slot::new();
    MatMul { alpha }
        .checked()
        .run(
            cpu,
            Matrices {
                batch: [batch],
                m,
                k,
                n,
                a_batch: [a_steps[0]],
                a_steps: [a_steps[1], a_steps[2]],
                b_batch: [b_steps[0]],
                b_steps: [b_steps[1], b_steps[2]],
            },
            &a,
            &b,
            &mut y,
            &mut scratch,
        )
        .unwrap();
    for (at, actual) in y.iter().enumerate() {
        let (i, r, c) = (at / (m * n), at / n % m, at % n);
        let terms: Vec<f64> = (0..k)
            .map(|j| {
                let a = a[i * a_steps[0] + r * a_steps[1] + j * a_steps[2]];
                let b = b[i * b_steps[0] + j * b_steps[1] + c * b_steps[2]];
                f64::from(alpha) * f64::from(a) * f64::from(b)
            })
            .collect();
        let (expected, scale) = (
            terms.iter().sum::<f64>(),
            terms.iter().map(|t| t.abs()).sum::<f64>(),
        );
        assert!(
            (f64::from(*actual) - expected).abs() <= MAX_ERROR * scale,
            "{}: {batch}×{m}×{k}×{n} {orders:?} {shared:?} [{i}, {r}, {c}]: {actual} for {expected}",
            cpu.name()
        );
    }
}

#[test]
fn every_order_of_axes() {
    const ORDERS: [[usize; 3]; 6] = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let mut rng = Rng::new(1);
    for cpu in Cpu::all() {
        for a in ORDERS {
            for b in ORDERS {
                for m in [1, 2, 5, 13] {
                    let shared = [rng.size(0, 3) == 0, rng.size(0, 3) == 0];
                    let sizes = [m, rng.size(0, 40), rng.size(1, 80)];
                    let batch = rng.size(1, 4);
                    check(&mut rng, cpu, batch, sizes, [a, b], shared);
                }
            }
        }
    }
}

#[test]
fn long_sums() {
    let mut rng = Rng::new(2);
    for cpu in Cpu::all() {
        for m in [1, 3, 20] {
            for b in [[0, 1, 2], [0, 2, 1]] {
                check(&mut rng, cpu, 1, [m, 2000, 70], [[0, 1, 2], b], [false; 2]);
            }
        }
        check(&mut rng, cpu, 0, [2, 3, 4], [[0, 1, 2]; 2], [false; 2]);
        check(&mut rng, cpu, 2, [0, 3, 4], [[0, 1, 2]; 2], [false; 2]);
    }
}

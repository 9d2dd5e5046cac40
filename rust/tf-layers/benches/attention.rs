//! Attention against the layers that it replaces, in turns: transposes, products, factor, softmax.
//!
//! `cargo bench --bench attention --no-default-features --features attention,binary,movement,softmax`
#![allow(missing_docs, reason = "a program")]

use std::time::Instant;

use tf_layers::attention::{Attention, AttentionInputs, Axes, EmptyRows};
use tf_layers::axis::AlongAxis;
use tf_layers::binary::Mul;
use tf_layers::matmul::MatMul;
use tf_layers::matrices::Matrices;
use tf_layers::movement::Transpose;
use tf_layers::softmax::Softmax;
use tf_layers::{Cpu, Slot};

struct Sizes {
    name: &'static str,
    tokens: usize,
    heads: usize,
    size: usize,
}

/// What a crate runs without the layer: heads in front, keys and values turned, scores of all heads at once.
#[allow(
    clippy::too_many_arguments,
    reason = "the written-out form has as many buffers"
)]
fn spelled(
    cpu: Cpu,
    Sizes {
        tokens,
        heads,
        size,
        ..
    }: &Sizes,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    buffers: &mut [Slot<f32>; 5],
    scratch: &mut Slot<f32>,
    y: &mut [f32],
) {
    let (t, h, d) = (*tokens, *heads, *size);
    let [qt, kt, vt, scores, out] = buffers;
    let turn = |perm: [usize; 4], shape: [usize; 4], x: &[f32], y: &mut [f32]| {
        Transpose { perm }.checked().run(cpu, shape, x, y);
    };
    let n = t * h * d;
    turn(
        [0, 2, 1, 3],
        [1, t, h, d],
        q,
        qt.fit(n).expect("there is memory"),
    );
    turn(
        [0, 2, 1, 3],
        [1, t, h, d],
        k,
        kt.fit(n).expect("there is memory"),
    );
    turn(
        [0, 2, 1, 3],
        [1, t, h, d],
        v,
        vt.fit(n).expect("there is memory"),
    );
    let product = MatMul { alpha: 1.0 }.checked();
    product
        .run(
            cpu,
            Matrices {
                batch: [h],
                m: t,
                k: d,
                n: t,
                a_batch: [t * d],
                a_steps: [d, 1],
                b_batch: [t * d],
                b_steps: [1, d],
            },
            qt.get(n),
            kt.get(n),
            scores.fit(h * t * t).expect("there is memory"),
            scratch,
        )
        .expect("there is memory");
    let all = scores.fit(h * t * t).expect("there is memory");
    let _ = Mul
        .checked()
        .run_in_place(cpu, [h * t * t], all, [1], &[0.25]);
    Softmax
        .checked()
        .run_in_place(cpu, AlongAxis::last([h * t, t]), all);
    product
        .run(
            cpu,
            Matrices {
                batch: [h],
                m: t,
                k: t,
                n: d,
                a_batch: [t * t],
                a_steps: [t, 1],
                b_batch: [t * d],
                b_steps: [d, 1],
            },
            scores.get(h * t * t),
            vt.get(n),
            out.fit(n).expect("there is memory"),
            scratch,
        )
        .expect("there is memory");
    turn([0, 2, 1, 3], [1, h, t, d], out.get(n), y);
}

fn best(times: &mut [f64]) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[0], times[times.len() / 10])
}

fn main() {
    let cases = [
        Sizes {
            name: "transformer_enc",
            tokens: 64,
            heads: 4,
            size: 16,
        },
        Sizes {
            name: "BERT-base",
            tokens: 128,
            heads: 12,
            size: 64,
        },
        Sizes {
            name: "ViT-tiny",
            tokens: 197,
            heads: 3,
            size: 64,
        },
        Sizes {
            name: "Swin",
            tokens: 49,
            heads: 3,
            size: 32,
        },
        Sizes {
            name: "short",
            tokens: 8,
            heads: 4,
            size: 16,
        },
        Sizes {
            name: "long",
            tokens: 512,
            heads: 4,
            size: 64,
        },
    ];
    for cpu in Cpu::all() {
        for case in &cases {
            let n = case.tokens * case.heads * case.size;
            let x: Vec<f32> = (0..3 * n).map(|i| (i as f32 * 0.37).sin()).collect();
            let (q, k, v) = (&x[..n], &x[n..2 * n], &x[2 * n..]);
            let axes = Axes::TokensHeads;
            let layer = Attention {
                heads: case.heads,
                key_heads: case.heads,
                head_size: case.size,
                value_size: case.size,
                scale: 0.25,
                causal: false,
                query: axes,
                key: axes,
                value: axes,
                output: axes,
                keep: None,
                fill: 0.0,
                mask: None,
                empty_rows: EmptyRows::Nan,
            }
            .checked();
            let (mut y, mut expected) = (Slot::new(), Slot::new());
            let (y, expected) = (
                y.fit(n).expect("there is memory"),
                expected.fit(n).expect("there is memory"),
            );
            let mut buffers: [Slot<f32>; 5] = Default::default();
            let (mut scratch, mut own) = (Slot::new(), Slot::new());
            let t = case.tokens;
            let mut times = [Vec::new(), Vec::new()];
            let begin = Instant::now();
            while begin.elapsed().as_millis() < 700 || times[0].len() < 20 {
                let start = Instant::now();
                spelled(cpu, case, q, k, v, &mut buffers, &mut scratch, expected);
                times[0].push(start.elapsed().as_secs_f64() * 1e6);
                let start = Instant::now();
                let given = AttentionInputs {
                    batch: 1,
                    queries: t,
                    keys: t,
                    query: q,
                    key: k,
                    value: v,
                    keep: None,
                    mask: None,
                };
                layer.run(cpu, given, y, &mut own).expect("there is memory");
                times[1].push(start.elapsed().as_secs_f64() * 1e6);
            }
            for (a, b) in y.iter().zip(expected.iter()) {
                assert!((a - b).abs() < 1e-5, "{}: {a} for {b}", case.name);
            }
            let [(before, p), (after, r)] = times.each_mut().map(|t| best(t));
            println!(
                "{:8} {:16} {t}×{}×{}: spelled {before:.1} (p10 {p:.1}) µs, layer {after:.1} ({r:.1}) µs, ratio {:.2}",
                cpu.name(),
                case.name,
                case.heads,
                case.size,
                before / after
            );
        }
    }
}

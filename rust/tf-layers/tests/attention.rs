//! `Attention` against its definition in f64: every order of axes, every kind of mask, odd sizes, rows that see nothing.

mod common;

use common::{Rng, some};
use tf_layers::attention::*;
use tf_layers::{Cpu, Slot};

/// |error| ≤ budget · max |value|, scores being in ±8: what softmax's own budget and the rounding of the scores leave of a weight,
/// and of the sum of the values (see `softmax.rs` and `matmul.rs`).
const BUDGET: f64 = 8e-6;

const ORDERS: [Axes; 3] = [Axes::TokensHeads, Axes::HeadsTokens, Axes::HeadsSize];
const MASKS: [MaskAxes; 4] = [
    MaskAxes::Keys,
    MaskAxes::QueriesKeys,
    MaskAxes::HeadsKeys,
    MaskAxes::HeadsQueriesKeys,
];

const PLAIN: Attention = Attention {
    heads: 1,
    key_heads: 1,
    head_size: 1,
    value_size: 1,
    scale: 1.0,
    causal: false,
    query: Axes::TokensHeads,
    key: Axes::TokensHeads,
    value: Axes::TokensHeads,
    output: Axes::TokensHeads,
    keep: None,
    fill: 0.0,
    mask: None,
    empty_rows: EmptyRows::Nan,
};

/// Position of `[sample, head, token, element]` in an operand `[batch, heads, tokens, size]` of that order.
fn at(axes: Axes, [_, heads, tokens, size]: [usize; 4], [b, h, t, e]: [usize; 4]) -> usize {
    match axes {
        Axes::TokensHeads => ((b * tokens + t) * heads + h) * size + e,
        Axes::HeadsTokens => ((b * heads + h) * tokens + t) * size + e,
        Axes::HeadsSize => ((b * heads + h) * size + e) * tokens + t,
    }
}

/// Elements of a mask for one sample, and the position of its element in it.
fn mask_at(
    axes: MaskAxes,
    [heads, queries, keys]: [usize; 3],
    [h, i, j]: [usize; 3],
) -> (usize, usize) {
    match axes {
        MaskAxes::Keys => (keys, j),
        MaskAxes::QueriesKeys => (queries * keys, i * keys + j),
        MaskAxes::HeadsKeys => (heads * keys, h * keys + j),
        MaskAxes::HeadsQueriesKeys => (heads * queries * keys, (h * queries + i) * keys + j),
    }
}

#[derive(Clone, Copy)]
struct Case {
    batch: usize,
    queries: usize,
    keys: usize,
    /// Samples after which masks repeat.
    period: usize,
}

struct Data {
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    keep: Option<Vec<bool>>,
    mask: Option<Vec<f32>>,
}

fn draw(rng: &mut Rng, layer: &Attention, case: Case) -> Data {
    let Case {
        batch,
        queries,
        keys,
        period,
    } = case;
    let sizes = [layer.heads, queries, keys];
    let mut floats = |n: usize| rng.f32s(n).iter().map(|v| 2.0 * v).collect::<Vec<_>>();
    let query = floats(batch * queries * layer.heads * layer.head_size);
    let key = floats(batch * keys * layer.key_heads * layer.head_size);
    let value = floats(batch * keys * layer.key_heads * layer.value_size);
    let count = |axes: Option<MaskAxes>| axes.map(|axes| period * mask_at(axes, sizes, [0; 3]).0);
    let keep = count(layer.keep).map(|n| (0..n).map(|_| rng.size(0, 3) > 0).collect());
    let mask = count(layer.mask).map(|n| {
        (0..n)
            .map(|_| [0.0, rng.f32(), -1e9, f32::MIN, f32::NEG_INFINITY][rng.size(0, 5)])
            .collect()
    });
    Data {
        query,
        key,
        value,
        keep,
        mask,
    }
}

fn oracle(layer: &Attention, case: Case, data: &Data) -> Vec<f64> {
    let Case {
        batch,
        queries,
        keys,
        period,
    } = case;
    let (heads, group) = (layer.heads, layer.heads / layer.key_heads);
    let sizes = [heads, queries, keys];
    let q_shape = [batch, heads, queries, layer.head_size];
    let k_shape = [batch, layer.key_heads, keys, layer.head_size];
    let v_shape = [batch, layer.key_heads, keys, layer.value_size];
    let y_shape = [batch, heads, queries, layer.value_size];
    let mut y = vec![0.0; y_shape.iter().product()];
    for b in 0..batch {
        for h in 0..heads {
            for i in 0..queries {
                let mut scores = vec![f64::NEG_INFINITY; keys];
                let mut mask_sees = false;
                for (j, score) in scores.iter_mut().enumerate() {
                    let masked = |axes: MaskAxes| {
                        let (n, at) = mask_at(axes, sizes, [h, i, j]);
                        b % period * n + at
                    };
                    let keep = layer
                        .keep
                        .is_none_or(|axes| data.keep.as_ref().unwrap()[masked(axes)]);
                    let mask = layer
                        .mask
                        .map_or(0.0, |axes| data.mask.as_ref().unwrap()[masked(axes)]);
                    mask_sees |= mask > f32::NEG_INFINITY && !(layer.causal && j > i);
                    if layer.causal && j > i {
                        continue;
                    }
                    let dot: f64 = (0..layer.head_size)
                        .map(|e| {
                            let q = data.query[at(layer.query, q_shape, [b, h, i, e])];
                            let k = data.key[at(layer.key, k_shape, [b, h / group, j, e])];
                            f64::from(q) * f64::from(k)
                        })
                        .sum();
                    // as f32 has it: −1e9 and −3.4e38 swallow what is added
                    let value = if keep {
                        f64::from(layer.scale) * dot
                    } else {
                        f64::from(layer.fill)
                    };
                    *score = if mask <= -1e9 || !keep {
                        f64::from(value as f32 + mask)
                    } else {
                        value + f64::from(mask)
                    };
                }
                let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = scores.iter().map(|s| (s - max).exp()).sum();
                let zero = match layer.empty_rows {
                    EmptyRows::Nan => false,
                    EmptyRows::Zero => layer.mask.is_some() && !mask_sees,
                    EmptyRows::ZeroForNan => sum.is_nan(),
                };
                for e in 0..layer.value_size {
                    let value: f64 = (0..keys)
                        .map(|j| {
                            let v = data.value[at(layer.value, v_shape, [b, h / group, j, e])];
                            let weight = if zero {
                                0.0
                            } else {
                                (scores[j] - max).exp() / sum
                            };
                            weight * f64::from(v)
                        })
                        .sum();
                    y[at(layer.output, y_shape, [b, h, i, e])] = value;
                }
            }
        }
    }
    y
}

fn check(rng: &mut Rng, layer: Attention, case: Case) {
    let data = draw(rng, &layer, case);
    compare(layer, case, &data);
}

fn compare(layer: Attention, case: Case, data: &Data) {
    let expected = oracle(&layer, case, data);
    for cpu in Cpu::all() {
        let mut y = vec![7.0; expected.len()];
        let mut scratch = Slot::new();
        layer
            .checked()
            .run(
                cpu,
                AttentionInputs {
                    batch: case.batch,
                    queries: case.queries,
                    keys: case.keys,
                    query: &data.query,
                    key: &data.key,
                    value: &data.value,
                    keep: data.keep.as_deref(),
                    mask: data.mask.as_deref(),
                },
                &mut y,
                &mut scratch,
            )
            .unwrap();
        let error = common::error(&y, &expected);
        assert!(
            error <= BUDGET,
            "{}: {error}: {layer:?}, {}×{}×{}",
            cpu.name(),
            case.batch,
            case.queries,
            case.keys
        );
    }
}

fn case(batch: usize, queries: usize, keys: usize) -> Case {
    Case {
        batch,
        queries,
        keys,
        period: batch.max(1),
    }
}

#[test]
fn every_order_of_axes() {
    let mut rng = Rng::new(1);
    for query in &ORDERS[..2] {
        for key in ORDERS {
            for value in ORDERS {
                for output in &ORDERS[..2] {
                    for queries in [2, 9] {
                        let layer = Attention {
                            heads: 3,
                            key_heads: 3,
                            head_size: 5,
                            value_size: 6,
                            scale: 0.5,
                            query: *query,
                            key,
                            value,
                            output: *output,
                            ..PLAIN
                        };
                        check(&mut rng, layer, case(2, queries, 7));
                    }
                }
            }
        }
    }
}

#[test]
fn sizes_around_vectors_tiles_and_blocks() {
    let mut rng = Rng::new(2);
    for (queries, keys) in [
        (1, 1),
        (1, 33),
        (5, 16),
        (6, 15),
        (7, 17),
        (24, 24),
        (25, 31),
        (49, 49),
        (65, 64),
        (197, 197),
        (300, 3),
        (30, 1100),
    ] {
        for (head_size, value_size) in [(1, 1), (16, 16), (15, 17), (64, 4), (33, 2)] {
            let layer = Attention {
                heads: 2,
                key_heads: 2,
                head_size,
                value_size,
                scale: 0.25,
                ..PLAIN
            };
            check(&mut rng, layer, case(1, queries, keys));
            check(
                &mut rng,
                Attention {
                    causal: true,
                    ..layer
                },
                case(1, queries, keys),
            );
        }
    }
    for (batch, queries, keys) in [(0, 3, 3), (2, 0, 3), (2, 7, 0), (2, 1, 0)] {
        check(
            &mut rng,
            Attention {
                head_size: 4,
                value_size: 3,
                ..PLAIN
            },
            case(batch, queries, keys),
        );
    }
}

#[test]
fn heads_share_keys() {
    let mut rng = Rng::new(3);
    for (heads, key_heads) in [(4, 2), (6, 1), (6, 3)] {
        for queries in [1, 8] {
            for key in ORDERS {
                let layer = Attention {
                    heads,
                    key_heads,
                    head_size: 8,
                    value_size: 8,
                    key,
                    ..PLAIN
                };
                check(&mut rng, layer, case(2, queries, 19));
            }
        }
    }
}

#[test]
fn masks_along_every_axis() {
    let mut rng = Rng::new(4);
    for axes in MASKS {
        for (queries, keys) in [(3, 5), (9, 16), (8, 37)] {
            for period in [1, 2, 4] {
                for empty_rows in [EmptyRows::Nan, EmptyRows::Zero, EmptyRows::ZeroForNan] {
                    for fill in some([f32::NEG_INFINITY, f32::MIN, -1e9, 0.5]) {
                        let base = Attention {
                            heads: 2,
                            key_heads: 2,
                            head_size: 4,
                            value_size: 4,
                            fill,
                            empty_rows,
                            ..PLAIN
                        };
                        let case = Case {
                            batch: 4,
                            queries,
                            keys,
                            period,
                        };
                        check(
                            &mut rng,
                            Attention {
                                mask: Some(axes),
                                ..base
                            },
                            case,
                        );
                        check(
                            &mut rng,
                            Attention {
                                keep: Some(axes),
                                ..base
                            },
                            case,
                        );
                        for causal in [false, true] {
                            check(
                                &mut rng,
                                Attention {
                                    keep: Some(axes),
                                    mask: Some(MASKS[1]),
                                    causal,
                                    ..base
                                },
                                case,
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Rows that see nothing: what softmax gives there.
#[test]
fn rows_without_a_key() {
    let layer = Attention {
        head_size: 2,
        value_size: 2,
        mask: Some(MaskAxes::QueriesKeys),
        ..PLAIN
    };
    let mut rng = Rng::new(5);
    for (value, empty_rows, expected) in [
        (f32::NEG_INFINITY, EmptyRows::Nan, "NaN"),
        (f32::NEG_INFINITY, EmptyRows::Zero, "0"),
        (f32::NEG_INFINITY, EmptyRows::ZeroForNan, "0"),
        // finite: every key alike, as −3.4e38 swallows the scores
        (f32::MIN, EmptyRows::Zero, "mean"),
    ] {
        for queries in [2, 9] {
            let layer = Attention {
                empty_rows,
                ..layer
            };
            let mut data = draw(&mut rng, &layer, case(1, queries, 5));
            data.mask = Some(
                (0..queries * 5)
                    .map(|i| if i < 5 { value } else { 0.0 })
                    .collect(),
            );
            compare(layer, case(1, queries, 5), &data);
            let y = oracle(&layer, case(1, queries, 5), &data);
            let mean = (0..5).map(|j| f64::from(data.value[2 * j])).sum::<f64>() / 5.0;
            match expected {
                "NaN" => assert!(y[0].is_nan()),
                "0" => assert_eq!(y[0], 0.0),
                _ => assert!((y[0] - mean).abs() < 1e-9),
            }
        }
    }
}

/// NaN in a query reaches its own row alone; NaN in a value reaches all that see it, and masked-out values are multiplied by 0.
#[test]
fn nan_stays_where_it_belongs() {
    let layer = Attention {
        head_size: 3,
        value_size: 3,
        ..PLAIN
    };
    for queries in [3, 12] {
        for empty_rows in [EmptyRows::Nan, EmptyRows::Zero] {
            let mut data = draw(&mut Rng::new(6), &layer, case(1, queries, 7));
            data.query[4] = f32::NAN;
            compare(
                Attention {
                    empty_rows,
                    ..layer
                },
                case(1, queries, 7),
                &data,
            );
            data.query[4] = 0.0;
            data.value[5] = f32::INFINITY;
            compare(
                Attention {
                    empty_rows,
                    ..layer
                },
                case(1, queries, 7),
                &data,
            );
        }
    }
}

#[test]
#[should_panic(expected = "heads share no keys evenly")]
fn key_heads_divide_heads() {
    let _ = Attention {
        heads: 4,
        key_heads: 3,
        ..PLAIN
    }
    .checked();
}

#[test]
#[should_panic(expected = "rows of query and y must be runs")]
fn rows_of_the_query_are_runs() {
    let _ = Attention {
        query: Axes::HeadsSize,
        ..PLAIN
    }
    .checked();
}

//! Attention: `softmax(scale · query · keyᵀ + mask) · value`, head by head.

use crate::activation::Activation;
use crate::cpu::{Cpu, Simd, dispatch, prelude::*};
use crate::error::Result;
use crate::gemm::{Addend, Grid, Product, Segments};
use crate::math::exp::exp_lifted;
use crate::matmul::{FEW_ROWS, Operand, few_rows, pack_panels};
use crate::pack::PANEL;
use crate::slot::Slot;

/// Queries whose scores exist at a time, fewest: a multiple of the rows of a product's tile at every level.
const ROWS: usize = 24;
/// Bytes of scores at a time: they stay in the second-level cache between their two products, and mostly in the first.
const SCORE_BYTES: usize = 24 << 10;

/// −∞ behind sixteen elements of something else: a window of it says which lanes lie beyond the keys.
const BEYOND: [f32; 32] = {
    let mut lanes = [0.0; 32];
    let mut i = 16;
    while i < 32 {
        lanes[i] = f32::NEG_INFINITY;
        i += 1;
    }
    lanes
};

/// y = softmax(scale · query · keyᵀ + mask) · value for each head of each sample, all f32.
///
/// Heads are read, and written, where they lie: nothing is transposed, and of the scores `[batch, heads, queries, keys]` no more exist at a
/// time than a block of queries has. A score is `where(keep, scale · q · k, fill) + mask`, `keep` and `mask` being optional;
/// `causal` leaves query i the keys 0 to i and does not look at the others. What [`Softmax`](crate::softmax::Softmax) makes of a
/// row holds here too: a score of −∞ gives exactly 0, a row of nothing but −∞ is NaN (or 0, see [`empty_rows`](Self::empty_rows)).
///
/// Serves ONNX `Attention`, and what frameworks write out of products, transposes, masks and a softmax ("Attention Is All You Need",
/// <https://arxiv.org/abs/1706.03762>; fewer key than query heads: <https://arxiv.org/abs/2305.13245>).
#[derive(Debug, Clone, Copy)]
pub struct Attention {
    /// Heads of query and y.
    pub heads: usize,
    /// Heads of key and value; as many query heads in a row share one.
    pub key_heads: usize,
    /// Elements of a head of query and key.
    pub head_size: usize,
    /// Elements of a head of value and y.
    pub value_size: usize,
    /// Factor of the products of queries and keys.
    pub scale: f32,
    /// Whether query i sees the keys 0 to i only.
    pub causal: bool,
    /// Where the query's elements lie; not [`Axes::HeadsSize`].
    pub query: Axes,
    /// Where the key's elements lie.
    pub key: Axes,
    /// Where the value's elements lie.
    pub value: Axes,
    /// Where y's elements lie; not [`Axes::HeadsSize`].
    pub output: Axes,
    /// The axes of `keep`, if there is one.
    pub keep: Option<MaskAxes>,
    /// The score where `keep` is false.
    pub fill: f32,
    /// The axes of `mask`, if there is one.
    pub mask: Option<MaskAxes>,
    /// What becomes of a query that sees no key.
    pub empty_rows: EmptyRows,
}

/// The order of an operand's axes in memory, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axes {
    /// `[batch, tokens, heads, size]`: what a dense layer computes.
    TokensHeads,
    /// `[batch, heads, tokens, size]`
    HeadsTokens,
    /// `[batch, heads, size, tokens]`
    HeadsSize,
}

/// The axes of a mask, outermost first. In front of them stands one for samples: of 1, of the batch, or of a number of samples after which
/// the mask repeats itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaskAxes {
    /// `[.., keys]`
    Keys,
    /// `[.., queries, keys]`
    QueriesKeys,
    /// `[.., heads, keys]`
    HeadsKeys,
    /// `[.., heads, queries, keys]`
    HeadsQueriesKeys,
}

/// What becomes of a query that sees no key: its scores are all −∞, so that softmax is 0 / 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyRows {
    /// NaN, as softmax has it.
    Nan,
    /// 0 where the mask of the row is −∞ all along (ONNX `Attention`).
    Zero,
    /// 0 where softmax gives NaN, for whatever reason (PyTorch).
    ZeroForNan,
}

/// Where the heads of one operand lie: steps in elements.
#[derive(Debug, Clone, Copy)]
struct Place {
    sample: usize,
    head: usize,
    token: usize,
    element: usize,
}

impl Axes {
    fn place(self, heads: usize, tokens: usize, size: usize) -> Place {
        let (head, token, element) = match self {
            Self::TokensHeads => (size, heads * size, 1),
            Self::HeadsTokens => (tokens * size, size, 1),
            Self::HeadsSize => (tokens * size, 1, tokens),
        };
        let sample = heads * tokens * size;
        Place {
            sample,
            head,
            token,
            element,
        }
    }
}

impl MaskAxes {
    /// The elements for the keys of one query; `sizes` are heads, queries and keys, `at` is sample, head and query.
    fn row<T>(self, mask: &[T], [heads, queries, keys]: [usize; 3], at: [usize; 3]) -> &[T] {
        let [sample, head, query] = at;
        let ((heads, head), (queries, query)) = match self {
            Self::Keys => ((1, 0), (1, 0)),
            Self::QueriesKeys => ((1, 0), (queries, query)),
            Self::HeadsKeys => ((heads, head), (1, 0)),
            Self::HeadsQueriesKeys => ((heads, head), (queries, query)),
        };
        let samples = (mask.len() / (heads * queries * keys).max(1)).max(1);
        let start = ((sample % samples * heads + head) * queries + query) * keys;
        &mask[start..start + keys]
    }
}

/// What attention reads; the heads lie as the layer's axes say.
#[derive(Debug, Clone, Copy, Default)]
pub struct AttentionInputs<'a> {
    /// Samples.
    pub batch: usize,
    /// Tokens that ask.
    pub queries: usize,
    /// Tokens that are asked.
    pub keys: usize,
    /// `[batch, queries, heads · head_size]`, in some order.
    pub query: &'a [f32],
    /// `[batch, keys, key_heads · head_size]`, in some order.
    pub key: &'a [f32],
    /// `[batch, keys, key_heads · value_size]`, in some order.
    pub value: &'a [f32],
    /// Which scores stay, as [`Attention::keep`] says.
    pub keep: Option<&'a [bool]>,
    /// What is added to the scores, as [`Attention::mask`] says.
    pub mask: Option<&'a [f32]>,
}

/// The parts of the scratch.
struct Scratch<'a> {
    key: &'a mut [f32],
    value: &'a mut [f32],
    scores: &'a mut [f32],
    /// Rows of scores at a time.
    rows: usize,
    /// Distance between rows: no vector crosses from one to the next.
    step: usize,
}

impl Attention {
    /// Checks the parameters.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(
            self.key_heads > 0 && self.heads.is_multiple_of(self.key_heads),
            "Attention: heads share no keys evenly"
        );
        assert!(
            !matches!(self.query, Axes::HeadsSize) && !matches!(self.output, Axes::HeadsSize),
            "Attention: rows of query and y must be runs"
        );
        self
    }

    /// y = attention of `queries` tokens to `keys` tokens, in each of `batch` samples.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for the scratch.
    pub fn run(
        &self,
        cpu: Cpu,
        given: AttentionInputs,
        y: &mut [f32],
        scratch: &mut Slot<f32>,
    ) -> Result<()> {
        let AttentionInputs {
            batch,
            queries,
            keys,
            ..
        } = given;
        if y.is_empty() {
            return Ok(());
        }
        if keys == 0 {
            y.fill(0.0);
            return Ok(());
        }
        let step = keys.next_multiple_of(PANEL);
        let rows = (SCORE_BYTES / (4 * step) / ROWS * ROWS)
            .max(ROWS)
            .min(queries);
        let key_len = step * self.head_size;
        let value_len = self.value_size.next_multiple_of(PANEL) * keys;
        let few = queries < FEW_ROWS;
        let (key_len, value_len) = if few { (0, 0) } else { (key_len, value_len) };
        let (key, rest) = scratch
            .fit(key_len + value_len + rows * step)?
            .split_at_mut(key_len);
        let (value, scores) = rest.split_at_mut(value_len);
        let mut scratch = Scratch {
            key,
            value,
            scores,
            rows,
            step,
        };
        for sample in 0..batch {
            for head in 0..self.heads {
                if few {
                    self.few(cpu, &given, [sample, head], &mut scratch, y);
                } else {
                    self.head(cpu, &given, [sample, head], &mut scratch, y);
                }
            }
        }
        Ok(())
    }

    /// The transposed keys and the values of a head, as they lie.
    fn keys_and_values<'a>(
        &self,
        given: &AttentionInputs<'a>,
        [sample, head]: [usize; 2],
    ) -> (Operand<'a>, Operand<'a>) {
        let head = head / (self.heads / self.key_heads);
        let key = self.key.place(self.key_heads, given.keys, self.head_size);
        let value = self
            .value
            .place(self.key_heads, given.keys, self.value_size);
        let keys = Operand {
            data: &given.key[sample * key.sample + head * key.head..],
            steps: [key.element, key.token],
        };
        let values = Operand {
            data: &given.value[sample * value.sample + head * value.head..],
            steps: [value.token, value.element],
        };
        (keys, values)
    }

    /// All queries of one head, a block of rows at a time.
    fn head(
        &self,
        cpu: Cpu,
        given: &AttentionInputs,
        at: [usize; 2],
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        let [sample, head] = at;
        let (queries, keys) = (given.queries, given.keys);
        if head.is_multiple_of(self.heads / self.key_heads) {
            let (key, value) = self.keys_and_values(given, at);
            pack_panels(cpu, key, [self.head_size, keys], self.scale, scratch.key);
            pack_panels(cpu, value, [keys, self.value_size], 1.0, scratch.value);
        }
        let query = self.query.place(self.heads, queries, self.head_size);
        let place = self.output.place(self.heads, queries, self.value_size);
        for first in (0..queries).step_by(scratch.rows) {
            let rows = scratch.rows.min(queries - first);
            let seen = if self.causal {
                keys.min(first + rows)
            } else {
                keys
            };
            Product {
                grid: Grid::matrix(rows, query.token, scratch.step),
                segments: Segments::one(self.head_size),
                // Whole halves of panels: what is beyond the keys is never read, and tails are slow.
                columns: seen.next_multiple_of(PANEL / 2),
                panels: &scratch.key[..seen.next_multiple_of(PANEL) * self.head_size],
                bias: None,
                activation: Activation::Linear,
            }
            .run(
                cpu,
                &given.query[sample * query.sample + head * query.head + first * query.token..],
                Addend::Nothing,
                scratch.scores,
            );
            self.weights(cpu, given, [sample, head, first], rows, scratch);
            Product {
                grid: Grid::matrix(rows, scratch.step, place.token),
                segments: Segments::one(keys),
                columns: self.value_size,
                panels: scratch.value,
                bias: None,
                activation: Activation::Linear,
            }
            .run(
                cpu,
                scratch.scores,
                Addend::Nothing,
                &mut y[sample * place.sample + head * place.head + first * place.token..],
            );
        }
    }

    /// Few queries (a decoder's next token): keys and values are read once, where they lie.
    fn few(
        &self,
        cpu: Cpu,
        given: &AttentionInputs,
        at: [usize; 2],
        scratch: &mut Scratch,
        y: &mut [f32],
    ) {
        let [sample, head] = at;
        let (queries, keys) = (given.queries, given.keys);
        let (key, value) = self.keys_and_values(given, at);
        let query = self.query.place(self.heads, queries, self.head_size);
        let place = self.output.place(self.heads, queries, self.value_size);
        for (i, scores) in scratch.scores.chunks_exact_mut(scratch.step).enumerate() {
            let start = sample * query.sample + head * query.head + i * query.token;
            let row = &given.query[start..start + self.head_size];
            few_rows(cpu, row, key, self.scale, &mut scores[..keys]);
        }
        self.weights(cpu, given, [sample, head, 0], queries, scratch);
        for (i, scores) in scratch.scores.chunks_exact(scratch.step).enumerate() {
            let start = sample * place.sample + head * place.head + i * place.token;
            few_rows(
                cpu,
                &scores[..keys],
                value,
                1.0,
                &mut y[start..start + self.value_size],
            );
        }
    }

    /// A block of scores becomes their softmax; `at` is sample, head and first query.
    fn weights(
        &self,
        cpu: Cpu,
        given: &AttentionInputs,
        at: [usize; 3],
        rows: usize,
        scratch: &mut Scratch,
    ) {
        let step = scratch.step;
        let scores = &mut scratch.scores[..rows * step];
        dispatch!(cpu.level, s => self.weights_at(s, given, at, step, scores));
    }

    #[inline(always)]
    fn weights_at<S: Simd>(
        &self,
        s: S,
        given: &AttentionInputs,
        at: [usize; 3],
        step: usize,
        scores: &mut [f32],
    ) {
        let [sample, head, first] = at;
        let sizes = [self.heads, given.queries, given.keys];
        for (i, row) in scores.chunks_exact_mut(step).enumerate() {
            let at = [sample, head, first + i];
            let seen = if self.causal {
                given.keys.min(at[2] + 1)
            } else {
                given.keys
            };
            if let (Some(axes), Some(keep)) = (self.keep, given.keep) {
                let keep = &axes.row(keep, sizes, at)[..seen];
                for (score, keep) in row.iter_mut().zip(keep) {
                    *score = if *keep { *score } else { self.fill };
                }
            }
            let mask = match (self.mask, given.mask) {
                (Some(axes), Some(mask)) => Some(&axes.row(mask, sizes, at)[..seen]),
                _ => None,
            };
            // Whole vectors, and no more of them than there are keys to see: the others count as 0.
            let (row, unseen) = row.split_at_mut(seen.next_multiple_of(S::f32s::LEN));
            if !seen.is_multiple_of(S::f32s::LEN) {
                // One blend: single elements written here would have to reach the cache before the vector could be read.
                let last = row.len() - S::f32s::LEN;
                let end = S::f32s::from_slice(s, &row[last..]);
                let beyond = S::f32s::from_slice(s, &BEYOND[16 - (seen - last)..][..S::f32s::LEN]);
                beyond
                    .simd_lt(0.0)
                    .select(beyond, end)
                    .store_slice(&mut row[last..]);
            }
            if !unseen.is_empty() {
                unseen.fill(0.0);
            }
            let max = masked_max(s, row, seen, mask);
            let sum = exp_sum(s, row, max);
            if self.is_zero(max, sum, mask) {
                row.fill(0.0);
            } else {
                let scale = S::f32s::splat(s, (1.0 / sum) as f32);
                for row in row.chunks_exact_mut(S::f32s::LEN) {
                    (S::f32s::from_slice(s, row) * scale).store_slice(row);
                }
            }
        }
    }

    /// Whether a row is 0 because its query sees no key.
    #[inline(always)]
    fn is_zero(&self, max: f32, sum: f64, mask: Option<&[f32]>) -> bool {
        match self.empty_rows {
            EmptyRows::Nan => false,
            // Sums of rows that hold something else than −∞ and NaN are numbers.
            EmptyRows::Zero => {
                (max == f32::NEG_INFINITY || sum.is_nan())
                    && mask.is_some_and(|mask| mask.iter().all(|&m| m == f32::NEG_INFINITY))
            }
            EmptyRows::ZeroForNan => sum.is_nan(),
        }
    }
}

/// row += mask over the first `seen` elements; the maximum (where there is a NaN it does not matter: the sum will be NaN).
#[inline(always)]
fn masked_max<S: Simd>(s: S, row: &mut [f32], seen: usize, mask: Option<&[f32]>) -> f32 {
    if let Some(mask) = mask {
        let (body, tail) = row[..seen].split_at_mut(seen - seen % S::f32s::LEN);
        let mut from = mask.chunks_exact(S::f32s::LEN);
        for row in body.chunks_exact_mut(S::f32s::LEN) {
            let Some(mask) = from.next() else { break };
            (S::f32s::from_slice(s, row) + S::f32s::from_slice(s, mask)).store_slice(row);
        }
        for (row, mask) in tail.iter_mut().zip(&mask[body.len()..]) {
            *row += mask;
        }
    }
    let mut max = S::f32s::splat(s, f32::NEG_INFINITY);
    for row in row.chunks_exact(S::f32s::LEN) {
        max = max.max(S::f32s::from_slice(s, row));
    }
    max.reduce_max()
}

/// row = e^(row − max)·2⁶⁴, and its sum: as in `softmax.rs`, of rows that are whole vectors.
#[inline(always)]
fn exp_sum<S: Simd>(s: S, row: &mut [f32], max: f32) -> f64 {
    const BLOCK: usize = 512;
    let mut total = 0.0;
    for row in row.chunks_mut(BLOCK) {
        let mut sum = S::f32s::splat(s, 0.0);
        for row in row.chunks_exact_mut(S::f32s::LEN) {
            let e = exp_lifted(s, S::f32s::from_slice(s, row) - max);
            e.store_slice(row);
            sum += e;
        }
        total += f64::from(sum.reduce_sum());
    }
    total
}

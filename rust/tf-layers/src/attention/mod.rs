//! Attention: `softmax(scale · query · keyᵀ + mask) · value`, head by head.

mod axes;
mod weights;

use crate::activation::Activation;
use crate::cpu::{Cpu, dispatch};
use crate::error::Result;
use crate::fixed::largest;
use crate::gemm::{Addend, Grid, Product, Segments};
use crate::matmul::{FEW_ROWS, Operand, few_rows, pack_panels};
use crate::pack::PANEL;
use crate::slot;

pub use axes::{Axes, MaskAxes};

/// Queries whose scores exist at a time, fewest: a multiple of the rows of a product's tile at every level.
const ROWS: usize = 24;
/// Bytes of scores at a time: they stay in the second-level cache between their two products, and mostly in the first.
const SCORE_BYTES: usize = 24 << 10;

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

    /// Elements of scratch that a run needs: keys and values as panels, and a block of scores.
    #[must_use]
    pub const fn scratch_len(&self, _: usize, queries: usize, keys: usize) -> usize {
        let [key, value] = self.panels(queries, keys);
        key + value + Self::rows(queries, keys) * keys.next_multiple_of(PANEL)
    }

    /// Elements of a head's keys and values as panels; few queries read them where they lie.
    const fn panels(&self, queries: usize, keys: usize) -> [usize; 2] {
        if queries < FEW_ROWS {
            return [0, 0];
        }
        let value = self.value_size.next_multiple_of(PANEL) * keys;
        [keys.next_multiple_of(PANEL) * self.head_size, value]
    }

    /// Rows of scores at a time.
    const fn rows(queries: usize, keys: usize) -> usize {
        let step = largest(&[keys.next_multiple_of(PANEL), 1]);
        let rows = largest(&[SCORE_BYTES / (4 * step) / ROWS * ROWS, ROWS]);
        if rows < queries { rows } else { queries }
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
        scratch: &mut dyn slot::Scratch,
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
        let few = queries < FEW_ROWS;
        let [key_len, value_len] = self.panels(queries, keys);
        let (key, rest) = scratch
            .fit(self.scratch_len(batch, queries, keys))?
            .split_at_mut(key_len);
        let (value, scores) = rest.split_at_mut(value_len);
        let mut scratch = Scratch {
            key,
            value,
            scores,
            rows: Self::rows(queries, keys),
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
}

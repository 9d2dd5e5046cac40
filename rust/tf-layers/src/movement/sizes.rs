//! Sizes that layers take, by name.

/// A tensor `[outer, axis, inner]` whose axis gets another size.
#[cfg(feature = "resize")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResizedAxis {
    /// What stands in front of the axis.
    pub outer: usize,
    /// The axis.
    pub axis: usize,
    /// What stands behind it.
    pub inner: usize,
    /// The axis' size in the output.
    pub out: usize,
}

/// What tuples of indices are read from: x `[batch, *axes, inner]`, `n` tuples in each of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatherSlices<const K: usize> {
    /// Axes that indices and x share.
    pub batch: usize,
    /// Axes that a tuple indexes.
    pub axes: [usize; K],
    /// Elements that a tuple reads.
    pub inner: usize,
    /// Tuples.
    pub n: usize,
}

/// What tuples of indices write to: x `[*axes, inner]`, `n` tuples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScatterSlices<const K: usize> {
    /// Axes that a tuple indexes.
    pub axes: [usize; K],
    /// Elements that a tuple writes.
    pub inner: usize,
    /// Tuples.
    pub n: usize,
}

/// Matrices `[batch, rows, columns]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixStack {
    /// Matrices.
    pub batch: usize,
    /// Their rows.
    pub rows: usize,
    /// Their columns.
    pub columns: usize,
}

/// Sequences: `[batch, steps, inner]`, or `[steps, batch, inner]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequences {
    /// Sequences.
    pub batch: usize,
    /// Steps of each.
    pub steps: usize,
    /// Elements of a step.
    pub inner: usize,
}

/// A tensor of some shape and the border around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Border<const R: usize> {
    /// The tensor's shape.
    pub shape: [usize; R],
    /// What is added in front of each axis; negative numbers crop.
    pub before: [i64; R],
    /// What is added behind each axis; negative numbers crop.
    pub after: [i64; R],
}

/// A part of a tensor of some shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlicedPart<const R: usize> {
    /// The tensor's shape.
    pub shape: [usize; R],
    /// Where the part begins.
    pub start: [usize; R],
    /// The part's shape.
    pub size: [usize; R],
}

/// Tensors `[outer, parts[i]]` that are joined along their last axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinedParts<const N: usize> {
    /// What stands in front of the joined axis.
    pub outer: usize,
    /// The joined axis and all behind it, of each tensor.
    pub parts: [usize; N],
}

/// A tensor of some shape that is repeated along its axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeated<const R: usize> {
    /// The tensor's shape.
    pub shape: [usize; R],
    /// How often along each axis.
    pub repeats: [usize; R],
}

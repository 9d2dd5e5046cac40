//! Resampling one axis at a time; a resized image is two of these, `[outer, axis, inner]` each.
//!
//! Coordinates are computed in f32, in the order onnxruntime computes them, because `Nearest` rounds them.

mod coordinates;

pub use coordinates::{Coordinates, NearestMode};

use crate::cpu::{Cpu, dispatch};
use crate::error::{Error, Result};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;

/// The scale of an axis: from an input, from the model, or from the sizes.
fn scale_of(scales: &[f32], index: usize, stated: Option<f32>, out: usize, axis: usize) -> f32 {
    let given = scales.get(index).copied();
    given.or(stated).unwrap_or(out as f32 / axis as f32)
}

/// A tensor `[outer, axis, inner]` whose axis gets another size.
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

/// The sizes that ONNX `Resize` gives axes by scales that only the data say: ⌊size · scale⌋.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResizeSizes;

impl ResizeSizes {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// ⌊shape\[d\] · scales\[d\]⌋
    ///
    /// # Errors
    /// If there is not one positive finite scale per axis.
    pub fn sizes<const R: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        scales: &[f32],
    ) -> Result<[usize; R]> {
        if scales.len() != R {
            return Err(Error::InputLength {
                name: "scales",
                expected: R,
                actual: scales.len(),
            });
        }
        let mut out = [0; R];
        for ((out, size), scale) in out.iter_mut().zip(shape).zip(scales) {
            let value = (size as f32 * scale).floor();
            let (what, value) = ("a resized axis", value as i64);
            // A float that is too large for an i64 has become its greatest.
            if scale.is_nan() || *scale <= 0.0 {
                return Err(Error::Size { what, value });
            }
            *out = crate::size(what, value)?;
        }
        Ok(out)
    }
}

/// y\[o\] = x at the nearest position; ONNX `Resize` and `Upsample` with `mode = nearest`, one axis.
///
/// x `[outer, axis, inner]`, y `[outer, out, inner]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResizeNearest<T> {
    /// Which position an output stands for.
    pub coordinates: Coordinates,
    /// How it is rounded.
    pub nearest: NearestMode,
    /// Output size over input size, where the model states it.
    pub scale: Option<f32>,
    /// Which element of the `scales` input, if there is one, is this axis'.
    pub scale_index: usize,
    /// What stands outside the input ([`Coordinates::TfCropAndResize`] only).
    pub extrapolation: T,
}

impl<T: Clone> ResizeNearest<T> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self
    where
        T: Copy,
    {
        self
    }

    /// y = x at the nearest positions. The scale is the stated one, or out / axis.
    pub fn run(&self, cpu: Cpu, sizes: ResizedAxis, x: &[T], y: &mut [T]) {
        self.run_with_scales(cpu, sizes, x, &[], y);
    }

    /// y = x at the nearest positions. The scale is that of `scales`, if it has one for this axis.
    pub fn run_with_scales(
        &self,
        _cpu: Cpu,
        ResizedAxis {
            outer,
            axis,
            inner,
            out,
        }: ResizedAxis,
        x: &[T],
        scales: &[f32],
        y: &mut [T],
    ) {
        if axis == 0 {
            return;
        }
        let scale = scale_of(scales, self.scale_index, self.scale, out, axis);
        for o in 0..out {
            let position = self.coordinates.position(o, axis, out, scale);
            let outside = self.coordinates.outside(position, axis);
            let from = (self.nearest.round(position).max(0.0) as usize).min(axis - 1);
            for i in 0..outer {
                let y = &mut y[(i * out + o) * inner..][..inner];
                match outside {
                    true => y.fill(self.extrapolation.clone()),
                    false => y.clone_from_slice(&x[(i * axis + from) * inner..][..inner]),
                }
            }
        }
    }
}

/// The weights of neighbouring elements.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Interpolation {
    /// 1 − |d| within distance 1.
    Linear,
    /// Keys' cubic convolution within distance 2.
    Cubic {
        /// Its parameter: −0.75 (ONNX's default), −0.5 (TensorFlow).
        a: f32,
    },
}

impl Interpolation {
    /// Distance from which on the weight is 0.
    fn support(self) -> f32 {
        match self {
            Interpolation::Linear => 1.0,
            Interpolation::Cubic { .. } => 2.0,
        }
    }

    /// Weight at distance `d`.
    ///
    /// The cubics are written by their roots: just inside the last element all weights that `exclude_outside` keeps are near such a
    /// root, and the division by their sum would magnify what the expanded polynomials lose there.
    fn weight(self, d: f32) -> f32 {
        let d = d.abs();
        match self {
            Interpolation::Linear => (1.0 - d).max(0.0),
            Interpolation::Cubic { a } if d <= 1.0 => (1.0 - d) * (1.0 + d - (a + 2.0) * d * d),
            Interpolation::Cubic { a } if d < 2.0 => a * (d - 1.0) * (2.0 - d) * (2.0 - d),
            Interpolation::Cubic { .. } => 0.0,
        }
    }
}

/// y\[o\] = Σ weight · neighbours; ONNX `Resize` and `Upsample` with `mode = linear` or `cubic`, one axis.
///
/// x `[outer, axis, inner]`, y `[outer, out, inner]`. Elements outside the axis are those at its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResizeAxis {
    /// Which position an output stands for.
    pub coordinates: Coordinates,
    /// The weights.
    pub interpolation: Interpolation,
    /// Output size over input size, where the model states it.
    pub scale: Option<f32>,
    /// Which element of the `scales` input, if there is one, is this axis'.
    pub scale_index: usize,
    /// Elements outside the axis weigh nothing, and the other weights are scaled up to a sum of 1.
    pub exclude_outside: bool,
    /// When shrinking, the weights are stretched by 1 / scale so that every element counts.
    pub antialias: bool,
    /// What stands outside the input ([`Coordinates::TfCropAndResize`] only).
    pub extrapolation: f32,
}

/// Output positions whose weights are kept at once when `inner` is 1.
const BLOCK: usize = 32;

/// What one output position is made of.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// The extrapolation value.
    Outside,
    /// Neighbours (already inside the axis) and their weights; two for linear interpolation.
    Four([usize; 4], [f32; 4]),
}

impl ResizeAxis {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = x resampled. The scale is the stated one, or out / axis.
    pub fn run(&self, cpu: Cpu, sizes: ResizedAxis, x: &[f32], y: &mut [f32]) {
        self.run_with_scales(cpu, sizes, x, &[], y);
    }

    /// y = x resampled. The scale is that of `scales`, if it has one for this axis.
    pub fn run_with_scales(
        &self,
        cpu: Cpu,
        ResizedAxis {
            outer,
            axis,
            inner,
            out,
        }: ResizedAxis,
        x: &[f32],
        scales: &[f32],
        y: &mut [f32],
    ) {
        if axis == 0 || inner == 0 {
            return;
        }
        let scale = scale_of(scales, self.scale_index, self.scale, out, axis);
        if self.antialias && scale < 1.0 {
            return self.antialiased(outer, [axis, inner, out], scale, x, y);
        }
        for first in (0..out).step_by(BLOCK) {
            let block = BLOCK.min(out - first);
            let sources: [Source; BLOCK] =
                core::array::from_fn(|o| self.source((first + o).min(out - 1), axis, out, scale));
            for (x, y) in x
                .chunks_exact(axis * inner)
                .zip(y.chunks_exact_mut(out * inner))
                .take(outer)
            {
                let y = &mut y[first * inner..][..block * inner];
                dispatch!(cpu.level, s => {
                    let _ = s;
                    self.rows(&sources, inner, x, y);
                });
            }
        }
    }

    /// Neighbours and weights of an output position.
    fn source(&self, o: usize, n: usize, m: usize, scale: f32) -> Source {
        let position = self.coordinates.position(o, n, m, scale);
        if self.coordinates.outside(position, n) {
            return Source::Outside;
        }
        let first = position.floor();
        let offset = match self.interpolation {
            Interpolation::Linear => 0,
            Interpolation::Cubic { .. } => -1,
        };
        let (mut at, mut weights) = ([0; 4], [0.0; 4]);
        for i in 0..4 {
            let index = first as i64 + i as i64 + offset;
            at[i] = index.clamp(0, n as i64 - 1) as usize;
            let inside = at[i] as i64 == index;
            if inside || !self.exclude_outside {
                weights[i] = self
                    .interpolation
                    .weight(position - first - (i as i64 + offset) as f32);
            }
        }
        if self.exclude_outside {
            let sum: f32 = weights.iter().sum();
            weights = weights.map(|w| w / sum);
        }
        Source::Four(at, weights)
    }

    /// The rows of one block of one `[axis, inner]`.
    #[inline(always)]
    fn rows(&self, sources: &[Source; BLOCK], inner: usize, x: &[f32], y: &mut [f32]) {
        let linear = self.interpolation == Interpolation::Linear;
        for (source, y) in sources.iter().zip(y.chunks_exact_mut(inner)) {
            let Source::Four(at, w) = source else {
                y.fill(self.extrapolation);
                continue;
            };
            let row = |i: usize| &x[at[i] * inner..][..inner];
            if linear {
                for ((y, a), b) in y.iter_mut().zip(row(0)).zip(row(1)) {
                    *y = a * w[0] + b * w[1];
                }
            } else {
                for ((((y, a), b), c), d) in
                    y.iter_mut().zip(row(0)).zip(row(1)).zip(row(2)).zip(row(3))
                {
                    *y = a * w[0] + b * w[1] + c * w[2] + d * w[3];
                }
            }
        }
    }

    /// Shrinking with stretched weights: as many neighbours as the stretched support covers.
    fn antialiased(
        &self,
        outer: usize,
        [axis, inner, out]: [usize; 3],
        scale: f32,
        x: &[f32],
        y: &mut [f32],
    ) {
        // The specification's reference: neighbours ⌊−support / scale⌋ + 1 … of the element left of the position,
        // weights normalised over all of them, and again over those inside with `exclude_outside`.
        let reach = (-self.interpolation.support() / scale).floor() as i64 + 1;
        for o in 0..out {
            let position = self.coordinates.position(o, axis, out, scale);
            let outside = self.coordinates.outside(position, axis);
            let left = position.ceil() as i64 - 1;
            let neighbours = || {
                (reach..2 - reach).filter_map(move |i| {
                    let index = left + i;
                    let at = index.clamp(0, axis as i64 - 1);
                    let weight = self.interpolation.weight((index as f32 - position) * scale);
                    (at == index || !self.exclude_outside).then_some((at as usize, weight))
                })
            };
            let sum: f32 = neighbours().map(|(_, w)| w).sum();
            for i in 0..outer {
                let y = &mut y[(i * out + o) * inner..][..inner];
                y.fill(if outside { self.extrapolation } else { 0.0 });
                for (at, weight) in neighbours().take_while(|_| !outside) {
                    let weight = weight / sum;
                    for (y, x) in y.iter_mut().zip(&x[(i * axis + at) * inner..][..inner]) {
                        *y += weight * x;
                    }
                }
            }
        }
    }
}

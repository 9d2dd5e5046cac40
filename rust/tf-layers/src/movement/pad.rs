//! Borders around tensors.

use super::strided::{Walk, signed};
use crate::axis::strides;
use crate::cpu::Cpu;
use crate::error::{Error, Result};

/// What a border holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PadMode {
    /// A constant.
    Constant,
    /// The tensor mirrored at its first and last element, which are not repeated.
    Reflect,
    /// The first and last element.
    Edge,
    /// The tensor again.
    Wrap,
}

impl PadMode {
    /// The position that stands at `i` (counted from the first element of an axis of `n ≥ 1`).
    fn source(self, i: isize, n: usize) -> usize {
        let n = n as isize;
        let position = match self {
            PadMode::Constant | PadMode::Edge => i.clamp(0, n - 1),
            PadMode::Wrap => i.rem_euclid(n),
            PadMode::Reflect => {
                // Period 2 (n − 1): forward, then back.
                let period = (2 * (n - 1)).max(1);
                let i = i.rem_euclid(period);
                i.min(period - i).min(n - 1)
            }
        };
        position as usize
    }
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

/// y = x with a border; ONNX `Pad`.
///
/// x `shape`, y `[before[d] + shape[d] + after[d]]`; negative numbers crop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pad<const R: usize> {
    /// What the border holds.
    pub mode: PadMode,
}

impl<const R: usize> Pad<R> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = x with its border; [`PadMode::Constant`] writes 0. Of an empty axis other modes repeat nothing: such a y is left as it is.
    pub fn run<T: Clone + Default + 'static>(
        &self,
        cpu: Cpu,
        border: Border<R>,
        x: &[T],
        y: &mut [T],
    ) {
        self.run_with_value(cpu, border, x, &[], y);
    }

    /// [`run`](Self::run), but [`PadMode::Constant`] writes `value`, one element.
    pub fn run_with_value<T: Clone + Default + 'static>(
        &self,
        _cpu: Cpu,
        Border {
            shape,
            before,
            after,
        }: Border<R>,
        x: &[T],
        value: &[T],
        y: &mut [T],
    ) {
        let (before, after) = (before.map(|n| n as isize), after.map(|n| n as isize));
        let value = value.first().cloned().unwrap_or_default();
        pad(self.mode, shape, [before, after], x, value, y);
    }
}

/// ONNX `Pad` whose pads only the data say; negative ones crop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynamicPad<const N: usize> {
    /// What the border holds.
    pub mode: PadMode,
    /// The axes that pads are given for.
    pub axes: [usize; N],
}

impl<const N: usize> DynamicPad<N> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// Sizes of y along `axes`, in their order; `pads` are N sizes before, then N sizes after.
    ///
    /// # Errors
    /// If there are not 2 N pads, a size would be negative, or there is nothing to repeat.
    pub fn sizes<const R: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        pads: &[i64],
    ) -> Result<[usize; N]> {
        let [before, after] = self.borders::<R>(pads)?;
        let mut out = [0; N];
        for (out, &d) in out.iter_mut().zip(&self.axes) {
            let size = (shape[d] as isize)
                .saturating_add(before[d])
                .saturating_add(after[d]);
            let (what, value) = ("a padded axis", size as i64);
            // After cropping there must be something left to repeat.
            let left = shape[d] as isize + before[d].min(0) + after[d].min(0);
            let grows = before[d] > 0 || after[d] > 0;
            if left < 0 || (left == 0 && grows && self.mode != PadMode::Constant) {
                return Err(Error::Size { what, value });
            }
            *out = crate::size(what, value)?;
        }
        Ok(out)
    }

    /// y = x with its border; [`PadMode::Constant`] writes 0.
    ///
    /// # Errors
    /// As [`sizes`](Self::sizes).
    pub fn run<T: Clone + Default + 'static, const R: usize>(
        &self,
        cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        pads: &[i64],
        y: &mut [T],
    ) -> Result<()> {
        self.run_with_value(cpu, shape, x, pads, &[], y)
    }

    /// [`run`](Self::run), but [`PadMode::Constant`] writes `value`, one element.
    ///
    /// # Errors
    /// As [`sizes`](Self::sizes).
    pub fn run_with_value<T: Clone + Default + 'static, const R: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        pads: &[i64],
        value: &[T],
        y: &mut [T],
    ) -> Result<()> {
        let value = value.first().cloned().unwrap_or_default();
        pad(self.mode, shape, self.borders(pads)?, x, value, y);
        Ok(())
    }

    /// What stands before and after each axis.
    fn borders<const R: usize>(&self, pads: &[i64]) -> Result<[[isize; R]; 2]> {
        if pads.len() != 2 * N {
            return Err(Error::InputLength {
                name: "pads",
                expected: 2 * N,
                actual: pads.len(),
            });
        }
        let (mut before, mut after) = ([0; R], [0; R]);
        for (i, &d) in self.axes.iter().enumerate() {
            // More than any tensor holds is as good as the largest number that can still be added to a size.
            const FAR: i64 = if isize::BITS == 64 { 1 << 48 } else { 1 << 30 };
            let limit = |n: i64| n.clamp(-FAR, FAR) as isize;
            (before[d], after[d]) = (limit(pads[i]), limit(pads[N + i]));
        }
        Ok([before, after])
    }
}

/// Copies the inside, then fills the border axis by axis from the innermost: at each axis, whole slices.
fn pad<T: Clone + Default + 'static, const R: usize>(
    mode: PadMode,
    shape: [usize; R],
    [before, after]: [[isize; R]; 2],
    x: &[T],
    value: T,
    y: &mut [T],
) {
    let out: [usize; R] =
        core::array::from_fn(|d| shape[d].saturating_add_signed(before[d] + after[d]));
    // What is left after negative pads have cropped.
    let skipped = before.map(|n| n.min(0).unsigned_abs());
    let kept: [usize; R] = core::array::from_fn(|d| {
        shape[d].saturating_add_signed(before[d].min(0) + after[d].min(0))
    });
    let first = before.map(|n| n.max(0) as usize);
    let to = strides(out);
    if mode == PadMode::Constant && kept != out {
        y.fill(value);
    }
    if kept.contains(&0) {
        return;
    }
    let from = signed(shape);
    let mut walk = Walk::new();
    for d in 0..R {
        walk.push(kept[d], from[d], to[d]);
    }
    let start = (0..R).map(|d| from[d] as usize * skipped[d]).sum();
    let origin: usize = (0..R).map(|d| to[d] * first[d]).sum();
    walk.copy(x, start, &mut y[origin..]);
    if mode == PadMode::Constant {
        return;
    }
    for d in (0..R).rev() {
        if kept[d] == out[d] {
            continue;
        }
        // The slices of axis d whose outer coordinates are inside; those outside are made from these later.
        for_each_inside(&kept[..d], &first[..d], &to[..d], |base| {
            for i in (0..first[d]).chain(first[d] + kept[d]..out[d]) {
                let source = first[d] + mode.source(i as isize - first[d] as isize, kept[d]);
                copy_within(&mut y[base..], source * to[d], i * to[d], to[d]);
            }
        });
    }
}

/// Calls `f` with the offset of every index of `sizes`, shifted by `first`.
fn for_each_inside(sizes: &[usize], first: &[usize], strides: &[usize], mut f: impl FnMut(usize)) {
    let count: usize = sizes.iter().product();
    for mut flat in 0..count {
        let mut offset = 0;
        for ((n, first), stride) in sizes.iter().zip(first).zip(strides).rev() {
            offset += (flat % n + first) * stride;
            flat /= n;
        }
        f(offset);
    }
}

/// `slice::copy_within` for types that are not `Copy`; the ranges do not overlap.
fn copy_within<T: Clone>(y: &mut [T], from: usize, to: usize, len: usize) {
    if from < to {
        let (a, b) = y.split_at_mut(to);
        b[..len].clone_from_slice(&a[from..][..len]);
    } else {
        let (a, b) = y.split_at_mut(from);
        a[to..][..len].clone_from_slice(&b[..len]);
    }
}

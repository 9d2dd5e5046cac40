//! Shapes that the data say, and sizes as data.

use crate::cpu::Cpu;
use crate::error::{Error, Result};
use crate::slot::size;

/// The shape that ONNX `Reshape` gives where only the data say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReshapeSizes {
    /// Whether a 0 means an empty axis; otherwise it keeps the input's size.
    pub allow_zero: bool,
}

impl ReshapeSizes {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// Shape of y: 0 keeps x's size of the same axis (unless `allow_zero`), one −1 takes what remains.
    ///
    /// # Errors
    /// If `target` has not N elements, has other negative numbers or two −1, or does not hold x's elements.
    pub fn sizes<const R: usize, const N: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        target: &[i64],
    ) -> Result<[usize; N]> {
        if target.len() != N {
            return Err(Error::InputLength {
                name: "shape",
                expected: N,
                actual: target.len(),
            });
        }
        let free = reshaped(
            self.allow_zero,
            shape.iter().product(),
            |axis| shape.get(axis).copied(),
            target,
        )?;
        let mut out = [0; N];
        for (axis, (out, &size)) in out.iter_mut().zip(target).enumerate() {
            *out = match usize::try_from(size) {
                Ok(0) if !self.allow_zero => shape.get(axis).copied().unwrap_or(0),
                Ok(size) => size,
                Err(_) => free,
            };
        }
        Ok(out)
    }
}

/// Holds a target of ONNX `Reshape` against the elements and the sizes of x; returns what its −1 stands for.
pub(crate) fn reshaped(
    allow_zero: bool,
    count: usize,
    old: impl Fn(usize) -> Option<usize>,
    target: &[i64],
) -> Result<usize> {
    let (mut known, mut free) = (1_usize, false);
    for (axis, &size) in target.iter().enumerate() {
        let what = "a reshaped axis";
        let wrong = Error::Size { what, value: size };
        let size = match size {
            -1 if !free => {
                free = true;
                1
            }
            0 if !allow_zero => old(axis).ok_or(wrong.clone())?,
            size => usize::try_from(size).map_err(|_| wrong.clone())?,
        };
        known = known.checked_mul(size).ok_or(wrong)?;
    }
    // With an empty axis beside it, what −1 stands for is not determined.
    let what = "a reshaped axis";
    let rest = count.checked_div(known);
    let rest = if free {
        rest.ok_or(Error::Size { what, value: -1 })?
    } else {
        1
    };
    if known * rest == count {
        return Ok(rest);
    }
    Err(Error::SizeMismatch {
        what: "elements of a reshaped tensor",
        left: count,
        right: known * rest,
    })
}

/// The shape that ONNX `Expand` gives where only the data say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpandSizes;

impl ExpandSizes {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// x's `shape` and `target` broadcast together.
    ///
    /// # Errors
    /// If a size is negative, or two sizes differ and neither is 1.
    pub fn sizes<const R: usize, const N: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        target: &[i64],
    ) -> Result<[usize; N]> {
        let mut wanted = [1; N];
        let first = N.checked_sub(target.len());
        let first = first.ok_or(Error::InputLength {
            name: "shape",
            expected: N,
            actual: target.len(),
        })?;
        for (wanted, &value) in wanted[first..].iter_mut().zip(target) {
            *wanted = size("an expanded axis", value)?;
        }
        broadcast_sizes(&shape, &wanted)
    }
}

/// Sizes from an i64 tensor that holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadSizes;

impl ReadSizes {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// The elements of x.
    ///
    /// # Errors
    /// If there are not N, or one is negative.
    pub fn sizes<const N: usize>(&self, _cpu: Cpu, x: &[i64]) -> Result<[usize; N]> {
        if x.len() != N {
            return Err(Error::InputLength {
                name: "sizes",
                expected: N,
                actual: x.len(),
            });
        }
        let mut out = [0; N];
        for (out, &value) in out.iter_mut().zip(x) {
            *out = size("size", value)?;
        }
        Ok(out)
    }
}

/// One size from two that have to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SameSize;

impl SameSize {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// The size.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if the two differ.
    pub fn sizes(&self, _cpu: Cpu, [left, right]: [usize; 2]) -> Result<[usize; 1]> {
        if left == right {
            return Ok([left]);
        }
        let what = "sizes that have to be the same";
        Err(Error::SizeMismatch { what, left, right })
    }
}

/// Sizes of the parts that ONNX `Split` makes, where only the data say them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitSizes;

impl SplitSizes {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// The elements of x, which must add up to `axis`.
    ///
    /// # Errors
    /// If they do not, there are not N, or one is negative.
    pub fn sizes<const N: usize>(&self, cpu: Cpu, axis: usize, x: &[i64]) -> Result<[usize; N]> {
        let parts = ReadSizes.sizes(cpu, x)?;
        match parts
            .iter()
            .try_fold(0usize, |sum, &n: &usize| sum.checked_add(n))
        {
            Some(sum) if sum == axis => Ok(parts),
            sum => {
                let what = "parts of a split axis";
                Err(Error::SizeMismatch {
                    what,
                    left: sum.unwrap_or(usize::MAX),
                    right: axis,
                })
            }
        }
    }
}

/// y = sizes, as elements: ONNX `Shape`, `Size`, and what is computed from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteSizes;

/// Element types that hold sizes: i64, and i32 (where they are cast; the upper bits are lost as in any cast).
pub trait SizeElement: Copy {
    /// The size as an element.
    fn from_size(size: i64) -> Self;
}

impl SizeElement for i64 {
    fn from_size(size: i64) -> Self {
        size
    }
}

impl SizeElement for i32 {
    fn from_size(size: i64) -> Self {
        size as i32
    }
}

impl WriteSizes {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = values
    pub fn run<T: SizeElement, const N: usize>(&self, _cpu: Cpu, values: [i64; N], y: &mut [T]) {
        for (y, value) in y.iter_mut().zip(values) {
            *y = T::from_size(value);
        }
    }
}

/// The shape that `a` and `b` broadcast to: aligned at their last axes, sizes equal or one of them 1.
///
/// # Errors
/// If two sizes do not fit, or the result has another rank than N.
pub fn broadcast_sizes<const N: usize>(a: &[usize], b: &[usize]) -> Result<[usize; N]> {
    let rank = a.len().max(b.len());
    if rank != N {
        return Err(Error::SizeMismatch {
            what: "rank of a broadcast",
            left: rank,
            right: N,
        });
    }
    let at = |shape: &[usize], d: usize| (d + shape.len()).checked_sub(N).map_or(1, |i| shape[i]);
    let mut out = [0; N];
    for (d, out) in out.iter_mut().enumerate() {
        *out = broadcast_axis(at(a, d), at(b, d))?;
    }
    Ok(out)
}

/// The size that two sizes of an axis broadcast to.
pub(crate) fn broadcast_axis(left: usize, right: usize) -> Result<usize> {
    match (left, right) {
        _ if left == right || right == 1 => Ok(left),
        (1, _) => Ok(right),
        _ => Err(Error::SizeMismatch {
            what: "a broadcast axis",
            left,
            right,
        }),
    }
}

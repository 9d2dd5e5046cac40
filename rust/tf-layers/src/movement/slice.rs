//! Parts of tensors.

use super::strided::{Walk, signed};
use crate::cpu::Cpu;
use crate::error::{Error, Result};

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

/// y\[i\] = x\[start + i · step\] along every axis; ONNX `Slice` whose starts and sizes are known (as
/// expressions), and each output of `Split`.
///
/// x `shape`, y `size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice<const R: usize> {
    /// Step per axis; negative steps go backward. Not 0.
    pub steps: [isize; R],
}

impl<const R: usize> Slice<R> {
    /// Checks the steps; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        let mut d = 0;
        while d < R {
            assert!(self.steps[d] != 0, "Slice: steps");
            d += 1;
        }
        self
    }

    /// y = `size` elements per axis from `start` (which is ignored where an axis is empty).
    pub fn run<T: Clone + 'static>(
        &self,
        _cpu: Cpu,
        SlicedPart { shape, start, size }: SlicedPart<R>,
        x: &[T],
        y: &mut [T],
    ) {
        let strides = signed(shape);
        let from = core::array::from_fn(|d| strides[d] * self.steps[d]);
        let first = (0..R).map(|d| strides[d] as usize * start[d]).sum();
        Walk::dense(size, from).copy(x, first, y);
    }
}

/// Where a slice begins and ends along some axes, and by which steps it goes.
#[derive(Debug, Clone, Copy, Default)]
pub struct SliceBounds<'a> {
    /// First positions.
    pub starts: &'a [i64],
    /// The positions behind the last.
    pub ends: &'a [i64],
    /// Steps, 1 where there are none.
    pub steps: Option<&'a [i64]>,
}

/// ONNX `Slice` whose starts, ends or steps only the data say.
///
/// Starts and ends count from the end where negative and are clamped to the axis, as the specification says; a step
/// of 0 is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynamicSlice<const N: usize> {
    /// The axes that the elements of starts, ends and steps belong to (each once).
    pub axes: [usize; N],
}

impl<const N: usize> DynamicSlice<N> {
    /// Checks the parameters; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        let mut i = 0;
        while i < N {
            let mut j = i + 1;
            while j < N {
                assert!(self.axes[i] != self.axes[j], "DynamicSlice: axes");
                j += 1;
            }
            i += 1;
        }
        self
    }

    /// Sizes of y along `axes`, in their order.
    ///
    /// # Errors
    /// If the bounds have not one element per axis, or a step is 0.
    pub fn sizes<const R: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        bounds: SliceBounds,
    ) -> Result<[usize; N]> {
        self.part(shape, bounds)
            .map(|(_, part)| self.axes.map(|d| part.size[d]))
    }

    /// y = the slice of x.
    ///
    /// # Errors
    /// As [`sizes`](Self::sizes).
    pub fn run<T: Clone + 'static, const R: usize>(
        &self,
        cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        bounds: SliceBounds,
        y: &mut [T],
    ) -> Result<()> {
        let (steps, part) = self.part(shape, bounds)?;
        Slice { steps }.run(cpu, part, x, y);
        Ok(())
    }

    /// Step of every axis, and the part that they walk.
    fn part<const R: usize>(
        &self,
        shape: [usize; R],
        bounds: SliceBounds,
    ) -> Result<([isize; R], SlicedPart<R>)> {
        let SliceBounds {
            starts,
            ends,
            steps,
        } = bounds;
        let steps = steps.unwrap_or(&[1; N]);
        for (name, given) in [("starts", starts), ("ends", ends), ("steps", steps)] {
            if given.len() != N {
                return Err(Error::InputLength {
                    name,
                    expected: N,
                    actual: given.len(),
                });
            }
        }
        let (mut by, mut start, mut size) = ([1; R], [0; R], shape);
        for (i, &d) in self.axes.iter().enumerate() {
            let step = steps[i];
            (start[d], size[d]) = range(shape[d], starts[i], ends[i], step)?;
            // A step beyond the axis takes one element: which step is then no matter.
            by[d] = step.clamp(-(shape[d] as i64).max(1), (shape[d] as i64).max(1)) as isize;
        }
        Ok((by, SlicedPart { shape, start, size }))
    }
}

/// First position and number of elements of `start..end` by `step` on an axis of `n` elements.
fn range(n: usize, start: i64, end: i64, step: i64) -> Result<(usize, usize)> {
    let n = n as i64;
    let wrap = |i: i64| if i < 0 { i.saturating_add(n) } else { i };
    let (start, span) = match step {
        0 => {
            return Err(Error::Size {
                what: "step of a slice",
                value: 0,
            });
        }
        1.. => {
            let start = wrap(start).clamp(0, n);
            (start, wrap(end).clamp(0, n) - start)
        }
        _ => {
            let start = wrap(start).clamp(0, (n - 1).max(0));
            (start, start - wrap(end).clamp(-1, n - 1))
        }
    };
    if n == 0 || span <= 0 {
        return Ok((0, 0));
    }
    Ok((
        start as usize,
        (span as u64).div_ceil(step.unsigned_abs()) as usize,
    ))
}

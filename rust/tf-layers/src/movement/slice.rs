//! Parts of tensors.

use super::sizes::SlicedPart;
use super::strided::{Walk, signed};
use crate::cpu::Cpu;
use crate::error::{Error, Result};

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
        copy(self.steps, shape, start, size, x, y);
    }
}

fn copy<T: Clone + 'static, const R: usize>(
    steps: [isize; R],
    shape: [usize; R],
    start: [usize; R],
    size: [usize; R],
    x: &[T],
    y: &mut [T],
) {
    let strides = signed(shape);
    let from = core::array::from_fn(|d| strides[d] * steps[d]);
    let first = (0..R).map(|d| strides[d] as usize * start[d]).sum();
    Walk::dense(size, from).copy(x, first, y);
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

    /// Sizes of y along `axes`, in their order, for steps of 1.
    ///
    /// # Errors
    /// If the inputs have not one element per axis.
    pub fn sizes<const R: usize>(
        &self,
        cpu: Cpu,
        shape: [usize; R],
        starts: &[i64],
        ends: &[i64],
    ) -> Result<[usize; N]> {
        self.sizes_with_steps(cpu, shape, starts, ends, &[1; N])
    }

    /// Sizes of y along `axes`, in their order.
    ///
    /// # Errors
    /// If the inputs have not one element per axis, or a step is 0.
    pub fn sizes_with_steps<const R: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        starts: &[i64],
        ends: &[i64],
        steps: &[i64],
    ) -> Result<[usize; N]> {
        self.ranges(shape, starts, ends, steps)
            .map(|(_, _, sizes)| self.axes.map(|d| sizes[d]))
    }

    /// y = the slice of x by steps of 1.
    ///
    /// # Errors
    /// As [`sizes`](Self::sizes).
    pub fn run<T: Clone + 'static, const R: usize>(
        &self,
        cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        starts: &[i64],
        ends: &[i64],
        y: &mut [T],
    ) -> Result<()> {
        self.run_with_steps(cpu, shape, x, starts, ends, &[1; N], y)
    }

    /// y = the slice of x.
    ///
    /// # Errors
    /// As [`sizes_with_steps`](Self::sizes_with_steps).
    #[allow(
        clippy::too_many_arguments,
        reason = "the inputs that ONNX gives Slice"
    )]
    pub fn run_with_steps<T: Clone + 'static, const R: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        starts: &[i64],
        ends: &[i64],
        steps: &[i64],
        y: &mut [T],
    ) -> Result<()> {
        let (steps, starts, sizes) = self.ranges(shape, starts, ends, steps)?;
        copy(steps, shape, starts, sizes, x, y);
        Ok(())
    }

    /// Step, start and size of every axis.
    #[allow(
        clippy::type_complexity,
        reason = "three arrays of one number per axis"
    )]
    fn ranges<const R: usize>(
        &self,
        shape: [usize; R],
        starts: &[i64],
        ends: &[i64],
        steps: &[i64],
    ) -> Result<([isize; R], [usize; R], [usize; R])> {
        for (name, given) in [("starts", starts), ("ends", ends), ("steps", steps)] {
            if given.len() != N {
                return Err(Error::InputLength {
                    name,
                    expected: N,
                    actual: given.len(),
                });
            }
        }
        let (mut by, mut from, mut size) = ([1; R], [0; R], shape);
        for (i, &d) in self.axes.iter().enumerate() {
            let step = steps[i];
            (from[d], size[d]) = range(shape[d], starts[i], ends[i], step)?;
            // A step beyond the axis takes one element: which step is then no matter.
            by[d] = step.clamp(-(shape[d] as i64).max(1), (shape[d] as i64).max(1)) as isize;
        }
        Ok((by, from, size))
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

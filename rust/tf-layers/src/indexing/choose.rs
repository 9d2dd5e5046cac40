//! Layers whose output size the data decide: what is not zero, what a mask keeps, what is there only once.

use core::cmp::Ordering;

use crate::axis::AlongAxis;
use crate::cpu::Cpu;
use crate::error::Result;
#[cfg(feature = "alloc")]
use crate::slot::Slot;

/// Types that are zero or not.
pub trait Truth: Copy {
    /// Whether it is not zero (NaN is not).
    fn truth(self) -> bool;
}

impl Truth for bool {
    #[inline(always)]
    fn truth(self) -> bool {
        self
    }
}

macro_rules! truth {
    ($($t:ty),*) => {$(
        impl Truth for $t {
            #[inline(always)]
            fn truth(self) -> bool {
                self != 0 as $t
            }
        }
    )*};
}
truth!(u8, u16, u32, u64, i8, i16, i32, i64, f32, f64);

/// The indices of the elements that are not zero, row-major; ONNX `NonZero`.
///
/// x of R axes, y `[R, n]`: one column per element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NonZero<const R: usize>;

impl<const R: usize> NonZero<R> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// Number of elements that are not zero.
    ///
    /// # Errors
    /// None; as every layer whose sizes the data decide.
    pub fn sizes<T: Truth>(&self, _cpu: Cpu, _shape: [usize; R], x: &[T]) -> Result<[usize; 1]> {
        Ok([x.iter().filter(|x| x.truth()).count()])
    }

    /// y\[d, j\] = coordinate d of the j-th element that is not zero.
    pub fn run<T: Truth>(&self, _cpu: Cpu, shape: [usize; R], x: &[T], y: &mut [i64]) {
        let n = y.len() / R.max(1);
        let found = x.iter().enumerate().filter(|(_, x)| x.truth());
        for (j, (mut flat, _)) in found.take(n).enumerate() {
            for d in (0..R).rev() {
                y[d * n + j] = (flat % shape[d]) as i64;
                flat /= shape[d];
            }
        }
    }
}

/// y = the positions of an axis whose condition is true; ONNX `Compress`.
///
/// x `[outer, axis, inner]`, y `[outer, n, inner]`. The condition has as many elements as the axis; what it lacks is false, and what it has beyond
/// is not read, as in onnxruntime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compress;

impl Compress {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// Number of positions that are kept.
    ///
    /// # Errors
    /// None.
    pub fn sizes(&self, _cpu: Cpu, along: AlongAxis, condition: &[bool]) -> Result<[usize; 1]> {
        let read = condition.iter().take(along.axis);
        Ok([read.filter(|&&kept| kept).count()])
    }

    /// y = the kept positions of x.
    pub fn run<T: Clone>(
        &self,
        _cpu: Cpu,
        AlongAxis { outer, axis, inner }: AlongAxis,
        x: &[T],
        condition: &[bool],
        y: &mut [T],
    ) {
        let kept = || {
            condition
                .iter()
                .take(axis)
                .enumerate()
                .filter(|(_, c)| **c)
                .map(|(i, _)| i)
        };
        if inner == 0 {
            return;
        }
        let rows = (0..outer).flat_map(|o| kept().map(move |i| o * axis + i));
        for (row, y) in rows.zip(y.chunks_exact_mut(inner)) {
            y.clone_from_slice(&x[row * inner..][..inner]);
        }
    }
}

/// Where the slices of [`Unique`] lie; an output that is not used is `None`.
#[derive(Debug, Default)]
pub struct UniquePlaces<'a> {
    /// `[n]`: where each slice occurs first.
    pub first: Option<&'a mut [i64]>,
    /// `[axis]`: which slice of y each of x is.
    pub inverse: Option<&'a mut [i64]>,
    /// `[n]`: how often each slice occurs.
    pub counts: Option<&'a mut [i64]>,
}

/// The distinct slices along an axis; ONNX `Unique`.
///
/// x `[outer, axis, inner]`; outputs: y `[outer, n, inner]`, `first` `[n]` (where each slice occurs first), `inverse`
/// `[axis]` (which slice of y each of x is), `counts` `[n]`. Without an axis ONNX flattens: `[1, elements, 1]`.
/// Allocates: sorting needs room of its own, which is an error where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unique {
    /// Ascending order; otherwise the order of first occurrence.
    pub sorted: bool,
}

#[cfg(feature = "alloc")]
impl Unique {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// Number of distinct slices.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none to sort in.
    pub fn sizes<T: PartialOrd>(&self, _cpu: Cpu, sizes: AlongAxis, x: &[T]) -> Result<[usize; 1]> {
        let mut room = Slot::new();
        Ok([self.groups(sizes, x, &mut room)?.count()])
    }

    /// y, first occurrences, inverse and counts.
    ///
    /// # Errors
    /// As [`sizes`](Self::sizes).
    pub fn run<T: PartialOrd + Clone>(
        &self,
        _cpu: Cpu,
        sizes: AlongAxis,
        x: &[T],
        y: &mut [T],
        places: UniquePlaces,
    ) -> Result<()> {
        let UniquePlaces {
            mut first,
            mut inverse,
            mut counts,
        } = places;
        let AlongAxis { outer, axis, inner } = sizes;
        let mut room = Slot::new();
        let n = y.len().checked_div(outer * inner).unwrap_or(0);
        for (j, members) in self.groups(sizes, x, &mut room)?.enumerate() {
            if let Some(first) = &mut first {
                first[j] = members[0] as i64;
            }
            if let Some(counts) = &mut counts {
                counts[j] = members.len() as i64;
            }
            if let Some(inverse) = &mut inverse {
                members.iter().for_each(|&i| inverse[i] = j as i64);
            }
            for o in 0..outer {
                let slice = &x[(o * axis + members[0]) * inner..][..inner];
                y[(o * n + j) * inner..][..inner].clone_from_slice(slice);
            }
        }
        Ok(())
    }

    /// Positions of equal slices, ascending within each group.
    fn groups<'a, T: PartialOrd>(
        &self,
        AlongAxis { outer, axis, inner }: AlongAxis,
        x: &'a [T],
        room: &'a mut Slot<usize>,
    ) -> Result<impl Iterator<Item = &'a [usize]>> {
        let slice =
            move |i: usize| (0..outer).flat_map(move |o| &x[(o * axis + i) * inner..][..inner]);
        // What cannot be compared (NaN) sorts behind everything and equals nothing, not even itself.
        let compare = move |a: usize, b: usize| -> Ordering {
            slice(a)
                .zip(slice(b))
                .map(|(a, b)| {
                    a.partial_cmp(b).unwrap_or_else(|| {
                        (a.partial_cmp(a).is_none()).cmp(&b.partial_cmp(b).is_none())
                    })
                })
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        };
        let same = move |&a: &usize, &b: &usize| slice(a).eq(slice(b));
        let (order, leaders) = room
            .fit(if self.sorted { axis } else { 2 * axis })?
            .split_at_mut(axis);
        for (i, place) in order.iter_mut().enumerate() {
            *place = i;
        }
        // Equal slices stay in the order of their positions. (A stable sort would allocate.)
        order.sort_unstable_by(|&a, &b| compare(a, b).then(a.cmp(&b)));
        if !self.sorted {
            for group in order.chunk_by(same) {
                group.iter().for_each(|&i| leaders[i] = group[0]);
            }
            order.sort_unstable_by_key(|&i| (leaders[i], i));
        }
        Ok(order.chunk_by(same))
    }
}

//! Numbers of fewer bits that stand for a tensor's f32, with a scale for each place along one of its axes.
//!
//! The scale is the largest magnitude there (divided by 127 for integers), so that the largest element has the largest code. Whatever
//! multiplies all elements of a place by one factor changes its scale alone: a kernel that batch normalisation was folded into has
//! the codes that it had before.

use super::Tensor;
use crate::F16;
use crate::npz::Data;
use crate::pack::Packing;
use crate::store::Storage;

/// The largest integer.
const LARGEST: f32 = 127.0;
/// A scale for fewer elements than this is not worth it.
const SHARE: usize = 4;

/// A tensor in fewer bits.
pub(super) struct Codes {
    /// What stands for its elements: `F16` or `I8`.
    pub codes: Data,
    pub scales: Vec<f32>,
    /// How many of them lie side by side before they repeat.
    pub period: usize,
}

/// Which scale each element has: number `(i / block) · period + i % period`; and the place along the axis, from 1, that each scale is for
/// (0: padding only).
struct Places {
    period: usize,
    block: usize,
    table: Vec<usize>,
}

/// The codes of packed elements; `None` where there can be none: the packing computes, elements are not finite, or scales would be too many.
pub(super) fn of(packed: &[f32], tensor: &Tensor, storage: Storage) -> Option<Codes> {
    let (Storage::F16 { axis } | Storage::I8 { axis }) = storage else {
        return None;
    };
    let computes = matches!(
        tensor.packing,
        Packing::Winograd { .. } | Packing::GateBias { .. } | Packing::LastRecurrentBias { .. }
    );
    if computes || tensor.packing.is_integer() || packed.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let places = places(tensor, axis, packed.len())?;
    let exact = |x: &f32| F16::from_f32(*x).to_f32() == *x;
    let halves = matches!(storage, Storage::F16 { .. });
    let scales = if halves && packed.iter().all(exact) {
        vec![1.0; places.table.len()]
    } else {
        scales(packed, &places, if halves { 1.0 } else { LARGEST })
    };
    let code = |k: usize| match scales[places.of(k)] {
        0.0 => 0.0,
        scale => packed[k] / scale,
    };
    let codes = if halves {
        Data::F16(
            (0..packed.len())
                .map(|k| F16::from_f32(code(k)).0)
                .collect(),
        )
    } else {
        let rounded = |k| code(k).round_ties_even().clamp(-LARGEST, LARGEST) as i8;
        Data::I8((0..packed.len()).map(rounded).collect())
    };
    Some(Codes {
        codes,
        scales,
        period: places.period,
    })
}

impl Places {
    /// The number of an element's scale.
    fn of(&self, k: usize) -> usize {
        k / self.block * self.period + k % self.period
    }
}

/// The scale of each place along the axis, where the table has it.
fn scales(packed: &[f32], places: &Places, largest: f32) -> Vec<f32> {
    let mut of_place = vec![0.0_f32; places.table.iter().max().map_or(0, |m| m + 1)];
    for (k, x) in packed.iter().enumerate() {
        let most = &mut of_place[places.table[places.of(k)]];
        *most = most.max(x.abs());
    }
    places
        .table
        .iter()
        .map(|&place| of_place[place] / largest)
        .collect()
}

/// Where the packing puts the places along an axis: seen from a tensor whose elements are their own places, packed likewise.
fn places(tensor: &Tensor, axis: usize, len: usize) -> Option<Places> {
    let (&size, inner) = (
        tensor.shape.get(axis)?,
        tensor.shape[axis + 1..].iter().product::<usize>(),
    );
    let elements: usize = tensor.shape.iter().product();
    // f32 counts no further
    if size == 0 || size >= 1 << 24 || elements == 0 {
        return None;
    }
    let own: Vec<f32> = (0..elements)
        .map(|k| (k / inner % size + 1) as f32)
        .collect();
    let packed = tensor.packing.pack(tensor.shape, &own);
    drop(own);
    let side_by_side = match tensor.packing {
        Packing::RecurrentGates { split, .. } => split,
        _ => 1,
    };
    [1, side_by_side * crate::pack::PANEL, size]
        .into_iter()
        .filter(|period| packed.len() == len && len.is_multiple_of(*period))
        .filter_map(|period| repeating(&packed, period))
        .filter(|places| places.table.len() * SHARE <= len)
        .min_by_key(|places| places.table.len())
}

/// The places as blocks of equal length, in which rows of `period` elements are alike; `None` if they do not lie so.
fn repeating(packed: &[f32], period: usize) -> Option<Places> {
    // the first block ends where another place follows
    let (first, alike) = block(packed, period);
    let block_len = if alike < packed.len() {
        alike
    } else {
        packed.len()
    };
    if block_len == 0 || !packed.len().is_multiple_of(block_len) {
        return None;
    }
    let mut table = first;
    for rows in packed.chunks(block_len).skip(1) {
        let (next, alike) = block(rows, period);
        if alike < rows.len() {
            return None;
        }
        table.extend(next);
    }
    Some(Places {
        period,
        block: block_len,
        table,
    })
}

/// The places in one row, and how many elements there are in whole rows that have them.
fn block(packed: &[f32], period: usize) -> (Vec<usize>, usize) {
    let mut table = vec![0; period];
    for (row, places) in packed.chunks(period).enumerate() {
        let other = |(known, place): (&usize, &f32)| {
            *known != 0 && *place != 0.0 && *known != *place as usize
        };
        if table.iter().zip(places).any(other) {
            return (table, row * period);
        }
        for (known, place) in table.iter_mut().zip(places) {
            *known = (*known).max(*place as usize);
        }
    }
    (table, packed.len())
}

//! Maps: their pairs as two tensors, and tensors of what stands at some places (ai.onnx.ml's `DictVectorizer` and `CastMap`).
//!
//! A map is std's [`BTreeMap`]. A model reads maps; no layer makes one.

use crate::cpu::Cpu;
use crate::{Error, Result};
use alloc::collections::BTreeMap;

/// The keys of a map, in ascending order (strings by their bytes), and the value of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pairs;

impl Pairs {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// Number of pairs.
    ///
    /// # Errors
    /// None; as every layer whose sizes the data decide.
    pub fn sizes<K, V>(&self, _cpu: Cpu, x: &BTreeMap<K, V>) -> Result<[usize; 1]> {
        Ok([x.len()])
    }

    /// keys and values `[pairs]`, those of x.
    pub fn run<K: Clone, V: Clone>(
        &self,
        _cpu: Cpu,
        x: &BTreeMap<K, V>,
        keys: &mut [K],
        values: &mut [V],
    ) {
        for ((x_key, x_value), (key, value)) in x.iter().zip(keys.iter_mut().zip(values)) {
            key.clone_from(x_key);
            value.clone_from(x_value);
        }
    }
}

/// y = zero (an empty string), but `x[k]` at the place `places[k]`. Of one place the last counts.
///
/// What lies behind the end of y is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtPlaces;

impl AtPlaces {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y\[places\] = x
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] for a place below 0.
    pub fn run<T: Clone + Default>(
        &self,
        _cpu: Cpu,
        places: &[i64],
        x: &[T],
        y: &mut [T],
    ) -> Result<()> {
        let (zero, size) = (T::default(), y.len());
        y.iter_mut().for_each(|y| y.clone_from(&zero));
        for (&index, x) in places.iter().zip(x) {
            if index < 0 {
                return Err(Error::IndexOutOfRange { index, size });
            }
            // beyond what a size can be, there is nothing either
            let place = usize::try_from(index).unwrap_or(usize::MAX);
            if let Some(y) = y.get_mut(place) {
                y.clone_from(x);
            }
        }
        Ok(())
    }
}

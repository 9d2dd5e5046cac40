//! Reading inputs from arrays by their names, and giving outputs as such.

use super::{Axis, Dtype, Tensor};
use crate::error::Error;
use crate::npz::{Array, Data, Npz, NpzError};
#[cfg(feature = "maps")]
use std::collections::BTreeMap;
use std::fmt;

/// Why arrays do not serve as a model's inputs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The archive cannot be read, or lacks a tensor.
    Npz(NpzError),
    /// A tensor has another element type or shape than the model needs.
    Input {
        /// The input's name.
        name: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The model refused its inputs.
    Model(Error),
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Npz(e) => e.fmt(f),
            Self::Input { name, problem } => write!(f, "input `{name}`: {problem}"),
            Self::Model(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for SignatureError {}

impl From<NpzError> for SignatureError {
    fn from(error: NpzError) -> Self {
        Self::Npz(error)
    }
}

impl From<Error> for SignatureError {
    fn from(error: Error) -> Self {
        Self::Model(error)
    }
}

/// An element type of arrays and tensors.
pub trait Element: Sized + Clone {
    /// The array type that holds it.
    const DTYPE: Dtype;
    /// The elements, if the array is of this type.
    fn take(data: Data) -> Option<Vec<Self>>;
    /// The elements as an array's data.
    fn give(elements: &[Self]) -> Data;
}

macro_rules! element {
    ($($t:ty: $variant:ident),*) => {$(
        impl Element for $t {
            const DTYPE: Dtype = Dtype::$variant;
            fn take(data: Data) -> Option<Vec<Self>> {
                match data {
                    Data::$variant(v) => Some(v),
                    _ => None,
                }
            }
            fn give(elements: &[Self]) -> Data {
                Data::$variant(elements.to_vec())
            }
        }
    )*};
}
#[cfg(feature = "base")]
impl Element for crate::F16 {
    const DTYPE: Dtype = Dtype::F16;
    fn take(data: Data) -> Option<Vec<Self>> {
        match data {
            Data::F16(v) => Some(v.into_iter().map(crate::F16).collect()),
            _ => None,
        }
    }
    fn give(elements: &[Self]) -> Data {
        Data::F16(elements.iter().map(|v| v.0).collect())
    }
}

element!(bool: Bool, u8: U8, u16: U16, u32: U32, u64: U64, i8: I8, i16: I16, i32: I32, i64: I64, f32: F32, f64: F64, String: Text);

impl Tensor {
    /// The input of this name from an archive: its elements and shape.
    ///
    /// With `sample: Some(k)` the array holds samples along its first axis, and number k is taken: flattened, in the tensor's
    /// shape (the first axis is then the tensor's own, of size 1), or in the tensor's shape behind an axis in front.
    ///
    /// # Errors
    /// If the array is missing or of another element type, or there is no such row.
    pub fn read<T: Element>(
        &self,
        npz: &Npz,
        sample: Option<usize>,
    ) -> Result<(Vec<T>, Vec<usize>), SignatureError> {
        self.read_array(npz.array(self.name)?, sample)
    }

    /// The elements and the shape of this input's array, or of row k of it.
    fn read_array<T: Element>(
        &self,
        array: Array,
        sample: Option<usize>,
    ) -> Result<(Vec<T>, Vec<usize>), SignatureError> {
        let Array { data, shape, .. } = array;
        let found = data.dtype();
        let problem = |problem| SignatureError::Input {
            name: self.name,
            problem,
        };
        let elements = T::take(data)
            .ok_or_else(|| problem(format!("is {found}, the model needs {}", T::DTYPE)))?;
        let Some(k) = sample else {
            return Ok((elements, shape));
        };
        let samples = shape.first().copied().unwrap_or(1);
        if k >= samples {
            return Err(problem(format!("has {samples} rows, there is no row {k}")));
        }
        let row = elements.len() / samples;
        let inner = shape.get(1..).unwrap_or(&[]);
        let shape = match shape.len() {
            n if n == self.shape.len() + 1 => inner.to_vec(),
            n if n == self.shape.len() && n > 0 => [&[1], inner].concat(),
            _ => vec![1, row],
        };
        Ok((elements[k * row..][..row].to_vec(), shape))
    }

    /// The input of this name from an archive, a sequence: its items are the arrays `name/0`, `name/1`, … With `sample: Some(k)` each
    /// holds samples along its first axis, and number k is taken.
    ///
    /// # Errors
    /// If an array is of another element type, or there is no such row, or no memory.
    #[cfg(feature = "sequence")]
    pub fn read_items<T: Element>(
        &self,
        npz: &Npz,
        sample: Option<usize>,
    ) -> Result<crate::Sequence<T>, SignatureError> {
        let mut sequence = crate::Sequence::new();
        for k in 0.. {
            let name = format!("{}/{k}", self.name);
            if !npz.names().any(|n| n == name) {
                break;
            }
            let array =
                row(npz.array(&name)?, sample).map_err(|problem| SignatureError::Input {
                    name: self.name,
                    problem: format!("item {k} {problem}"),
                })?;
            let (elements, shape) = self.read_array(array, None)?;
            sequence.push(&shape, &elements)?;
        }
        Ok(sequence)
    }

    /// The input of this name from an archive, a tensor of any rank. With `sample: Some(k)` the array holds samples along its first axis,
    /// and number k is taken.
    ///
    /// # Errors
    /// If the array is missing or of another element type, or there is no such row, or no memory.
    #[cfg(feature = "unranked")]
    pub fn read_unranked<T: Element>(
        &self,
        npz: &Npz,
        sample: Option<usize>,
    ) -> Result<crate::Unranked<T>, SignatureError> {
        let array = row(npz.array(self.name)?, sample);
        let array = array.map_err(|problem| SignatureError::Input {
            name: self.name,
            problem,
        })?;
        let (elements, shape) = self.read_array(array, None)?;
        Ok(crate::Unranked::of(&shape, &elements)?)
    }

    /// The input of this name from an archive, a map: the arrays `name/keys` and `name/values` are its pairs. Of a key that stands there
    /// twice the last value counts. With `sample: Some(k)` each holds samples along its first axis, and number k is taken.
    ///
    /// # Errors
    /// If an array is missing or of another element type, or there is no such row, or not a value for each key.
    #[cfg(feature = "maps")]
    pub fn read_pairs<K: Element + Ord, V: Element>(
        &self,
        npz: &Npz,
        sample: Option<usize>,
    ) -> Result<BTreeMap<K, V>, SignatureError> {
        let array = |part| npz.array(&format!("{}/{part}", self.name));
        let (keys, _) = self.read_array::<K>(array("keys")?, sample)?;
        let (values, _) = self.read_array::<V>(array("values")?, sample)?;
        if keys.len() != values.len() {
            let problem = format!("{} keys for {} values", keys.len(), values.len());
            let name = self.name;
            return Err(SignatureError::Input { name, problem });
        }
        Ok(keys.into_iter().zip(values).collect())
    }

    /// The arrays of an output that is a sequence, one an item: `name/0`, `name/1`, …
    #[cfg(feature = "sequence")]
    #[must_use]
    pub fn items<T: Element>(&self, sequence: &crate::Sequence<T>) -> Vec<Array> {
        let items = sequence.iter().enumerate();
        items
            .map(|(k, item)| Array {
                name: format!("{}/{k}", self.name),
                shape: item.shape.to_vec(),
                data: T::give(item.data),
            })
            .collect()
    }

    /// The array of an output.
    #[must_use]
    pub fn array<T: Element>(&self, elements: &[T], shape: &[usize]) -> Array {
        Array {
            name: self.name.to_string(),
            shape: shape.to_vec(),
            data: T::give(elements),
        }
    }
}

/// One sample of an array that holds samples along its first axis, or what is wrong with it.
#[cfg(feature = "unranked")]
fn row(array: Array, sample: Option<usize>) -> Result<Array, String> {
    let Some(row) = sample else {
        return Ok(array);
    };
    if row >= array.shape.first().copied().unwrap_or(0) {
        return Err(format!("has no row {row}"));
    }
    let shape = array.shape[1..].to_vec();
    Ok(Array {
        shape,
        ..array.row(row)
    })
}

/// Finds the sizes of `symbols` that make all shapes fit.
///
/// An array has its tensor's rank, or is flattened to `[batch, rest]`, or flattened whole.
///
/// # Errors
/// If the shapes contradict the tensors or each other, or leave a size open.
pub fn sizes<const N: usize>(
    symbols: [&'static str; N],
    tensors: &[Tensor],
    shapes: &[&[usize]],
) -> Result<[usize; N], SignatureError> {
    let mut found: [Option<usize>; N] = [None; N];
    // flattened arrays may need what later ones tell: twice is enough for one open size each
    for _ in 0..2 {
        let tensors = tensors.iter().zip(shapes);
        let told = |t: &Tensor| !matches!(t.shape.first(), Some(Axis::Items | Axis::Any));
        for (tensor, shape) in tensors.filter(|(t, _)| told(t)) {
            if shape.len() == tensor.shape.len() {
                for (axis, (want, have)) in tensor.shape.iter().zip(*shape).enumerate() {
                    fit(tensor, axis, *want, *have, symbols, &mut found)?;
                }
            } else {
                flattened(tensor, shape, symbols, &mut found)?;
            }
        }
    }
    let mut sizes = [0; N];
    for ((size, found), symbol) in sizes.iter_mut().zip(found).zip(symbols) {
        let name = tensors.first().map_or("", |t| t.name);
        *size = found.ok_or(SignatureError::Input {
            name,
            problem: format!("no array tells the size `{symbol}`"),
        })?;
    }
    Ok(sizes)
}

/// Holds one axis against what the array has: a number must agree, a symbol is found or must agree with what was found.
fn fit<const N: usize>(
    tensor: &Tensor,
    axis: usize,
    want: Axis,
    have: usize,
    symbols: [&'static str; N],
    found: &mut [Option<usize>; N],
) -> Result<(), SignatureError> {
    let need = match want {
        Axis::Size(n) => n,
        Axis::Computed | Axis::Items | Axis::Any => have,
        Axis::Symbol(s) => match symbols.iter().position(|x| *x == s) {
            Some(k) => *found[k].get_or_insert(have),
            None => have,
        },
    };
    if need == have {
        return Ok(());
    }
    let problem = format!("axis {axis} is {have}, the model needs {need}");
    Err(SignatureError::Input {
        name: tensor.name,
        problem,
    })
}

/// Finds the one size that a flattened array leaves open, or checks its length if none is.
fn flattened<const N: usize>(
    tensor: &Tensor,
    shape: &[usize],
    symbols: [&'static str; N],
    found: &mut [Option<usize>; N],
) -> Result<(), SignatureError> {
    let mut axes = tensor.shape;
    let mut length = shape.iter().fold(1_usize, |n, &d| n.saturating_mul(d));
    if let ([batch, _], [Axis::Symbol(_), rest @ ..]) = (shape, tensor.shape) {
        fit(tensor, 0, tensor.shape[0], *batch, symbols, found)?;
        axes = rest;
        length = shape[1];
    }
    let mut known = 1_usize;
    let mut open = None;
    for axis in axes {
        match *axis {
            Axis::Size(n) => known = n.saturating_mul(known),
            Axis::Computed | Axis::Items | Axis::Any => return Ok(()),
            Axis::Symbol(s) => match symbols.iter().position(|x| *x == s).map(|k| (k, found[k])) {
                Some((_, Some(n))) => known = n.saturating_mul(known),
                Some((k, None)) if open.is_none() => open = Some(k),
                _ => return Ok(()),
            },
        }
    }
    let fits = match open {
        Some(k) if known > 0 && length.is_multiple_of(known) => {
            found[k] = Some(length / known);
            true
        }
        Some(_) => false,
        None => length == known,
    };
    if fits {
        return Ok(());
    }
    let problem = format!("{length} elements do not fill the model's shape ({known} a sample)");
    Err(SignatureError::Input {
        name: tensor.name,
        problem,
    })
}

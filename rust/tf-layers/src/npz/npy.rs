//! One `.npy` array: header and elements.
//! Source: numpy.lib.format, versions 1.0, 2.0 and 3.0.

use super::{Data, Dtype, each};

const MAGIC: &[u8] = b"\x93NUMPY";

/// What a header says.
struct Header {
    dtype: Dtype,
    /// Bytes of one element.
    item: usize,
    fortran: bool,
    shape: Vec<usize>,
}

/// Shape and elements of one `.npy` file, or what is wrong with it.
pub(super) fn decode(npy: &[u8]) -> Result<(Vec<usize>, Data), String> {
    let (text, body) = split(npy).ok_or("is not an .npy file of version 1, 2 or 3")?;
    let header = Parser(text).header()?;
    let count = (header.shape.iter())
        .try_fold(1usize, |n, &d| n.checked_mul(d))
        .filter(|n| n.checked_mul(header.item) == Some(body.len()))
        .ok_or_else(|| {
            format!(
                "its shape {:?} does not fit its {} bytes",
                header.shape,
                body.len()
            )
        })?;
    if header.item == 0 && count > 0 {
        return Err("has strings of length 0".into());
    }
    let mut data = elements(header.dtype, header.item, body)?;
    if header.fortran && header.shape.len() > 1 {
        each!(&mut data, v => *v = row_major(v, &header.shape));
    }
    Ok((header.shape, data))
}

/// Header text and element bytes.
fn split(npy: &[u8]) -> Option<(&str, &[u8])> {
    let (version, rest) = npy.strip_prefix(MAGIC)?.split_first_chunk::<2>()?;
    let (len, rest) = match version {
        [1, 0] => {
            let (len, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_le_bytes(*len)), rest)
        }
        [2 | 3, 0] => {
            let (len, rest) = rest.split_first_chunk::<4>()?;
            (usize::try_from(u32::from_le_bytes(*len)).ok()?, rest)
        }
        _ => return None,
    };
    let (header, body) = rest.split_at_checked(len)?;
    Some((std::str::from_utf8(header).ok()?, body))
}

/// Parses the dictionary literal `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
struct Parser<'a>(&'a str);

impl<'a> Parser<'a> {
    fn header(&mut self) -> Result<Header, String> {
        let malformed = || "its header is malformed".to_owned();
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.expect('{').ok_or_else(malformed)?;
        while self.expect('}').is_none() {
            let key = self.string().ok_or_else(malformed)?;
            self.expect(':').ok_or_else(malformed)?;
            let fresh = match key {
                "descr" => descr.replace(self.descr()?).is_none(),
                "fortran_order" => fortran
                    .replace(self.boolean().ok_or_else(malformed)?)
                    .is_none(),
                "shape" => shape.replace(self.tuple().ok_or_else(malformed)?).is_none(),
                _ => false,
            };
            if !fresh || (self.expect(',').is_none() && !self.0.trim_start().starts_with('}')) {
                return Err(malformed());
            }
        }
        if !self.0.trim().is_empty() {
            return Err(malformed());
        }
        let (descr, fortran, shape) = descr
            .zip(fortran)
            .zip(shape)
            .map(|((d, f), s)| (d, f, s))
            .ok_or_else(malformed)?;
        let (dtype, item) = dtype(descr)?;
        Ok(Header {
            dtype,
            item,
            fortran,
            shape,
        })
    }

    fn expect(&mut self, c: char) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(c)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        self.expect('\'')?;
        let (text, rest) = self.0.split_once('\'')?;
        self.0 = rest;
        Some(text)
    }

    fn descr(&mut self) -> Result<&'a str, String> {
        self.string()
            .ok_or_else(|| "has a structured type, which is not supported".into())
    }

    fn boolean(&mut self) -> Option<bool> {
        let text = self.0.trim_start();
        let (rest, value) = (text.strip_prefix("True").map(|r| (r, true)))
            .or_else(|| text.strip_prefix("False").map(|r| (r, false)))?;
        self.0 = rest;
        Some(value)
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        self.expect('(')?;
        let mut dims = Vec::new();
        while self.expect(')').is_none() {
            let text = self.0.trim_start();
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            dims.push(text[..digits].parse().ok()?);
            self.0 = &text[digits..];
            let comma = self.expect(',').is_some();
            if !comma && (dims.len() == 1 || !self.0.trim_start().starts_with(')')) {
                return None;
            }
        }
        Some(dims)
    }
}

/// Type and bytes per element of a type string.
fn dtype(descr: &str) -> Result<(Dtype, usize), String> {
    Ok(match descr {
        "|b1" => (Dtype::Bool, 1),
        "|u1" => (Dtype::U8, 1),
        "<u2" => (Dtype::U16, 2),
        "<u4" => (Dtype::U32, 4),
        "<u8" => (Dtype::U64, 8),
        "|i1" => (Dtype::I8, 1),
        "<i2" => (Dtype::I16, 2),
        "<i4" => (Dtype::I32, 4),
        "<i8" => (Dtype::I64, 8),
        "<f2" => (Dtype::F16, 2),
        "<f4" => (Dtype::F32, 4),
        "<f8" => (Dtype::F64, 8),
        _ => {
            let length = descr
                .strip_prefix("<U")
                .and_then(|n| n.parse::<usize>().ok());
            match length.and_then(|n| n.checked_mul(4)) {
                Some(item) => (Dtype::Text, item),
                None if descr.starts_with('>') => {
                    return Err(format!(
                        "has the big-endian type '{descr}', which is not supported"
                    ));
                }
                None => return Err(format!("has the type '{descr}', which is not supported")),
            }
        }
    })
}

/// Decodes `body`, whose length is a multiple of the element size.
fn elements(dtype: Dtype, item: usize, body: &[u8]) -> Result<Data, String> {
    Ok(match dtype {
        Dtype::Bool => {
            if body.iter().any(|&b| b > 1) {
                return Err("has a bool that is neither 0 nor 1".into());
            }
            Data::Bool(body.iter().map(|&b| b == 1).collect())
        }
        Dtype::U8 => Data::U8(body.to_vec()),
        Dtype::I8 => Data::I8(copied(body)),
        Dtype::U16 => Data::U16(little(body, u16::from_le)),
        Dtype::U32 => Data::U32(little(body, u32::from_le)),
        Dtype::U64 => Data::U64(little(body, u64::from_le)),
        Dtype::I16 => Data::I16(little(body, i16::from_le)),
        Dtype::I32 => Data::I32(little(body, i32::from_le)),
        Dtype::I64 => Data::I64(little(body, i64::from_le)),
        Dtype::F16 => Data::F16(little(body, u16::from_le)),
        Dtype::F32 => Data::F32(little(body, |v: f32| {
            f32::from_bits(u32::from_le(v.to_bits()))
        })),
        Dtype::F64 => Data::F64(little(body, |v: f64| {
            f64::from_bits(u64::from_le(v.to_bits()))
        })),
        Dtype::Text => Data::Text(match item {
            0 => Vec::new(),
            item => body
                .chunks_exact(item)
                .map(text)
                .collect::<Option<_>>()
                .ok_or("has a string that is not Unicode")?,
        }),
    })
}

/// The bytes as elements of the machine's byte order: one copy of memory, because build scripts run unoptimised.
fn copied<T: bytemuck::Pod>(body: &[u8]) -> Vec<T> {
    let mut out = vec![T::zeroed(); body.len() / size_of::<T>()];
    bytemuck::cast_slice_mut(&mut out).copy_from_slice(body);
    out
}

fn little<T: bytemuck::Pod>(body: &[u8], from_le: impl Fn(T) -> T) -> Vec<T> {
    let mut out = copied(body);
    if cfg!(target_endian = "big") {
        out.iter_mut().for_each(|v| *v = from_le(*v));
    }
    out
}

/// One string: UTF-32 code points, padded with NULs.
fn text(item: &[u8]) -> Option<String> {
    let (points, _) = item.as_chunks::<4>();
    let used = points
        .iter()
        .rposition(|p| *p != [0; 4])
        .map_or(0, |last| last + 1);
    points[..used]
        .iter()
        .map(|p| char::from_u32(u32::from_le_bytes(*p)))
        .collect()
}

/// Column-major elements put into row-major order.
fn row_major<T: Clone>(columns: &[T], shape: &[usize]) -> Vec<T> {
    let mut index = vec![0; shape.len()];
    let mut out = Vec::with_capacity(columns.len());
    for _ in 0..columns.len() {
        // Horner from the last axis: element i0 + d0 · (i1 + d1 · (i2 + …)).
        let offset = index
            .iter()
            .zip(shape)
            .rev()
            .fold(0, |sum, (i, d)| sum * d + i);
        out.push(columns[offset].clone());
        for (i, &d) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < d {
                break;
            }
            *i = 0;
        }
    }
    out
}

/// The `.npy` file (version 1, or 3 if the header needs it) of an array; elements are padded to 64 bytes like numpy's.
pub(super) fn encode(shape: &[usize], data: &Data) -> Vec<u8> {
    let (descr, body) = match data {
        Data::Bool(v) => ("|b1".into(), v.iter().map(|&b| u8::from(b)).collect()),
        Data::U8(v) => ("|u1".into(), v.clone()),
        Data::I8(v) => (
            "|i1".into(),
            v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        Data::U16(v) => (
            "<u2".into(),
            v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        Data::U32(v) => (
            "<u4".into(),
            v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        Data::U64(v) => (
            "<u8".into(),
            v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        Data::I16(v) => (
            "<i2".into(),
            v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        Data::I32(v) => (
            "<i4".into(),
            v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        Data::I64(v) => (
            "<i8".into(),
            v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        Data::F16(v) => (
            "<f2".into(),
            v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        Data::F32(v) => (
            "<f4".into(),
            v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        Data::F64(v) => (
            "<f8".into(),
            v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        Data::Text(v) => utf32(v),
    };
    let dims: String = shape.iter().map(|d| format!("{d}, ")).collect();
    // numpy writes `(2, 3)` and `(2,)`; Python reads a trailing comma either way, so only the blank goes.
    let mut header = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}",
        dims.trim_end()
    );
    let used = MAGIC.len() + 4 + header.len() + 1;
    header.push_str(&" ".repeat(used.next_multiple_of(64) - used));
    header.push('\n');
    let length =
        u16::try_from(header.len()).expect("a header holds far fewer than 2,000 dimensions");
    [
        MAGIC,
        &[1, 0],
        &length.to_le_bytes(),
        header.as_bytes(),
        &body,
    ]
    .concat()
}

/// Type and bytes of strings, padded to the longest.
fn utf32(strings: &[String]) -> (String, Vec<u8>) {
    let width = strings
        .iter()
        .map(|s| s.chars().count())
        .max()
        .unwrap_or(0)
        .max(1);
    let padded = |s: &String| -> Vec<u32> {
        s.chars()
            .map(u32::from)
            .chain(std::iter::repeat(0))
            .take(width)
            .collect()
    };
    let points = strings
        .iter()
        .flat_map(padded)
        .flat_map(u32::to_le_bytes)
        .collect();
    (format!("<U{width}"), points)
}

//! What the layer tests share.
#![allow(dead_code, reason = "every test crate uses a part of it")]

/// How many of `n` draws are made: a quarter of them where `TF_LAYERS_TESTS` is `brief`, as it is under an emulator.
pub fn draws(n: usize) -> usize {
    let brief = std::env::var("TF_LAYERS_TESTS").is_ok_and(|wanted| wanted == "brief");
    if brief { n.div_ceil(4) } else { n }
}

/// Those cases of a table that are tried: as many as [`draws`] says.
pub fn some<T, const N: usize>(cases: [T; N]) -> impl Iterator<Item = T> {
    let step = N / draws(N);
    cases.into_iter().step_by(step)
}

/// xorshift64*: small, seeded, the same everywhere.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// In `low..high`.
    pub fn size(&mut self, low: usize, high: usize) -> usize {
        low + ((self.u64() >> 33) as usize) % (high - low)
    }

    /// In −1..1.
    pub fn f32(&mut self) -> f32 {
        (self.u64() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn f32s(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.f32()).collect()
    }

    /// A raw draw.
    pub fn next(&mut self) -> u64 {
        self.u64() >> 11
    }

    /// A number in `low..high`.
    pub fn below(&mut self, low: usize, high: usize) -> usize {
        self.size(low, high)
    }

    /// Numbers in -1..1.
    pub fn floats(&mut self, len: usize) -> Vec<f32> {
        self.f32s(len)
    }
}

/// Every index of `shape`, row-major.
pub fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let shape = shape.to_vec();
    let count: usize = shape.iter().product();
    (0..count).map(move |mut flat| {
        let mut index = vec![0; shape.len()];
        for (i, n) in index.iter_mut().zip(&shape).rev() {
            (*i, flat) = (flat % n, flat / n);
        }
        index
    })
}

/// Row-major position of `index`.
pub fn flat(shape: &[usize], index: &[usize]) -> usize {
    shape.iter().zip(index).fold(0, |sum, (n, i)| sum * n + i)
}

/// Largest |actual − expected| / max(1, |expected|); NaN must meet NaN.
pub fn error(actual: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    actual.iter().zip(expected).fold(0.0, |worst, (&a, &e)| {
        let a = f64::from(a);
        if (a.is_nan() && e.is_nan()) || a == e {
            return worst;
        }
        let error = (a - e).abs() / e.abs().max(1.0);
        if error.is_nan() {
            f64::INFINITY
        } else {
            f64::max(worst, error)
        }
    })
}

//! Which vector instructions this machine has: the only file that names the crate that finds out.

pub use fearless_simd::{Level, Simd, f32x4, f32x8, kernel, prelude};

/// Runs an expression compiled for the vector level: AVX-512, AVX2 or SSE2 on x86, whatever there is elsewhere.
///
/// `fearless_simd`'s own macro compiles for SSE4.2 too; machines that have it but not AVX2 are older than 2013, and a fourth
/// copy of every kernel costs each user of this crate a fifth of its build time.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[macro_export]
macro_rules! dispatch {
    ($level:expr, $simd:pat => $op:expr) => {{
        let level: $crate::cpu::Level = $level;
        if let Some(s) = level.as_avx512() {
            $crate::cpu::Simd::vectorize(
                s,
                #[inline(always)]
                || {
                    let $simd = s;
                    $op
                },
            )
        } else if let Some(s) = level.as_avx2() {
            $crate::cpu::Simd::vectorize(
                s,
                #[inline(always)]
                || {
                    let $simd = s;
                    $op
                },
            )
        } else if let Some(s) = level.as_sse2() {
            // Where all code has SSE2: in a function of its own LLVM would optimise it twice, before and after it is inlined.
            let $simd = s;
            $op
        } else {
            unreachable!("every x86 machine that Rust supports has SSE2")
        }
    }};
}
/// Runs an expression compiled for the vector level: NEON, WebAssembly's vectors, or none.
///
/// `fearless_simd`'s own macro hides which level it is; products of bytes are written for each (`gemm::bytes`).
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
#[macro_export]
macro_rules! dispatch {
    ($level:expr, $simd:pat => $op:expr) => {
        match $level {
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            $crate::cpu::Level::Neon(s) => $crate::cpu::Simd::vectorize(
                s,
                #[inline(always)]
                || {
                    let $simd = s;
                    $op
                },
            ),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            $crate::cpu::Level::WasmSimd128(s) => $crate::cpu::Simd::vectorize(
                s,
                #[inline(always)]
                || {
                    let $simd = s;
                    $op
                },
            ),
            #[cfg(not(any(
                all(target_arch = "aarch64", target_feature = "neon"),
                all(target_arch = "wasm32", target_feature = "simd128")
            )))]
            $crate::cpu::Level::Fallback(s) => {
                let $simd = s;
                $op
            }
            #[allow(unreachable_patterns, reason = "the levels of other targets")]
            _ => unreachable!("every target has one level"),
        }
    };
}
pub use dispatch;

/// Lanes of a vector of floats at the widest level that this processor can have.
#[cfg(feature = "depthwise")]
pub(crate) const MOST_LANES: usize = if cfg!(any(target_arch = "x86", target_arch = "x86_64")) {
    16
} else {
    4
};

/// Whether code counts more than the speed that more of it brings: a processor without an operating system has little flash, no
/// vectors, and no caches that something must stay in.
pub(crate) const SMALL: bool = cfg!(target_os = "none");

/// Whether all code is compiled for SSE2.
const SSE2: bool = cfg!(all(
    any(target_arch = "x86", target_arch = "x86_64"),
    target_feature = "sse2"
));

/// Runs `f`, which is inlined, compiled for level `S`; for a function that is kept out of its callers.
#[inline(always)]
pub(crate) fn at_level<S: Simd, R>(s: S, f: impl FnOnce() -> R) -> R {
    if const { SSE2 && <S::f32s as fearless_simd::SimdBase<S>>::LEN == 4 } {
        f()
    } else {
        s.vectorize(f)
    }
}

/// The vector level that kernels run at, found once and passed to every layer.
///
/// [`Cpu::new`] takes the best level the machine has. For debugging, the environment variable `ONNX2RUST_LEVEL`
/// (`avx512`, `avx2`, `sse2`, `neon`, `simd128`, `fallback`) lowers it; a level the machine lacks is ignored.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// The level; hand it to [`dispatch!`].
    pub level: Level,
}

impl Cpu {
    /// The best level of this machine (or what `ONNX2RUST_LEVEL` asks for).
    #[must_use]
    #[cfg(feature = "std")]
    pub fn new() -> Self {
        static CPU: std::sync::LazyLock<Cpu> = std::sync::LazyLock::new(|| {
            std::env::var("ONNX2RUST_LEVEL")
                .ok()
                .and_then(|wanted| Cpu::all().into_iter().find(|cpu| cpu.name() == wanted))
                .unwrap_or(Cpu {
                    level: Level::new(),
                })
        });
        *CPU
    }

    /// The level that all code is compiled for: without the standard library nothing says what else this machine has.
    #[must_use]
    #[cfg(not(feature = "std"))]
    pub fn new() -> Self {
        Self {
            level: Level::baseline(),
        }
    }

    /// Every level this machine can run, best first: kernels are tested at each.
    #[must_use]
    #[cfg(feature = "std")]
    pub fn all() -> Vec<Self> {
        let best = Level::new();
        let mut levels = Vec::new();
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            levels.extend(best.as_avx512().map(Level::Avx512));
            levels.extend(best.as_avx2().map(Level::Avx2));
        }
        if levels.is_empty() {
            levels.push(best);
        }
        levels.push(Level::baseline());
        let mut cpus: Vec<Self> = levels.into_iter().map(|level| Cpu { level }).collect();
        cpus.dedup_by_key(|cpu| cpu.name());
        cpus
    }

    /// The level with vectors of eight lanes where this one's are longer: for tensors with few channels.
    #[must_use]
    pub(crate) fn narrower(self) -> Self {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        if let (Level::Avx512(_), Some(avx2)) = (self.level, self.level.as_avx2()) {
            return Self {
                level: Level::Avx2(avx2),
            };
        }
        self
    }

    /// The level's name, as `ONNX2RUST_LEVEL` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.level {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Level::Avx512(_) => "avx512",
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Level::Avx2(_) => "avx2",
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Level::Sse2(_) => "sse2",
            #[cfg(target_arch = "aarch64")]
            Level::Neon(_) => "neon",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::WasmSimd128(_) => "simd128",
            _ => "fallback",
        }
    }
}

impl Default for Cpu {
    fn default() -> Self {
        Self::new()
    }
}

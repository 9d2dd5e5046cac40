//! Normalisation by the neighbouring channels.

use crate::activation::Activation;
use crate::axis::AlongAxis;
use crate::cpu::Cpu;
use crate::number::Float;

/// Elements that are raised to a power together: few enough to stay in the first cache.
const PIECE: usize = 1024;

/// y = x / (bias + alpha / size · Σx²)ᵝ, the sum over `size` channels around each (ONNX `LRN`).
///
/// x and y `[outer, channels, inner]`. The window of channel c are the channels from c − (size − 1) / 2 to c + size / 2, of those
/// that there are. For f32 the power is exp(−β · log z), in vectors.
#[derive(Debug, Clone, Copy)]
pub struct LocalResponseNormalization {
    /// Channels in a window, at least 1.
    pub size: usize,
    /// Factor of the mean of the squares, at least 0.
    pub alpha: f32,
    /// The exponent, above 0.
    pub beta: f32,
    /// Added to the mean of the squares, above 0.
    pub bias: f32,
}

impl LocalResponseNormalization {
    /// Checks the parameters.
    ///
    /// # Panics
    /// If one is out of its range: what is raised to a power is above 0.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.size > 0, "LocalResponseNormalization: size");
        assert!(
            self.alpha >= 0.0 && self.beta > 0.0 && self.bias > 0.0,
            "LocalResponseNormalization: alpha, beta, bias"
        );
        self
    }

    /// y = normalised x
    pub fn run<T: Float>(&self, cpu: Cpu, along: AlongAxis, x: &[T], y: &mut [T]) {
        let (channels, inner) = (along.axis, along.inner);
        let block = (channels * inner).max(1);
        let scale = T::from_f64(f64::from(self.alpha) / self.size as f64);
        let [bias, exponent] = [self.bias, -self.beta].map(|v| T::from_f64(f64::from(v)));
        for (x, y) in x.chunks_exact(block).zip(y.chunks_exact_mut(block)) {
            self.squares(channels, inner, x, y);
            for (x, y) in x.chunks(PIECE).zip(y.chunks_mut(PIECE)) {
                y.iter_mut().for_each(|y| *y = bias.plus(scale.times(*y)));
                T::activate(cpu, Activation::Log, None, y);
                y.iter_mut().for_each(|y| *y = exponent.times(*y));
                T::activate(cpu, Activation::Exp, None, y);
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = x.times(*y));
            }
        }
    }

    /// y = the sum of the squares in each window of x `[channels, inner]`.
    fn squares<T: Float>(&self, channels: usize, inner: usize, x: &[T], y: &mut [T]) {
        y.fill(T::ZERO);
        let below = (self.size - 1) / 2;
        let reached = below.saturating_add(channels).min(self.size);
        for place in (below + 1).saturating_sub(channels)..reached {
            // The channel at this place of the window is that of y, moved by `place - below`.
            let x = &x[place.saturating_sub(below) * inner..];
            let y = &mut y[below.saturating_sub(place) * inner..];
            for (y, &x) in y.iter_mut().zip(x) {
                *y = y.plus(x.times(x));
            }
        }
    }
}

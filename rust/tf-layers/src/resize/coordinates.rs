//! Which positions of the input an output position stands for.

#[cfg(not(feature = "std"))]
use crate::float::Float as _;

/// Which position of the input an output position stands for (`coordinate_transformation_mode`).
///
/// With o the output position, n and m the sizes of input and output, s the scale (m / n unless given).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Coordinates {
    /// (o + ½) / s − ½
    HalfPixel,
    /// As `HalfPixel`, shifted so that the centre stays the centre when n · s is not an integer.
    HalfPixelSymmetric,
    /// As `HalfPixel`, but 0 if m is 1.
    PytorchHalfPixel,
    /// o · (n − 1) / (m − 1); 0 if m is 1.
    AlignCorners,
    /// o / s
    Asymmetric,
    /// (o + ½) / s: with `Floor`, the nearest pixel of TensorFlow. ONNX dropped it in opset 13, exporters still write it.
    TfHalfPixelForNn,
    /// start · (n − 1) + o · (end − start) · (n − 1) / (m − 1); the middle if m is 1. Outside the input stands the
    /// extrapolation value.
    TfCropAndResize {
        /// Where the region of interest begins, in parts of the axis.
        start: f32,
        /// Where it ends.
        end: f32,
    },
}

impl Coordinates {
    pub(super) fn position(self, o: usize, n: usize, m: usize, scale: f32) -> f32 {
        let (x, last, size) = (o as f32, n as f32 - 1.0, m as f32);
        match self {
            Coordinates::HalfPixel => (x + 0.5) / scale - 0.5,
            Coordinates::HalfPixelSymmetric => {
                let adjustment = size / (scale * n as f32);
                let offset = n as f32 / 2.0 * (1.0 - adjustment);
                offset + (x + 0.5) / scale - 0.5
            }
            Coordinates::PytorchHalfPixel if m > 1 => (x + 0.5) / scale - 0.5,
            Coordinates::AlignCorners if m > 1 => x * last / (size - 1.0),
            Coordinates::PytorchHalfPixel | Coordinates::AlignCorners => 0.0,
            Coordinates::Asymmetric => x / scale,
            Coordinates::TfHalfPixelForNn => (x + 0.5) / scale,
            Coordinates::TfCropAndResize { start, end } if m > 1 => {
                start * last + x * (end - start) * last / (size - 1.0)
            }
            Coordinates::TfCropAndResize { start, end } => 0.5 * (start + end) * last,
        }
    }

    /// Whether a position takes the extrapolation value.
    pub(super) fn outside(self, position: f32, n: usize) -> bool {
        matches!(self, Coordinates::TfCropAndResize { .. })
            && (position < 0.0 || position > n as f32 - 1.0)
    }
}

/// How `Nearest` rounds (`nearest_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NearestMode {
    /// To the nearest, ½ down.
    RoundPreferFloor,
    /// To the nearest, ½ up.
    RoundPreferCeil,
    /// Down.
    Floor,
    /// Up.
    Ceil,
}

impl NearestMode {
    pub(super) fn round(self, x: f32) -> f32 {
        match self {
            NearestMode::RoundPreferFloor => (x - 0.5).ceil(),
            NearestMode::RoundPreferCeil => (x + 0.5).floor(),
            NearestMode::Floor => x.floor(),
            NearestMode::Ceil => x.ceil(),
        }
    }
}

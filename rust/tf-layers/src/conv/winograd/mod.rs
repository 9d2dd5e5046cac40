//! Convolutions of 3 × 3 with fewer multiplications: Winograd's F(2×2, 3×3) and F(4×4, 3×3).
//!
//! y = Aᵀ·[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A for every tile d of x (Lavin and Gray, 2015): the element-wise product over all channels is one matrix product for each of
//! the (tile + 2)² positions. 2.25 and 4 times fewer multiplications than directly.

mod tiles;

use crate::activation::Activation;
use crate::brief::brief;
use crate::cpu::{Cpu, dispatch};
use crate::error::Result;
use crate::fixed::largest;
use crate::gemm::{Addend, Grid, Product, Segments};
use crate::image::{self, ImageStack, Window};
use crate::pack::PANEL;
use crate::slot::Scratch;

/// Bytes of transformed tiles (inputs and outputs) at a time: what stays in the second-level cache.
const BLOCK_BYTES: usize = 512 << 10;
/// Tiles at a time, whatever they weigh: fewer would read the kernel too often, more leave the cache.
const BLOCK_TILES: [usize; 2] = [32, 192];

/// y = activation(x ⋆ kernel + bias + residual) for a kernel of 3 × 3, stride 1: as [`Conv`](super::Conv), by tiles of `M` × `M` outputs.
///
/// `M` is 2 (errors as small as the direct kernel's) or 4 (faster; errors to 1e-5 of max |y|). Channels are multiples of 16. The kernel is packed by
/// [`pack::winograd`](crate::pack::winograd).
#[derive(Clone, Copy)]
pub struct WinogradConv2d<'w, const M: usize> {
    /// Channels of x.
    pub input_channels: usize,
    /// Channels of y.
    pub output_channels: usize,
    /// Zeros before each axis.
    pub pads_begin: [usize; 2],
    /// Zeros after each axis.
    pub pads_end: [usize; 2],
    /// Packed kernel of [`WinogradConv2d::packed_len`] elements.
    pub kernel: &'w [f32],
    /// Bias `[output_channels]`, if any.
    pub bias: Option<&'w [f32]>,
    /// Applied last.
    pub activation: Activation,
}

brief!([const M: usize] WinogradConv2d<'_, M>: input_channels, output_channels, pads_begin, pads_end, activation; kernel, bias);

/// Distance of one position's tiles from the next's beyond their own length. Without it, planes of a power of two would put all positions of a
/// tile in one set of the first-level cache, which holds eight: a third slower.
const PLANE_GAP: usize = PANEL;

/// The number, or the end of the range that it is beyond.
const fn between(n: usize, [least, most]: [usize; 2]) -> usize {
    let n = largest(&[n, least]);
    if n < most { n } else { most }
}

/// Where a block of tiles lies, and what it is cut from.
struct Block {
    /// Number of the first tile, row by row, image by image.
    first: usize,
    tiles: usize,
    /// Rows of tiles in an image, and tiles in a row.
    grid: [usize; 2],
    /// Size of the padded image.
    padded: [usize; 2],
    /// Size of y.
    output: [usize; 2],
    /// Least and greatest value of y.
    limits: (f32, f32),
}

/// How a run takes its tiles.
struct Plan {
    /// Size of y.
    output: [usize; 2],
    /// Rows of tiles in an image, and tiles in a row.
    grid: [usize; 2],
    /// With more zeros at the end, so that every tile is whole.
    window: Window,
    /// Images and tiles at a time.
    images: usize,
    tiles: usize,
}

impl Block {
    /// Image, row of tiles, and column of tiles of the block's tile number `tile`.
    #[inline(always)]
    fn place(&self, tile: usize) -> [usize; 3] {
        let [down, across] = self.grid;
        let (row, column) = ((self.first + tile) / across, (self.first + tile) % across);
        [row / down, row % down, column]
    }

    /// Elements from one position's tiles of `channels` to the next's.
    fn plane(&self, channels: usize) -> usize {
        self.tiles * channels + PLANE_GAP
    }
}

impl<const M: usize> WinogradConv2d<'_, M> {
    /// Length of the packed kernel.
    #[must_use]
    pub const fn packed_len(inputs: usize, outputs: usize) -> usize {
        (M + 2) * (M + 2) * outputs.div_ceil(PANEL) * inputs * PANEL
    }

    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(M == 2 || M == 4, "WinogradConv2d: tiles of 2 or 4");
        assert!(
            self.input_channels.is_multiple_of(PANEL),
            "WinogradConv2d: inputs in sixteens"
        );
        assert!(
            self.output_channels.is_multiple_of(PANEL),
            "WinogradConv2d: outputs in sixteens"
        );
        assert!(
            self.kernel.len() == Self::packed_len(self.input_channels, self.output_channels),
            "WinogradConv2d: kernel length"
        );
        image::checked_bias(self.bias, self.output_channels);
        self
    }

    /// Elements of scratch that a run needs: some images with their padding, and a block of tiles, seen and summed.
    #[must_use]
    pub const fn scratch_len(&self, images: ImageStack<2>) -> usize {
        let plan = self.plan(images);
        let (inputs, outputs) = (self.input_channels, self.output_channels);
        let plane = plan.tiles * (inputs + outputs) + 2 * PLANE_GAP;
        plan.images * plan.window.padded_pixels() * inputs + (M + 2) * (M + 2) * plane
    }

    const fn plan(&self, images: ImageStack<2>) -> Plan {
        let ([x_height, x_width], begin, end) = (images.size, self.pads_begin, self.pads_end);
        let mut window = Window {
            size: [1, x_height, x_width],
            kernel: [1, 3, 3],
            strides: [1; 3],
            dilations: [1; 3],
            begin: [0, begin[0], begin[1]],
            end: [0, end[0], end[1]],
        };
        let [_, height, width] = window.output();
        let (down, across) = (height.div_ceil(M), width.div_ceil(M));
        window.end[1] += down * M - height;
        window.end[2] += across * M - width;
        let positions = (M + 2) * (M + 2);
        let per_tile = largest(&[
            positions * (self.input_channels + self.output_channels) * 4,
            1,
        ]);
        let tiles = between(BLOCK_BYTES / per_tile, BLOCK_TILES);
        // Small images share a block: the kernel is read once for all of them.
        let per_image = largest(&[down * across, 1]);
        let most = largest(&[images.batch, 1]);
        let images = between(tiles / per_image, [1, most]);
        Plan {
            output: [height, width],
            grid: [down, across],
            window,
            images,
            tiles: between(tiles, [0, images * down * across]),
        }
    }

    /// y = activation(x ⋆ kernel + bias)
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for the scratch.
    pub fn run(
        &self,
        cpu: Cpu,
        images: ImageStack<2>,
        x: &[f32],
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        self.add(cpu, images, x, None, y, scratch)
    }

    /// y = activation(x ⋆ kernel + bias + residual); the residual has y's shape.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for the scratch.
    pub fn run_adding(
        &self,
        cpu: Cpu,
        images: ImageStack<2>,
        x: &[f32],
        residual: &[f32],
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        self.add(cpu, images, x, Some(residual), y, scratch)
    }

    fn add(
        &self,
        cpu: Cpu,
        stack: ImageStack<2>,
        x: &[f32],
        residual: Option<&[f32]>,
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        let (inputs, outputs) = (self.input_channels, self.output_channels);
        let Plan {
            output: [height, width],
            grid: [down, across],
            window,
            images,
            tiles,
        } = self.plan(stack);
        let y_image = height * width * outputs;
        if stack.batch * y_image == 0 {
            return Ok(());
        }
        let positions = (M + 2) * (M + 2);
        let image_len = window.padded_pixels() * inputs;
        let (padded, rest) = scratch
            .fit(self.scratch_len(stack))?
            .split_at_mut(images * image_len);
        let (seen, sums) = rest.split_at_mut(positions * (tiles * inputs + PLANE_GAP));
        let (limits, activation) = self.activation.limits();
        let x_image = window.pixels() * inputs;
        let y = &mut y[..stack.batch * y_image];
        for (i, y) in y.chunks_mut(images * y_image).enumerate() {
            let (from, count) = (i * images, y.len() / y_image);
            for (x, to) in x[from * x_image..][..count * x_image]
                .chunks_exact(x_image.max(1))
                .zip(padded.chunks_exact_mut(image_len))
            {
                window.pad(x, inputs, 0.0, to);
            }
            let residual = residual.map(|residual| &residual[from * y_image..][..y.len()]);
            let total = count * down * across;
            for first in (0..total).step_by(tiles) {
                let block = Block {
                    first,
                    tiles: tiles.min(total - first),
                    grid: [down, across],
                    padded: [window.padded()[1], window.padded()[2]],
                    output: [height, width],
                    limits,
                };
                dispatch!(cpu.level, s => self.see_any(s, &block, padded, seen));
                self.multiply(cpu, &block, seen, sums);
                dispatch!(cpu.level, s => self.finish_any(s, &block, sums, residual, y));
            }
            activation.apply(cpu, y);
        }
        Ok(())
    }

    /// The products of all positions.
    fn multiply(&self, cpu: Cpu, block: &Block, seen: &[f32], sums: &mut [f32]) {
        let (inputs, outputs, tiles) = (self.input_channels, self.output_channels, block.tiles);
        let kernels = self.kernel.chunks_exact((outputs * inputs).max(1));
        let seen = seen.chunks_exact(block.plane(inputs));
        for ((kernel, seen), sums) in kernels
            .zip(seen)
            .zip(sums.chunks_exact_mut(block.plane(outputs)))
        {
            Product {
                grid: Grid::matrix(tiles, inputs, outputs),
                segments: Segments::one(inputs),
                columns: outputs,
                panels: kernel,
                bias: None,
                activation: Activation::Linear,
            }
            .run(cpu, seen, Addend::Nothing, sums);
        }
    }
}

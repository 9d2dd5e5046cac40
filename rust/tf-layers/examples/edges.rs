//! A convolution and a pooling on a picture: `cargo run --example edges`.
//!
//! Two 3×3 kernels answer to vertical and to horizontal edges (Sobel); pooling keeps the strongest answer of each 2×2 window.

use tf_layers::activation::Activation;
use tf_layers::conv::{Conv, ImageStack};
use tf_layers::pool::{Images, MaxPool};
use tf_layers::{Cpu, Slot, pack};

const SIZE: [usize; 2] = [16, 32];
const POOLED: [usize; 2] = [8, 16];

fn main() -> tf_layers::Result<()> {
    // as ONNX stores it: [output channels, input channels, height, width]
    #[rustfmt::skip]
    let sobel = [
        -1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0,
        -1.0, -2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0,
    ];
    let kernel = pack::conv(&sobel, &[2, 1, 3, 3], 1);
    let edges = Conv {
        input_channels: 1,
        output_channels: 2,
        group: 1,
        kernel_shape: [3, 3],
        strides: [1, 1],
        dilations: [1, 1],
        pads_begin: [1, 1],
        pads_end: [1, 1],
        kernel: &kernel,
        bias: None,
        activation: Activation::Abs,
    }
    .checked();
    let strongest = MaxPool {
        kernel_shape: [2, 2],
        strides: [2, 2],
        dilations: [1, 1],
        pads_begin: [0, 0],
        pads_end: [0, 0],
        ceil_mode: false,
    }
    .checked();

    let cpu = Cpu::new();
    let picture = disc();
    let (mut found, mut scratch) = (Slot::new(), Slot::new());
    let mut pooled = vec![0.0; POOLED[0] * POOLED[1] * 2];
    let elements = SIZE[0] * SIZE[1] * 2;
    let images = ImageStack {
        batch: 1,
        size: SIZE,
    };
    let y = found.fit(elements)?;
    edges.run(cpu, images, &picture, y, &mut scratch)?;
    let images = Images {
        batch: 1,
        size: SIZE,
        channels: 2,
    };
    strongest.run(cpu, images, found.get(elements), &mut pooled);

    // images are channels-last: the two answers of a pixel are neighbours
    for row in pooled.chunks_exact(POOLED[1] * 2) {
        let line: String = row.chunks_exact(2).map(|p| symbol(p[0], p[1])).collect();
        println!("{line}");
    }
    Ok(())
}

/// A bright disc on dark ground, `[16, 32, 1]`.
fn disc() -> Vec<f32> {
    let mut picture = vec![0.0; SIZE[0] * SIZE[1]];
    for (y, row) in picture.chunks_exact_mut(SIZE[1]).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            let (dx, dy) = ((x as f32 - 15.5) / 2.0, y as f32 - 7.5);
            *pixel = f32::from(dx * dx + dy * dy < 30.0);
        }
    }
    picture
}

fn symbol(vertical: f32, horizontal: f32) -> char {
    match (vertical > 1.0, horizontal > 1.0) {
        (true, true) => '+',
        (true, false) => '|',
        (false, true) => '-',
        (false, false) => '·',
    }
}

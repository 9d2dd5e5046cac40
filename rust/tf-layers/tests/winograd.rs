//! Winograd convolutions against the direct one in f64.

mod common;

use common::Rng;
use tf_layers::activation::Activation;
use tf_layers::conv::{ImageStack, WinogradConv2d};
use tf_layers::{Cpu, Slot, pack};

/// |error| of F(2×2) and F(4×4), of the largest |y|: the smaller tile is as exact as the direct kernel, the larger one a choice.
const MAX_ERROR: [f64; 2] = [2e-6, 2e-5];

fn check<const M: usize>(
    rng: &mut Rng,
    cpu: Cpu,
    channels: [usize; 2],
    size: [usize; 2],
    pads: [usize; 4],
) {
    let [inputs, outputs] = channels;
    // Small images share blocks of tiles: enough of them to fill more than one.
    let batch = rng.size(1, if size[0] * size[1] < 60 { 30 } else { 3 });
    let output = [
        size[0] + pads[0] + pads[2] - 2,
        size[1] + pads[1] + pads[3] - 2,
    ];
    let (x, w) = (
        rng.f32s(batch * size[0] * size[1] * inputs),
        rng.f32s(outputs * inputs * 9),
    );
    let bias = (rng.size(0, 2) == 1).then(|| rng.f32s(outputs));
    let residual = (rng.size(0, 2) == 1).then(|| rng.f32s(batch * output[0] * output[1] * outputs));
    let kernel = pack::winograd(&w, &[outputs, inputs, 3, 3], M);
    let layer = WinogradConv2d::<M> {
        input_channels: inputs,
        output_channels: outputs,
        pads_begin: [pads[0], pads[1]],
        pads_end: [pads[2], pads[3]],
        kernel: &kernel,
        bias: bias.as_deref(),
        activation: Activation::Relu,
    }
    .checked();
    let mut y = vec![f32::NAN; batch * output[0] * output[1] * outputs];
    let mut scratch = Slot::new();
    let images = ImageStack { batch, size };
    match &residual {
        Some(residual) => layer.run_adding(cpu, images, &x, residual, &mut y, &mut scratch),
        None => layer.run(cpu, images, &x, &mut y, &mut scratch),
    }
    .unwrap();
    let mut expected = vec![0.0; y.len()];
    for (at, value) in expected.iter_mut().enumerate() {
        let (o, pixel) = (at % outputs, at / outputs);
        let (column, row) = (pixel % output[1], pixel / output[1] % output[0]);
        let image = pixel / (output[0] * output[1]);
        let mut sum = bias.as_ref().map_or(0.0, |b| f64::from(b[o]))
            + residual.as_ref().map_or(0.0, |r| f64::from(r[at]));
        for tap in 0..9 {
            let line = (row + tap / 3).wrapping_sub(pads[0]);
            let place = (column + tap % 3).wrapping_sub(pads[1]);
            if line < size[0] && place < size[1] {
                let from = ((image * size[0] + line) * size[1] + place) * inputs;
                for i in 0..inputs {
                    sum += f64::from(x[from + i]) * f64::from(w[(o * inputs + i) * 9 + tap]);
                }
            }
        }
        *value = sum.max(0.0);
    }
    let largest = expected.iter().fold(1.0, |a: f64, b| a.max(*b));
    for (i, (actual, expected)) in y.iter().zip(&expected).enumerate() {
        let error = (f64::from(*actual) - expected).abs() / largest;
        assert!(
            error <= MAX_ERROR[M / 4],
            "{}: {M} {size:?} {pads:?} [{i}]: {actual} for {expected}",
            cpu.name()
        );
    }
}

#[test]
fn both_tiles() {
    let mut rng = Rng::new(1);
    for cpu in Cpu::all() {
        for size in [[1, 1], [3, 4], [7, 8], [14, 13]] {
            for pads in [[1, 1, 1, 1], [2, 1, 0, 1]] {
                check::<2>(&mut rng, cpu, [32, 48], size, pads);
                check::<4>(&mut rng, cpu, [16, 32], size, pads);
            }
        }
        check::<2>(&mut rng, cpu, [256, 16], [30, 30], [1; 4]);
        check::<4>(&mut rng, cpu, [256, 16], [30, 30], [1; 4]);
    }
}

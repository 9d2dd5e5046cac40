//! Transposed convolutions against their definition (a scatter) in f64.

mod common;

use common::{Rng, draws, flat, indices};
use tf_layers::activation::Activation;
use tf_layers::conv::{ConvDynamicInputs, ConvTranspose, ConvTransposeDynamic, ImageStack};
use tf_layers::{Cpu, Slot, pack};

/// |error| ≤ budget · Σ |x·w| (+ |bias|).
const MAX_ERROR: f64 = 1e-6;

fn three<const D: usize>(values: [usize; D], filler: usize) -> [usize; 3] {
    let mut three = [filler; 3];
    three[3 - D..].copy_from_slice(&values);
    three
}

fn check<const D: usize>(rng: &mut Rng, cpu: Cpu, group: usize, activation: Activation) {
    check_weights::<D>(rng, cpu, group, activation, None);
}

/// With some weights that are `wild`, if any.
fn check_weights<const D: usize>(
    rng: &mut Rng,
    cpu: Cpu,
    group: usize,
    activation: Activation,
    wild: Option<f32>,
) {
    let batch = rng.size(1, 3);
    let (inputs, outputs) = (rng.size(1, 20), rng.size(1, 36));
    let size: [usize; D] = core::array::from_fn(|_| rng.size(1, 7));
    let kernel: [usize; D] = core::array::from_fn(|_| rng.size(1, 6));
    let strides: [usize; D] = core::array::from_fn(|_| rng.size(1, 5));
    let dilations: [usize; D] = core::array::from_fn(|_| rng.size(1, 4));
    let reach: [usize; D] = core::array::from_fn(|i| dilations[i] * (kernel[i] - 1) + 1);
    let extra: [usize; D] = core::array::from_fn(|i| rng.size(0, strides[i]));
    let full: [usize; D] =
        core::array::from_fn(|i| (size[i] - 1) * strides[i] + reach[i] + extra[i]);
    let begin: [usize; D] = core::array::from_fn(|i| rng.size(0, full[i].min(4)));
    let end: [usize; D] = core::array::from_fn(|i| rng.size(0, (full[i] - begin[i]).min(4)));
    let output: [usize; D] = core::array::from_fn(|i| full[i] - begin[i] - end[i]);

    let x_shape = [&[batch], &size[..], &[group * inputs]].concat();
    let w_shape = [&[group * inputs, outputs], &kernel[..]].concat();
    let y_shape = [&[batch], &output[..], &[group * outputs]].concat();
    let (x, mut w) = (
        rng.f32s(x_shape.iter().product()),
        rng.f32s(w_shape.iter().product()),
    );
    if let Some(wild) = wild {
        for _ in 0..2 {
            let i = rng.size(0, w.len());
            w[i] = wild;
        }
    }
    let bias = (rng.size(0, 2) == 1).then(|| rng.f32s(group * outputs));
    let packed = pack::conv_transpose(
        &w,
        &w_shape,
        group,
        three(strides, 1),
        three(dilations, 1),
        three(begin, 0),
    );
    let layer = ConvTranspose {
        input_channels: group * inputs,
        output_channels: group * outputs,
        group,
        kernel_shape: kernel,
        strides,
        dilations,
        pads_begin: begin,
        pads_end: end,
        output_padding: extra,
        kernel: &packed,
        bias: bias.as_deref(),
        activation,
    }
    .checked();
    let mut y = vec![f32::NAN; y_shape.iter().product()];
    layer
        .run(
            cpu,
            ImageStack { batch, size },
            &x,
            &mut y,
            &mut Slot::new(),
        )
        .unwrap();

    if activation == Activation::Linear {
        let mut dynamic = vec![f32::NAN; y.len()];
        let layer = ConvTransposeDynamic {
            group,
            kernel_shape: kernel,
            strides,
            dilations,
            pads_begin: begin,
            pads_end: end,
            output_padding: extra,
        };
        let inputs = ConvDynamicInputs {
            batch,
            size,
            channels: [group * inputs, group * outputs],
            x: &x,
            w: &w,
            bias: bias.as_deref(),
        };
        layer
            .run(cpu, inputs, &mut dynamic, &mut Slot::new())
            .unwrap();
        let bits = |y: &[f32]| y.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&y), bits(&dynamic));
    }

    let mut expected = vec![(0.0, 0.0); y.len()];
    for (i, (value, scale)) in expected.iter_mut().enumerate() {
        let start = bias
            .as_ref()
            .map_or(0.0, |bias| f64::from(bias[i % (group * outputs)]));
        (*value, *scale) = (start, start.abs());
    }
    for at in indices(&x_shape) {
        let value = f64::from(x[flat(&x_shape, &at)]);
        let channel = at[D + 1];
        for tap in indices(&kernel) {
            let pixel: Option<Vec<usize>> = (0..D)
                .map(|d| {
                    let place = at[d + 1] * strides[d] + tap[d] * dilations[d];
                    place.checked_sub(begin[d]).filter(|p| *p < output[d])
                })
                .collect();
            let Some(pixel) = pixel else { continue };
            for o in 0..outputs {
                let y_at = [&[at[0]], &pixel[..], &[channel / inputs * outputs + o]].concat();
                let term =
                    value * f64::from(w[flat(&w_shape, &[&[channel, o], &tap[..]].concat())]);
                let (sum, scale) = &mut expected[flat(&y_shape, &y_at)];
                *sum += term;
                *scale += term.abs();
            }
        }
    }
    for (i, (actual, (value, scale))) in y.iter().zip(expected).enumerate() {
        let value = match activation {
            Activation::Clip { min, max } => value.clamp(f64::from(min), f64::from(max)),
            Activation::Sigmoid => 1.0 / (1.0 + (-value).exp()),
            _ => value,
        };
        assert!(
            (value.is_nan() && actual.is_nan())
                || f64::from(*actual) == value
                || (f64::from(*actual) - value).abs() <= MAX_ERROR * scale.max(1.0)
                    && value.is_finite(),
            "{}: {size:?} kernel {kernel:?} strides {strides:?} dilations {dilations:?} begin {begin:?} end {end:?} [{i}]: {actual} for {value}",
            cpu.name()
        );
    }
}

#[test]
fn one_to_three_axes() {
    let mut rng = Rng::new(1);
    for cpu in Cpu::all() {
        for _ in 0..draws(40) {
            check::<1>(&mut rng, cpu, 1, Activation::Linear);
            check::<2>(
                &mut rng,
                cpu,
                1,
                Activation::Clip {
                    min: -0.5,
                    max: 1.0,
                },
            );
        }
        for _ in 0..6 {
            check::<3>(&mut rng, cpu, 1, Activation::Linear);
        }
    }
}

#[test]
fn groups() {
    let mut rng = Rng::new(2);
    for cpu in Cpu::all() {
        for group in [2, 3, 4] {
            check::<1>(&mut rng, cpu, group, Activation::Sigmoid);
            check::<2>(&mut rng, cpu, group, Activation::Sigmoid);
        }
    }
}

/// Weights that hang over the border see no input: there NaN and infinities have no effect, in onnxruntime and in ONNX' reference evaluator.
#[test]
fn weights_that_are_not_finite() {
    let mut rng = Rng::new(3);
    for cpu in Cpu::all() {
        for wild in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for group in [1, 1, 3] {
                check_weights::<1>(&mut rng, cpu, group, Activation::Linear, Some(wild));
                check_weights::<2>(&mut rng, cpu, group, Activation::Linear, Some(wild));
                check_weights::<3>(&mut rng, cpu, group, Activation::Linear, Some(wild));
                check_weights::<2>(&mut rng, cpu, group, Activation::Sigmoid, Some(wild));
            }
        }
    }
}

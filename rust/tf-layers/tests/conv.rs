//! Convolutions against their definition in f64.

mod common;

use common::{Rng, draws, flat, indices, some};
use tf_layers::activation::Activation;
use tf_layers::conv::{Conv, ConvDynamic, ConvDynamicInputs, DepthwiseConv, ImageStack};
use tf_layers::{Cpu, Slot, pack};

/// |error| ≤ budget · Σ |x·w| (+ |bias| + |residual|).
const MAX_ERROR: f64 = 1e-6;

#[derive(Debug, Clone)]
struct Case<const D: usize> {
    batch: usize,
    size: [usize; D],
    inputs: usize,
    outputs: usize,
    group: usize,
    kernel: [usize; D],
    strides: [usize; D],
    dilations: [usize; D],
    begin: [usize; D],
    end: [usize; D],
}

impl<const D: usize> Case<D> {
    fn output(&self) -> [usize; D] {
        core::array::from_fn(|i| {
            let padded = self.size[i] + self.begin[i] + self.end[i];
            (padded - self.dilations[i] * (self.kernel[i] - 1) - 1) / self.strides[i] + 1
        })
    }

    fn check(&self, rng: &mut Rng, cpu: Cpu) {
        let taps: usize = self.kernel.iter().product();
        let (group_inputs, group_outputs) = (self.inputs / self.group, self.outputs / self.group);
        let output = self.output();
        let x_shape: Vec<usize> = [&[self.batch], &self.size[..], &[self.inputs]].concat();
        let y_shape: Vec<usize> = [&[self.batch], &output[..], &[self.outputs]].concat();
        let w_shape: Vec<usize> = [&[self.outputs, group_inputs], &self.kernel[..]].concat();
        let x = rng.f32s(x_shape.iter().product());
        let w = rng.f32s(self.outputs * group_inputs * taps);
        let bias = (rng.size(0, 2) == 1).then(|| rng.f32s(self.outputs));
        let residual = (rng.size(0, 2) == 1).then(|| rng.f32s(y_shape.iter().product()));

        let kernel = pack::conv(&w, &w_shape, self.group);
        let layer = Conv {
            input_channels: self.inputs,
            output_channels: self.outputs,
            group: self.group,
            kernel_shape: self.kernel,
            strides: self.strides,
            dilations: self.dilations,
            pads_begin: self.begin,
            pads_end: self.end,
            kernel: &kernel,
            bias: bias.as_deref(),
            activation: Activation::Relu,
        }
        .checked();
        let mut scratch = Slot::new();
        let mut y = vec![f32::NAN; y_shape.iter().product()];
        let (batch, size) = (self.batch, self.size);
        let images = ImageStack { batch, size };
        if let Some(residual) = &residual {
            layer
                .run_adding(cpu, images, &x, residual, &mut y, &mut scratch)
                .unwrap();
            let mut in_place = residual.clone();
            layer
                .run_adding_in_place(cpu, images, &x, &mut in_place, &mut scratch)
                .unwrap();
            assert_eq!(y, in_place);
        } else {
            layer.run(cpu, images, &x, &mut y, &mut scratch).unwrap();
            let mut dynamic = vec![f32::NAN; y.len()];
            let layer = ConvDynamic {
                group: self.group,
                kernel_shape: self.kernel,
                strides: self.strides,
                dilations: self.dilations,
                pads_begin: self.begin,
                pads_end: self.end,
            };
            let inputs = ConvDynamicInputs {
                batch,
                size,
                channels: [self.inputs, self.outputs],
                x: &x,
                w: &w,
                bias: bias.as_deref(),
            };
            layer.run(cpu, inputs, &mut dynamic, &mut scratch).unwrap();
            assert_eq!(y, dynamic.iter().map(|v| v.max(0.0)).collect::<Vec<_>>());
        }
        let mut depthwise = vec![f32::NAN; y.len()];
        let is_depthwise = self.group == self.inputs;
        if is_depthwise {
            let kernel = pack::depthwise(&w, &w_shape);
            let layer = DepthwiseConv {
                channels: self.inputs,
                multiplier: group_outputs,
                kernel_shape: self.kernel,
                strides: self.strides,
                dilations: self.dilations,
                pads_begin: self.begin,
                pads_end: self.end,
                kernel: &kernel,
                bias: bias.as_deref(),
                activation: Activation::Relu,
            }
            .checked();
            match &residual {
                Some(residual) => {
                    layer
                        .run_adding(cpu, images, &x, residual, &mut depthwise, &mut scratch)
                        .unwrap();
                }
                None => layer
                    .run(cpu, images, &x, &mut depthwise, &mut scratch)
                    .unwrap(),
            }
        }

        for (i, at) in indices(&y_shape).enumerate() {
            let (o, group) = (at[D + 1], at[D + 1] / group_outputs);
            let mut terms: Vec<f64> = Vec::new();
            for tap in indices(&self.kernel) {
                let pixel: Option<Vec<usize>> = (0..D)
                    .map(|d| {
                        let p = at[d + 1] * self.strides[d] + tap[d] * self.dilations[d];
                        p.checked_sub(self.begin[d]).filter(|p| *p < self.size[d])
                    })
                    .collect();
                let Some(pixel) = pixel else { continue };
                for c in 0..group_inputs {
                    let x_at = [&[at[0]], &pixel[..], &[group * group_inputs + c]].concat();
                    let w_at = [&[o, c], &tap[..]].concat();
                    terms.push(
                        f64::from(x[flat(&x_shape, &x_at)]) * f64::from(w[flat(&w_shape, &w_at)]),
                    );
                }
            }
            terms.extend(bias.iter().map(|b| f64::from(b[o])));
            terms.extend(residual.iter().map(|r| f64::from(r[i])));
            let (expected, scale) = (
                terms.iter().sum::<f64>().max(0.0),
                terms.iter().map(|t| t.abs()).sum::<f64>(),
            );
            let close = |actual: f32| (f64::from(actual) - expected).abs() <= MAX_ERROR * scale;
            assert!(
                close(y[i]),
                "{}: {self:?} {at:?}: {} for {expected}",
                cpu.name(),
                y[i]
            );
            assert!(
                !is_depthwise || close(depthwise[i]),
                "depthwise, {}: {self:?} {at:?}: {} for {expected}",
                cpu.name(),
                depthwise[i]
            );
        }
    }

    /// A random case; `channels` are the inputs and outputs of one group.
    fn random(rng: &mut Rng, group: usize, channels: [usize; 2]) -> Self {
        let kernel = core::array::from_fn(|_| rng.size(1, 6));
        let dilations = core::array::from_fn(|_| rng.size(1, 3));
        let (begin, end) = (
            core::array::from_fn(|_| rng.size(0, 3)),
            core::array::from_fn(|_| rng.size(0, 3)),
        );
        let extra = if D == 3 { 4 } else { 14 };
        Self {
            batch: rng.size(1, 4),
            size: core::array::from_fn(|i| dilations[i] * (kernel[i] - 1) + 1 + rng.size(0, extra)),
            inputs: group * channels[0],
            outputs: group * channels[1],
            group,
            kernel,
            strides: core::array::from_fn(|_| rng.size(1, 4)),
            dilations,
            begin,
            end,
        }
    }
}

#[test]
fn random_images() {
    let mut rng = Rng::new(1);
    for cpu in Cpu::all() {
        for _ in 0..draws(25) {
            let channels = [rng.size(1, 40), rng.size(1, 70)];
            Case::<2>::random(&mut rng, 1, channels).check(&mut rng, cpu);
        }
    }
}

#[test]
fn few_outputs_take_half_a_panel() {
    let mut rng = Rng::new(11);
    for cpu in Cpu::all() {
        for outputs in some([1, 2, 7, 8, 9, 17, 24, 25, 40]) {
            for inputs in [1, 3, 8] {
                let channels = [inputs, outputs];
                Case::<2>::random(&mut rng, 1, channels).check(&mut rng, cpu);
            }
        }
    }
}

/// Large enough images with one to four outputs (of a group) are scalar products of what the kernel covers.
#[test]
fn few_outputs_of_large_images() {
    let mut rng = Rng::new(12);
    for cpu in Cpu::all() {
        for outputs in [1, 2, 3, 4] {
            for inputs in some([8, 12, 16, 24]) {
                for group in [1, 3] {
                    let case = Case::<2>::random(&mut rng, group, [inputs, outputs]);
                    let size = case.size.map(|n| n + 24);
                    Case { size, ..case }.check(&mut rng, cpu);
                }
            }
        }
    }
}

#[test]
fn one_and_three_axes() {
    let mut rng = Rng::new(2);
    for cpu in Cpu::all() {
        for _ in 0..draws(12) {
            let channels = [rng.size(1, 40), rng.size(1, 40)];
            Case::<1>::random(&mut rng, 1, channels).check(&mut rng, cpu);
            let channels = [rng.size(1, 6), rng.size(1, 20)];
            Case::<3>::random(&mut rng, 1, channels).check(&mut rng, cpu);
        }
    }
}

#[test]
fn groups() {
    let mut rng = Rng::new(3);
    for cpu in Cpu::all() {
        for _ in 0..draws(40) {
            let channels = [rng.size(1, 10), rng.size(1, 20)];
            let group = rng.size(2, 5);
            Case::<2>::random(&mut rng, group, channels).check(&mut rng, cpu);
        }
    }
}

#[test]
fn depthwise() {
    let mut rng = Rng::new(4);
    for cpu in Cpu::all() {
        for _ in 0..draws(40) {
            let multiplier = rng.size(1, 4);
            let group = rng.size(1, 50);
            Case::<2>::random(&mut rng, group, [1, multiplier]).check(&mut rng, cpu);
        }
        for kernel in [3, 5] {
            for stride in [1, 2] {
                for group in [16, 24, 31, 32] {
                    let case = Case::<2> {
                        kernel: [kernel; 2],
                        strides: [stride; 2],
                        dilations: [1; 2],
                        size: [7, 13],
                        ..Case::random(&mut rng, group, [1, 1])
                    };
                    case.check(&mut rng, cpu);
                }
            }
        }
        let channels = rng.size(1, 20);
        Case::<1>::random(&mut rng, channels, [1, 1]).check(&mut rng, cpu);
        Case::<3>::random(&mut rng, channels, [1, 2]).check(&mut rng, cpu);
    }
}

#[test]
fn many_inputs_and_long_kernels() {
    let mut rng = Rng::new(5);
    for cpu in Cpu::all() {
        for (inputs, kernel) in some([(800, 2), (100, 3), (1, 12), (3, 7), (5, 11)]) {
            let case = Case::<2> {
                batch: 1,
                size: [11, 12],
                inputs,
                outputs: 33,
                group: 1,
                kernel: [kernel; 2],
                strides: [1; 2],
                dilations: [1; 2],
                begin: [0, 1],
                end: [2, 0],
            };
            case.check(&mut rng, cpu);
        }
    }
}

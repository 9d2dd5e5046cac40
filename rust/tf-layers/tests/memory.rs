//! Scratch that cannot be allocated is an error of every layer that needs any, and no end of the process.
//!
//! Each case asks for more scratch than a processor can address, for operands that are small or empty: the request stands in front of all work.

#![cfg(target_pointer_width = "64")]
use tf_layers::activation::Activation::{Linear, Sigmoid, Tanh};
use tf_layers::attention::{Attention, AttentionInputs, Axes, EmptyRows};
use tf_layers::axis::AlongAxis;
use tf_layers::conv::*;
use tf_layers::indexing::{Unique, UniquePlaces};
use tf_layers::integer::{IntegerConv, IntegerConvInputs, MatMulInteger, MatMulIntegerInputs};
use tf_layers::matmul::MatMul;
use tf_layers::matrices::Matrices;
use tf_layers::rank::{Ranked, TopK};
use tf_layers::recurrent::*;
use tf_layers::{Cpu, Error, Result, Slot};

/// Elements: 2⁵² bytes, where processors address 2⁴⁸.
const HUGE: usize = 1 << 50;

fn refused(layer: &str, run: impl FnOnce(Cpu, &mut Slot<f32>) -> Result<()>) {
    let mut scratch = Slot::new();
    let found = run(Cpu::new(), &mut scratch);
    let Err(Error::Memory { bytes }) = found else {
        panic!("{layer}: {found:?}");
    };
    assert!(bytes >= 4 * HUGE, "{layer}: {bytes}");
    // What has been refused leaves a slot that works.
    assert_eq!(scratch.fit(3).map(|room| room.len()), Ok(3), "{layer}");
}

/// `refused!(layer.method(arguments))`: without processor and scratch, which stand first and last.
macro_rules! refused {
    ($layer:ident.$method:ident($($argument:expr),*)) => {
        refused(std::any::type_name_of_val(&$layer), |cpu, scratch| {
            $layer.$method(cpu, $($argument,)* scratch)
        })
    };
}

const PIXEL: ImageStack<1> = ImageStack {
    batch: 1,
    size: [1],
};

#[test]
fn a_layer_that_has_no_memory_says_so_from_within_others() {
    let error = Error::Memory { bytes: 1 };
    assert!(error.is_memory());
    assert!(error.at("inner").at("outer").is_memory());
    assert!(!Error::DivisionByZero.at("layer").is_memory());
}

#[test]
fn convolutions() {
    // One pixel between zeros without end, of which the stride leaves one.
    let conv = Conv {
        input_channels: 1,
        output_channels: 1,
        group: 1,
        kernel_shape: [1],
        strides: [2 * HUGE],
        dilations: [1],
        pads_begin: [HUGE],
        pads_end: [0],
        kernel: &[0.0; 16],
        bias: None,
        activation: Linear,
    }
    .checked();
    let (x, mut y) = ([1.0], [0.0]);
    refused!(conv.run(PIXEL, &x, &mut y));
    refused!(conv.run_adding(PIXEL, &x, &[1.0], &mut y));
    refused!(conv.run_adding_in_place(PIXEL, &x, &mut y));
    let integer = IntegerConv {
        input_channels: 1,
        output_channels: 1,
        group: 1,
        kernel_shape: [1],
        strides: [8 * HUGE],
        dilations: [1],
        pads_begin: [4 * HUGE],
        pads_end: [0],
        kernel: &[0; 32],
        kernel_zero: None,
    }
    .checked();
    let inputs = IntegerConvInputs::<u8, 1> {
        batch: 1,
        size: [1],
        x: &[1],
        x_zero: None,
    };
    refused!(integer.run(inputs, &mut [0]));
    let depthwise = DepthwiseConv {
        channels: 1,
        multiplier: 1,
        kernel_shape: [1],
        strides: [2 * HUGE],
        dilations: [1],
        pads_begin: [HUGE],
        pads_end: [0],
        kernel: &[0.0; 16],
        bias: None,
        activation: Linear,
    }
    .checked();
    refused!(depthwise.run(PIXEL, &x, &mut y));
    refused!(depthwise.run_adding(PIXEL, &x, &[1.0], &mut y));
    let dynamic = ConvDynamic {
        group: 1,
        kernel_shape: [1],
        strides: [2 * HUGE],
        dilations: [1],
        pads_begin: [HUGE],
        pads_end: [0],
    }
    .checked();
    let inputs = ConvDynamicInputs {
        batch: 1,
        size: [1],
        channels: [1, 1],
        x: &x,
        w: &[1.0],
        bias: None,
    };
    refused!(dynamic.run(inputs, &mut y));
}

#[test]
fn winograd() {
    let layer = WinogradConv2d::<2> {
        input_channels: 16,
        output_channels: 16,
        pads_begin: [HUGE, 1],
        pads_end: [1, 1],
        kernel: &[0.0; WinogradConv2d::<2>::packed_len(16, 16)],
        bias: None,
        activation: Linear,
    }
    .checked();
    let x = [1.0; 16];
    let images = ImageStack {
        batch: 1,
        size: [1, 1],
    };
    refused!(layer.run(images, &x, &mut []));
    refused!(layer.run_adding(images, &x, &[], &mut []));
}

#[test]
fn transposed_convolutions() {
    let layer = ConvTranspose {
        input_channels: 1,
        output_channels: 1,
        group: 1,
        kernel_shape: [3],
        strides: [2],
        dilations: [1],
        pads_begin: [0],
        pads_end: [0],
        output_padding: [0],
        kernel: &[0.0; 48],
        bias: None,
        activation: Linear,
    }
    .checked();
    let images = ImageStack {
        batch: 1,
        size: [HUGE],
    };
    refused!(layer.run(images, &[], &mut []));
    let dynamic = ConvTransposeDynamic {
        group: 1,
        kernel_shape: [3],
        strides: [2],
        dilations: [1],
        pads_begin: [0],
        pads_end: [0],
        output_padding: [0],
    }
    .checked();
    let inputs = ConvDynamicInputs {
        batch: 1,
        size: [HUGE],
        channels: [1, 1],
        ..ConvDynamicInputs::default()
    };
    refused!(dynamic.run(inputs, &mut []));
}

#[test]
fn products() {
    let matrices = Matrices {
        batch: [],
        m: 8,
        k: HUGE,
        n: 1,
        a_batch: [],
        a_steps: [HUGE, 1],
        b_batch: [],
        b_steps: [1, 1],
    };
    let product = MatMul { alpha: 1.0 };
    refused!(product.run(matrices, &[], &[], &mut [0.0; 8]));
    let inputs = MatMulIntegerInputs::<u8, i8>::default();
    refused!(MatMulInteger.run(matrices, inputs, &mut [0; 8]));
    let attention = Attention {
        heads: 1,
        key_heads: 1,
        head_size: 1,
        value_size: 1,
        scale: 1.0,
        causal: false,
        query: Axes::HeadsTokens,
        key: Axes::HeadsTokens,
        value: Axes::HeadsTokens,
        output: Axes::HeadsTokens,
        keep: None,
        fill: 0.0,
        mask: None,
        empty_rows: EmptyRows::Zero,
    }
    .checked();
    let inputs = AttentionInputs {
        batch: 1,
        queries: 1,
        keys: HUGE,
        query: &[1.0],
        ..AttentionInputs::default()
    };
    refused!(attention.run(inputs, &mut [0.0]));
}

#[test]
fn the_best_of_an_axis() {
    let layer = TopK { largest: true };
    let ranked = Ranked {
        outer: 1,
        axis: HUGE,
        inner: 1,
        k: 1,
    };
    refused!(layer.run(ranked, &[0.0_f32; 0], &mut [0.0], &mut [0]));
}

#[test]
fn what_is_sorted() {
    // Slices without elements: all the same.
    let along = AlongAxis {
        outer: 1,
        axis: HUGE,
        inner: 0,
    };
    for sorted in [false, true] {
        let layer = Unique { sorted }.checked();
        refused("Unique, sizes", |cpu, _| {
            layer.sizes::<f32>(cpu, along, &[]).map(drop)
        });
        refused("Unique", |cpu, _| {
            layer.run::<f32>(cpu, along, &[], &mut [], UniquePlaces::default())
        });
    }
}

/// Every row of a batch has states.
const ROWS: RecurrentInputs = RecurrentInputs {
    steps: 1,
    batch: HUGE,
    x: &[],
    sequence_lens: None,
    initial_h: None,
};

#[test]
fn recurrent_layers() {
    let (directions, clip) = (Directions::Forward, None);
    let out = RecurrentOutputs::default;
    let weights = |w, r| RecurrentWeights { w, r, b: None };
    let rnn = Rnn {
        inputs: 1,
        hidden: 1,
        directions,
        kernel: &[0.0; 16],
        recurrent_kernel: &[0.0; 64],
        bias: None,
        activations: [Tanh; 2],
        clip,
    }
    .checked();
    refused!(rnn.run(ROWS, out()));
    let gru = Gru {
        inputs: 1,
        hidden: 1,
        directions,
        kernel: &[0.0; 48],
        recurrent_kernel: &[0.0; 192],
        bias: None,
        reset_bias: None,
        activations: [Sigmoid, Tanh, Sigmoid, Tanh],
        clip,
        linear_before_reset: false,
    }
    .checked();
    refused!(gru.run(ROWS, out()));
    let rnn = RnnUnpacked {
        inputs: 1,
        hidden: 1,
        directions,
        activations: [Tanh; 2],
        clip,
    }
    .checked();
    refused!(rnn.run(ROWS, weights(&[0.0], &[0.0]), out()));
    let wide = RnnUnpacked {
        inputs: HUGE,
        ..rnn
    };
    refused!(wide.run(RecurrentInputs::default(), weights(&[], &[]), out()));
    let gru = GruUnpacked {
        inputs: 1,
        hidden: 1,
        directions,
        activations: [Sigmoid, Tanh, Sigmoid, Tanh],
        clip,
        linear_before_reset: true,
    }
    .checked();
    refused!(gru.run(ROWS, weights(&[0.0; 3], &[0.0; 3]), out()));
    let wide = GruUnpacked {
        inputs: HUGE,
        ..gru
    };
    refused!(wide.run(RecurrentInputs::default(), weights(&[], &[]), out()));
}

#[test]
fn lstms() {
    let (directions, clip, input_forget) = (Directions::Forward, None, false);
    let activations = [Sigmoid, Tanh, Tanh, Sigmoid, Tanh, Tanh];
    let layer = Lstm {
        inputs: 1,
        hidden: 1,
        directions,
        kernel: &[0.0; 64],
        recurrent_kernel: &[0.0; 256],
        bias: None,
        peepholes: None,
        activations,
        clip,
        input_forget,
    }
    .checked();
    refused!(layer.run(ROWS.into(), LstmOutputs::default()));
    let layer = LstmUnpacked {
        inputs: 1,
        hidden: 1,
        directions,
        activations,
        clip,
        input_forget,
    }
    .checked();
    let weights = LstmWeights {
        w: &[0.0; 4],
        r: &[0.0; 4],
        ..LstmWeights::default()
    };
    refused!(layer.run(ROWS.into(), weights, LstmOutputs::default()));
    let wide = LstmUnpacked {
        inputs: HUGE,
        ..layer
    };
    let (given, out) = (LstmInputs::default(), LstmOutputs::default());
    refused!(wide.run(given, LstmWeights::default(), out));
}

//! A two-layer network with weights written by hand: `cargo run --example xor`.
//!
//! hidden = relu(x · W₁ + b₁), y = hidden · W₂, with weights that make y the exclusive or of two bits.

use tf_layers::activation::Activation;
use tf_layers::dense::Dense;
use tf_layers::{Cpu, Slot, pack};

fn main() -> tf_layers::Result<()> {
    // kernels are packed once: panels of 16 columns, as the vector units read them
    let hidden_kernel = pack::panels(&[1.0, 1.0, 1.0, 1.0], 2, 2, false);
    let output_kernel = pack::panels(&[1.0, -2.0], 2, 1, false);

    let hidden = Dense {
        inputs: 2,
        units: 2,
        kernel: &hidden_kernel,
        bias: Some(&[0.0, -1.0]),
        activation: Activation::Relu,
    }
    .checked();
    let output = Dense {
        inputs: 2,
        units: 1,
        kernel: &output_kernel,
        bias: None,
        activation: Activation::Linear,
    }
    .checked();

    let x = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
    let rows = 4;
    let cpu = Cpu::new();
    let mut between = Slot::new();
    let mut y = [0.0; 4];
    hidden.run(cpu, rows, &x, between.fit(rows * 2)?);
    output.run(cpu, rows, between.get(rows * 2), &mut y);

    for (x, y) in x.chunks_exact(2).zip(y) {
        println!("{} xor {} = {y}", x[0], x[1]);
    }
    assert_eq!(y, [0.0, 1.0, 1.0, 0.0]);
    Ok(())
}

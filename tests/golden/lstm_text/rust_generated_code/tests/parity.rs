//! The model computes what the reference computed: `testdata/features.npz` holds inputs and expected outputs.

use lstm_text::{ArrayInputs, LstmTextModel};
use tf_layers::Cpu;
use tf_layers::compare::{Tolerance, assert_close};
use tf_layers::npz::Npz;

/// |a - b| ≤ rtol · |b| + atol · max |b| for floating point; everything else must be equal.
///
/// The expected outputs are those of the model evaluated in float64. onnxruntime, in single precision, differs from them by less than 1e-6 of an
/// output's largest element; the tolerance follows from that.
const TOLERANCE: Tolerance = Tolerance {
    rtol: 5e-6,
    atol: 5e-6,
};

/// Names of the expected outputs in the archive, in the order of the model's outputs.
const EXPECTED: &[&str] = &["predictions"];

/// Samples in the archive.
const SAMPLES: usize = 8;

fn testdata() -> Npz {
    let folder = lstm_text::folder().unwrap_or_else(|error| panic!("{error}"));
    Npz::open(folder.join("testdata/features.npz")).expect("testdata/features.npz can be read")
}

#[test]
fn one_sample_at_a_time() {
    let (npz, model) = (testdata(), LstmTextModel::new());
    let mut workspace = model.workspace();
    for sample in 0..SAMPLES {
        let inputs = ArrayInputs::read(&npz, Some(sample)).expect("the sample fits the model");
        let outputs = inputs
            .predict(&model, &mut workspace)
            .expect("the model runs");
        for (array, name) in outputs.to_arrays().iter().zip(EXPECTED) {
            let expected = npz.array(name).expect("expected outputs are there");
            assert_close(array, &expected.row(sample), TOLERANCE);
        }
    }
}

#[test]
fn all_samples_at_once() {
    let (npz, model) = (testdata(), LstmTextModel::new());
    let mut workspace = model.workspace();
    let inputs = ArrayInputs::read(&npz, None).expect("the samples fit the model");
    let outputs = inputs
        .predict(&model, &mut workspace)
        .expect("the model runs");
    for (array, name) in outputs.to_arrays().iter().zip(EXPECTED) {
        assert_close(
            array,
            &npz.array(name).expect("expected outputs are there"),
            TOLERANCE,
        );
    }
}

#[test]
fn every_vector_level() {
    let npz = testdata();
    let inputs = ArrayInputs::read(&npz, Some(0)).expect("the sample fits the model");
    for cpu in Cpu::all() {
        let model = LstmTextModel::new().at(cpu);
        let mut workspace = model.workspace();
        let outputs = inputs
            .predict(&model, &mut workspace)
            .expect("the model runs");
        for (array, name) in outputs.to_arrays().iter().zip(EXPECTED) {
            let expected = npz.array(name).expect("expected outputs are there");
            assert_close(array, &expected.row(0), TOLERANCE);
        }
    }
}

//! Weights of a file compute what the same weights compute in a binary, bit for bit; a file that does not fit is an error that says why.

use std::fmt::Debug;
use scorer::tf_layers::store::StoreProblem;

/// As text, so that every bit counts.
fn text(value: impl Debug) -> String {
    format!("{value:?}")
}

#[test]
fn a_file_computes_what_the_binary_does() {
    for batch in [1, 3] {
        let x: Vec<f32> = (0..batch * kinds::KindsModel::X_LEN).map(|k| (k as f32 * 0.37).sin()).collect();
        let embedded = kinds::KindsModel::new();
        let mut workspace = embedded.workspace();
        let expected = text(embedded.predict_from(kinds::Inputs { x: &x }, &mut workspace).unwrap());

        let file = outside::StoredWeights::open(outside::WEIGHTS_FILE).unwrap();
        let layers = outside::Layers::new(&file.weights());
        let model = outside::OutsideModel::with_layers(&layers);
        let found = text(model.predict_from(outside::Inputs { x: &x }, &mut model.workspace()).unwrap());
        assert_eq!(found, expected);

        let bytes = std::fs::read(outside::WEIGHTS_FILE).unwrap();
        let file = outside::StoredWeights::from_bytes(&bytes).unwrap();
        let layers = outside::Layers::new(&file.weights());
        let model = outside::OutsideModel::with_layers(&layers);
        let found = text(model.predict_from(outside::Inputs { x: &x }, &mut model.workspace()).unwrap());
        assert_eq!(found, expected);
        assert_eq!(format!("{:016x}", file.checksum()), outside::WEIGHTS_CHECKSUM);
        assert!(text(&file).contains("kernel: [f32; "), "{file:?}");
        assert_eq!(outside::Weights::BYTES, kinds::Weights::BYTES);
    }
}

#[test]
fn weights_of_another_training_of_the_model() {
    let features: Vec<f32> = (0..3 * scorer::ScorerModel::FEATURES_LEN).map(|k| (k as f32).cos()).collect();
    let own = retrained::RetrainedModel::built();
    let expected = text(own.predict_from(retrained::Inputs { features: &features }, &mut own.workspace()).unwrap());
    let file = scorer::StoredWeights::open(retrained::WEIGHTS_FILE).unwrap();
    let layers = scorer::Layers::new(&file.weights());
    let model = scorer::ScorerModel::with_layers(&layers);
    let found = text(model.predict_from(scorer::Inputs { features: &features }, &mut model.workspace()).unwrap());
    assert_eq!(found, expected);
}

#[test]
fn a_file_that_does_not_fit_says_why() {
    let other = scorer::StoredWeights::open(outside::WEIGHTS_FILE).unwrap_err();
    assert!(matches!(other.problem, StoreProblem::OtherModel { .. }), "{other}");
    assert!(other.to_string().contains("they are another model's, or of another conversion of it"), "{other}");
    let missing = scorer::StoredWeights::open("none.weights").unwrap_err();
    assert!(missing.to_string().starts_with("none.weights: "), "{missing}");
    let good = std::fs::read(scorer::WEIGHTS_FILE).unwrap();
    for end in (0..good.len()).step_by(7) {
        assert!(scorer::StoredWeights::from_bytes(&good[..end]).is_err());
    }
    for place in (0..good.len()).step_by(5) {
        let mut bytes = good.clone();
        bytes[place] ^= 0x10;
        assert!(scorer::StoredWeights::from_bytes(&bytes).is_err(), "byte {place}");
    }
}

/// The crate's own tests hold it against the rounded model; here, that both forms are near one another, and small.
#[test]
fn fewer_bits() {
    let x: Vec<f32> = (0..2 * mixed_small::MixedSmallModel::X_LEN).map(|k| (k as f32 * 0.71).sin()).collect();
    let ids = [3, 49];
    let small = mixed_small::MixedSmallModel::new();
    let mut workspace = small.workspace();
    let bytes = small.predict_from(mixed_small::Inputs { x: &x, ids: &ids }, &mut workspace).unwrap();
    let halves = mixed_halves::MixedHalvesModel::built();
    let mut workspace = halves.workspace();
    let exact = halves.predict_from(mixed_halves::Inputs { x: &x, ids: &ids }, &mut workspace).unwrap();
    let largest = exact.y.data.iter().fold(0.0_f32, |m, y| m.max(y.abs()));
    let error = exact.y.data.iter().zip(bytes.y.data).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(0.0 < error && error < 3e-2 * largest, "{error} of {largest}");
    let file = mixed_small::Weights::LAYOUT.file_bytes();
    assert!(file * 3 < mixed_small::Weights::BYTES, "{file} bytes for {}", mixed_small::Weights::BYTES);
    assert!(mixed_halves::Weights::LAYOUT.file_bytes() * 9 < mixed_small::Weights::BYTES * 5);
}

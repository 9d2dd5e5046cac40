//! Weights of a file at run time compute what the same weights compute in a binary; what does not fit is an error that says why.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

const BUILD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn weights(of: &str) -> PathBuf {
    Path::new(BUILD).join(of).join("rust_generated_code/model/model_weights.npz")
}

/// As text, so that every bit counts.
fn text(value: impl Debug) -> String {
    format!("{value:?}")
}

#[test]
fn every_type_and_layout() {
    let x: Vec<f32> = (0..2 * kinds::KindsModel::X_LEN).map(|k| (k as f32 * 0.37).sin()).collect();
    let inputs = kinds::Inputs { x: &x };
    let embedded = kinds::KindsModel::new();
    let mut workspace = embedded.workspace();
    let expected = text(embedded.predict_from(inputs, &mut workspace).unwrap());

    let file = kinds::OwnedWeights::from_npz(weights("kinds")).unwrap();
    let layers = kinds::Layers::new(&file.weights());
    let model = kinds::KindsModel::with_layers(&layers);
    assert_eq!(text(model.predict_from(inputs, &mut workspace).unwrap()), expected);

    let file = kinds::OwnedWeights::from_bytes(std::fs::read(weights("kinds")).unwrap()).unwrap();
    let layers = kinds::Layers::new(&file.weights());
    let model = kinds::KindsModel::with_layers(&layers);
    assert_eq!(text(model.predict_from(inputs, &mut workspace).unwrap()), expected);
    assert!(file.doubts().is_empty());
    assert!(text(&file).contains("kernel: [f32; "), "{file:?}");
    assert!(text(&file).len() < 1000, "no numbers: {file:?}");
}

#[test]
fn weights_of_another_training() {
    let features: Vec<f32> = (0..3 * scorer::ScorerModel::FEATURES_LEN).map(|k| (k as f32).cos()).collect();
    let old = scorer::ScorerModel::new();
    let mut workspace = old.workspace();
    let before = text(old.predict_from(scorer::Inputs { features: &features }, &mut workspace).unwrap());
    let new = retrained::RetrainedModel::new();
    let expected = text(new.predict_from(retrained::Inputs { features: &features }, &mut new.workspace()).unwrap());

    let file = scorer::OwnedWeights::from_npz(weights("retrained")).unwrap();
    let layers = scorer::Layers::new(&file.weights());
    let model = scorer::ScorerModel::with_layers(&layers);
    let found = text(model.predict_from(scorer::Inputs { features: &features }, &mut workspace).unwrap());
    assert_eq!(found, expected);
    assert_ne!(found, before);
}

fn refused(name: &str) -> String {
    let path = Path::new(BUILD).join("files").join(name);
    let error = scorer::OwnedWeights::from_npz(&path).unwrap_err().to_string();
    let (head, rest) = error.split_once('\n').unwrap();
    assert_eq!(head, format!("{} does not fit this model", path.display()));
    let advice = "\nEvery tensor keeps the name, type and shape it had when the crate was generated; other sizes need a new conversion.";
    rest.strip_suffix(advice).unwrap().to_string()
}

#[test]
fn what_does_not_fit_says_why() {
    assert_eq!(refused("missing.npz"), "  - `hidden/bias` (float32 [16]) is missing");
    assert_eq!(refused("strange.npz"), "  - `stranger` is in the file, but not in the model");
    assert_eq!(refused("shape.npz"), "  - `hidden/bias` is float32 [1, 2, 3], the model needs float32 [16]");
    let several = refused("several.npz");
    let lines: Vec<&str> = several.lines().collect();
    assert_eq!(lines.len(), 4, "{several}");
    assert!(lines.contains(&"  - `hidden/kernel` (float32 [10, 16]) is missing"), "{several}");
    assert!(lines.contains(&"  - `score/bias` is float64 [1], the model needs float32 [1]"), "{several}");
    assert!(refused("short.npz").starts_with("  - not an intact .npz file: "));
    assert!(refused("text.npz").contains("array `hidden/bias`: "), "{}", refused("text.npz"));
    assert!(refused("there_is_none.npz").contains("No such file"));
    let error = scorer::OwnedWeights::from_bytes(vec![7; 100]).unwrap_err();
    assert!(error.to_string().starts_with("the archive in memory does not fit this model\n  - not an intact"), "{error}");
}

#[test]
fn numbers_that_no_one_can_mean_are_told() {
    let file = scorer::OwnedWeights::from_npz(Path::new(BUILD).join("files/nan.npz")).unwrap();
    assert_eq!(file.doubts(), ["`hidden/bias`: all of its 16 elements are NaN"]);
}

/// Every prefix of a good file, and every file with one byte changed, is read or refused, never a panic.
#[test]
fn damaged_files() {
    let good = std::fs::read(weights("scorer")).unwrap();
    for end in (0..good.len()).step_by(7) {
        assert!(scorer::OwnedWeights::from_bytes(good[..end].to_vec()).is_err());
    }
    for place in (0..good.len()).step_by(3) {
        let mut bytes = good.clone();
        bytes[place] ^= 0x55;
        if let Ok(file) = scorer::OwnedWeights::from_bytes(bytes) {
            let layers = scorer::Layers::new(&file.weights());
            let _model = scorer::ScorerModel::with_layers(&layers);
        }
    }
}

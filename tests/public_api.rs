//! A program's view of three generated crates: `digits`, `score` and `catalogue` (a table of 8 MB).

use catalogue::CatalogueModel;
use digits::DigitsModel;

#[test]
fn debug_says_what_a_model_is() {
    let model = DigitsModel::new();
    let cpu = format!("{:?}", digits::tf_layers::Cpu::new());
    assert_eq!(
        format!("{model:?}"),
        format!(
            "DigitsModel {{ inputs: [image: float32 [batch, 1, 8, 8]], outputs: [probabilities: float32 [batch, 10]], \
             weight_bytes: 9416, cpu: {cpu}, .. }}"
        )
    );
    let layers = digits::Layers::new(&digits::Weights::EMBEDDED);
    assert_eq!(format!("{layers:?}"), "Layers { .. }");
    assert_eq!(
        format!("{:?}", layers.logits),
        "Dense { inputs: 64, units: 10, activation: Linear, kernel: [f32; 1024], bias: Some([f32; 10]) }"
    );
}

#[test]
fn debug_prints_no_weights() {
    let model = CatalogueModel::new();
    let weights = catalogue::Weights::EMBEDDED;
    assert_eq!(
        format!("{weights:?}"),
        "Weights { table: [f32; 2000000], kernel: [f32; 32000] }"
    );
    assert_eq!(catalogue::Weights::BYTES, 8_128_000);
    let mut workspace = model.workspace();
    let (sizes, inputs) = (catalogue::Sizes { batch: 100 }, catalogue::Inputs { id: &[3; 100] });
    model.predict(sizes, inputs, &mut workspace).expect("the model runs");
    assert!(workspace.bytes() > 800_000);
    for text in [
        format!("{model:?}"),
        format!("{weights:?}"),
        format!("{:?}", catalogue::Layers::new(&weights)),
        format!("{workspace:?}"),
    ] {
        assert!(text.len() < 300, "{} bytes: {}", text.len(), &text[..300]);
    }
}

//! A program's view of three generated crates: `digits`, `score` and `catalogue` (a table of 8 MB).

use catalogue::CatalogueModel;
use digits::{DigitsModel, argmax, top_k};

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
        "Weights { table: [f32; 2000000], value_kernel: [f32; 32000] }"
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

#[test]
fn lengths_are_constants() {
    const ONE: [f32; DigitsModel::IMAGE_LEN] = [0.5; 64];
    let model = DigitsModel::new();
    let mut workspace = model.workspace();
    let outputs = model.predict_from(digits::Inputs { image: &ONE }, &mut workspace).expect("the model runs");
    let found: [f32; DigitsModel::PROBABILITIES_LEN] = outputs.probabilities.data.try_into().expect("one row");
    assert_eq!(found.len(), 10);
    assert_eq!(CatalogueModel::VALUE_LEN, 2);
}

#[test]
fn the_lengths_of_the_inputs_say_the_sizes() {
    let model = CatalogueModel::new();
    let mut workspace = model.workspace();
    // ids beyond 2^24 are no f32: the model takes its own type, and says which one is outside the table
    let inputs = catalogue::Inputs { id: &[3, 999, 16_777_217] };
    assert_eq!(inputs.sizes(), Ok(catalogue::Sizes { batch: 3 }));
    let error = model.predict_from(inputs, &mut workspace).expect_err("it is outside");
    assert!(error.to_string().contains("16777217"), "{error}");
    let outputs = model.predict_from(catalogue::Inputs { id: &[3, 999] }, &mut workspace).expect("the model runs");
    assert_eq!(outputs.value.shape, [2, 2]);

    let image = [0.0; 2 * 64 + 1];
    let model = DigitsModel::new();
    let mut workspace = model.workspace();
    let outputs = model.predict_from(digits::Inputs { image: &image[..128] }, &mut workspace).expect("the model runs");
    assert_eq!(outputs.probabilities.shape, [2, 10]);
    let wrong = digits::Inputs { image: &image };
    let (name, expected, actual) = ("image", 192, 129);
    let refused = digits::Error::InputLength { name, expected, actual };
    assert_eq!(wrong.sizes(), Err(refused.clone()));
    assert_eq!(model.predict_from(wrong, &mut workspace).expect_err("half an image"), refused);
}

#[test]
fn the_largest_outputs_have_places() {
    let image: Vec<f32> = (0..128).map(|i| (i % 7) as f32).collect();
    let model = DigitsModel::new();
    let mut workspace = model.workspace();
    let outputs = model.predict_from(digits::Inputs { image: &image }, &mut workspace).expect("the model runs");
    let classes: Vec<Option<usize>> = outputs.probabilities.rows().map(argmax).collect();
    assert_eq!(classes.len(), 2);
    for (row, class) in outputs.probabilities.rows().zip(classes) {
        let best = top_k(row, 3);
        assert_eq!(class, Some(best[0].0));
        assert!(best[0].1 >= best[1].1 && best[1].1 >= best[2].1);
        assert!(row.iter().all(|&v| v <= best[0].1));
    }
}

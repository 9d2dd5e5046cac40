//! What a caller can rely on besides the numbers.

use score::{ArrayInputs, Error, Inputs, ScoreModel, Workspace};
use tf_layers::npz::Npz;

fn sample(number: usize) -> ArrayInputs {
    let folder = score::folder().unwrap_or_else(|error| panic!("{error}"));
    let npz =
        Npz::open(folder.join("testdata/features.npz")).expect("testdata/features.npz can be read");
    ArrayInputs::read(&npz, Some(number)).expect("the sample fits the model")
}

#[test]
fn predicting_allocates_nothing_after_the_first_call() {
    let (inputs, model) = (sample(0), ScoreModel::new());
    let mut workspace = model.workspace();
    inputs
        .predict(&model, &mut workspace)
        .expect("the model runs");
    let counted = allocation_counter::measure(|| {
        for _ in 0..10 {
            inputs
                .predict(&model, &mut workspace)
                .expect("the model runs");
        }
    });
    assert_eq!(counted.count_total, 0, "allocations in ten calls");
}

#[test]
fn a_used_workspace_computes_what_a_fresh_one_does() {
    let (inputs, model) = (sample(0), ScoreModel::new());
    // as text, so that NaN equals NaN
    let answer = |workspace: &mut Workspace| {
        format!(
            "{:?}",
            inputs
                .predict(&model, workspace)
                .expect("the model runs")
                .to_arrays()
        )
    };
    let mut used = model.workspace();
    sample(7)
        .predict(&model, &mut used)
        .expect("the model runs");
    assert_eq!(answer(&mut used), answer(&mut model.workspace()));
}

#[test]
fn an_input_of_the_wrong_length_is_an_error() {
    let (inputs, model) = (sample(0), ScoreModel::new());
    let mut workspace = model.workspace();
    let mut longer = inputs.inputs().features.to_vec();
    longer.push(0.0);
    let wrong = Inputs { features: &longer };
    let result = model.predict(inputs.sizes(), wrong, &mut workspace);
    assert!(matches!(result, Err(Error::InputLength { .. })));
}

#[test]
fn the_lengths_of_the_inputs_say_the_sizes() {
    let (arrays, model) = (sample(0), ScoreModel::new());
    let inputs = arrays.inputs();
    assert_eq!(inputs.sizes(), Ok(arrays.sizes()));
    // as text, so that NaN equals NaN
    let expected = format!(
        "{:?}",
        arrays
            .predict(&model, &mut model.workspace())
            .expect("the model runs")
            .to_arrays()
    );
    let mut workspace = model.workspace();
    let answer = model
        .predict_from(inputs, &mut workspace)
        .expect("the model runs");
    assert_eq!(format!("{:?}", answer.to_arrays()), expected);
}

#[test]
fn confidence_follows_the_thresholds() {
    use score::Confidence;
    assert_eq!(Confidence::of(f32::NEG_INFINITY), Confidence::None);
    assert_eq!(Confidence::of(f32::INFINITY), Confidence::High);
    assert_eq!(Confidence::of(f32::NAN), Confidence::None);
    let (inputs, model) = (sample(0), ScoreModel::new());
    let answer = model
        .classify(inputs.inputs(), &mut model.workspace())
        .expect("the model runs");
    assert_eq!(answer.confidence, Confidence::of(answer.score));
}

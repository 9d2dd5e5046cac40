use tf_layers::npz::{Array, Npz};

/// Inputs and expected outputs of one data set.
#[cfg(test)]
fn data(case: &str, set: usize) -> (Npz, Npz) {
    let folder = std::path::PathBuf::from(std::env::var("CONFORMANCE_DATA").unwrap()).join(case);
    let open = |kind: &str| Npz::open(folder.join(format!("{kind}_{set}.npz"))).unwrap();
    (open("in"), open("out"))
}

/// Types and shapes must be equal; numbers within the official tolerance |a - b| <= atol + rtol |b|.
#[cfg(test)]
fn check(outputs: &[Array], expected: &Npz, rtol: f64, atol: f64) {
    for actual in outputs {
        let expected = expected.array(&actual.name).unwrap();
        assert_eq!(actual.shape, expected.shape, "shape of {}", actual.name);
        assert_eq!(actual.data.dtype(), expected.data.dtype(), "type of {}", actual.name);
        tf_layers::compare::assert_within(actual, &expected, rtol, atol);
    }
}

use tf_layers::npz::{Array, Npz};

/// Where a case's data lie, and what is found out about it.
#[cfg(test)]
fn folder(case: &str) -> std::path::PathBuf {
    std::path::PathBuf::from(std::env::var("CONFORMANCE_DATA").unwrap()).join(case)
}

/// Inputs and expected outputs of one data set.
#[cfg(test)]
fn data(case: &str, set: usize) -> (Npz, Npz) {
    let open = |kind: &str| Npz::open(folder(case).join(format!("{kind}_{set}.npz"))).unwrap();
    (open("in"), open("out"))
}

/// Runs a case; the file `verdict` beside its data says what is wrong, and nothing if it passes.
#[cfg(test)]
fn judge(case: &str, run: impl FnOnce() + std::panic::UnwindSafe) {
    let verdict = std::panic::catch_unwind(run).err().map(|panic| {
        let said = panic.downcast_ref::<&str>().map(ToString::to_string);
        said.or_else(|| panic.downcast_ref().cloned()).unwrap_or_else(|| "panics".into())
    });
    std::fs::write(folder(case).join("verdict"), verdict.unwrap_or_default()).unwrap();
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

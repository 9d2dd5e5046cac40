//! What both targets ask of the reader.

use tf_layers::npz::{Array, Npz, NpzWriter};

/// Reads an archive, if it is one; what it holds is written and read again the same.
pub fn read(bytes: Vec<u8>) {
    let Ok(npz) = Npz::from_bytes(bytes) else {
        return;
    };
    for name in npz.names() {
        let _ = npz.array(name);
    }
    if let Ok(arrays) = npz.arrays() {
        let first = written(&arrays);
        let again = Npz::from_bytes(first.clone()).and_then(|npz| npz.arrays());
        // compared as bytes: NaN is not equal to itself
        assert_eq!(
            written(&again.expect("what was written is an archive")),
            first
        );
    }
}

fn written(arrays: &[Array]) -> Vec<u8> {
    let mut writer = NpzWriter::new();
    for array in arrays {
        writer
            .add(array)
            .expect("an array that was read can be written");
    }
    writer.finish()
}

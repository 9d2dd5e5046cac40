"""onnx2rust: a trained model in, a safe Rust crate out."""

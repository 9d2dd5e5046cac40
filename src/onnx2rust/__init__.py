"""onnx2rust: a trained model in, a self-contained, safe Rust crate out."""

__version__ = "1.0.0a1"

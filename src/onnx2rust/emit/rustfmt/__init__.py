"""Generated Rust as rustfmt (style edition 2024, its default configuration) would leave it, on machines that have none."""

from onnx2rust.emit.rustfmt.items import formatted

__all__ = ["formatted"]

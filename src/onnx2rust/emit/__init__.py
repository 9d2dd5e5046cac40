"""Plan → files. Templates decide nothing: this room computes every name and line, they only place them."""

from onnx2rust.emit.excerpts import Excerpt
from onnx2rust.emit.project import Context, Rendered, render, workspace
from onnx2rust.emit.templates import fill
from onnx2rust.emit.weights import arrays as weights
from onnx2rust.emit.weights import embedded_bytes

__all__ = ["Context", "Excerpt", "Rendered", "embedded_bytes", "fill", "render", "weights", "workspace"]

"""Plan → files. Templates decide nothing: this room computes every name and line, they only place them."""

from onnx2rust.emit.project import Context, render

__all__ = ["Context", "render"]

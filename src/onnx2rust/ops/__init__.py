"""Operators, one file per family: each function lowers an ONNX operator to layers and states its output's type."""

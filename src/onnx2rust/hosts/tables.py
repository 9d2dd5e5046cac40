"""Tables: whether rows of columns can be a model's inputs, and the Rust code that makes them so."""

from __future__ import annotations

from collections.abc import Mapping

from onnx2rust.emit.borders import Border, Tensor
from onnx2rust.ir.dims import Dim, symbol, symbols

_NAMES = ("mod", "column", "columns", "elements", "outputs", "rows")
FILES: Mapping[str, str] = {f"src/tables/{name}.rs": f"tables/{name}.rs" for name in _NAMES}
"""Files of a shell, and where they lie among the templates: they are the same for every model."""


def reason(border: Border) -> str | None:
    """Why the model's inputs and outputs are no columns of a table, if they are none.

    They are if each has one open size along its first axis, the rows, which stands nowhere else. Of an input's other sizes, one
    may be open: it is the length of lists.
    """
    if not border.inputs:
        return "the model has no input"
    rows = {symbol for tensor in border.inputs if (symbol := _rows(tensor))}
    for tensor in (*border.inputs, *border.outputs):
        what = "input" if tensor in border.inputs else "output"
        if not tensor.is_tensor:
            return f"{what} {tensor.field} is no tensor"
        if _rows(tensor) not in rows:
            return f"{what} {tensor.field} has no open size along its first axis that could be the rows"
        others = tensor.type.axes[1:]
        if any(set(symbols(d)) & rows for d in others if d is not None):
            return f"{what} {tensor.field} has the rows along another axis, too"
        if 0 in others:
            return f"{what} {tensor.field} has no elements"
        if what == "input" and sum(not isinstance(d, int) for d in others) > 1:
            return f"input {tensor.field} has several open sizes a row"
    return None


def _rows(tensor: Tensor) -> str | None:
    """The open size along the first axis."""
    return _symbol(tensor.type.axes[0]) if tensor.type.axes else None


def _symbol(dim: Dim | None) -> str | None:
    if dim is None or isinstance(dim, int):
        return None
    (name, *others) = symbols(dim)
    return name if not others and dim == symbol(name) else None

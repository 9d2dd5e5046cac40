"""Tables: whether rows of columns can be a model's inputs, and the Rust code that makes them so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from onnx2rust.base.naming import Escaped
from onnx2rust.emit.borders import Border, Tensor
from onnx2rust.ir.dims import Dim, symbol, symbols
from onnx2rust.ir.dtypes import DType

_MODULES = ("mod", "bad", "column", "columns", "elements", "outputs", "problems", "rows")
FILES: Mapping[str, str] = {f"src/tables/{name}.rs": f"tables/{name}.rs" for name in _MODULES}
"""Files of a shell, and where they lie among the templates: they are the same for every model."""
TEMPLATES: Mapping[str, str] = {"src/ports.rs": "tables/ports.rs"}
"""Those that are not, and their templates, which are filled with `values` as `tables`."""
_NAMES = {("&'static str", False): "Texts", ("i64", False): "Numbers"} | {
    ("&'static str", True): "TextColumns",
    ("i64", True): "NumberColumns",
}
"""The variants of `Names`, by the type of a table's items, and whether they are columns."""


@dataclass(frozen=True)
class Names:
    """What the numbers of an output, or its columns, stand for."""

    kind: Escaped | None
    """How, if for anything."""
    texts: tuple[Escaped, ...]


def values(border: Border) -> Mapping[str, Any]:
    """What the templates are filled with."""
    return {
        "names": [_names(tensor) for tensor in border.outputs],
        "alone": all(tensor.type.axes[0] == 1 for tensor in border.inputs),
        "halves": any(tensor.dtype is DType.F16 for tensor in (*border.inputs, *border.outputs)),
    }


def _names(tensor: Tensor) -> Names:
    table = tensor.table
    if table is None:
        return Names(None, ())
    columns = str(table.constant).rstrip("_0123456789").endswith("COLUMNS")
    return Names(Escaped(_NAMES[str(table.rust), columns]), table.items)


def refusals(border: Border, *, lists: bool = True) -> Iterator[tuple[Tensor, str]]:
    """The inputs and outputs that are no columns of a table, and why.

    They are if the first axis of each is the rows: an open size which stands nowhere else, or 1 throughout. Of an input's other
    sizes, one may be open, if `lists` may have lengths that the model leaves open.
    """
    rows = {symbol for tensor in border.inputs if (symbol := _rows(tensor))}
    for tensor in (*border.inputs, *border.outputs):
        if not tensor.is_tensor:
            yield tensor, "sequences, maps and tensors of any rank are no columns of a table"
            continue
        first, *others = tensor.type.axes or (None,)
        if not (_rows(tensor) in rows if rows else first == 1):
            rule = "the first axis must be an open size, or 1 throughout"
            yield tensor, f"{tensor.shape_text} has no row for each row of a table: {rule}"
        elif any(set(symbols(d)) & rows for d in others if d is not None):
            yield tensor, f"{tensor.shape_text} has the rows along another axis, too"
        elif 0 in others:
            yield tensor, f"{tensor.shape_text} has no elements"
        elif (tensor in border.inputs or not lists) and sum(not isinstance(d, int) for d in others) > lists:
            yield tensor, f"{tensor.shape_text} has {'several open sizes' if lists else 'an open size'} a row"


def reason(border: Border) -> str | None:
    """Why the model's inputs and outputs are no columns of a table, if they are none."""
    if not border.inputs:
        return "the model has no input"
    for tensor, why in refusals(border):
        return f"{'input' if tensor in border.inputs else 'output'} {tensor.field}: {why}"
    return None


def _rows(tensor: Tensor) -> str | None:
    """The open size along the first axis."""
    return _symbol(tensor.type.axes[0]) if tensor.is_tensor and tensor.type.axes else None


def _symbol(dim: Dim | None) -> str | None:
    if dim is None or isinstance(dim, int):
        return None
    (name, *others) = symbols(dim)
    return name if not others and dim == symbol(name) else None

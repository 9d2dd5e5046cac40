"""Generated Rust as rustfmt (style edition 2024, its default configuration) would leave it, on machines that have none."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable

from onnx2rust.emit.rustfmt.parser import Parser, tokens
from onnx2rust.emit.rustfmt.printer import Place, Printer


@functools.lru_cache(maxsize=64)
def formatted(source: str) -> str:
    """The file. Statements are written on one line, or as rustfmt would write them; what this room does not know stays as it is.

    The last files are kept: most files of two models are the same if the models have the same name,
    and inputs of the same type."""
    parser = Parser(source)
    statements = parser.statements(len(parser.tokens) - 1)
    text = Printer().statements(statements, Place(0, 0)).lstrip("\n") + "\n"
    before, after = _pieces(parser.tokens), _pieces(tokens(text))
    assert before == after, f"a layout that changes code: {before - after} became {after - before}"
    return text


def _pieces(found: Iterable[str]) -> Counter[str]:
    """The tokens, without the end and those that a layout adds and takes away: a comma behind the last item, a
    closure's block, a list of one import."""
    return Counter(token for token in found if token not in ("", ",", "{", "}"))

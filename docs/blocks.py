"""Blocks of documents that a command writes: the text between `<!-- NAME: how it is made -->` and `<!-- end of NAME -->`.

`fill` puts new text into such a block; `read` returns it, so that a test can compare it with what the command would write.
"""

from __future__ import annotations

import re
from pathlib import Path


def _block(document: Path, name: str) -> re.Match[str]:
    found = re.search(rf"(<!-- {name}: [^\n]*-->\n\n)(.*?)(\n\n<!-- end of {name} -->)", document.read_text(), re.S)
    if found is None:
        raise ValueError(f"{document.name} has no block {name!r}")
    return found


def read(document: Path, name: str) -> str:
    """The text of a block. ValueError if there is none of this name."""
    return _block(document, name)[2]


def fill(document: Path, name: str, text: str) -> None:
    """Replaces the text of a block. ValueError if there is none of this name."""
    found = _block(document, name)
    whole = document.read_text()
    document.write_text(whole[: found.start(2)] + text + whole[found.end(2) :])

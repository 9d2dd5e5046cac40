"""The HTML file: one page with its style, its program and its data inside, which asks for nothing from anywhere.

A policy in the page itself (Content-Security-Policy) forbids whatever is not in it: other scripts by their hashes, and every
request. The data are JSON in a script that no browser runs; the program makes elements of them, and gives text to these as text.
"""

from __future__ import annotations

import base64
import hashlib
import math
from typing import Any

from onnx2rust import emit
from onnx2rust.base.naming import Escaped, html, script_json
from onnx2rust.base.version import VERSION
from onnx2rust.files import resources

STYLES = ("page.css", "panels.css")
SCRIPTS = ("base.js", "canvas.js", "gestures.js", "details.js", "tables.js", "memory.js", "weights.js", "start.js")
"""In the order they stand in the page."""


def document(title: str, data: dict[str, Any]) -> bytes:
    """The file."""
    style, script = _together(STYLES), _together(SCRIPTS)
    values = {
        "title": html(title),
        "version": html(VERSION),
        "style": style,
        "script": script,
        "style_hash": _hash(style),
        "script_hash": _hash(script),
        "data": script_json(finite(data)),
    }
    return emit.fill("page/page.html", values).encode()


def finite(value: Any) -> Any:
    """The value as JSON has it: numbers that are not finite as text."""
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _together(names: tuple[str, ...]) -> Escaped:
    """Files of ours, one behind the other, as they stand between two tags."""
    folder = resources.templates() / "page"
    return Escaped("\n" + "\n".join((folder / name).read_text(encoding="utf-8") for name in names))


def _hash(content: str) -> Escaped:
    return Escaped("sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode())

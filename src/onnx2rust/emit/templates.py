"""The templates of generated files: what they are filled with must have come through naming.py."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jinja2

from onnx2rust.base.naming import Escaped
from onnx2rust.emit import rustfmt
from onnx2rust.files import resources


def fill(template: str, values: Mapping[str, Any]) -> str:
    """A file made of a template, Rust in rustfmt's lines."""
    text = _environment().get_template(f"{template}.j2").render(values).rstrip() + "\n"
    return rustfmt.formatted(text) if template.endswith(".rs") else text


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resources.templates()),
        undefined=jinja2.StrictUndefined,
        finalize=_only_escaped,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=False,
    )


def _only_escaped(value: Any) -> Any:
    """Lets through what naming.py made, and numbers; any other text would be a way out of its place."""
    if isinstance(value, str) and not isinstance(value, Escaped):
        raise TypeError(f"unescaped text in a template: {value[:60]!r}")
    return value

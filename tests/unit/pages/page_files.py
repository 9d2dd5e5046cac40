"""What tests of the page share: a page of a model, and what is in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import onnx

from onnx2rust.base.options import Options
from onnx2rust.pages import write_report


class Page(HTMLParser):
    """The elements of a page, and what stands in its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.contents: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.contents.append((self.tags[-1] if self.tags else "", data))

    def inside(self, tag: str) -> list[str]:
        return [data for name, data in self.contents if name == tag and data.strip()]

    @property
    def data(self) -> Any:
        return json.loads(self.inside("script")[0])

    def policy(self) -> str:
        return next(v for t, n, v in self.attributes if t == "meta" and n == "content" and v and "default-src" in v)


def page(proto: onnx.ModelProto, folder: Path, **choices: Any) -> Page:
    """The page of a model, of which nothing is built."""
    source, out = folder / "m.onnx", folder / "m.html"
    source.write_bytes(proto.SerializeToString())
    write_report(source, out, Options(force=True, **choices))
    return Page(out.read_text(encoding="utf-8"))


def digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def squeezed(code: str) -> str:
    """Rust without blanks, and without the commas that a line break adds."""
    return re.sub(r",(?=[)\]}])", "", re.sub(r"\s+", "", code))

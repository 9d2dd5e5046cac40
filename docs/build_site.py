"""Builds the documentation's site: `python docs/build_site.py [--rustdoc FOLDER]`, or `make site`.

Every document of the repository becomes a page in the folder that it has there, so that links between documents are right as they
stand; links to what is no document become the name of it. Besides them the site has a gallery of models, reports of two of
them, and the documentation of tf-layers. A link that leads nowhere ends the build.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gallery

import onnx2rust
from onnx2rust.base.naming import toml_string
from onnx2rust.base.options import Options

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "build" / "site"
PAGES = ("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/**/*.md", "rust/tf-layers/*.md", "tests/golden/README.md")
ASSETS = ("docs/images/*", "LICENSE-*", "tests/conformance/unsupported.txt")
REPORTS = ("transformer_enc", "lstm_text")
"""Models of tests/golden that the gallery has reports of."""
GUIDES = ("command-line", "python-api", "frontends", "generated-crate", "hosts", "report", "OPERATORS")
"""First of the guides in the navigation; the others follow by name."""
CHANGES = ("CONTRIBUTING.md", "docs/design.md", "docs/kernels.md", "tests/golden/README.md", "CHANGELOG.md", "SECURITY.md")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def stage(pages: Path, rustdoc: Path | None) -> None:
    """Puts all that the site shows into the folder `pages`."""
    shutil.rmtree(pages, ignore_errors=True)
    documents = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]
    assets = [path for pattern in ASSETS for path in sorted(ROOT.glob(pattern))]
    known = {path.resolve() for path in (*documents, *assets)}
    for path in documents:
        _put(pages / path.relative_to(ROOT), _linked(path, known).encode())
    for path in assets:
        _put(pages / path.relative_to(ROOT), path.read_bytes())
    for name in REPORTS:
        out = pages / "gallery" / f"{name}.html"
        out.parent.mkdir(exist_ok=True)
        onnx2rust.write_report(ROOT / "tests" / "golden" / f"{name}.onnx", out, Options(name=name))
    _put(pages / "gallery" / "index.md", gallery.page(REPORTS, rustdoc is not None).encode())
    if rustdoc is not None:
        shutil.copytree(rustdoc, pages / "rustdoc", ignore=shutil.ignore_patterns(".lock"))


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _linked(document: Path, known: set[Path]) -> str:
    """The document; links to files and folders that are no pages are their text alone."""

    def link(found: re.Match[str]) -> str:
        target = found[3].partition("#")[0]
        if not target or re.match(r"[a-z]+:", target) or (document.parent / target).resolve() in known:
            return found[0]
        if not (document.parent / target).exists():
            raise SystemExit(f"{document.relative_to(ROOT)}: {found[3]} does not exist")
        return found[2]

    # rustdoc's words behind a language (`rust,ignore`) are none of Markdown's: such a block would not begin
    text = re.sub(r"^```(\w+),\w+$", r"```\1", document.read_text(encoding="utf-8"), flags=re.M)
    pieces = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)  # what is shown as code stays
    return "".join(piece if k % 2 else _LINK.sub(link, piece) for k, piece in enumerate(pieces))


def navigation(pages: Path) -> list[Any]:
    """What stands in the site's head and at its side: every page once."""
    documents = sorted(p.relative_to(pages).as_posix() for p in pages.rglob("*.md"))
    guides = [f"docs/{name}.md" for name in GUIDES]
    decisions = [d for d in documents if d.startswith("docs/adr/")]
    benchmarks = [d for d in documents if d.startswith("benchmarks/")]
    rust: list[Any] = [
        "rust/tf-layers/README.md",
        *([{"tf_layers": "rustdoc/tf_layers/index.html"}] if (pages / "rustdoc").is_dir() else []),
    ]
    named = {"README.md", "docs/README.md", "gallery/index.md", *guides, *CHANGES, *decisions, *benchmarks, rust[0]}
    more = [d for d in documents if d not in named]
    return [
        {"onnx2rust": "README.md"},
        {"Guides": ["docs/README.md", *guides, *(d for d in more if d.startswith(("docs/", "examples/")))]},
        {"Gallery": ["gallery/index.md", *benchmarks]},
        {"Rust": rust},
        {"For contributors": [*CHANGES, *(d for d in more if not d.startswith(("docs/", "examples/")))]},
        {"Decisions": decisions},
    ]


def build(rustdoc: Path | None) -> int:
    """Stages and builds; returns zensical's exit code, which is not 0 if a link or an anchor leads nowhere."""
    stage(SITE / "pages", rustdoc)
    settings = (ROOT / "docs" / "zensical.toml").read_text(encoding="utf-8")
    (SITE / "zensical.toml").write_text(f"[project]\nnav = {_toml(navigation(SITE / 'pages'))}\n{settings}", encoding="utf-8")
    shutil.rmtree(SITE / "html", ignore_errors=True)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", str(SITE / "zensical.toml")]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode:
        print(built.stdout, built.stderr, file=sys.stderr)
    return built.returncode


def _toml(value: Any) -> str:
    """A value of TOML."""
    if isinstance(value, str):
        return toml_string(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f"{{ {', '.join(f'{toml_string(k)} = {_toml(v)}' for k, v in value.items())} }}"


def outside(html: Path) -> Iterator[str]:
    """What the site's pages would fetch from elsewhere: nothing, if it is to work offline."""
    fetched = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=\"(https?://[^\"]+)\"")
    for page in sorted(html.rglob("*.html")):
        if "rustdoc" not in page.relative_to(html).parts:
            for tag in fetched.finditer(page.read_text(encoding="utf-8")):
                if 'rel="canonical"' not in tag[0]:
                    yield f"{page.relative_to(html)}: {tag[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rustdoc", type=Path, help="the folder that cargo doc wrote")
    code = build(parser.parse_args().rustdoc)
    if not code and (found := list(outside(SITE / "html"))):
        code = 1
        print(*found, sep="\n", file=sys.stderr)
    if not code:
        print(f"the site is {(SITE / 'html' / 'index.html').relative_to(ROOT)}")
    raise SystemExit(code)


if __name__ == "__main__":
    main()

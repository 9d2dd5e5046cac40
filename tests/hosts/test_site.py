"""The documentation's site: every page, no link that leads nowhere, nothing from elsewhere."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import wild
from rust_tools import ROOT


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """`docs/build_site.py`, which builds in a folder of its own."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    spec = importlib.util.spec_from_file_location("build_site", ROOT / "docs" / "build_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SITE", tmp_path / "site")
    yield module
    for name in ("gallery", "build_site"):
        sys.modules.pop(name, None)


def test_links_to_what_is_no_page_are_text(site: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "ROOT", tmp_path)
    (tmp_path / "other.md").touch()
    (tmp_path / "code.py").touch()
    page = tmp_path / "page.md"
    kept = "[a](other.md#x) [b](https://example.com) [c](#here)\n```md\n[d](code.py)\n```\n"
    page.write_text(f"{kept}[the code](code.py) ", encoding="utf-8")
    assert site._linked(page, {tmp_path / "other.md"}) == f"{kept}the code "
    page.write_text("[x](none.md)", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"page\.md: none\.md does not exist"):
        site._linked(page, set())


def test_every_page_is_in_the_navigation_once(site: ModuleType) -> None:
    site.stage(site.SITE / "pages", None)
    pages = sorted(p.relative_to(site.SITE / "pages").as_posix() for p in (site.SITE / "pages").rglob("*.md"))
    assert len(pages) > 40

    def listed(entries: object) -> Iterator[str]:
        if isinstance(entries, str):
            yield entries
        elif isinstance(entries, dict):
            for inner in entries.values():
                yield from listed(inner)
        elif isinstance(entries, list):
            for inner in entries:
                yield from listed(inner)

    assert sorted(listed(site.navigation(site.SITE / "pages"))) == pages


def test_the_gallery_has_all_models_of_the_tables(site: ModuleType) -> None:
    text = site.gallery.page(site.REPORTS, False)
    assert all(f"`pip download {package}`" in text for package, _ in wild.MODELS.values())
    shipped = (ROOT / "benchmarks" / "SHIPPED.md").read_text(encoding="utf-8")
    figures = [line.partition(" | ")[2] for line in shipped.splitlines() if line.split(" |")[0][2:] in wild.MODELS]
    assert len(figures) == len(wild.MODELS)
    assert all(f"| {cells} `pip download" in text for cells in figures)
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8").partition("## Batch 32")[0]
    rows = [line for line in results.splitlines() if line.startswith("| ") and line.split(" |")[0] in text]
    assert len(rows) >= 20


def test_the_gallery_has_times_where_they_were_measured(
    site: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    shipped = importlib.import_module("shipped")
    rows = [f"| {name} | 9 | 8 | 7.0 | 1e-07 | 2e-07 | {k}.250 | 9.500 | 0.{k} |" for k, name in enumerate(wild.MODELS)]
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "SHIPPED.md").write_text(shipped.page(rows, True, "a machine"), encoding="utf-8")
    monkeypatch.setattr(site.gallery, "ROOT", tmp_path)
    head, _, *found = site.gallery._wild()
    assert head.startswith(
        "| model | nodes | layers | weights MB | error | onnxruntime's | onnx2rust ms | onnxruntime ms | ratio |"
    )
    assert [line.split(" | ")[6:9] for line in found] == [[f"{k}.250", "9.500", f"0.{k}"] for k in range(len(found))]


def test_what_a_page_would_fetch_is_found(site: ModuleType, tmp_path: Path) -> None:
    lines = [
        '<a href="https://a">',
        '<script src="https://b/x.js">',
        '<link rel="canonical" href="https://c">',
        '<img src="x.png">',
    ]
    (tmp_path / "p.html").write_text("\n".join(lines), encoding="utf-8")
    assert list(site.outside(tmp_path)) == ["p.html: https://b/x.js"]


@pytest.mark.slow
@pytest.mark.hosts
@pytest.mark.skipif(importlib.util.find_spec("zensical") is None, reason="zensical (the extra docs) is not installed")
def test_the_site_is_built_strictly(site: ModuleType, tmp_path: Path) -> None:
    rustdoc = tmp_path / "doc"
    (rustdoc / "tf_layers").mkdir(parents=True)
    (rustdoc / "tf_layers" / "index.html").write_text("<title>tf_layers</title>", encoding="utf-8")
    assert site.build(rustdoc) == 0
    html = site.SITE / "html"
    for name in ("index", "docs/hosts", "docs/OPERATORS", "docs/adr/0021-hosts", "gallery/index", "rustdoc/tf_layers/index"):
        assert (html / f"{name}.html").is_file(), name
    for name in site.REPORTS:
        assert "Content-Security-Policy" in (html / "gallery" / f"{name}.html").read_text(encoding="utf-8")
    assert list(site.outside(html)) == []


@pytest.mark.slow
@pytest.mark.hosts
@pytest.mark.skipif(importlib.util.find_spec("zensical") is None, reason="zensical (the extra docs) is not installed")
def test_an_anchor_that_is_none_ends_the_build(
    site: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    page = site.gallery.page
    monkeypatch.setattr(site.gallery, "page", lambda *given: page(*given) + "\n[x](../docs/hosts.md#nowhere)\n")
    assert site.build(None) == 1
    assert "anchor does not exist" in capfd.readouterr().err

"""The page is one file that runs nothing but its own program, whatever a model's names are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import hostile
import onnx
import onnx_models
import pytest
from page_files import Page, digest, page

import onnx2rust
from onnx2rust.base.errors import UsageError
from onnx2rust.base.naming import script_json
from onnx2rust.pages.document import finite


def test_the_policy_lets_nothing_in_but_what_is_in_the_page(tmp_path: Path) -> None:
    found = page(onnx_models.digits(), tmp_path)
    (style,) = found.inside("style")
    _, script = found.inside("script")
    assert found.policy() == (
        f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert found.tags.count("script") == 2
    assert not [a for a in found.attributes if a[1] in ("src", "style", "srcset") or a[1].startswith("on")]
    assert [value for _, name, value in found.attributes if name == "href"] == ["data:,"]
    text = (tmp_path / "m.html").read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"' ]*", text)) == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("text", sorted(hostile.TEXTS))
def test_hostile_names_stay_in_their_places(text: str, tmp_path: Path) -> None:
    plain, found = page(onnx_models.score(), tmp_path), page(hostile.model(hostile.TEXTS[text]), tmp_path)
    assert found.tags == plain.tags
    assert [a[:2] for a in found.attributes] == [a[:2] for a in plain.attributes]
    names = {name for node in found.data["nodes"] for name in (node["name"], *node["out"])}
    assert hostile.TEXTS[text] + "r" in names


def test_a_name_as_a_file_is_called(tmp_path: Path) -> None:
    source = tmp_path / "<b>&'\"x.onnx"
    onnx.save(onnx_models.score(), source)
    onnx2rust.write_report(source, tmp_path / "x.html")
    found = Page((tmp_path / "x.html").read_text(encoding="utf-8"))
    assert "b" not in found.tags
    assert found.inside("title") == ["<b>&'\"x.onnx"]


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--", "]]>", "\u2028\u2029", "\\", '"', "&lt;", "\0"])
def test_json_in_a_script_is_what_it_was_and_ends_nothing(text: str) -> None:
    written = script_json({text: [text]})
    assert json.loads(written) == {text: [text]}
    assert written.isascii()
    assert not set(written) & set("<>&\n\r")


def test_numbers_that_json_does_not_have() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json(float("nan"))
    assert finite({"a": [float("inf"), (1.5, float("nan"))], "b": None}) == {"a": ["inf", [1.5, "nan"]], "b": None}


REFUSALS: dict[str, tuple[Any, str]] = {
    "a file": (lambda p: p.write_text("mine"), "{}: exists\n    → --force replaces it"),
    "a folder": (lambda p: p.mkdir(), "{}: is a folder\n    → name a file"),
    "a link to nothing": (lambda p: p.symlink_to("gone"), "{}: exists\n    → --force replaces it"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_what_stands_there_stays(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    make, message = REFUSALS[kind]
    make(out)
    before = out.lstat()
    with pytest.raises(UsageError) as refused:
        onnx2rust.write_report(onnx_models.score(), out)
    assert str(refused.value) == message.format(out)
    assert out.lstat() == before


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        onnx2rust.write_report(onnx_models.score(), tmp_path / "no" / "out.html")


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        onnx2rust.write_report(onnx_models.digits(), tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()

"""Hostile text in every place a model can hold text: the crate has exactly the items it should have, builds and passes its tests.

All crates are members of one workspace in `build/injection` (one tf-layers, one target folder).
"""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import hostile
import onnx
import pytest
import rust_tools
from rust_tools import passes

from onnx2rust.base import naming
from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline

ROOT = Path(__file__).resolve().parents[2]
BUILD = rust_tools.BUILD / "injection"
ITEM = re.compile(
    r"\b(?:pub(?:\([a-z]+\))?\s+)?(?:(?:const|async|unsafe|extern)\s+)*"
    r"(fn|struct|enum|union|trait|impl|mod|static|const|type|use|macro_rules!|include!|weights!|extern)\b\s*([A-Za-z_0-9]*)"
)
MODELS = {**hostile.TEXTS, **{f"our own name {n}": n for n in hostile.LOCALS}}


def convert(name: str, text: str, number: int, **options: Any) -> Path:
    """Converts the hostile model; also its file, the struct and the crate have hostile names. Returns the crate."""
    folder = BUILD / "work" / str(number)
    folder.mkdir(parents=True)
    stem = re.sub(r"[/\0]", "_", text).encode()[:200].decode(errors="ignore") or "empty"
    source = folder / f"{stem}.onnx"
    source.write_bytes(hostile.model(text).SerializeToString())
    settings = {"name": text, "crate_name": f"h{number}"} | options
    return pipeline.convert(source, folder / "out", Options(**settings)).crate


@pytest.fixture(scope="module")
def crates() -> Any:
    """All crates by the name of their text; those that were refused are None. Ten seconds: what uses them is slow."""
    shutil.rmtree(BUILD, ignore_errors=True)
    found = {name: convert(name, text, number) for number, (name, text) in enumerate(MODELS.items())}
    found["benign"] = convert("benign", "tensor", len(MODELS))
    return found


def stripped(source: str) -> str:
    """Rust without comments and without the content of strings."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|r(#*)".*?"\1|"(?:\\.|[^"\\])*"', re.S)
    return token.sub(lambda m: '""' if m[0][-1] in '"#' and m[0][0] != "/" else " ", source)


def items(crate: Path) -> list[tuple[str, str, str]]:
    """Every item of every Rust file: (file, kind, name). Names that come from the model are left out."""
    found = []
    for path in sorted(crate.rglob("*.rs")):
        if "tf-layers" in path.relative_to(crate).parts:
            continue
        for kind, name in ITEM.findall(stripped(path.read_text())):
            own = kind in ("static", "const", "struct", "impl", "use") or (kind == "fn" and name.startswith("run_"))
            found.append((path.relative_to(crate).as_posix(), kind, "" if own else name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_items_are_exactly_those_of_a_benign_model(crates: Any, name: Any) -> None:
    assert items(crates[name]) == items(crates["benign"])


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, text in hostile.TEXTS.items() if not naming.is_name(text)])
def test_what_is_no_name_does_not_show_in_identifiers(crates: Any, name: Any) -> None:
    for path in crates[name].rglob("*.rs"):
        if "tf-layers" not in path.parts:
            assert "escaped" not in stripped(path.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_files_are_exactly_those_of_a_benign_model(crates: Any, name: Any) -> None:
    def files(crate: Path) -> set[str]:
        return {p.relative_to(crate.parent).as_posix() for p in crate.parent.rglob("*") if p.is_file()}

    assert files(crates[name]) == files(crates["benign"])
    # the model's own file may be called so
    assert not [p for p in BUILD.rglob("escaped*") if p.suffix != ".onnx"]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_manifests_differ_in_names_only(crates: Any, name: Any) -> None:
    def manifest(crate: Path) -> dict[str, Any]:
        content = tomllib.loads((crate / "Cargo.toml").read_text())
        assert re.fullmatch(
            r"The model `?[A-Za-z0-9]+`?.*|[A-Za-z0-9]+, converted by onnx2rust.*", content["package"]["description"]
        )
        assert re.fullmatch(r"0\.1\.0\+code\.[0-9a-f]{8}\.weights\.[0-9a-f]{16}", content["package"]["version"])
        for part in ("dependencies", "build-dependencies"):
            assert content[part]["tf-layers"].pop("package") == f"{content['package']['name']}-layers"
        # the crate's own tests have its feature `npz` on
        assert content["dev-dependencies"].pop(content["package"]["name"]) == {"path": ".", "features": ["npz"]}
        for part in ("package", "lib"):
            for key in ("name", "description", "version"):
                content.get(part, {}).pop(key, None)
        return content

    assert manifest(crates[name]) == manifest(crates["benign"])


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_text_files_hold_no_control_characters_and_no_foreign_letters(crates: Any, name: Any) -> None:
    benign = {c for p in crates["benign"].rglob("*") if p.suffix in (".rs", ".toml", ".md") for c in p.read_text()}
    for path in crates[name].rglob("*"):
        if path.suffix in (".rs", ".toml", ".md", ".json") and "tf-layers" not in path.parts:
            odd = {c for c in path.read_text() if not (" " <= c <= "~" or c == "\n")} - benign
            assert not odd, f"{path.name}: {odd}"


@pytest.mark.slow
def test_everything_builds_and_passes_its_tests(crates: Any) -> None:
    members = []
    for name, crate in crates.items():
        member = crate.parents[1].name
        target = BUILD / "workspace" / f"h{member}"
        shutil.copytree(crate, target, ignore=shutil.ignore_patterns("tf-layers"))
        manifest = (target / "Cargo.toml").read_text()
        shared = f'tf-layers = {{ path = "{ROOT / "rust" / "tf-layers"}",'
        own = f'tf-layers = {{ package = "h{member}-layers", path = "tf-layers", version = "1.0.0-alpha.1",'
        assert manifest.count(own) == 2
        (target / "Cargo.toml").write_text(manifest.replace(own, shared))
        members.append(target.name)
        assert name
    text = '[workspace]\nresolver = "3"\nmembers = [' + ", ".join(f'"{m}"' for m in members) + "]\n"
    (BUILD / "workspace" / "Cargo.toml").write_text(text)
    passes(BUILD / "workspace", "test", "--workspace", "--no-fail-fast", "--quiet")
    assert not [p for p in (BUILD / "workspace").rglob("*escaped*") if p.is_file()]


@pytest.mark.parametrize("name", hostile.TEXTS)
def test_crate_names_are_what_cargo_allows(name: Any, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(hostile.model("t").SerializeToString())
    text = hostile.TEXTS[name]
    project = pipeline.convert(tmp_path / "m.onnx", tmp_path / "out", Options(name=text, crate_name=text))
    content = tomllib.loads((project.crate / "Cargo.toml").read_text())
    assert re.fullmatch(r"[a-z][a-z0-9_]*", content["package"]["name"])
    assert content["package"]["name"] == content["lib"]["name"] == project.crate_name
    assert re.fullmatch(r"([A-Z][A-Za-z0-9]*)?Model", project.model)


@pytest.mark.parametrize("name", ["tf-layers", "allocation_counter", "std", "test", "core", "nul"])
def test_crate_names_that_would_hide_another_crate_are_changed(name: Any, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(hostile.model("t").SerializeToString())
    project = pipeline.convert(tmp_path / "m.onnx", tmp_path / "out", Options(crate_name=name))
    assert project.crate_name not in (name, name.replace("-", "_"))


@pytest.mark.parametrize("name", hostile.TEXTS)
def test_hostile_operators_attributes_and_functions_are_refused_in_one_line_each(name: Any, tmp_path: Path) -> None:
    text = hostile.TEXTS[name]
    proto = hostile.model("t")
    node = proto.graph.node[1]
    node.op_type, node.domain = text or "x", text or "y"
    node.attribute.append(onnx.helper.make_attribute(text or "a", text))
    proto.graph.node[0].attribute.append(onnx.helper.make_attribute(text or "a", text))
    proto.opset_import.append(onnx.helper.make_opsetid(text or "y", 1))
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(Onnx2RustError) as caught:
        pipeline.convert(tmp_path / "m.onnx", tmp_path / "out")
    assert caught.value.exit_code in (3, 4)
    assert not (tmp_path / "out").exists()


def test_a_name_that_no_array_can_have_is_refused(tmp_path: Path) -> None:
    for text in ("a\0b", "n" * 40_000):
        (tmp_path / "m.onnx").write_bytes(hostile.model(text).SerializeToString())
        with pytest.raises(Onnx2RustError, match=r"no array of an \.npz file can have it") as caught:
            pipeline.convert(tmp_path / "m.onnx", tmp_path / "out")
        assert caught.value.exit_code == 3

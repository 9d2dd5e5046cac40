"""The crate of layers that a generated crate depends on."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import onnx
import onnx_models
import pytest

import onnx2rust
from onnx2rust.base.errors import InvalidModelError, UsageError
from onnx2rust.emit import identity, layer_crate
from onnx2rust.files import resources

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ROOT / "rust" / "tf-layers"
FEATURES: dict[str, list[str]] = tomllib.loads((LAYERS / "Cargo.toml").read_text())["features"]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    onnx.save(onnx_models.score(), tmp_path / "score.onnx")
    onnx.save(onnx_models.digits(), tmp_path / "digits.onnx")
    return tmp_path


def dependencies(crate: Path) -> list[dict[str, object]]:
    content = tomllib.loads((crate / "Cargo.toml").read_text())
    return [content[kind]["tf-layers"] for kind in ("dependencies", "build-dependencies")]


def test_a_copy_holds_the_families_that_are_used_and_no_other() -> None:
    files = layer_crate.files("x-layers", ["base", "npz", "gru", "pool"])
    manifest = tomllib.loads(files["Cargo.toml"].decode())
    assert manifest["package"]["name"] == "x-layers"
    code = identity.code({name: content for name, content in files.items() if name != "Cargo.toml"})
    assert manifest["package"]["version"] == f"1.0.0-alpha.1+code.{code}"
    assert manifest["package"]["license"] == "MIT OR Apache-2.0"
    assert set(manifest["features"]) == {
        "default",
        "base",
        "npz",
        "gru",
        "pool",
        "gemm",
        "recurrent",
        "exp",
        "alloc",
        "libm",
        "std",
    }
    assert set(manifest["features"]["default"]) == set(manifest["features"]) - {"default"}
    for there in (
        "src/recurrent/gru.rs",
        "src/pool/max.rs",
        "src/gemm/tile.rs",
        "src/npz/zip.rs",
        "LICENSE-MIT",
        "LICENSE-APACHE",
    ):
        assert there in files
    for absent in ("src/recurrent/lstm.rs", "src/conv/mod.rs", "src/softmax.rs", "src/movement/mod.rs", "src/quantize/mod.rs"):
        assert absent not in files
    for name, content in files.items():
        assert b"tf_layers" not in content, name
    assert b"use x_layers::npz" in files["src/npz/mod.rs"]


@pytest.mark.parametrize("feature", sorted(FEATURES))
def test_every_module_that_a_copy_declares_is_there_and_no_file_is_left_over(feature: str) -> None:
    files = {name: content.decode() for name, content in layer_crate.files("x-layers", ["npz", feature]).items()}
    declared = {"src/lib.rs"}
    for name, text in files.items():
        path = Path(name)
        folder = path.parent if path.name in ("lib.rs", "mod.rs") else path.with_suffix("")
        for module in re.findall(r"^(?:pub(?:\(crate\))? )?mod (\w+);", text, re.M) if path.suffix == ".rs" else ():
            (found,) = [p for p in (f"{folder}/{module}.rs", f"{folder}/{module}/mod.rs") if p in files]
            declared.add(found)
    assert declared == {name for name in files if name.endswith(".rs")}
    known = set(tomllib.loads(files["Cargo.toml"])["features"])
    assert known >= {"npz", feature}
    said = files["Cargo.toml"].partition("values(")[2].partition("))")[0]
    asked = set(re.findall(r'(?<!target_)feature = "([a-z-]+)"', "".join(files.values())))
    assert asked <= known | set(re.findall(r'"([a-z-]+)"', said))


def test_with_everything_a_copy_is_the_whole() -> None:
    whole = {n for n in resources.tf_layers_files() if n.endswith(".rs")}
    assert {n for n in layer_crate.files("x-layers", FEATURES) if n.endswith(".rs")} == whole


def test_each_crate_has_a_copy_of_its_own_name(models: Path) -> None:
    project = onnx2rust.convert(models / "score.onnx", models / "out")
    for dependency in dependencies(project.crate):
        assert (dependency["package"], dependency["path"], dependency["version"]) == (
            "score-layers",
            "tf-layers",
            "1.0.0-alpha.1",
        )
    content = tomllib.loads((project.crate / "Cargo.toml").read_text())
    assert not {"workspace", "profile"} & set(content)
    assert "publish" not in content["package"]
    copy = tomllib.loads((project.crate / "tf-layers" / "Cargo.toml").read_text())
    assert copy["package"]["name"] == "score-layers"
    settings = tomllib.loads((project.crate / ".cargo" / "config.toml").read_text())
    assert settings["profile"]["dev"]["package"]["*"]["opt-level"] == 3
    assert (project.crate / ".gitignore").read_text() == "/target/\n"


def test_crates_can_share_a_folder_or_take_a_version(models: Path) -> None:
    shared = onnx2rust.Options(layers=str(LAYERS))
    crate = onnx2rust.convert(models / "score.onnx", models / "deep" / "out", shared).crate
    for dependency in dependencies(crate):
        assert "package" not in dependency
        assert (crate / str(dependency["path"])).resolve() == LAYERS
    assert not (crate / "tf-layers").exists()
    crate = onnx2rust.convert(models / "score.onnx", models / "out2", onnx2rust.Options(layers="1.2.3")).crate
    for dependency in dependencies(crate):
        assert dependency["version"] == "1.2.3"
        assert not {"path", "package"} & set(dependency)


def test_what_cannot_serve_as_layers_is_refused(models: Path) -> None:
    def said(layers: Path | str) -> str:
        with pytest.raises(UsageError) as caught:
            onnx2rust.convert(models / "digits.onnx", models / "out", onnx2rust.Options(layers=str(layers)))
        assert not (models / "out").exists()
        return str(caught.value)

    assert f"--layers {models}: is no folder with the crate tf-layers, no version like 1.0.0, and not `copy`" in said(models)
    assert "--layers v1: is no folder" in said("v1")
    other = onnx2rust.convert(models / "score.onnx", models / "score").crate / "tf-layers"
    assert f"--layers {other}: lacks conv, movement, pool, softmax, which the model uses" in said(other)
    manifest = (other / "Cargo.toml").read_text()
    (other / "Cargo.toml").write_text(manifest.replace('version = "1.0.0-alpha.1+', 'version = "0.9.0+', 1))
    assert "is version 0.9.0, this onnx2rust writes code for 1.0.0-alpha.1" in said(other)


def test_a_workspace_has_one_copy(models: Path) -> None:
    projects = onnx2rust.convert_workspace([models / "score.onnx", models / "digits.onnx", models / "score.onnx"], models / "zoo")
    assert [p.crate_name for p in projects] == ["score", "digits", "score_2"]
    content = tomllib.loads((models / "zoo" / "Cargo.toml").read_text())
    assert content["workspace"]["members"] == [f"{p.crate_name}/rust_generated_code" for p in projects]
    for project in projects:
        assert (project.out / "saved_model_from_onnx" / "model.onnx").is_file()
        for dependency in dependencies(project.crate):
            assert dependency["package"] == f"score-{hashlib.sha256(b'score digits score_2').hexdigest()[:8]}-layers"
            assert (project.crate / str(dependency["path"])).resolve() == (models / "zoo" / "tf-layers").resolve()
    features = tomllib.loads((models / "zoo" / "tf-layers" / "Cargo.toml").read_text())["features"]
    assert {"dense", "conv", "pool"} <= set(features)


def test_what_is_wrong_with_any_model_of_a_workspace_is_said(models: Path) -> None:
    (models / "noise.onnx").write_bytes(b"noise")
    (models / "more.onnx").write_bytes(b"more")
    with pytest.raises(InvalidModelError) as caught:
        onnx2rust.convert_workspace([models / n for n in ("noise.onnx", "score.onnx", "more.onnx")], models / "zoo")
    assert "noise.onnx" in str(caught.value)
    assert "more.onnx" in str(caught.value)
    assert not (models / "zoo").exists()
    both = [models / "score.onnx", models / "digits.onnx"]
    with pytest.raises(UsageError) as refused:
        onnx2rust.convert_workspace(both, models / "zoo", onnx2rust.Options(name="X", layers="1.0.0"))
    assert "--name: is for one model, 2 are given" in str(refused.value)
    assert "--layers: a workspace has a copy that its crates share" in str(refused.value)


def test_a_crate_names_the_oldest_rust_of_its_layers(models: Path, tmp_path: Path) -> None:
    oldest = tomllib.loads((LAYERS / "Cargo.toml").read_text())["package"]["rust-version"]
    crate = onnx2rust.convert(models / "score.onnx", tmp_path / "out").crate
    assert tomllib.loads((crate / "Cargo.toml").read_text())["package"]["rust-version"] == oldest
    assert f"Rust {oldest} or newer" in (LAYERS / "README.md").read_text()


@pytest.mark.parametrize("spdx", ["MIT", "MIT OR Apache-2.0", "LicenseRef-Example", "(MIT AND GPL-2.0-only WITH x-exception)"])
def test_the_licence_that_was_given_stands_in_the_manifest(models: Path, tmp_path: Path, spdx: str) -> None:
    crate = onnx2rust.convert(models / "score.onnx", tmp_path / "out", onnx2rust.Options(license=spdx)).crate
    assert tomllib.loads((crate / "Cargo.toml").read_text())["package"]["license"] == spdx
    assert "`Cargo.toml` names the licence that `--license` gave." in (crate / "README.md").read_text()


def test_without_a_licence_the_manifest_names_none(models: Path, tmp_path: Path) -> None:
    crate = onnx2rust.convert(models / "score.onnx", tmp_path / "out").crate
    assert "license" not in tomllib.loads((crate / "Cargo.toml").read_text())["package"]
    assert "--license" not in (crate / "README.md").read_text()


@pytest.mark.parametrize("spdx", ["", "mine, all mine", "MIT OR", "MIT Apache-2.0", "(MIT", 'MIT"\nname = "x'])
def test_a_licence_that_is_no_expression(spdx: str) -> None:
    with pytest.raises(UsageError) as caught:
        onnx2rust.Options(license=spdx)
    assert f"--license {spdx!r}: is no SPDX expression, like MIT, MIT OR Apache-2.0 or LicenseRef-Example" in str(caught.value)


def test_no_layer_takes_more_than_can_be_counted_off() -> None:
    """clippy's limit holds everywhere: what would be an eighth argument is a struct's field."""
    sources = (ROOT / "rust" / "tf-layers" / "src").rglob("*.rs")
    assert [p.name for p in sources if "too_many_arguments" in p.read_text()] == []

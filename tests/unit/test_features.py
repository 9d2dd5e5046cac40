"""The cargo features of tf-layers, and what the layers say of them: a generated crate compiles the families it calls."""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import tomllib
from pathlib import Path

import mirror
import pytest
import rust_tools

import onnx2rust.ops
from onnx2rust.layers.activation import Activate, activation

CRATE = rust_tools.ROOT / "rust" / "tf-layers"
FEATURES: dict[str, list[str]] = tomllib.loads((CRATE / "Cargo.toml").read_text())["features"]
FUNCTIONS = {
    name: activation(name).feature
    for name in re.findall(r"Activation::(\w+)(?: \{.*\})? =>", (CRATE / "src" / "activation" / "exact.rs").read_text())
}
"""Every activation function, and the feature that Python says it lies behind."""
STANDS_UNDER = {"base", "broadcast", "gemm", "recurrent"}
"""Features that are no family: what families stand on."""
ANYWHERE = {"std", "alloc", "libm"}
"""Those that say where the layers run."""


def _enabled(feature: str) -> set[str]:
    """The feature with all that it enables."""
    return {feature}.union(*(_enabled(f) for f in FEATURES[feature] if not f.startswith("dep:") and "/" not in f))


def _compiled(enabled: set[str], file: Path) -> str:
    """A Rust file without the items whose `cfg` asks for a feature that is off."""
    text = file.read_text()
    for item in re.finditer(r"#\[cfg\((.*feature.*)\)\]\n(?:pub(?:\(crate\))? )?(?:mod|use) [^;]*;", text):
        if not enabled & set(re.findall(r'feature = "([a-z-]+)"', item[1])):
            text = text.replace(item[0], "")
    return text


def test_a_family_has_one_name() -> None:
    """Its file in `layers/`, the module and the feature in tf-layers, its operators' file in `ops/`, its row in the README."""
    families: dict[str, set[str]] = {}
    for cls in mirror.layers():
        module, file = cls.rust.split("::")[0], cls.__module__.rpartition(".")[2]
        if cls.__module__.startswith("onnx2rust.layers."):
            families.setdefault(file, set()).add(module)
    assert families == {family: {family} for family in families}
    modules = {m[1] for m in re.finditer(r'#\[cfg\(feature = "(\w+)"\)\]\npub mod \1;', (CRATE / "src" / "lib.rs").read_text())}
    assert modules | {"activation"} == set(families) | {
        "npz",
        "store",
    }  # functions of `activation` end every product: it is never off
    operators = {module.name for module in pkgutil.iter_modules(onnx2rust.ops.__path__)}
    assert set(families) - operators == {"attention"}  # no operator: passes find it
    rows = re.findall(r"^\| (`.*?`) \|", (CRATE / "README.md").read_text(), re.MULTILINE)
    assert set(families) <= set(re.findall(r"`(\w+)`", " ".join(rows)))


def test_every_layer_names_a_feature_that_brings_its_struct() -> None:
    for cls in mirror.layers():
        assert cls.feature in FEATURES["layers"], cls
        enabled = _enabled(cls.feature)
        assert "base" in enabled, cls
        module, item = cls.rust.split("::")
        assert f"pub mod {module};" in _compiled(enabled, CRATE / "src" / "lib.rs"), cls
        file = CRATE / "src" / f"{module}.rs"
        code = _compiled(enabled, file if file.exists() else CRATE / "src" / module / "mod.rs")
        assert re.search(rf"\b{item}\b", code), cls


def test_no_struct_is_there_without_a_family() -> None:
    bare = set().union(*(_enabled(f) for f in STANDS_UNDER)) | {"npz"}
    library = _compiled(bare, CRATE / "src" / "lib.rs")
    for cls in mirror.layers():
        module, item = cls.rust.split("::")
        if f"pub mod {module};" in library and module != "activation":  # whose functions end every product
            assert not re.search(rf"\b{item}\b", _compiled(bare, CRATE / "src" / module / "mod.rs")), cls


def test_the_default_is_everything() -> None:
    assert set(FEATURES["default"]) == {"layers", "npz", "std", "store"}
    assert set(FEATURES["layers"]) == set(FEATURES) - STANDS_UNDER - ANYWHERE - {"default", "layers", "npz", "store"}
    assert {cls.feature for cls in mirror.layers()} | {f for f in FUNCTIONS.values() if f} == set(FEATURES["layers"])


def test_every_function_names_the_feature_that_it_lies_behind() -> None:
    source = (CRATE / "src" / "activation" / "mod.rs").read_text()
    declared = source[source.index("pub enum Activation {") : source.index("\n}\n")]
    variants = re.findall(r'^    (?:#\[cfg\(feature = "(\w+)"\)\]\n    )?([A-Z]\w*)(?: \{|,)', declared, re.MULTILINE)
    assert len(variants) == len(FUNCTIONS) > 30
    assert {name: feature for feature, name in variants} == FUNCTIONS


def test_a_layer_brings_the_features_of_its_functions() -> None:
    assert Activate(activation("Sigmoid")).features() == {"activation", "exp"}
    assert Activate(activation("Relu")).features() == {"activation"}


@pytest.mark.slow
@pytest.mark.parametrize("feature", sorted(FEATURES))
def test_each_feature_compiles_alone_and_without_warnings(feature: str) -> None:
    features = f"{feature},libm"  # not `std`: what needs it, or an allocator, asks for it
    command = ["cargo", "check", "--offline", "--lib", "--no-default-features", "--features", features, "--message-format=json"]
    done = subprocess.run(command, cwd=CRATE, env=rust_tools.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert not [m["message"]["rendered"] for m in messages if m["reason"] == "compiler-message"]

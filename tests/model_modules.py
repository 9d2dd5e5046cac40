"""Many models as modules of one crate: compiled together, which costs a fraction of a crate each."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from rust_tools import ROOT

from onnx2rust import identity, npz
from onnx2rust.emit import Rendered

_CARGO = f"""\
[package]
name = "{{name}}"
version = "{identity.UNCHECKED}"
edition = "2024"
[features]
default = ["npz"]
npz = []
[dependencies]
tf-layers = {{{{ path = "{ROOT / "rust" / "tf-layers"}" }}}}
[build-dependencies]
tf-layers = {{{{ path = "{ROOT / "rust" / "tf-layers"}", default-features = false, features = ["npz"] }}}}
[profile.dev]
opt-level = 0
debug = 0
incremental = false
[profile.dev.package.tf-layers]
opt-level = 2
[workspace]
"""
_BUILD = """\
use tf_layers::build::*;
#[rustfmt::skip]
const TENSORS: &[Tensor] = &[
    {tensors}
];
fn main() -> std::process::ExitCode {{
    weights("weights.npz", TENSORS)
}}
"""


def write(crate: Path, models: Mapping[str, Rendered], library: str = "", code: Mapping[str, str] | None = None) -> None:
    """A crate with a module for each model, whose weights have the prefix `<module>/`; `library` stands in `lib.rs`, `code` behind the
    contents of the modules. `declare` says which of them are compiled."""
    shutil.rmtree(crate / "src", ignore_errors=True)
    (crate / "src").mkdir(parents=True)
    for name, model in models.items():
        folder = crate / "src" / name
        folder.mkdir()
        for path, text in model.files.items():
            if path.startswith("src/") and path != "src/lib.rs":
                (folder / path.removeprefix("src/")).write_text(text)
        (folder / "mod.rs").write_text(model.module + (code or {}).get(name, ""))
    (crate / "Cargo.toml").write_text(_CARGO.format(name=crate.name))
    tensors = [line for model in models.values() for line in model.tensors]
    (crate / "build.rs").write_text(_BUILD.format(tensors=",\n    ".join(tensors)))
    (crate / "weights.npz").write_bytes(npz.encode({k: v for model in models.values() for k, v in model.weights.items()}))
    declare(crate, models, library)


def declare(crate: Path, models: Mapping[str, object] | list[str], library: str = "") -> None:
    """Writes `lib.rs` with these modules."""
    (crate / "src" / "lib.rs").write_text(
        "#![allow(dead_code, unused_imports)]\n" + "".join(f"mod {m};\n" for m in models) + library
    )

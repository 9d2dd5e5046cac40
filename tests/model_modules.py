"""Many models as modules of one crate that a test adds code to."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from rust_tools import ROOT

from onnx2rust.emit import Rendered, identity
from onnx2rust.files import folders
from onnx2rust.verification import modules

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


def write(crate: Path, models: Mapping[str, Rendered], library: str = "", code: Mapping[str, str] | None = None) -> None:
    """A crate with a module for each model, whose weights have the prefix `<module>/`; `library` stands in `lib.rs`, `code`
    behind the contents of the modules. `declare` says which of them are compiled."""
    shutil.rmtree(crate / "src", ignore_errors=True)
    (crate / "src").mkdir(parents=True)
    for path, content in modules.files(models).items():
        folders.put(crate / path, content)
    for name, text in (code or {}).items():
        with (crate / "src" / name / "mod.rs").open("a") as module:
            module.write(text)
    (crate / "Cargo.toml").write_text(_CARGO.format(name=crate.name))
    declare(crate, models, library)


def declare(crate: Path, models: Iterable[str], library: str = "") -> None:
    """Writes `lib.rs` with these modules."""
    (crate / "src" / "lib.rs").write_text(modules.library(models) + library)

"""The crate of layers that a generated crate depends on: a copy of its own, one that several share,
or a version from crates.io."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx2rust.base.errors import Problem, UsageError
from onnx2rust.base.naming import Escaped, toml_string
from onnx2rust.emit import identity
from onnx2rust.files import resources

FOLDER = "tf-layers"
"""Where a copy lies, in the crate or in the workspace that shares it."""
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_ANYWHERE = ("std", "libm")
"""What says where the layers run, whatever families are used."""
_CONDITION = re.compile(r"#\[cfg\((?P<condition>[^\n]*)\)\]\n(?:pub(?:\(crate\))? )?(?P<kind>mod|use) (?P<what>[^;]*);\n")
_MODULE = re.compile(r"^(?:pub(?:\(crate\))? )?mod (\w+);", re.M)


@dataclass(frozen=True)
class LayerCrate:
    """What stands in the dependency on the layers besides its features."""

    package: str
    version: str
    path: str | None

    def toml(self) -> Escaped:
        """The keys of the inline table."""
        keys = {} if self.package == "tf-layers" else {"package": self.package}
        keys |= {} if self.path is None else {"path": self.path}
        return Escaped(", ".join(f"{k} = {toml_string(v)}" for k, v in (keys | {"version": self.version}).items()))


def copied(owner: str, path: str = FOLDER) -> LayerCrate:
    """A copy at `path` that has a name of its own, because one program may hold crates with other copies."""
    return LayerCrate(f"{owner}-layers", _manifest()["package"]["version"], path)


def shared(crates: Sequence[str], path: str) -> LayerCrate:
    """The copy of a workspace, called after its crates: the same wherever the workspace lies, and another one in a workspace of
    other crates, with which it may stand in one program."""
    others = f"-{hashlib.sha256(' '.join(crates).encode()).hexdigest()[:8]}" if len(crates) > 1 else ""
    return copied(f"{crates[0]}{others}", path)


def chosen(layers: str, crate: Path) -> LayerCrate | None:
    """What `--layers` says for a crate that will lie at `crate`; None for a copy of its own."""
    if layers == "copy":
        return None
    if _VERSION.fullmatch(layers) and not Path(layers).exists():
        return LayerCrate("tf-layers", layers, None)
    package = _package(Path(layers))
    relative = os.path.relpath(Path(layers).resolve(), crate.resolve())
    return LayerCrate(package["name"], package["version"], Path(relative).as_posix())


def rust_version() -> str:
    """The oldest Rust that the layers, and so the crates that use them, are built with."""
    return str(_manifest()["package"]["rust-version"])


def check(layers: str, needed: Iterable[str]) -> None:
    """Raises UsageError if the folder that `--layers` names lacks a family that the model needs."""
    if layers == "copy" or not Path(layers).is_dir():
        return
    known = tomllib.loads((Path(layers) / "Cargo.toml").read_text(encoding="utf-8")).get("features", {})
    if missing := sorted(set(needed) - set(known)):
        raise UsageError(
            f"--layers {layers}: lacks {', '.join(missing)}, which the model uses",
            "a copy holds only what its own model uses: convert the models together with --workspace, or give a whole tf-layers",
        )


def _package(folder: Path) -> dict[str, str]:
    problem = Problem(f"--layers {folder}: is no folder with the crate tf-layers, no version like 1.0.0, and not `copy`")
    try:
        content = tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8"))
        package = {key: str(content["package"][key]) for key in ("name", "version")}
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(problem) from None
    if package["name"] != "tf-layers" and not package["name"].endswith("-layers"):
        raise UsageError(problem)
    own = _manifest()["package"]["version"]
    package["version"] = package["version"].partition("+")[0]
    if package["version"] != own:
        raise UsageError(
            f"--layers {folder}: is version {package['version']}, this onnx2rust writes code for {own}",
            "convert with `--layers copy`",
        )
    return package


def files(package: str, needed: Iterable[str]) -> dict[str, bytes]:
    """The files of a copy under another name: the families that are needed, and what these stand on."""
    enabled = _closure(needed)
    sources = {name: text.decode() for name, text in resources.tf_layers_files().items()}
    library = package.replace("-", "_")
    found = {}
    todo = ["src/lib.rs"]
    while todo:
        name = todo.pop()
        text = _CONDITION.sub(lambda m: m[0] if _holds(m["condition"], enabled) else "", sources[name])
        text = re.sub(r"\n{3,}", "\n\n", text)  # as rustfmt would have it
        # modules of `src/x.rs` and of `src/x/mod.rs` lie in `src/x`, those of `src/lib.rs` in `src`
        path = Path(name)
        folder = path.parent if path.name in ("lib.rs", "mod.rs") else path.with_suffix("")
        for module in _MODULE.findall(text):
            todo += [p for p in (f"{folder}/{module}.rs", f"{folder}/{module}/mod.rs") if p in sources]
        found[name] = text.replace("tf_layers", library).encode()
    # its example needs families that may not be there
    found["README.md"] = sources["README.md"].replace("tf_layers", library).replace("```rust\n", "```rust,ignore\n").encode()
    found |= {name: text.encode() for name, text in sources.items() if name.startswith("LICENSE")}
    found["Cargo.toml"] = _renamed(sources["Cargo.toml"], package, enabled, identity.code(found)).encode()
    return dict(sorted(found.items()))


@functools.cache
def _manifest() -> Mapping[str, Any]:
    return tomllib.loads(resources.tf_layers_manifest())


def _closure(needed: Iterable[str]) -> set[str]:
    """The features with all that they enable."""
    features: Mapping[str, list[str]] = _manifest()["features"]
    found: set[str] = set()
    todo = [*needed, *_ANYWHERE]
    while todo:
        feature = todo.pop()
        if feature not in found and not feature.startswith("dep:") and "/" not in feature:
            found.add(feature)
            todo += features[feature]
    return found


def _holds(condition: str, enabled: set[str]) -> bool:
    """Whether an item is there with these features; conditions that name none stay."""
    named = set(re.findall(r'(?<!target_)feature = "([a-z-]+)"', condition))
    return not named or bool(named & enabled)


def _renamed(manifest: str, package: str, enabled: set[str], code: str) -> str:
    """The manifest with another name, fewer features, and the checksum of the code in its version: two copies that differ never
    share a build."""
    content = tomllib.loads(manifest)
    features: Mapping[str, list[str]] = content["features"]
    kept = {name: features[name] for name in features if name in enabled and name != "default"}
    absent = [name for name in features if name not in enabled and name != "default"]
    head = re.sub(r'^name = ".*"$', f"name = {toml_string(package)}", manifest.partition("[features]")[0], count=1, flags=re.M)
    head = re.sub(r'^version = "(.*)"$', rf'version = "\1+code.{code}"', head, count=1, flags=re.M)
    lines = [
        f"# Those families of tf-layers {content['package']['version']} (part of onnx2rust) that are used here.",
        head.rstrip(),
        "",
        "[features]",
        f"default = {_list(kept)}",
        *(f"{name} = {_list(enables)}" for name, enables in kept.items()),
        *(_unknown(absent) if absent else ()),
        "",
        "[dependencies]",
        manifest.partition("[dependencies]\n")[2].rstrip(),
    ]
    return "\n".join(lines) + "\n"


def _unknown(features: Iterable[str]) -> list[str]:
    named = ", ".join(map(toml_string, features))
    return [
        "",
        "# the code still asks for families that are not in this copy",
        "[lints.rust]",
        f"unexpected_cfgs = {{ level = \"warn\", check-cfg = ['cfg(feature, values({named}))'] }}",
    ]


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(map(toml_string, items))}]"

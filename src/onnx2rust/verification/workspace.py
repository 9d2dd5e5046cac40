"""Crates in one cargo workspace: one lock file, one tf-layers, one target folder, one call of cargo.

The workspace lies in the user's cache and its members are called m0, m1… in every run, so that cargo finds tf-layers built and
overwrites the members of the run before instead of keeping them.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onnx2rust.base import processes
from onnx2rust.base.errors import ToolError, UsageError
from onnx2rust.emit import identity
from onnx2rust.files import leftovers, resources
from onnx2rust.files.folders import Content, put

_PROFILE = """
[profile.release]
opt-level = 0
debug = 0
incremental = false
[profile.release.package.tf-layers]
opt-level = 3
[profile.release.package."*"]
opt-level = 3
"""
"""The kernels are compiled once, as in a user's release. Members are mostly calls of them: 0.36 s of CPU for a small
convolutional model, against 1.4 s at opt-level 1 or 3, and its runs take milliseconds either way."""
_MEMBER = """[package]
name = "{name}"
version = "{version}"
edition = "2024"
[features]
default = ["std", "npz"]
std = []
npz = []
[dependencies]
tf-layers = {{ path = "../tf-layers" }}
[build-dependencies]
tf-layers = {{ path = "../tf-layers", default-features = false, features = ["npz"] }}
"""
LINTS = ""
"""What members are compiled with more strictly than users compile them."""
_BUILT = ("src/", "build.rs", "model/")
"""What of a crate its program, `src/main.rs`, is built from."""


def default_folder(command: str = "verify") -> Path:
    """Where a command builds crates if the user does not say."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "onnx2rust" / command


@dataclass(frozen=True)
class CompileError:
    """An error of the compiler, and the files that it points at."""

    text: str
    files: tuple[Path, ...]


@dataclass
class Workspace:
    """The cargo workspace in `folder`; one process at a time uses it (`opened`)."""

    folder: Path
    verbosity: int = 0
    profile: str = _PROFILE
    members: list[str] = field(default_factory=list)
    executables: dict[str, Path] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """The members that the last build did not build, with the first error."""
    errors: dict[str, list[CompileError]] = field(default_factory=dict)

    @contextlib.contextmanager
    def opened(self) -> Iterator[Workspace]:
        """Takes the workspace, empties it, and removes the members' sources in the end."""
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"--target-dir {self.folder}: is not a folder")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with leftovers.alone(self.folder):  # on Windows, two runs at once must use two --target-dir
                self._clear()
                _synchronise(self.root / "tf-layers", resources.tf_layers_files())
                try:
                    yield self
                finally:
                    self._clear()
        except OSError as error:
            raise ToolError(f"{self.folder}: {error.strerror or error}", "choose another folder with --target-dir") from error

    @property
    def root(self) -> Path:
        """The folder with the workspace's Cargo.toml."""
        return self.folder / "workspace"

    def _clear(self) -> None:
        for member in self.root.glob("m*"):
            shutil.rmtree(member, ignore_errors=True)

    def next_name(self) -> str:
        """The crate name of the next member."""
        return f"m{len(self.members)}"

    def add(self, crate: Mapping[str, Content]) -> str:
        """Writes a crate (made under `next_name`) with a `src/main.rs` as a member; returns its name."""
        name = self.next_name()
        files = {path: content for path, content in crate.items() if path.startswith(_BUILT)}
        files["Cargo.toml"] = (_MEMBER.format(name=name, version=identity.UNCHECKED) + LINTS).encode()
        self.write(name, files)
        self.members.append(name)
        return name

    def write(self, member: str, files: Mapping[str, Content]) -> None:
        """Writes or overwrites files of a member."""
        for path, content in files.items():
            put(self.root / member / path, content)

    def build(self) -> None:
        """Builds every member, or what has changed since the last time."""
        for found in (self.executables, self.broken, self.errors):
            found.clear()
        if not self.members:
            return
        members = ", ".join(f'"{m}"' for m in self.members)
        (self.root / "Cargo.toml").write_text(
            f'[workspace]\nresolver = "3"\nmembers = [{members}]\n{self.profile}', encoding="utf-8"
        )
        command = ["cargo", "build", "--release", "--bins", "--keep-going", "--message-format=json"]
        command += ["--target-dir", str(self.folder / "target")]
        environment = os.environ | {"CARGO_TERM_COLOR": "never"}
        try:
            built = processes.run(command, folder=self.root, environment=environment)
        except FileNotFoundError as error:
            raise ToolError(
                "cargo is not installed", "verifying builds the crate: install Rust from https://rustup.rs"
            ) from error
        except OSError as error:
            raise ToolError(f"cargo cannot be run: {error.strerror or error}") from error
        for line in built.stdout.decode(errors="replace").splitlines():
            self._message(line)
        log = built.stderr.decode(errors="replace")
        for member in self.members:
            if member not in self.executables:
                lines = [t for t in log.splitlines() if f"{member}@" in t or f"`{member}`" in t]
                self.broken.setdefault(member, " ".join(lines)[:600] or "cargo did not build it")
        if built.returncode and not self.executables and all(m in self.broken for m in self.members):
            lines = log.splitlines()
            begin = next((k for k, t in enumerate(lines) if t.startswith("error")), len(lines))
            # cargo tells the reason in the lines below, up to an empty one
            first = " ".join(t.strip() for t in itertools.takewhile(str.strip, lines[begin : begin + 8]))
            if not any(f"{m}@" in log or f"`{m}`" in log for m in self.members):
                raise ToolError(f"cargo failed: {first or log[-600:]}", "-vv shows all it said" if self.verbosity < 2 else log)

    def _message(self, line: str) -> None:
        message = json.loads(line) if line.startswith("{") else {}
        member = Path(message.get("manifest_path", "")).parent.name
        if member not in self.members:
            return
        if message["reason"] == "compiler-artifact" and message.get("executable") and message["target"]["kind"] == ["bin"]:
            self.executables[member] = Path(message["executable"])
        elif message["reason"] == "compiler-message" and message["message"]["level"] == "error":
            text = message["message"]["rendered"] if self.verbosity >= 2 else message["message"]["message"]
            self.broken.setdefault(member, text)
            files = tuple(Path(span["file_name"]) for span in message["message"]["spans"])
            self.errors.setdefault(member, []).append(CompileError(text, files))


def _synchronise(folder: Path, files: Mapping[str, bytes]) -> None:
    """Makes `folder` hold exactly `files`; what is the same stays untouched, so that cargo sees no change."""
    for path in folder.rglob("*") if folder.is_dir() else ():
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            put(path, content)

"""cargo for tests: one target folder for all crates of a pytest process, offline wherever that is possible."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
"""Which of the processes this is that share the tests; empty if there is only one."""
BUILD = ROOT / "build" / WORKER
"""Where tests write: cargo locks a target folder while it builds, so every process has its own."""
VERIFY = BUILD / "verify"
"""The workspace of every test that verifies: all of tf-layers is compiled there once."""
SMALL = {"CARGO_INCREMENTAL": "0", "CARGO_PROFILE_DEV_DEBUG": "0"}
"""Nobody builds a test's crate a second time, or debugs it: these would be half of all that the tests write."""
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "build" / "target")) / WORKER


def environment(**changes: str) -> dict[str, str]:
    """What cargo runs with; `CARGO_TARGET_DIR` is shared, so that tf-layers is compiled once for
    crates that hold the same copy."""
    return os.environ | SMALL | {"CARGO_TARGET_DIR": str(TARGET), "CARGO_TERM_COLOR": "never"} | changes


@contextlib.contextmanager
def forking() -> Iterator[None]:
    """Children made inside free nothing of this process's: one that frees a session of onnxruntime's waits forever for the
    session's threads, which it has not."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@functools.cache
def all_layers() -> str:
    """For `--layers`: a crate that has all of tf-layers under each of its features, so that crates of any families share one
    build of it. Not for tests of the dependency itself."""
    original = ROOT / "rust" / "tf-layers"
    manifest = tomllib.loads((original / "Cargo.toml").read_text(encoding="utf-8"))
    lines = ["[package]", 'name = "all-layers"', f'version = "{manifest["package"]["version"]}"', 'edition = "2024"']
    lines += ["[features]", *(f"{name} = []" for name in manifest["features"])]
    lines += ["[dependencies]", f"tf-layers = {{ path = '{original}' }}", "[workspace]"]
    folder = BUILD / "all_layers"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text("\n".join(lines), encoding="utf-8")
    (folder / "src" / "lib.rs").write_text("#![no_std]\npub use tf_layers::*;\n", encoding="utf-8")
    return str(folder)


_DEPENDENCIES = 'profile.dev.package."*"'
QUICK = tuple(
    argument
    for setting in (
        *(f"{_DEPENDENCIES}.opt-level=0", f"{_DEPENDENCIES}.debug-assertions=false", f"{_DEPENDENCIES}.overflow-checks=false"),
        *("profile.dev.opt-level=0", "profile.dev.debug=0", "profile.dev.incremental=false", "profile.dev.codegen-units=1"),
    )
    for argument in ("--config", setting)
)
"""What a generated crate's profile costs most of a build for: kernels at full speed, and line numbers."""


def cargo(crate: Path, *arguments: str, as_written: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs cargo in the crate's folder, offline: a generated crate needs no network once its dependencies are there.

    What is built in the profile `dev` is not optimised, unless it is to be built as the crate says."""
    _fetch(crate)
    toolchain = arguments[:1] if arguments[0].startswith("+") else ()
    quick = () if as_written else QUICK
    return _run(crate, (*toolchain, *quick, *arguments[len(toolchain) :]), offline=True)


def passes(crate: Path, *arguments: str, as_written: bool = False) -> str:
    """What a cargo command that must succeed prints."""
    done = cargo(crate, *arguments, as_written=as_written)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout


@functools.cache
def _fetch(crate: Path) -> None:
    """Downloads what the crate depends on, if this machine does not have it: the only step that may use the network."""
    if _run(crate, ("fetch",), offline=True).returncode:
        done = _run(crate, ("fetch",), offline=False)
        assert done.returncode == 0, done.stderr[-3000:]


def _run(crate: Path, arguments: tuple[str, ...], offline: bool) -> subprocess.CompletedProcess[str]:
    changes = {"CARGO_NET_OFFLINE": "true"} if offline else {}
    return subprocess.run(
        ["cargo", *arguments], cwd=crate, env=environment(**changes), capture_output=True, text=True, check=False
    )

"""`score`: the rows of tables through a model's program, which is built once and kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from onnx2rust.base import processes
from onnx2rust.base.errors import (
    InvalidDataError,
    InvalidModelError,
    Onnx2RustError,
    Problem,
    ToolError,
    UnsupportedError,
    UsageError,
)
from onnx2rust.base.options import Options, Tables
from onnx2rust.base.version import VERSION
from onnx2rust.conversion.pipeline import Progress, convert_workspace
from onnx2rust.files import leftovers, resources
from onnx2rust.hosts import score as program

SCORING = "scoring"
"""The last stage."""
KEPT = 16
"""Programs that are kept, those that were used last."""
_FILE = ".weights"
"""What the name of a program's file of weights ends with, which is kept beside it."""
_ERRORS = {e.title: e for e in (UsageError, InvalidModelError, InvalidDataError, UnsupportedError, ToolError)}


@dataclass(frozen=True)
class Scored:
    """What a run has written."""

    out: Path
    rows: int
    bad_rows: int
    """Rows that the model cannot take, which were left out."""
    bad_rows_file: Path | None
    """Where those are listed."""
    tables: int
    seconds: float
    resumed: bool
    """Whether it went on with the parts of an earlier run."""


def score(
    model: Path | str,
    source: Path | str,
    out: Path | str,
    options: Options | None = None,
    tables: Tables | None = None,
    *,
    progress: Progress = lambda _: None,
) -> Scored:
    """Scores the rows of `source`, a Parquet, CSV or Arrow file or a folder of them, to `out` (`onnx2rust score`).

    The first call for a model and options builds a program, later ones start it at once. From the stage
    `scoring` on it writes to stderr how far it is. Raises as `convert`, UnsupportedError where rows cannot be the model's inputs,
    ToolError if cargo cannot build it, UsageError where the table's columns do not fit, InvalidDataError where its rows do not.
    """
    options, tables = options or Options(), tables or Tables()
    built = program_of(Path(model), options, tables, progress)
    progress(SCORING)
    quiet = ["--quiet"] if options.verbosity < 0 else []
    weights = built.with_suffix(_FILE)
    read = ["--weights", str(weights)] if weights.is_file() else []
    command = [str(built), *tables.arguments(), "--json", *quiet, *read, "--", str(source), str(out)]
    try:
        done = processes.run(command, aloud=True, environment=os.environ | {"ONNX2RUST": VERSION})
    except OSError as error:
        raise ToolError(f"{built}: cannot be run: {error.strerror or error}") from error
    return _found(done.returncode, done.stdout, Path(out))


def _found(code: int, said: bytes, out: Path) -> Scored:
    """What a program says in the end."""
    try:
        found = json.loads(said)
    except ValueError as error:
        raise ToolError(f"the program that scores ended with code {code}", "run it again: what it has written is kept") from error
    if not found["ok"]:
        problems = [Problem(p["what"], p["where"], p["hint"]) for p in found["problems"]]
        kind: type[Onnx2RustError] = _ERRORS.get(found["error"], ToolError)
        raise kind(problems)
    listed = found["bad_rows_file"]
    bad = None if listed is None else Path(listed)
    return Scored(out, found["rows"], found["bad_rows"], bad, found["tables"], found["seconds"], found["resumed"])


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "onnx2rust" / "score"


def program_of(model: Path, options: Options, tables: Tables, progress: Progress) -> Path:
    """The program of a model, from the cache or new there. Raises as `score` does before it starts it."""
    cache = tables.cache or _folder()
    try:
        key = _key(model, options)
        kept = cache / "programs" / f"{key}{'.exe' if os.name == 'nt' else ''}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        if kept.is_file():
            os.utime(kept)
            return kept
        with leftovers.alone(kept.parent):
            if not kept.is_file():
                _build(model, options, cache, kept, progress)
                _drop_old(kept.parent)
    except OSError as error:
        raise ToolError(
            f"{error.filename or cache}: {error.strerror or error}", "is the cache's folder yours to write?"
        ) from error
    return kept


def _build(model: Path, options: Options, cache: Path, kept: Path, progress: Progress) -> None:
    """Builds a program; dependencies are compiled once for all models."""
    target, lock = cache / "target", cache / "Cargo.lock"
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        # cargo tells packages apart by name: another model's must not be taken for this one's
        workspace = Path(temporary) / f"w{kept.stem[:12]}"
        own = replace(options, crate_name=f"m{kept.stem[:12]}")
        (project,) = convert_workspace([model], workspace, own, hosts=["score"], progress=progress)
        (shell,) = project.shells
        if lock.is_file():
            shutil.copyfile(lock, workspace / "Cargo.lock")
        progress("building its program (some minutes if it is the first)")
        folder = workspace / shell.package
        program.build(shell, workspace, folder, target)
        shutil.copyfile(workspace / "Cargo.lock", lock)
        # the file of weights first, if there is one: where the program is, all is there
        for made in sorted((folder / "dist").iterdir(), key=lambda p: p.suffix != _FILE):
            os.replace(made, kept.with_suffix(_FILE) if made.suffix == _FILE else kept)
        names = [shell.package, project.crate_name, f"{workspace.name}-layers"]
        packages = [argument for name in names for argument in ("--package", name)]
        with contextlib.suppress(OSError):
            processes.run(["cargo", "clean", "--release", *packages, "--target-dir", str(target)], folder=workspace)


def _drop_old(folder: Path) -> None:
    programs = [path for path in folder.iterdir() if path.suffix != _FILE]
    programs.sort(key=lambda p: p.stat().st_mtime, reverse=True)
    for old in programs[KEPT:]:
        with contextlib.suppress(OSError):  # on Windows, one that runs
            old.unlink()
            old.with_suffix(_FILE).unlink(missing_ok=True)


def _external(model: Path) -> Iterator[Path]:
    """The files with weights beside an ONNX model."""
    try:
        proto = onnx.load(model, load_external_data=False)
    except (DecodeError, UnicodeDecodeError):
        return  # of another format; or it is refused by whoever converts it
    entries = (entry for tensor in proto.graph.initializer for entry in tensor.external_data if entry.key == "location")
    yield from {model.parent / entry.value for entry in entries}


def _key(model: Path, options: Options) -> str:
    """What a program is made of: the model's files, the options, and all that this package writes."""
    found = hashlib.sha256(f"{VERSION} {replace(options, verbosity=0)!r}".encode())
    if not model.exists():
        raise UsageError(f"{model}: no such file or folder")
    paths = {*model.rglob("*")} if model.is_dir() else {model, *_external(model)}
    sources = {*Path(__file__).parents[1].rglob("*.py"), *resources.templates().rglob("*"), *resources.tf_layers().rglob("*.rs")}
    for path in (*sorted(paths), *sorted(sources), *filter(None, (options.custom_objects,))):
        if path.is_file():
            with path.open("rb") as file:
                found.update(f"{path.name}\0".encode(errors="surrogateescape"))
                found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()[:32]

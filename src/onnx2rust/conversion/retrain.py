"""`onnx2rust weights`: the weights of a retrained model, for a crate that exists: no new conversion, only a new build.

The version in the crate's Cargo.toml names its weights (`identity.py`), so both are renewed together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from onnx2rust import emit, frontends
from onnx2rust.base.errors import InvalidModelError, Problem, ToolError, UsageError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.emit import identity
from onnx2rust.files import folders, npz, single

Array = np.ndarray[Any, Any]


def write_weights(
    model: Path | str,
    target: Path | str,
    options: Options | None = None,
    *,
    like: Path | str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Writes the weights of a retrained model to `target`, under the names that a conversion gives them (`onnx2rust weights`);
    returns how many.

    `target` is an `.npz` file, or a crate (or the output folder of a conversion), whose weights and version are renewed. `like`
    is the output folder of a conversion (or its crate, or its `model_weights.npz`): names, shapes and types must be those of its
    weights, or an InvalidModelError names every tensor that differs and nothing is written. A crate is compared with itself.
    """
    options = options or Options()
    target = Path(target)
    crate = _crate(target) if os.path.isdir(target) else None
    like = crate if like is None else like
    progress("reading the model")
    loaded = frontends.load(Path(model), options)
    progress("lowering operators to layers")
    weights = emit.weights(pipeline.lower(loaded, options))
    if like is not None:
        _check(weights, _read(Path(like)), str(like))
    progress("writing the weights")
    if crate is None:
        single.write(target, npz.pieces(weights))
    else:
        _renew(crate, weights)
    return len(weights)


def _crate(folder: Path) -> Path:
    """The crate in a conversion's output folder, or the folder itself if it is one."""
    for crate in (folder / folders.MARKER, folder):
        if (crate / pipeline.WEIGHTS).is_file() and (crate / "Cargo.toml").is_file():
            return crate
    hint = "name a file, like model_weights.npz, or the folder that `onnx2rust convert` wrote"
    if members := folders.members(folder):
        hint = f"it is a workspace: give one of its crates, {' or '.join(map(str, members[:3]))}"
    raise UsageError(f"{folder}: is a folder, and no crate that onnx2rust wrote", hint)


def _renew(crate: Path, weights: Mapping[str, Array]) -> None:
    """New weights, and the version that names them."""
    path = crate / "Cargo.toml"
    checksum = npz.checksum(weights)
    try:
        manifest = identity.renewed(path.read_text(encoding="utf-8"), checksum)
    except (OSError, ValueError) as error:
        raise ToolError(f"{path}: cannot be read: {error}") from error
    if manifest is None:
        raise UsageError(
            f'{path}: has no line `version = "…"` in [package]',
            f"add one that ends in +weights.{checksum} and write the weights alone",
        )
    content = npz.pieces(weights)
    # if the second cannot be written, the build says what the first lacks
    single.write(crate / pipeline.WEIGHTS, content)
    single.write(path, manifest.encode())
    for copy in crate.parent.glob(f"saved_model_from_*/{Path(pipeline.WEIGHTS).name}") if crate.name == folders.MARKER else ():
        single.write(copy, content)


def _check(weights: Mapping[str, Array], known: Mapping[str, Array], like: str) -> None:
    problems = []
    for name in sorted({*weights, *known}):
        new, old = weights.get(name), known.get(name)
        if old is None:
            what = f"is in the model, but not in {like}"
        elif new is None:
            what = f"is in {like}, but not in the model"
        elif new.shape != old.shape:
            what = f"has shape {list(new.shape)}, in {like} {list(old.shape)}"
        elif new.dtype != old.dtype:
            what = f"has type {new.dtype}, in {like} {old.dtype}"
        else:
            continue
        problems.append(Problem(what, f"tensor {name!r}", "the model's structure has changed: convert it again"))
    if problems:
        raise InvalidModelError(problems)


def _read(like: Path) -> dict[str, Array]:
    candidates = [like / folders.MARKER / pipeline.WEIGHTS, like / pipeline.WEIGHTS, like]
    path = next((p for p in candidates if p.is_file()), None)
    if path is None:
        raise UsageError(f"--like {like}: not the output of a conversion", "give the folder that `onnx2rust convert` wrote")
    return npz.read(path, "--like")

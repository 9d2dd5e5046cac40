"""`onnx2rust weights`: the weights of a retrained model, for a crate that exists: no new conversion, only a new build."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from onnx2rust import emit, frontends, npz, output, pipeline
from onnx2rust.errors import InvalidModelError, Problem, ToolError, UsageError
from onnx2rust.options import Options

Array = np.ndarray[Any, Any]


def write(
    model: Path | str,
    target: Path | str,
    options: Options | None = None,
    *,
    like: Path | str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Writes the weights of `model` to `target` (`.npz`), under the names that a conversion gives them; returns how many.

    `like` is the output folder of a conversion (or its crate, or its `model_weights.npz`): names, shapes and types must be those of
    its weights, or an InvalidModelError names every tensor that differs and nothing is written.
    """
    options = options or Options()
    target = Path(target)
    if target.is_dir():
        raise UsageError(f"{target}: is a folder", "name the file, like model_weights.npz")
    progress("reading the model")
    loaded = frontends.load(Path(model), options)
    progress("lowering operators to layers")
    weights = emit.weights(pipeline.lower(loaded, options))
    if like is not None:
        _check(weights, _read(Path(like)), str(like))
    progress("writing the weights")
    _replace(target, npz.encode(weights))
    return len(weights)


def _check(weights: Mapping[str, Array], known: Mapping[str, Array], like: str) -> None:
    problems = []
    hint = "the model's structure has changed: convert it again"
    for name in sorted({*weights, *known}):
        where = f"tensor {name!r}"
        if name not in known:
            problems.append(Problem(f"is in the model, but not in {like}", where, hint))
        elif name not in weights:
            problems.append(Problem(f"is in {like}, but not in the model", where, hint))
        elif weights[name].shape != known[name].shape:
            problems.append(Problem(f"has shape {list(weights[name].shape)}, in {like} {list(known[name].shape)}", where, hint))
        elif weights[name].dtype != known[name].dtype:
            problems.append(Problem(f"has type {weights[name].dtype}, in {like} {known[name].dtype}", where, hint))
    if problems:
        raise InvalidModelError(problems)


def _read(like: Path) -> dict[str, Array]:
    candidates = [like / output.MARKER / pipeline.WEIGHTS, like / pipeline.WEIGHTS, like]
    path = next((p for p in candidates if p.is_file()), None)
    if path is None:
        raise UsageError(f"--like {like}: not the output of a conversion", "give the folder that `onnx2rust convert` wrote")
    return npz.read(path, "--like")


def _replace(target: Path, content: bytes) -> None:
    """Writes beside the target and renames: a crate never sees half a file."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.resolve().parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.chmod(name, 0o644)
            os.replace(name, target)
        except BaseException:  # a full disk, or the user's Ctrl-C: half a file must not stay
            os.unlink(name)
            raise
    except OSError as error:
        raise ToolError(f"{target}: cannot be written: {error.strerror or error}") from error

"""Every choice a user can make about a conversion, in one frozen value (the command line only fills it in)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from onnx2rust.errors import UsageError

Frontend = Literal["auto", "onnx", "saved-model", "keras", "tflite", "graphdef"]


@dataclass(frozen=True)
class Options:
    """Options of `convert`; defaults are those of the command line.

    `binary_classification` is None when the user did not say: then a model that cannot be a binary classifier is
    converted as not binary, with a note, instead of being refused. `name` is None when the model is to be called after its file.
    """

    name: str | None = None
    frontend: Frontend = "auto"
    signature: str | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    dims: dict[str, int] = field(default_factory=dict)
    features: Path | None = None
    thresholds: Path | None = None
    binary_classification: bool | None = None
    inplace: bool = True
    memdrop: bool = True
    crate_name: str | None = None
    custom_objects: Path | None = None
    force: bool = False
    verbosity: int = 0


def for_each(options: Options | Sequence[Options], count: int) -> list[Options]:
    """One value for each of `count` models: the same for all, or their own."""
    found = [options] * count if isinstance(options, Options) else list(options)
    if len(found) != count:
        raise UsageError(f"{len(found)} options for {count} models")
    return found


@dataclass(frozen=True)
class Checks:
    """Options of `verify`: what a crate is held against onnxruntime with.

    `rtol` and `atol` are None for the defaults of each element type: |a − b| ≤ 1e-4·|b| + 1e-5·max|b| for f32 and f64.
    """

    batches: tuple[int, ...] = (1, 3)
    rtol: float | None = None
    atol: float | None = None
    per_node: bool = False
    seed: int = 0
    target_dir: Path | None = None

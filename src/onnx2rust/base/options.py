"""Every choice a user can make about a conversion, in one frozen value (the command line only fills it in)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from onnx2rust.base.errors import Problem, UsageError

_SPDX = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")

HOSTS = ("c", "embedded", "python", "score", "wasm", "server")
"""What can call a model besides Rust (`hosts`); here, because a command line lists them before anything heavy is imported."""
WEIGHTS = ("embedded", "external", "f16", "int8", "external-f16", "external-int8")
"""Where a crate's weights are, and in how many bits: in the binary or in a file, as f32 or in fewer bits."""
Frontend = Literal["auto", "onnx", "saved-model", "keras", "tflite", "graphdef"]


@dataclass(frozen=True)
class Options:
    """Options of `convert`; defaults are those of the command line.

    `binary_classification` is None when the user did not say: then a model that cannot be a binary classifier is
    converted as not binary instead of being refused. `name` is None when the model is to be called after its file.
    `static` asks for a workspace of fixed size, without an allocator.
    `layers` is `copy` (the crate brings its own), the folder of a tf-layers that crates share, or a version on crates.io.
    `weights` is where the weights are and in how many bits (`WEIGHTS`). `license` is the SPDX expression that the crate's
    manifest names; None for a manifest that names none.
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
    static: bool = False
    crate_name: str | None = None
    layers: str = "copy"
    license: str | None = None
    weights: str = "embedded"
    custom_objects: Path | None = None
    force: bool = False
    verbosity: int = 0

    def __post_init__(self) -> None:
        _as_paths(self, "features", "thresholds", "custom_objects")
        problems = [Problem(f"--dim {n}={size}: a size is at least 1") for n, size in self.dims.items() if size < 1]
        if self.frontend not in get_args(Frontend):
            problems.append(Problem(f"--frontend {self.frontend!r}: is none of {', '.join(get_args(Frontend))}"))
        if self.weights not in WEIGHTS:
            problems.append(Problem(f"--weights {self.weights!r}: is none of {', '.join(WEIGHTS)}"))
        if self.license is not None and not _is_spdx(self.license):
            text = f"--license {self.license!r}: is no SPDX expression, like MIT, MIT OR Apache-2.0 or LicenseRef-Example"
            problems.append(Problem(text))
        if problems:
            raise UsageError(problems)

    @property
    def external(self) -> bool:
        """Whether the weights are a file that a program reads."""
        return self.weights.startswith("external")

    @property
    def storage(self) -> Literal["f16", "int8"] | None:
        """What stands for f32, if not they themselves."""
        return "f16" if self.weights.endswith("f16") else "int8" if self.weights.endswith("int8") else None


def _is_spdx(text: str) -> bool:
    """Whether a text is built like an SPDX expression: identifiers that words join, as many brackets closed as opened. cargo
    takes anything; what is no expression is refused no earlier than by crates.io."""
    return _SPDX.fullmatch(re.sub(r"[()]", "", text)) is not None and text.count("(") == text.count(")")


def _as_paths(options: Any, *names: str) -> None:
    """Callers from Python may write paths as text."""
    for name in names:
        if isinstance(getattr(options, name), str):
            object.__setattr__(options, name, Path(getattr(options, name)))


def for_each(options: Options | Sequence[Options], count: int) -> list[Options]:
    """One value for each of `count` models: the same for all, or their own."""
    found = [options] * count if isinstance(options, Options) else list(options)
    if len(found) != count:
        raise UsageError(f"{len(found)} options for {count} models")
    return found


@dataclass(frozen=True)
class Checks:
    """Options of `verify`: what a crate is held against the model with.

    |a − b| ≤ rtol·|b| + atol·max|b|, where b is the model evaluated in float64. `rtol` and `atol` are None for what the distance
    of onnxruntime and float64 says of the model (`oracle.Certainty.tolerance`).
    """

    batches: tuple[int, ...] = (1, 3)
    rtol: float | None = None
    atol: float | None = None
    per_node: bool = False
    seed: int = 0
    target_dir: Path | None = None

    def __post_init__(self) -> None:
        _as_paths(self, "target_dir")
        problems = _wrong(self.batches, self.seed)
        for name, value in (("rtol", self.rtol), ("atol", self.atol)):
            if value is not None and not (math.isfinite(value) and value >= 0):
                problems.append(Problem(f"--{name} {value}: a tolerance is a finite number, not below 0"))
        if problems:
            raise UsageError(problems)


@dataclass(frozen=True)
class Timing:
    """Options of `bench`: what is timed, and for how long. `seconds` are for all engines together, at each batch size."""

    batches: tuple[int, ...] = (1, 32)
    seconds: float = 2.0
    per_layer: bool = False
    seed: int = 0
    target_dir: Path | None = None

    def __post_init__(self) -> None:
        _as_paths(self, "target_dir")
        problems = _wrong(self.batches, self.seed)
        if not 0 < self.seconds <= 3600:
            problems.append(Problem(f"--seconds {self.seconds}: is not above 0, or more than an hour"))
        if problems:
            raise UsageError(problems)


@dataclass(frozen=True)
class Tables:
    """Options of `score`: which columns are which inputs, and what becomes of rows that have no values.

    `columns` are those of an input, by its name; `keep` are passed through, `rename` says what outputs' columns are called.
    `null` stands for nulls, as text, `nulls` for those of some columns. `row_group` are the rows of a part; None for as many as
    memory should hold. `cache` is where programs are kept, None for the user's cache.
    """

    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    keep: Sequence[str] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    null: str | None = None
    nulls: Mapping[str, str] = field(default_factory=dict)
    cast: bool = False
    bad_rows: Literal["stop", "skip"] = "stop"
    format: Literal["parquet", "csv", "arrow"] | None = None
    delimiter: str | None = None
    row_group: int | None = None
    threads: int | None = None
    force: bool = False
    cache: Path | None = None

    def __post_init__(self) -> None:
        _as_paths(self, "cache")

    def arguments(self) -> list[str]:
        """What the program is called with."""
        found = [f"--column={name}={_names(columns)}" for name, columns in self.columns.items()]
        found += [f"--keep={_names(self.keep)}"] if self.keep else []
        found += [f"--rename={output}={column}" for output, column in self.rename.items()]
        found += [f"--null-in={json.dumps([column, value])}" for column, value in self.nulls.items()]
        for name in ("null", "bad_rows", "format", "delimiter", "row_group", "threads"):
            value = getattr(self, name)
            found += [] if value is None else [f"--{name.replace('_', '-')}={value}"]
        return found + [f"--{name}" for name in ("cast", "force") if getattr(self, name)]


def _names(names: Sequence[str]) -> str:
    """Names as JSON; one may stand alone."""
    return json.dumps([names] if isinstance(names, str) else list(names))


def _wrong(batches: tuple[int, ...], seed: int) -> list[Problem]:
    problems = []
    if not batches or min(batches) < 1:
        problems.append(Problem(f"--batch {','.join(map(str, batches))}: a batch has at least one sample"))
    if seed < 0:
        problems.append(Problem(f"--seed {seed}: is below 0"))
    return problems

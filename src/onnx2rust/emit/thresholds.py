"""The four confidence thresholds of a binary classifier."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from onnx2rust.base.errors import InvalidModelError, Problem, UsageError

KEYS = ("bottom", "low", "medium", "high")
FALSE_POSITIVE_RATES = {"bottom": 0.10, "low": 0.05, "medium": 0.01, "high": 0.001}
"""A threshold is the lowest score that at most this share of the negative samples reaches."""
PLACEHOLDERS = {"bottom": 0.5, "low": 0.7, "medium": 0.9, "high": 0.99}


def read(path: Path) -> dict[str, float]:
    """Thresholds from a user's file: an object with exactly the four keys, in order of size."""
    where = f"--thresholds {path}"
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{where}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: is not JSON ({error})") from error
    if not isinstance(content, dict) or set(content) != set(KEYS):
        raise InvalidModelError(Problem(f"must be a JSON object with the keys {', '.join(KEYS)}", where))
    values = [content[k] for k in KEYS]
    if not all(map(_is_f32, values)) or values != sorted(values) or values[0] < 0:
        raise InvalidModelError(Problem("must have numbers with 0 <= bottom <= low <= medium <= high", where))
    return {k: float(content[k]) for k in KEYS}


def _is_f32(value: Any) -> bool:
    """Whether it is a number (JSON's integers have no limit) that the crate, which compares float32, can hold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= float(np.finfo(np.float32).max)


def from_labels(scores: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> dict[str, float]:
    """Thresholds at FALSE_POSITIVE_RATES: with n negatives sorted downwards, the score just above the ⌊rate·n⌋-th."""
    scores, labels = scores.reshape(-1).astype(np.float32), labels.reshape(-1)
    if scores.shape != labels.shape or not np.isin(labels, (0, 1)).all():
        raise InvalidModelError(Problem("`labels` must hold one 0 or 1 for each sample", "--features"))
    if not np.isfinite(scores).all():
        raise InvalidModelError(Problem("the model's scores are not all finite: thresholds would not be either", "--features"))
    negatives = np.sort(scores[labels == 0])[::-1]
    if not negatives.size:
        raise InvalidModelError(Problem("`labels` has no negative sample to compute thresholds from", "--features"))
    found: dict[str, float] = {}
    for key in KEYS:
        allowed = int(FALSE_POSITIVE_RATES[key] * negatives.size)
        found[key] = float(np.nextafter(negatives[min(allowed, negatives.size - 1)], np.float32(np.inf)))
    if found["bottom"] < 0:
        hint = "end the model with a sigmoid, or convert with --no-binary-classification"
        raise InvalidModelError(
            Problem("the thresholds would be below 0: the model's scores are no probabilities", "--features", hint)
        )
    return found


def text(values: Mapping[str, float]) -> str:
    """The JSON file."""
    return json.dumps({k: values[k] for k in KEYS}, indent=2) + "\n"

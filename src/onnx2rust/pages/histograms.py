"""What numbers a weight holds: a histogram, and its moments."""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 48
MOST = 1 << 22
"""Elements that are counted; of a larger tensor every second, third… one is."""


def histogram(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Counts between the least and the largest finite number, how many numbers are 0 or not finite, mean and deviation. Of what
    are no numbers, nothing."""
    every = max(1, -(-array.size // MOST))
    values = array.reshape(-1)[::every]
    if values.dtype.kind not in "biuf" or not values.size:
        return {}
    wide = values.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    found: dict[str, Any] = {"every": every, "odd": int(wide.size - finite.size), "zeros": float(np.mean(wide == 0))}
    if not finite.size:
        return found
    low, high = float(finite.min()), float(finite.max())
    found |= {"min": low, "max": high}
    with np.errstate(over="ignore", invalid="ignore"):  # the largest float64 have no sum
        mean, deviation, span = float(finite.mean()), float(finite.std()), high - low
    if not np.isfinite([mean, deviation, span]).all():
        return found
    bins = np.zeros(BINS, np.int64)
    if span > 0:
        places = np.minimum(((finite - low) / span * BINS).astype(np.int64), BINS - 1)
        bins = np.bincount(places, minlength=BINS)
    else:
        bins[BINS // 2] = finite.size
    return found | {"mean": mean, "std": deviation, "bins": bins.tolist()}

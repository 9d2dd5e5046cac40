"""Polars: a step of a lazy query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import predictors


def score(rows: Path, predict: predictors.Predict) -> np.ndarray[Any, Any]:
    """The prediction for each row of a Parquet file."""
    query = pl.scan_parquet(rows).map_batches(
        lambda frame: pl.DataFrame({"p": predict(frame)}), schema={"p": pl.Float32}, streamable=True
    )
    return query.collect(engine="streaming")["p"].to_numpy()


if __name__ == "__main__":
    predictors.main(score)

"""pyarrow: the batches of a Parquet file, one after the other; no engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import predictors
import pyarrow.parquet as pq


def score(rows: Path, predict: predictors.Predict) -> np.ndarray[Any, Any]:
    """The prediction for each row of a Parquet file."""
    with pq.ParquetFile(rows) as file:
        return np.concatenate([predict(batch) for batch in file.iter_batches(use_threads=False)])


if __name__ == "__main__":
    predictors.main(score)

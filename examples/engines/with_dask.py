"""Dask: each partition goes through the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import predictors


def score(rows: Path, predict: predictors.Predict) -> np.ndarray[Any, Any]:
    """The prediction for each row of a Parquet file."""

    def function(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"p": predict(frame).to_numpy(zero_copy_only=False)}, index=frame.index)

    frames = dd.read_parquet(str(rows)).map_partitions(function, meta={"p": "float32"})
    return frames.compute(scheduler="synchronous")["p"].to_numpy()


if __name__ == "__main__":
    predictors.main(score)

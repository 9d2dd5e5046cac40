"""DuckDB: a query's result goes through the model, without a function of SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import predictors


def score(rows: Path, predict: predictors.Predict) -> np.ndarray[Any, Any]:
    """The prediction for each row of a Parquet file."""
    with duckdb.connect(config={"threads": 1}) as connection:
        return predict(connection.sql(f"SELECT * FROM '{rows}'")).to_numpy(zero_copy_only=False)


if __name__ == "__main__":
    predictors.main(score)

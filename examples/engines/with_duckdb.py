"""DuckDB: a function of SQL over the columns of a query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import predictors
import pyarrow as pa


def score(rows: Path, predict: predictors.Predict) -> np.ndarray[Any, Any]:
    """The prediction for each row of a Parquet file."""
    names = predictors.names(rows)

    def function(*columns: pa.ChunkedArray) -> pa.Array:
        return predict(pa.table(list(columns), names))

    with duckdb.connect(config={"threads": 1}) as connection:
        connection.create_function("predict", function, None, "FLOAT", type="arrow")
        listed = ", ".join(f'"{name}"' for name in names)
        query = connection.sql(f"SELECT predict({listed}) AS p FROM '{rows}'")
        return query.to_arrow_table().column("p").to_numpy()


if __name__ == "__main__":
    predictors.main(score)

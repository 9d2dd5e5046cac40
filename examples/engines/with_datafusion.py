"""DataFusion: a function of SQL over the columns of a query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datafusion
import numpy as np
import predictors
import pyarrow as pa


def score(rows: Path, predict: predictors.Predict) -> np.ndarray[Any, Any]:
    """The prediction for each row of a Parquet file."""
    names = predictors.names(rows)

    def function(*columns: pa.Array) -> pa.Array:
        return predict(pa.record_batch(list(columns), names))

    context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(1))
    context.register_udf(datafusion.udf(function, [pa.float32()] * len(names), pa.float32(), "immutable", "predict"))
    context.register_parquet("rows", str(rows))
    listed = ", ".join(f'"{name}"' for name in names)
    return context.sql(f"SELECT predict({listed}) AS p FROM rows").to_arrow_table().column("p").to_numpy()


if __name__ == "__main__":
    predictors.main(score)

"""Spark: `mapInArrow` hands batches to the model in each worker."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import predictors
import pyarrow as pa
from pyspark.sql import SparkSession


def score(rows: Path, predict: predictors.Predict) -> np.ndarray[Any, Any]:
    """The prediction for each row of a Parquet file."""

    def function(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.record_batch([predict(batch)], ["p"])

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)  # the workers import the wheel
    builder = SparkSession.builder.master("local[2]").config("spark.driver.host", "127.0.0.1")
    spark = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    # the session stays for the next call; it ends with this program
    return spark.read.parquet(str(rows)).mapInArrow(function, "p float").toArrow().column("p").to_numpy()


if __name__ == "__main__":
    predictors.main(score)

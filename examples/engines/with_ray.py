"""Ray Data: `map_batches` hands batches to the model in each worker."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import predictors
import pyarrow as pa
import ray


def score(rows: Path, predict: predictors.Predict) -> np.ndarray[Any, Any]:
    """The prediction for each row of a Parquet file."""

    def function(batch: pa.Table) -> pa.Table:
        return pa.table({"p": predict(batch)})

    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)  # the workers import the wheel
    if not ray.is_initialized():
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    # the cluster stays for the next call; it ends with this program
    found = ray.data.read_parquet(str(rows)).map_batches(function, batch_format="pyarrow", zero_copy_batch=True, batch_size=None)
    return pa.concat_tables(ray.get(found.to_arrow_refs())).column("p").to_numpy()


if __name__ == "__main__":
    predictors.main(score)

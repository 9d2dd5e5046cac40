"""What the examples call: rows in, a column of predictions out. The generated wheel, and onnxruntime to compare it with."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


class Predict(Protocol):
    """A model whose only input is all columns of a table, and whose first output is one number a row."""

    def __call__(self, rows: Any) -> pa.Array: ...


class Wheel:
    """The wheel of `onnx2rust host python`. It can be pickled, so engines may send it to their workers."""

    def __init__(self, module: str) -> None:
        self.model = importlib.import_module(module).Model()

    def __call__(self, rows: Any) -> pa.Array:
        return pa.table(self.model.predict_arrow(rows)).column(0).combine_chunks()


class Onnxruntime:
    """onnxruntime on one thread, as most people call it: columns stacked by numpy."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.session: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "session": None}

    def __call__(self, rows: Any) -> pa.Array:
        if self.session is None:
            import onnxruntime  # only who compares needs it

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self.session = onnxruntime.InferenceSession(self.path, options, ["CPUExecutionProvider"])
        table = pa.table(rows)
        stacked = np.column_stack([column.to_numpy() for column in table.columns])
        (found, *_) = self.session.run(None, {self.session.get_inputs()[0].name: stacked})
        return pa.array(found.reshape(-1))


def names(rows: Path) -> list[str]:
    """The columns of a Parquet file."""
    return [str(name) for name in pq.read_schema(rows).names]


def main(score: Any) -> None:
    """The command line of an example: MODULE ROWS.parquet."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} MODULE ROWS.parquet")
    found = score(Path(sys.argv[2]), Wheel(sys.argv[1]))
    print(f"{len(found)} rows, mean {np.mean(found):.6f}")

"""The examples of engines for tables, each with the generated wheel: its answers are onnxruntime's, row by row."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import host_tools
import numpy as np
import onnx_models
import pytest
import rust_tools
from test_python import BUILD
from test_tables import score_wheel

from onnx2rust.model.reference import Reference

FOLDER = rust_tools.ROOT / "examples" / "engines"
PACKAGES = {"duckdb_stream": "duckdb", "spark": "pyspark"}
"""What an engine's package is called, if not as the engine."""
ENGINES = [
    pytest.param(name, marks=[host_tools.need("java")] if name == "spark" else [])
    for name in sorted(path.stem.removeprefix("with_") for path in FOLDER.glob("with_*.py"))
]
SCRIPT = """
import sys
from pathlib import Path
import numpy as np
import predictors
import with_{engine} as example
np.save(sys.argv[1], example.score(Path(sys.argv[2]), predictors.Wheel("rows_score")))
"""


@pytest.fixture(scope="module")
def rows() -> tuple[Path, np.ndarray[Any, Any]]:
    """A Parquet file, and what onnxruntime says of its rows; the wheel is built."""
    pa, pq = host_tools.package("pyarrow"), host_tools.package("pyarrow.parquet")
    score_wheel()
    features = np.random.default_rng(5).standard_normal((10000, 10)).astype(np.float32)
    (expected,) = Reference(onnx_models.score()).run({"features": features})
    path = BUILD / "engines.parquet"
    # names that SQL has to quote
    pq.write_table(pa.table({f"a {k}": features[:, k].copy() for k in range(10)}), path, row_group_size=3000)
    return path, expected[:, 0]


@pytest.mark.slow
@pytest.mark.hosts
@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_gives_onnxruntimes_answers(engine: str, rows: tuple[Path, np.ndarray[Any, Any]], tmp_path: Path) -> None:
    path, expected = rows
    host_tools.package(PACKAGES.get(engine, engine))
    found = tmp_path / "found.npy"
    places = os.pathsep.join([str(FOLDER), str(BUILD / "rows_score_modules")])
    command = [sys.executable, "-c", SCRIPT.format(engine=engine), str(found), str(path)]
    environment = {**os.environ, "PYTHONPATH": places}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    np.testing.assert_allclose(np.load(found), expected, rtol=5e-6, atol=5e-6)

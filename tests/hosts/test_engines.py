"""The examples of engines for tables, each with the generated wheel: its answers are onnxruntime's, row by row. What pages say of
tables can be pasted."""

from __future__ import annotations

import os
import shlex
import shutil
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
from test_score import CACHE, QUICK
from test_tables import score_wheel

from onnx2rust import frontends
from onnx2rust.base.options import Options
from onnx2rust.model.reference import Reference

BREAST_CANCER = rust_tools.ROOT / "examples" / "breast_cancer"
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


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the pages have it: the examples, and `rows.parquet`, 30 features of patients."""
    pa, pq = host_tools.package("pyarrow"), host_tools.package("pyarrow.parquet")
    folder = tmp_path_factory.mktemp("patients")
    (folder / "examples").mkdir()
    (folder / "examples" / "breast_cancer").symlink_to(BREAST_CANCER)
    shutil.copytree(FOLDER, folder / "examples" / "engines", ignore=shutil.ignore_patterns("target", "model", "__pycache__"))
    known = np.load(BREAST_CANCER / "features.npz")["features"].astype(np.float32)
    columns = {f"c{k}": known[:, k].copy() for k in range(known.shape[1])}
    pq.write_table(pa.table(columns), folder / "rows.parquet")
    pq.write_table(pa.table({"id": np.arange(len(known)), **columns}), folder / "with_id.parquet")
    return folder


def pasted(page: Path, language: str, holds: str) -> str:
    """The block of a page in this language that holds a text."""
    blocks = page.read_text(encoding="utf-8").split(f"```{language}\n")[1:]
    (found,) = (block.split("```")[0] for block in blocks if holds in block.split("```")[0])
    return found


def runs(folder: Path, command: list[str], *, quick: bool) -> None:
    """Runs what a page has. Packages go to a folder of their own; programs are built as other tests build them (`quick`)."""
    cache = BUILD / "cache" / "onnx2rust" / "score"
    if not cache.is_symlink():
        CACHE.mkdir(parents=True, exist_ok=True)
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.symlink_to(CACHE)
    paths = os.pathsep.join([str(folder / "packages"), str(rust_tools.ROOT / "src")])
    own = {"PIP_TARGET": str(folder / "packages"), "PIP_NO_DEPS": "1", "PYTHONPATH": paths}
    own |= {"XDG_CACHE_HOME": str(BUILD / "cache"), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    own |= {f"CARGO_PROFILE_RELEASE_{name}": value for name, value in QUICK.items()} if quick else {}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | own, timeout=3000)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.hosts
def test_what_the_pages_say_of_tables_can_be_pasted(patients: Path) -> None:
    pytest.importorskip("tensorflow")
    pq = host_tools.package("pyarrow.parquet")
    (patients / "breast_cancer.onnx").write_bytes(
        frontends.load(BREAST_CANCER / "saved_model", Options()).proto.SerializeToString()
    )
    answers = np.load(BREAST_CANCER / "features.npz")["predictions"][:, 0]
    block = pasted(FOLDER / "README.md", "sh", "with_duckdb.py")
    lines = [line for line in block.splitlines() if "-e '.[hosts]'" not in line]
    runs(patients, ["bash", "-euc", "\n".join(lines)], quick=False)
    (patients / "rows.parquet").rename(patients / "without_id.parquet")
    shutil.copy(patients / "with_id.parquet", patients / "rows.parquet")
    (patients / "scores.parquet").unlink(missing_ok=True)
    try:
        script = pasted(rust_tools.ROOT / "docs" / "tables.md", "python", "predict_arrow")
        runs(patients, [sys.executable, "-c", f"{script}\nscores.write_parquet('polars.parquet')"], quick=False)
        runs(patients, ["bash", "-euc", pasted(rust_tools.ROOT / "docs" / "score.md", "sh", "onnx2rust score")], quick=True)
    finally:
        (patients / "without_id.parquet").rename(patients / "rows.parquet")
    for name in ("polars", "scores"):
        found = pq.read_table(patients / f"{name}.parquet")
        assert found.column("id").to_pylist() == list(range(len(answers)))
        np.testing.assert_allclose(found.column(1).to_numpy(), answers, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.hosts
def test_a_program_in_rust_has_the_model_as_a_function_of_sql(patients: Path) -> None:
    pytest.importorskip("tensorflow")
    pq = host_tools.package("pyarrow.parquet")
    answers = np.load(BREAST_CANCER / "features.npz")["predictions"][:, 0]
    script = f"export CARGO_TARGET_DIR={shlex.quote(str(BUILD / 'datafusion'))}\n" + pasted(
        FOLDER / "README.md", "sh", "cargo run"
    )
    runs(patients, ["bash", "-euc", script], quick=True)
    found = pq.read_table(patients / "scores.parquet").column("p").to_numpy()
    np.testing.assert_allclose(found, answers, rtol=1e-4, atol=1e-6)

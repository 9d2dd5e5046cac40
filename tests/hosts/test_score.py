"""`score`: rows of tables get onnxruntime's numbers; a run that is killed goes on to the same bytes; bad rows are named."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import hostile
import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from onnx import TensorProto, helper

import onnx2rust
from onnx2rust.base.errors import InvalidDataError, ToolError, UnsupportedError, UsageError
from onnx2rust.base.options import Options, Tables
from onnx2rust.cli import run
from onnx2rust.cli import scoring as options_of_score
from onnx2rust.conversion import scoring
from onnx2rust.hosts import score as program
from onnx2rust.model.reference import Reference

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
csv = pytest.importorskip("pyarrow.csv")
feather = pytest.importorskip("pyarrow.feather")

CACHE = rust_tools.BUILD / "score"
QUICK = {"OPT_LEVEL": "0", "DEBUG": "0", "CODEGEN_UNITS": "16"}
"""How programs are built here: readers of Parquet take minutes to optimise."""
NAMES = [f"feature {k}" for k in range(10)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in QUICK.items():
        monkeypatch.setenv(f"CARGO_PROFILE_RELEASE_{name}", value)


@pytest.fixture(scope="module")
def model() -> Path:
    """A model with ten features and a probability."""
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / "score.onnx"
    path.write_bytes(onnx_models.score().SerializeToString())
    return path


def rows(count: int, seed: int = 7) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal((count, 10), np.float32)


def table(x: np.ndarray[Any, Any]) -> Any:
    columns: dict[str, Any] = {name: x[:, k] for k, name in enumerate(NAMES)}
    return pa.table({"id": np.arange(len(x)), **columns, "note": [f'n "{k}",\n' for k in range(len(x))]})


def expected(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    (found,) = Reference(onnx_models.score()).run({"features": x})
    return np.asarray(found)[:, 0]


def scored(model: Path, source: Path, out: Path, **tables: Any) -> onnx2rust.Scored:
    own: dict[str, Any] = {"keep": ["id", "note"], "cache": CACHE} | tables
    return onnx2rust.score(model, source, out, Options(verbosity=-1), Tables(**own))


def wrong(kind: type[Exception], model: Path, source: Path, out: Path, **tables: Any) -> list[str]:
    with pytest.raises(kind) as found:
        scored(model, source, out, **tables)
    return str(found.value).replace(f"{source}", "IN").replace(f"{out}", "OUT").splitlines()


def read(path: Path) -> Any:
    if path.suffix == ".parquet":
        return pq.read_table(path)
    if path.suffix == ".csv":
        return csv.read_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True))
    return feather.read_table(path)


@pytest.mark.slow
@pytest.mark.hosts
def test_every_row_of_every_format_gets_onnxruntimes_number(model: Path, tmp_path: Path) -> None:
    x = rows(5000)
    whole = table(x)
    pq.write_table(whole, tmp_path / "in.parquet", row_group_size=700)
    csv.write_csv(whole, tmp_path / "in.csv")
    feather.write_feather(whole, tmp_path / "in.arrow", chunksize=900)
    for source in ("parquet", "csv", "arrow"):
        for target in ("parquet", "csv", "arrow"):
            out = tmp_path / f"{source}.out.{target}"
            found = scored(model, tmp_path / f"in.{source}", out, row_group=1024)
            assert (found.rows, found.bad_rows, found.tables, found.resumed) == (5000, 0, 1, False)
            got = read(out)
            assert got.column_names == ["id", "note", "probability"]
            assert [int(k) for k in got["id"].to_pylist()] == list(range(5000))
            assert got["note"].to_pylist() == whole["note"].to_pylist()
            np.testing.assert_allclose(got["probability"].to_numpy(), expected(x), rtol=5e-6, atol=5e-6)
    assert pq.ParquetFile(tmp_path / "csv.out.parquet").metadata.num_row_groups == 5
    assert sorted(p.name for p in tmp_path.iterdir() if "partial" in p.name) == []


@pytest.mark.slow
@pytest.mark.hosts
def test_threads_and_a_run_that_is_killed_make_the_same_bytes(model: Path, tmp_path: Path) -> None:
    pq.write_table(table(rows(300_000)), tmp_path / "in.parquet")
    first = tmp_path / "one.parquet"
    scored(model, tmp_path / "in.parquet", first, row_group=5000, threads=1)
    built = scoring.program_of(model, Options(), Tables(cache=CACHE), lambda _: None)
    out = tmp_path / "out.parquet"
    options = ["--keep=id,note", "--row-group=5000", "--threads=3", "--json"]
    command = [str(built), str(tmp_path / "in.parquet"), str(out), *options]
    killed = 0
    for parts in (5, 25):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and len(_parts(out)) < parts:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
        killed += not out.exists()
        kept = {p.name: p.stat().st_mtime_ns for p in _parts(out)}
    assert killed == 2
    assert len(kept) >= 25
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert json.loads(done.stdout)["resumed"]
    assert json.loads(done.stdout)["rows"] == 300_000
    assert out.read_bytes() == first.read_bytes()
    assert not (tmp_path / "out.parquet.partial").exists()


@pytest.mark.slow
@pytest.mark.hosts
def test_memory_does_not_grow_with_the_table(model: Path, tmp_path: Path) -> None:
    built = scoring.program_of(model, Options(), Tables(cache=CACHE), lambda _: None)
    peaks = []
    for count in (100_000, 400_000):
        source, out = tmp_path / f"{count}.parquet", tmp_path / f"{count}.out.parquet"
        pq.write_table(pa.table(dict(zip(NAMES, rows(count).T, strict=True))), source, row_group_size=50_000)
        command = [str(built), str(source), str(out), "--row-group=25000", "--threads=2", "--quiet"]
        peak = 0
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:  # what `wait4` says would count our own memory before the exec
                found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
                peak = max(peak, int(found[1])) if found else peak
        assert process.returncode == 0
        assert peak > 0
        peaks.append(peak)
    assert peaks[1] < 1.25 * peaks[0]


@pytest.mark.slow
@pytest.mark.hosts
def test_parts_of_another_run_are_not_mixed_in(model: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    partial = tmp_path / "out.parquet.partial"
    csv.write_csv(table(rows(100)), source)
    lines = source.read_text().splitlines(keepends=True)
    source.write_text("".join(lines) + "high,1\n")
    assert "row 100: 2 fields, the table has 12" in wrong(InvalidDataError, model, source, out, row_group=50, threads=1)[0]
    assert len(_parts(out)) == 2
    source.write_text("".join(lines))
    hint = "    → remove it, or forget it with --force"
    other = "holds the parts of another run: of another table, model, program or options"
    assert wrong(UsageError, model, source, out, row_group=50) == [f"OUT.partial: {other}", hint]
    (partial / "mine").touch()
    assert scored(model, source, out, row_group=50, force=True).rows == 100
    assert [p.name for p in partial.iterdir()] == ["mine"]
    hint = "    → remove it"
    assert wrong(UsageError, model, source, out, force=True) == ["OUT.partial: holds what no run has left there", hint]


@pytest.mark.slow
@pytest.mark.hosts
def test_the_command_and_the_program_to_take_along_make_the_same_bytes(model: Path, tmp_path: Path) -> None:
    pq.write_table(table(rows(3000)), tmp_path / "rows.parquet")
    command = ["score", str(model), str(tmp_path / "rows.parquet"), str(tmp_path / "scores.parquet"), "--keep", "id,note"]
    assert run([*command, "--cache", str(CACHE), "-q"]) == 0
    assert run([*command, "--cache", str(CACHE), "-q"]) == UsageError.exit_code
    (project,) = onnx2rust.convert_workspace([model], tmp_path / "out", hosts=["score"])
    (shell,) = project.shells
    program.build(shell, tmp_path / "out", tmp_path / "out" / shell.package, CACHE / "target")
    made = tmp_path / "out" / "score-score" / "dist" / "score-score"
    alone = subprocess.run(
        [made, "rows.parquet", "alone.parquet", "--keep=id,note"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert alone.stdout.startswith("alone.parquet: 3000 rows, ")
    assert (tmp_path / "alone.parquet").read_bytes() == (tmp_path / "scores.parquet").read_bytes()


def _parts(out: Path) -> list[Path]:
    """The parts that are written."""
    folder = out.with_name(f"{out.name}.partial") / "files"
    return [p for p in folder.iterdir() if "." not in p.name] if folder.exists() else []


@pytest.mark.slow
@pytest.mark.hosts
def test_bad_rows_are_named_or_left_out(model: Path, tmp_path: Path) -> None:
    x = rows(6000)
    lines = [",".join(["id", *NAMES, "note"])]
    lines += [",".join([str(k), *map(repr, map(float, row)), "x"]) for k, row in enumerate(x)]
    lines[1 + 17] = lines[1 + 17].replace(repr(float(x[17, 3])), "high")
    lines[1 + 4999] = lines[1 + 4999].replace(repr(float(x[4999, 0])), "")
    lines[1 + 5000] = "5000,1,2"
    source = tmp_path / "in.csv"
    source.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    hint = "    → rows are counted from 0; --bad-rows skip leaves such rows out and lists them, --null VALUE stands for nulls"
    assert wrong(InvalidDataError, model, source, tmp_path / "out.csv") == [
        "IN: row 17: column `feature 3`: `high` is no float32",
        hint,
    ]
    assert not (tmp_path / "out.csv").exists()
    assert wrong(InvalidDataError, model, source, tmp_path / "out.csv", row_group=1000, threads=1)[0].startswith("IN: row 17: ")
    late = tmp_path / "late.csv"
    late.write_text("\n".join([*lines[:18], *lines[19:]]), encoding="utf-8")
    assert wrong(InvalidDataError, model, late, tmp_path / "late.out.csv", row_group=1000, threads=1)[0].startswith(
        "IN: row 4998: "
    )
    found = scored(model, late, tmp_path / "late.out.csv", bad_rows="skip", row_group=1000)
    assert (found.rows, found.bad_rows, found.resumed) == (5997, 2, True)
    found = scored(model, source, tmp_path / "out.csv", bad_rows="skip", row_group=1000)
    assert (found.rows, found.bad_rows, found.bad_rows_file) == (5997, 3, tmp_path / "out.csv.bad.csv")
    assert (tmp_path / "out.csv.bad.csv").read_text(encoding="utf-8").replace(str(source), "IN").splitlines() == [
        "file,row,column,problem",
        "IN,17,feature 3,`high` is no float32",
        "IN,4999,feature 0,null",
        'IN,5000,,"3 fields, the table has 12"',
    ]
    good = np.delete(np.arange(6000), [17, 4999, 5000])
    got = read(tmp_path / "out.csv")
    assert got["id"].to_pylist() == good.tolist()
    np.testing.assert_allclose(got["probability"].to_numpy(), expected(x[good]), rtol=5e-6, atol=5e-6)
    found = scored(model, source, tmp_path / "filled.csv", bad_rows="skip", null="0.5")
    assert found.bad_rows == 2
    x[4999, 0] = 0.5
    np.testing.assert_allclose(read(tmp_path / "filled.csv")["probability"].to_numpy()[4998], expected(x)[4999], rtol=5e-6)


@pytest.mark.slow
@pytest.mark.hosts
def test_a_folder_keeps_its_files_and_all_that_is_wrong_is_said_at_once(model: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    for k, name in enumerate(["a.parquet", "year=1/b.parquet", "year=2/c.parquet"]):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table(rows(50 * k, seed=k)), source / name)
    (source / "_SUCCESS").touch()
    csv.write_csv(table(rows(1)), source / "year=1.csv")
    (source / "year=1").rename(source / "year=1.parquet")
    said = wrong(UsageError, model, source, tmp_path / "out", format="parquet")
    assert said == [
        "IN/year=1.parquet/b.parquet: its folder year=1.parquet would be the file of another table",
        "    → rename one of them",
    ]
    (source / "year=1.csv").unlink()
    (source / "year=1.parquet").rename(source / "year=1")
    found = scored(model, source, tmp_path / "out", format="csv")
    assert (found.tables, found.rows) == (3, 150)
    assert sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*")) == [
        "a.csv", "year=1/b.csv", "year=2/c.csv",
    ]  # fmt: skip
    assert (tmp_path / "out" / "a.csv").read_text() == "id,note,probability\n"
    got = read(tmp_path / "out" / "year=2" / "c.csv")
    np.testing.assert_allclose(got["probability"].to_numpy(), expected(rows(100, seed=2)), rtol=5e-6, atol=5e-6)
    odd = table(rows(3)).cast(pa.schema([("id", pa.int64()), *((n, pa.float64()) for n in NAMES), ("note", pa.string())]))
    pq.write_table(odd, source / "d.parquet")
    pq.write_table(odd.drop_columns(["feature 9"]), source / "e.parquet")
    lines = wrong(UsageError, model, source, tmp_path / "out")
    assert lines[0] == "OUT: is a folder that is there"
    assert lines[2:4] == [
        "IN/d.parquet: input `features`: column `feature 0` is Float64; the model needs float32",
        "    → --cast converts it",
    ]
    assert lines[-3] == "    → --cast converts it"
    assert lines[-2:] == [
        "IN/e.parquet: input `features`: there is no column `features`, and 9 columns that are not kept are not 10; "
        f"there are `id`, {', '.join(f'`{n}`' for n in NAMES[:9])}, `note`",
        "    → say which with --column features=COL,COL…, and which are not for the model with --keep COL,COL…",
    ]
    assert scored(model, source / "d.parquet", tmp_path / "cast.parquet", cast=True).rows == 3


@pytest.mark.slow
@pytest.mark.hosts
def test_lists_nulls_and_hostile_columns(model: Path, tmp_path: Path) -> None:
    x = rows(40)
    name = hostile.TEXTS["double quote"] + ",\n\x1b[2J"
    lists: list[Any] = [list(map(float, row)) for row in x]
    lists[5], lists[9] = None, [1.0, 2.0]
    lists[11] = [*lists[11][:9], None]
    kinds = {"list": pa.list_(pa.float32()), "large": pa.large_list(pa.float32())}
    for kind, type_ in kinds.items():
        pq.write_table(pa.table({name: pa.array(lists, type_)}), tmp_path / f"{kind}.parquet")
        out = tmp_path / f"{kind}.out.parquet"
        found = scored(model, tmp_path / f"{kind}.parquet", out, columns={"features": [name]}, keep=[], bad_rows="skip")
        assert (found.rows, found.bad_rows) == (37, 3)
        got = read(out)["probability"].to_numpy()
        np.testing.assert_allclose(got, expected(np.delete(x, [5, 9, 11], axis=0)), rtol=5e-6, atol=5e-6)
        lines = wrong(
            InvalidDataError, model, tmp_path / f"{kind}.parquet", tmp_path / "x.parquet", columns={"features": [name]}, keep=[]
        )
        assert "row 5" in lines[0]
        assert "\x1b" not in "".join(lines)
    # a mark in front of a name in quotes, which has what ends a field and a line
    lines = [",".join(['"a,"",\nb"', *(f"f{k}" for k in range(9))])]
    lines += [",".join(map(repr, map(float, row))) for row in x]
    (tmp_path / "mark.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert scored(model, tmp_path / "mark.csv", tmp_path / "mark.out.parquet", keep=[]).rows == 40
    np.testing.assert_allclose(read(tmp_path / "mark.out.parquet")["probability"].to_numpy(), expected(x), rtol=5e-6, atol=5e-6)
    (tmp_path / "line.csv").write_text("\n".join([*lines[:3], '""', *lines[3:]]))
    assert wrong(InvalidDataError, model, tmp_path / "line.csv", tmp_path / "x.parquet", keep=[])[0] == (
        "IN: row 2: 1 fields, the table has 10"
    )
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 10)
    feather.write_feather(pa.table({"features": fixed}), tmp_path / "fixed.arrow")
    scored(model, tmp_path / "fixed.arrow", tmp_path / "fixed.out.arrow", keep=[])
    np.testing.assert_allclose(read(tmp_path / "fixed.out.arrow")["probability"].to_numpy(), expected(x), rtol=5e-6, atol=5e-6)


@pytest.mark.slow
@pytest.mark.hosts
def test_what_cannot_be_written_or_read_is_said(model: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    pq.write_table(table(rows(20_000)), source)
    out = tmp_path / "out.parquet"
    assert wrong(UsageError, model, source, source)[0] == "IN: is the table itself"
    assert wrong(UsageError, model, source, tmp_path / "none" / "out.parquet")[0] == "OUT: its folder is not there"
    assert wrong(UsageError, model, source, tmp_path / "out.xyz")[0] == "OUT: has an ending that says no format"
    assert wrong(UsageError, model, tmp_path / "none.csv", out)[0] == "IN: No such file or directory (os error 2)"
    assert wrong(UsageError, model, source, out, keep=["none"], columns={"x": ["id"]}, null="high", rename={"y": "z"}) == [
        "IN: the model has no input `x`; it has `features`",
        "IN: the model has no output `y`; it has `probability`",
        f"IN: keep: there is no column `none`; there are `id`, {', '.join(f'`{n}`' for n in NAMES)}, `note`",
        "IN: input `features`: there is no column `features`, and 12 columns that are not kept are not 10; "
        f"there are `id`, {', '.join(f'`{n}`' for n in NAMES)}, `note`",
        "    → say which with --column features=COL,COL…, and which are not for the model with --keep COL,COL…",
    ]
    assert wrong(UsageError, model, source, out, null="high") == [
        "IN: input `features`: what takes the place of nulls is no float32",
    ]
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(source.read_bytes()[:-200] + bytes(200))
    assert wrong(InvalidDataError, model, damaged, out)[0].startswith("IN: cannot be read: ")
    out.write_bytes(b"mine")
    assert wrong(UsageError, model, source, out)[0] == "OUT: exists"
    assert out.read_bytes() == b"mine"
    assert scored(model, source, out, force=True).rows == 20_000
    # what lists the bad rows of a run is nobody's to remove
    listed = tmp_path / "other.parquet.bad.csv"
    listed.write_bytes(b"mine")
    assert wrong(UsageError, model, source, tmp_path / "other.parquet") == [
        "OUT.bad.csv: exists", "    → remove it, or replace it with --force",
    ]  # fmt: skip
    assert listed.read_bytes() == b"mine"
    # columns that Parquet cannot hold are told before a row is read
    kept = pq.read_table(source).slice(0, 2)
    odd = pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [pa.array([1, 2])])
    months = pa.array([(1, 2, 3), None], pa.month_day_nano_interval())
    kept = kept.append_column("either", odd).append_column("months", months)
    with pa.OSFile(str(tmp_path / "odd.arrow"), "wb") as file, pa.ipc.new_file(file, kept.schema) as writer:
        writer.write_table(kept)
    said = wrong(UsageError, model, tmp_path / "odd.arrow", tmp_path / "odd.parquet", keep=["id", "note", "either", "months"])
    assert [line.partition(" is ")[0] for line in said] == [
        "IN: keep: column `either`", "    → write Arrow", "IN: keep: column `months`", "    → write Arrow",
    ]  # fmt: skip
    assert said[2].endswith(", for which Parquet has no form")
    berlin = pa.array([1_600_000_000, None], pa.timestamp("s", "Europe/Berlin"))
    pq.write_table(pq.read_table(source).slice(0, 2).append_column("when", berlin), tmp_path / "when.parquet")
    scored(model, tmp_path / "when.parquet", tmp_path / "when.csv", keep=["when"], columns={"features": NAMES})
    lines = (tmp_path / "when.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["when", "2020-09-13T12:26:40Z", ""]
    pq.write_table(pq.read_table(source), tmp_path / "brotli.parquet", compression="brotli")
    assert wrong(InvalidDataError, model, tmp_path / "brotli.parquet", tmp_path / "b.parquet") == [
        "IN: cannot be read: it is compressed with Brotli", "    → write it anew with zstd, snappy, gzip or lz4",
    ]  # fmt: skip
    kept = ["id", "note", "either", "months"]
    assert scored(model, tmp_path / "odd.arrow", tmp_path / "odd.out.arrow", keep=kept).rows == 2
    full = Path("/dev/shm/onnx2rust-full")
    if os.geteuid() == 0 and shutil.which("mount"):
        full.mkdir(exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(full)], check=False).returncode == 0:
            try:
                lines = wrong(ToolError, model, source, full / "out.parquet", row_group=5000)
                assert "No space left on device" in lines[0]
            finally:
                subprocess.run(["umount", str(full)], check=True)


@pytest.mark.slow
@pytest.mark.hosts
def test_what_is_said_of_damaged_files_names_them(model: Path, tmp_path: Path) -> None:
    built = scoring.program_of(model, Options(), Tables(cache=CACHE), lambda _: None)
    whole, random = table(rows(300)), np.random.default_rng(11)
    pq.write_table(whole, tmp_path / "in.parquet", compression="none", row_group_size=100)
    with pa.OSFile(str(tmp_path / "in.arrow"), "wb") as file, pa.ipc.new_file(file, whole.schema) as writer:
        writer.write_table(whole, max_chunksize=100)
    for name in ("in.parquet", "in.arrow"):
        good = np.frombuffer((tmp_path / name).read_bytes(), np.uint8)
        codes = set()
        for _ in range(25):
            bad = good.copy()
            bad[random.integers(len(good) - 3000, len(good), 2)] = random.choice([0, 1, 127, 128, 255], 2)
            (tmp_path / name).write_bytes(bad.tobytes())
            command = [str(built), name, "out.parquet", "--keep=id,note", "--json", "--quiet", "--force", "--bad-rows=skip"]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
            said = json.loads(done.stdout)
            assert all(problem["where"] == name for problem in said.get("problems", ())), said
            codes.add(done.returncode)
        assert {3} <= codes <= {0, 2, 3, 6}


@pytest.mark.slow
@pytest.mark.hosts
def test_other_types_several_inputs_and_a_model_without_weights(tmp_path: Path) -> None:
    kinds = {"I": "INT64", "i": "INT64", "s": "STRING", "h": "FLOAT16", "b": "BOOL", "u": "UINT8", "d": "DOUBLE"}
    types = {name: TensorProto.DataType.Value(kind) for name, kind in kinds.items()}
    shapes: dict[str, list[str | int | None]] = {n: ["inputs", 2] if n == "h" else ["inputs"] for n in types}
    inputs = [helper.make_tensor_value_info(n, t, shapes[n]) for n, t in types.items()]
    outputs = [helper.make_tensor_value_info(f"{n}_out", t, shapes[n]) for n, t in types.items()]
    nodes = [helper.make_node("Identity", [n], [f"{n}_out"]) for n in types]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "kinds.onnx")
    given = {
        "i": pa.array([1, -2, 2**60]),
        "I": pa.array([7, 8, 9]),
        "d": pa.array([Decimal("0.3"), Decimal("-1.1"), Decimal("9.7")]),
        "s": pa.array(["a", "", "é\n"]),
        "h_0": pa.array(np.array([1, 0.5, 65504], np.float16)),
        "h_1": pa.array(np.array([0, -1, np.inf], np.float16)),
        "b": pa.array([True, False, True]),
        "u": pa.array(np.array([0, 255, 3], np.uint8)),
    }
    feather.write_feather(pa.table(given), tmp_path / "in.arrow")
    own: dict[str, Any] = {"keep": [], "rename": {"i_out": "first"}, "cast": True}
    scored(tmp_path / "kinds.onnx", tmp_path / "in.arrow", tmp_path / "out.arrow", **own)
    got = read(tmp_path / "out.arrow")
    # the fields of `I` are called as `i` is in the model file: each name means the tensor that has it there
    assert got.column_names == ["i_out", "first", "s_out", "h_out", "b_out", "u_out", "d_out"]
    assert got.column("first").to_pylist() == given["i"].to_pylist()
    assert got.column("i_out").to_pylist() == given["I"].to_pylist()
    assert got.column("d_out").to_pylist() == [0.3, -1.1, 9.7]
    assert got.column("s_out").to_pylist() == ["a", "", "é\n"]
    assert got.column("h_out").to_pylist() == [[1, 0], [0.5, -1], [65504, float("inf")]]
    assert got.column("b_out").to_pylist() == [True, False, True]
    assert got.column("u_out").to_pylist() == [0, 255, 3]
    # the same, a row at a time
    alone = Options(verbosity=-1, dims={"inputs": 1})
    onnx2rust.score(tmp_path / "kinds.onnx", tmp_path / "in.arrow", tmp_path / "alone.arrow", alone, Tables(cache=CACHE, **own))
    assert read(tmp_path / "alone.arrow").equals(got)
    scored(tmp_path / "kinds.onnx", tmp_path / "in.arrow", tmp_path / "out.csv", keep=[], cast=True)
    assert (tmp_path / "out.csv").read_text().splitlines()[:2] == [
        "i_out,i_out_2,s_out,h_out_0,h_out_1,b_out,u_out,d_out",
        "7,1,a,1,0,true,0,0.3",
    ]
    # nulls in columns with odd names, and no text at all in the place of one
    odd = {"s": "s=1", "b": "[b]"}
    holes = {odd.get(n, n): pa.array([*c.to_pylist()[:2], None], c.type) for n, c in given.items()}
    fills = {"s=1": "", "i": "4", "I": "5", "h_0": "0", "h_1": "1e3", "[b]": "true", "u": "255", "d": "1.5"}
    feather.write_feather(pa.table(holes), tmp_path / "holes.arrow")
    columns = {"s": ["s=1"], "b": ["[b]"]}
    scored(tmp_path / "kinds.onnx", tmp_path / "holes.arrow", tmp_path / "f.arrow", nulls=fills, columns=columns, **own)
    last = read(tmp_path / "f.arrow").slice(2).to_pylist()
    assert last == [
        {"i_out": 5, "first": 4, "s_out": "", "h_out": [0, 1000], "b_out": True, "u_out": 255, "d_out": 1.5},
    ]


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    onnx.save(onnx_models.text(), tmp_path / "m.onnx")
    info = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, [2])
    node = helper.make_node("SequenceLength", ["s"], ["n"])
    graph = helper.make_graph([node], "g", [info], [helper.make_tensor_value_info("n", TensorProto.INT64, [])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    with pytest.raises(UnsupportedError) as refused:
        onnx2rust.host("score", tmp_path / "m.onnx", tmp_path / "out")
    hint = "    → fix other sizes with --dim SYMBOL=SIZE, or cut the model with --input and --output"
    said = str(refused.value).replace(f"{tmp_path / 'm.onnx'}: --host score: ", "")
    assert said.splitlines() == [
        '"s": sequences, maps and tensors of any rank are no columns of a table',
        hint,
        '"n": `[]` has no row for each row of a table: the first axis must be an open size, or 1 throughout',
        hint,
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["block comment end", "double quote", "newline", "backslash", "template", "non-ASCII"])
def test_hostile_names_stay_in_their_places(text: str, tmp_path: Path) -> None:
    proto = hostile.model(hostile.TEXTS[text])
    for info in (*proto.graph.input, *proto.graph.output):
        info.type.tensor_type.shape.dim[0].dim_param = hostile.TEXTS[text]
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    made = onnx2rust.host("score", tmp_path / "m.onnx", tmp_path / "out", Options(name="hostile"))
    model = "".join((made.shell / "src" / name).read_text(encoding="utf-8") for name in ("model.rs", "ports.rs"))
    assert model.isascii()
    assert [line for line in model.splitlines() if "escaped()" in line and '"' not in line] == []


def test_names_and_values_reach_the_program_as_they_are() -> None:
    given = Tables(columns={"x": "ab", "y": ["c,d"]}, keep="id", nulls={"a=b": "", "[c]": '"'})
    assert given.arguments() == [
        '--column=x=["ab"]', '--column=y=["c,d"]', '--keep=["id"]', '--null-in=["a=b", ""]', '--null-in=["[c]", "\\""]',
        "--bad-rows=stop",
    ]  # fmt: skip
    context, option = click.Context(click.Command("score")), click.Option(["--null-in"])
    texts = ("a=1=2", "w=", '["a=b","0"]', "[c]=0", '["x"]=1')
    nulls = {"a": "1=2", "w": "", "a=b": "0", "[c]": "0", '["x"]': "1"}
    assert options_of_score._nulls(context, option, texts) == nulls
    for wrong in ("a", "=1", '["a"]'):
        with pytest.raises(click.BadParameter, match="is not COL=VALUE"):
            options_of_score._nulls(context, option, (wrong,))


def test_a_model_that_changes_is_another_program(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_models.score().SerializeToString())
    before = scoring._key(path, Options())
    assert scoring._key(path, Options()) == before
    assert scoring._key(path, Options(dims={"batch": 1})) != before
    external = onnx_models.score()
    onnx.save(external, tmp_path / "e.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    key = scoring._key(tmp_path / "e.onnx", Options())
    (tmp_path / "w.bin").write_bytes(bytes((tmp_path / "w.bin").stat().st_size))
    assert scoring._key(tmp_path / "e.onnx", Options()) != key
    with pytest.raises(UsageError, match="no such file"):
        scoring._key(tmp_path / "none.onnx", Options())


def test_a_program_that_dies_is_an_error_and_what_it_says_has_its_kind(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="ended with code -9"):
        scoring._found(-9, b"", tmp_path)
    said = {"ok": False, "error": "invalid data", "problems": [{"what": "row 3", "where": "t", "hint": "h"}]}
    with pytest.raises(InvalidDataError, match="t: row 3") as error:
        scoring._found(3, json.dumps(said).encode(), tmp_path)
    assert (error.value.exit_code, error.value.title) == (3, "invalid data")

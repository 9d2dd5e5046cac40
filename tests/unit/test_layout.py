"""Generated Rust is laid out as rustfmt would leave it, which then need not be there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import harness
import pytest
import random_graphs

from onnx2rust import emit
from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.conversion.pipeline import lower
from onnx2rust.emit.rustfmt import formatted
from onnx2rust.frontends import Loaded
from onnx2rust.plan import planner

ROOT = Path(__file__).resolve().parents[2]
needs_rustfmt = pytest.mark.skipif(shutil.which("rustfmt") is None, reason="rustfmt is not installed")
LONG = "A name that goes on and on until no line has room"


def differences(files: list[Path]) -> str:
    """What rustfmt would change."""
    found = []
    for begin in range(0, len(files), 300):
        command = ["rustfmt", "--check", "--edition", "2024", "--color", "never", *map(str, files[begin : begin + 300])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert not done.stderr, done.stderr[:2000]
        found.append(done.stdout)
    return "".join(found)


@needs_rustfmt
def test_golden_crates() -> None:
    files = [p for p in sorted((ROOT / "tests" / "golden").rglob("*.rs")) if p.name != "lib.rs"]
    assert len(files) > 40
    assert differences(files)[:4000] == ""


@needs_rustfmt
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["official tests", "random graphs"])
def test_crates_of_many_models(kind: str, tmp_path: Path) -> None:
    if kind == "random graphs":
        protos = [random_graphs.generate(seed).proto for seed in range(7000, 7060)]
    else:
        protos = [case.model for case in harness.cases()[::12]]
    files = []
    for number, proto in enumerate(protos):
        options = Options(name=LONG if number % 2 else "Short", binary_classification=False)
        try:
            program = lower(Loaded(proto, "onnx", "onnx", ()), options)
        except Onnx2RustError:
            continue
        context = emit.Context("m.onnx", samples=2, batched=bool(program.symbols), slack=(0.1,) * (number % 2))
        for name, text in emit.render(planner.plan(program, options), options, context).files.items():
            # rustfmt would follow the modules of `lib.rs` once more
            if name.endswith(".rs") and name != "src/lib.rs":
                files.append(tmp_path / str(number) / name)
                files[-1].parent.mkdir(parents=True, exist_ok=True)
                files[-1].write_text(text)
    assert len(files) > 400
    assert differences(files)[:4000] == ""


CASES = {
    "a call that fits": ("    l.a.run(cpu, x);", "    l.a.run(cpu, x);"),
    "a call wider than 60": (
        f"    l.dense.run(cpu, batch * 8, ws.s0.get(batch * 64), None, {'x' * 10}, {'y' * 10});",
        "    l.dense.run(\n        cpu,\n        batch * 8,\n        ws.s0.get(batch * 64),\n        None,\n        "
        f"{'x' * 10},\n        {'y' * 10},\n    );",
    ),
    "a chain": (
        f'    l.reshape.run(cpu, x, ws.s0.get(batch), ws.s1.fit(n)?).map_err(|e| e.at("{"r" * 20}"))?;',
        f'    l.reshape\n        .run(cpu, x, ws.s0.get(batch), ws.s1.fit(n)?)\n        .map_err(|e| e.at("{"r" * 20}"))?;',
    ),
    "a struct literal": ("    let d = Dims { batch: 1 };", "    let d = Dims { batch: 1 };"),
    "a struct literal wider than 18": (
        "    let d = Dims { batch: 1, length: 2 };",
        "    let d = Dims {\n        batch: 1,\n        length: 2,\n    };",
    ),
    "a pattern whose rest does not count": (
        "    let Dims { batch, length_2, .. } = *d;",
        "    let Dims {\n        batch, length_2, ..\n    } = *d;",
    ),
    "short numbers": (
        f"    let a = [{', '.join(['1000'] * 24)}];",
        f"    let a = [\n        {', '.join(['1000'] * 15)},\n        {', '.join(['1000'] * 9)},\n    ];",
    ),
    "operators by how they bind": (
        f"    let a = {'b' * 20} + {'c' * 20} * {'d' * 20} - e < {'f' * 20} && g == h | i || {'j' * 20} as i64 & k != l;",
        f"    let a = {'b' * 20} + {'c' * 20} * {'d' * 20} - e\n        < {'f' * 20}\n        && g == h | i\n        || "
        f"{'j' * 20} as i64 & k != l;",
    ),
    "an index that has no room": (
        f"    let {'a' * 20} = &mut ws.s4.fit({'b' * 30} * {'c' * 20})?[{'d' * 30} * {'e' * 20}..];",
        f"    let {'a' * 20} = &mut ws\n        .s4\n        .fit({'b' * 30} * {'c' * 20})?\n        "
        f"[{'d' * 30} * {'e' * 20}..];",
    ),
    "a call in a call wider than 60": (
        f'    x.fit(elements("{"a" * 20}", &[{"b" * 20}, {"c" * 20}])?)?;',
        f'    x.fit(elements(\n        "{"a" * 20}",\n        &[{"b" * 20}, {"c" * 20}],\n    )?)?;',
    ),
    "a chain as the only argument": (
        f"    let d = Outputs {{ y: Some(ws.s3.fit({'a' * 45} * 600)?) }};",
        "    let d = Outputs {\n        y: Some(\n            ws.s3\n                "
        f".fit({'a' * 45} * 600)?,\n        ),\n    }};",
    ),
    "a comma behind a last item": ("    let a = [f(x, ), y, ];", "    let a = [f(x), y];"),
    "what is not known": ("    match a {\n        1 => { 2 }\n    }", "    match a {\n        1 => { 2 }\n    }"),
}


@pytest.mark.parametrize("name", CASES)
def test_statements(name: str) -> None:
    source, expected = CASES[name]
    assert formatted(f"fn f() {{\n{source}\n}}\n") == f"fn f() {{\n{expected}\n}}\n"


def test_imports_are_in_order() -> None:
    source = "use b::{c, A, a10, a9};\nuse super::x;\nuse a::y;\n\nuse a::x;\n"
    assert formatted(source) == "use super::x;\nuse a::y;\nuse b::{A, a9, a10, c};\n\nuse a::x;\n"


def test_imports_of_98_columns_are_one_line() -> None:
    fits, wider = (f"use tf_layers::movement::{{{'A' * 34}, {'B' * n}}};\n" for n in (34, 35))
    assert (len(fits), len(wider)) == (99, 100)  # with the end of the line
    assert formatted(fits) == fits
    assert formatted(wider) == f"use tf_layers::movement::{{\n    {'A' * 34}, {'B' * 35},\n}};\n"


@needs_rustfmt
def test_these_cases_are_rustfmts(tmp_path: Path) -> None:
    known = [text for name, (_, text) in CASES.items() if name != "what is not known"]
    (tmp_path / "a.rs").write_text("\n".join(f"fn f{k}() {{\n{text}\n}}\n" for k, text in enumerate(known)))
    assert differences([tmp_path / "a.rs"]) == ""

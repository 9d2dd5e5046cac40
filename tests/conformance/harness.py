"""The official ONNX node tests through real generated code: every case becomes a module of one crate, compiled and run.

Nothing is interpreted: a case's program is lowered, planned and rendered with the templates that users get. Cases that onnx2rust
refuses, that do not compile, or whose numbers differ are reported by name with the reason.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from onnx2rust import emit, report
from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.base.sequences import flat
from onnx2rust.conversion import pipeline
from onnx2rust.files import npz
from onnx2rust.frontends import Loaded
from onnx2rust.plan import planner

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import model_modules  # noqa: E402  (lies outside of this folder)
import rust_tools  # noqa: E402  (lies outside of this folder)

BUILD = rust_tools.BUILD / "conformance"
SUPPORT = (Path(__file__).parent / "support.rs").read_text()


@dataclass
class Case:
    """One official test: model and data sets."""

    name: str
    model: onnx.ModelProto
    data: list[tuple[list[Any], list[Any]]]
    rtol: float
    atol: float
    static: bool = False
    """Whether its buffers have fixed sizes."""


def cases(pattern: str = "") -> list[Case]:
    """All node tests of the installed onnx whose name matches."""
    import onnx.backend.test.case.node as node

    found = []
    for test in node.collect_testcases(None):
        if re.search(pattern, test.name):
            assert test.model is not None
            data = [(list(i), list(o)) for i, o in test.data_sets or ()]
            found.append(Case(test.name, test.model, data, test.rtol, test.atol))
    return sorted(found, key=lambda c: c.name)


def lower(case: Case) -> emit.project.Rendered | str:
    """The case's crate files, or why it is refused. The reports for people are made too: they must not fail on any layer."""
    loaded = Loaded(case.model, "onnx", "onnx", ())
    options = Options(name="Case", binary_classification=False, static=case.static)
    try:
        program = pipeline.lower(loaded, options)
        context = emit.Context(case.name, prefix=f"{case.name}/", module=True)
        rendered = emit.render(planner.plan(program, options), options, context)
        report.files(loaded, program, b"", rendered.model, case.name, drawn=False)
        return rendered
    except Onnx2RustError as error:
        return f"{error.title}: {error.problems[0].what}"
    except Exception as error:  # any crash is a failure of this case, told with its place; the others still run
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"crash: {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"


def write(cases: list[Case]) -> dict[str, str]:
    """Writes the crate; returns the refusals."""
    results: dict[str, str] = {}
    shutil.rmtree(BUILD / "data", ignore_errors=True)
    accepted, tests = {}, {}
    with rust_tools.forking(), ProcessPoolExecutor(os.cpu_count()) as pool:
        lowered = list(pool.map(lower, cases, chunksize=8))
    for case, rendered in zip(cases, lowered, strict=True):
        if isinstance(rendered, str):
            results[case.name] = rendered
            continue
        try:
            _data(case)
        except (TypeError, ValueError, AttributeError) as error:
            results[case.name] = f"data cannot be stored: {error}"
            continue
        accepted[case.name] = rendered
        tests[case.name] = (
            f'\n#[test]\nfn conforms() {{\n    crate::judge("{case.name}", || {{\n'
            "        let model = CaseModel::new();\n        let mut ws = model.workspace();\n"
            f"        for set in 0..{len(case.data)} {{\n"
            f'            let (inputs, expected) = crate::data("{case.name}", set);\n'
            "            let inputs = ArrayInputs::read(&inputs, None).unwrap();\n"
            "            let outputs = inputs.predict(&model, &mut ws).unwrap().to_arrays();\n"
            f"            crate::check(&outputs, &expected, {case.rtol!r}, {case.atol!r});\n        }}\n    }});\n}}\n"
        )
    model_modules.write(BUILD, accepted, SUPPORT, tests)
    return results


def _data(case: Case) -> None:
    folder = BUILD / "data" / case.name
    folder.mkdir(parents=True, exist_ok=True)
    for k, (inputs, outputs) in enumerate(case.data):
        for kind, infos, arrays in (("in", case.model.graph.input, inputs), ("out", case.model.graph.output, outputs)):
            named: dict[str, np.ndarray[Any, Any]] = {}
            for info, content in zip(infos, arrays, strict=True):
                if info.type.HasField("optional_type"):
                    content = [] if content is None else [content]
                if isinstance(content, list):
                    named |= {f"{info.name}/{k}": _stored(item) for k, item in enumerate(content)}
                else:
                    named[info.name] = _stored(content)
            if any(a.dtype.kind not in "biufU" or a.dtype.name == "bfloat16" for a in flat(named).values()):
                raise TypeError("element type that .npz cannot hold")
            (folder / f"{kind}_{k}.npz").write_bytes(npz.encode(named))


def _stored(content: Any) -> np.ndarray[Any, Any]:
    """The array as a file has it: strings are objects in the official tests."""
    array = np.asarray(content)
    texts = array.dtype == object and all(isinstance(t, str) for t in array.ravel().tolist())
    return array.astype(np.str_) if texts else array


def run(cases: list[Case], log: Any = None) -> dict[str, str]:
    """Results by name: "" for a pass, else the reason."""
    BUILD.mkdir(parents=True, exist_ok=True)
    results = write(cases)
    modules = [c.name for c in cases if c.name not in results]
    environment = {**os.environ, "CONFORMANCE_DATA": str(BUILD / "data"), "CARGO_TERM_COLOR": "never"}
    environment["RUST_MIN_STACK"] = str(64 << 20)  # buffers of fixed size lie there
    while True:
        command = ["cargo", "test", "--lib", "--no-run", "--message-format=json"]
        built = subprocess.run(command, cwd=BUILD, env=environment, capture_output=True, text=True, check=False)
        if built.returncode == 0:
            break
        broken: dict[str, str] = {}
        for line in built.stdout.splitlines():
            message = json.loads(line) if line.startswith("{") else {}
            if message.get("reason") == "compiler-message" and message["message"]["level"] == "error":
                for span in message["message"]["spans"]:
                    parts = Path(span["file_name"]).parts
                    if len(parts) > 2 and parts[0] == "src":
                        broken.setdefault(parts[1], f"does not compile: {message['message']['message']}")
        if not broken:
            raise RuntimeError(built.stderr[-3000:])
        results |= broken
        modules = [m for m in modules if m not in broken]
        model_modules.declare(BUILD, modules, SUPPORT)
    subprocess.run(["cargo", "test", "--lib"], cwd=BUILD, env=environment, capture_output=True, check=False)
    for name in modules:
        path = BUILD / "data" / name / "verdict"
        verdict = path.read_text() if path.exists() else "did not run"
        results[name] = f"wrong: {verdict.splitlines()[0]}" if verdict else ""
    return results


LIST = Path(__file__).parent / "unsupported.txt"


def listed() -> dict[str, str]:
    """The cases that are known not to pass, with the reason."""
    lines = LIST.read_text().splitlines() if LIST.exists() else []
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


_HEAD = """\
# Official node tests that do not pass yet: name, then why. A listed pass fails the run, and so does an unlisted failure.
# Where a result is called wrong, onnxruntime computes the same: it and the test data disagree, and
# we follow it (test_conformance.py).
"""


def main() -> None:
    """`python tests/conformance/harness.py [PATTERN] [--update]`: prints what does not pass; `--update` rewrites the list."""
    arguments = [a for a in sys.argv[1:] if a != "--update"]
    chosen = cases(arguments[0] if arguments else "")
    results = run(chosen)
    failing = {n: r for n, r in sorted(results.items()) if r}
    for name, reason in failing.items():
        if arguments or reason.startswith(("wrong", "does not")):
            print(f"{name}: {reason[:300]}")
    print(f"{len(results) - len(failing)} passed, {len(failing)} failed")
    if "--update" in sys.argv:
        kept = {n: r for n, r in listed().items() if n not in results} | failing
        LIST.write_text(_HEAD + "".join(f"{n}: {r.splitlines()[0][:150]}\n" for n, r in sorted(kept.items())))
        print("`make docs` brings docs/OPERATORS.md up to date")


if __name__ == "__main__":
    main()

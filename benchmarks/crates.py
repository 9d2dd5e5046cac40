"""Generated crates for measurements: all models in one cargo workspace, each with a small server around it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx

from onnx2rust import emit
from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded
from onnx2rust.timing import server
from onnx2rust.verification.workspace import Workspace

BUILD = Path(__file__).resolve().parents[1] / "build" / "benchmarks"


def build(models: Mapping[str, Path], failed: dict[str, str]) -> dict[str, Path]:
    """Converts and builds all models in release mode; their servers. `failed` gets those that cannot be, with the reason."""
    workspace = Workspace(BUILD / "crates", profile=server.profile())
    members = {}
    with workspace.opened():
        for name, path in models.items():
            options = Options(name="Model", crate_name=workspace.next_name(), binary_classification=False)
            try:
                program = pipeline.lower(Loaded(onnx.load(path), "onnx", "onnx", ()), options)
                files, _ = server.files(program, options, emit.Context(name))
            except Onnx2RustError as reason:
                failed[name] = f"does not convert: {str(reason)[:300]}"
                continue
            members[name] = workspace.add(files)
        workspace.build()
        failed |= {name: f"does not compile: {workspace.broken[m]}" for name, m in members.items() if m in workspace.broken}
        return {name: workspace.executables[m] for name, m in members.items() if m in workspace.executables}

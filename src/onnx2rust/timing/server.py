"""A generated crate with a server beside it, so that it can be measured."""

from __future__ import annotations

from onnx2rust import emit
from onnx2rust.base.naming import Escaped
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.files.folders import Content
from onnx2rust.ir.program import Program, Step
from onnx2rust.plan import planner

PROGRAM = "src/main.rs"


def profile() -> str:
    """Cargo's profile of a generated crate: what is measured is what users build."""
    return "\n" + emit.fill("profiles.toml", {})


def files(program: Program, options: Options, context: emit.Context) -> tuple[dict[str, Content], tuple[Step, ...]]:
    """The crate's files, and the steps that it marks (`context.marked`) by their numbers."""
    rendered = emit.render(planner.plan(program, options), options, context)
    crate = pipeline.crate_files(rendered)
    values = {"crate": Escaped(rendered.crate), "model": Escaped(rendered.model), "marked": context.marked}
    crate[PROGRAM] = emit.fill("bench/server.rs", values).encode()
    if context.marked:
        crate["src/profile.rs"] = emit.fill("bench/profile.rs", {}).encode()
        crate["src/lib.rs"] = f"{rendered.files['src/lib.rs']}\n/// Where time goes.\npub mod profile;\n".encode()
    return crate, rendered.marks

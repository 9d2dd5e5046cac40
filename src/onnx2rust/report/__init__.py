"""What a conversion leaves for people: graph, architecture, picture, weights, the ONNX file itself."""

from __future__ import annotations

import json
from typing import Any

from onnx2rust import frontends
from onnx2rust.files import folders
from onnx2rust.files.folders import Content
from onnx2rust.ir.program import Program
from onnx2rust.report import architecture, picture
from onnx2rust.report.graph import computation_graph, graph


def files(
    loaded: frontends.Loaded, program: Program, weights: Content, title: str, source: str, *, drawn: bool = True
) -> dict[str, Content]:
    """The files of `saved_model_from_<kind>/` by name. `title` stands over the picture; unless
    `drawn`, the picture is laid out only."""
    of = graph(program)
    sketch = picture.sketch(program, of, title, folders.size(weights))
    found: dict[str, Content] = {
        "computation_graph.json": _json(computation_graph(of)),
        "model_architecture.json": _json(architecture.architecture(program, of, source)),
        "model_weights.npz": weights,
        "model.onnx": loaded.file,
    }
    return found | {"model_overview.png": picture.overview(sketch)} if drawn else found


def _json(content: dict[str, Any]) -> bytes:
    return (_indented(content, "") + "\n").encode()


def _indented(content: Any, indent: str) -> str:
    """JSON for people: one line a member, but lists of plain values (shapes, names) and shapes' lists on one line."""
    if isinstance(content, dict) and content:
        deeper = indent + "  "
        members = [f"{deeper}{json.dumps(k)}: {_indented(v, deeper)}" for k, v in content.items()]
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if isinstance(content, list) and any(isinstance(v, dict) for v in content):
        deeper = indent + "  "
        return "[\n" + ",\n".join(deeper + _indented(v, deeper) for v in content) + f"\n{indent}]"
    return json.dumps(content)

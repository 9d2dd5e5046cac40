"""What numbers in outputs stand for is told in every host's language, whatever the model calls it."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

import onnx2rust
from onnx2rust.base.options import Options

NAMES = ["cat", 'd"o\\g\n', "ß😀??/", "*/ {{ x }} ' # <b>"]
NUMBERS = [7, -(2**63), 2**63 - 1]


def model(path: Path) -> Path:
    """The place of the largest of each row, as a name, and of another input as a number."""
    nodes, outputs = [], []
    for kind, labels, typ in (("strings", NAMES, TensorProto.STRING), ("int64s", NUMBERS, TensorProto.INT64)):
        nodes.append(helper.make_node("ArgMax", [f"x_{kind}"], [f"place_{kind}"], axis=1, keepdims=0))
        encoder = helper.make_node("LabelEncoder", [f"place_{kind}"], [f"label_{kind}"], domain="ai.onnx.ml")
        attributes = {"keys_int64s": list(range(len(labels))), f"values_{kind}": labels, f"default_{kind[:-1]}": labels[0]}
        encoder.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        nodes.append(encoder)
        outputs.append(helper.make_tensor_value_info(f"label_{kind}", typ, ["n"]))
    inputs = [
        helper.make_tensor_value_info(f"x_{kind}", TensorProto.FLOAT, ["n", len(labels)])
        for kind, labels in (("strings", NAMES), ("int64s", NUMBERS))
    ]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", inputs, outputs), opset_imports=opsets, ir_version=8), path)
    return path


def written(kind: str, folder: Path) -> Path:
    """The shell of a host."""
    return onnx2rust.host(kind, model(folder / "m.onnx"), folder / kind, Options(name="labels")).shell


def test_python(tmp_path: Path) -> None:
    module = ast.parse((written("python", tmp_path) / "python" / "labels" / "__init__.py").read_text(encoding="utf-8"))
    found = {
        node.target.id: ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None
    }
    assert found == {"LABEL_STRINGS_NAMES": tuple(NAMES)}
    assert "; `LABEL_STRINGS_NAMES` has names" in str(ast.get_docstring(module))


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_c(tmp_path: Path) -> None:
    shell = written("c", tmp_path)
    program = tmp_path / "main.c"
    program.write_text(
        '#include <stdio.h>\n#include "labels.h"\n'
        "int main(void) { for (int k = 0; k < 4; k++) fwrite(labels_LABEL_STRINGS_NAMES[k], 1, "
        "__builtin_strlen(labels_LABEL_STRINGS_NAMES[k]) + 1, stdout); return 0; }\n"
    )
    for compiler in (["cc", "-std=c11"], ["c++", "-x", "c++"]):
        flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{shell / 'include'}"]
        subprocess.run([*compiler, *flags, str(program), "-o", str(tmp_path / "main")], check=True)
        said = subprocess.run([str(tmp_path / "main")], check=True, capture_output=True).stdout
        assert said.decode().split("\0")[:-1] == NAMES


def test_http(tmp_path: Path) -> None:
    text = (written("server", tmp_path) / "src" / "main.rs").read_text(encoding="utf-8")
    assert '            "label_strings": model::LabelsModel::LABEL_STRINGS_NAMES,\n' in text


def test_javascript(tmp_path: Path) -> None:
    text = (written("wasm", tmp_path) / "package" / "index.js").read_text(encoding="utf-8")
    if shutil.which("node") is None:
        pytest.skip("not installed: node")
    (tmp_path / "index.mjs").write_text(text, encoding="utf-8")
    script = f'import {{ OUTPUTS }} from "{tmp_path}/index.mjs"; console.log(JSON.stringify(OUTPUTS.map((o) => o.labels)))'
    said = subprocess.run(["node", "--input-type=module", "-e", script], check=True, capture_output=True).stdout
    assert json.loads(said)[0] == NAMES

"""Text that tries to leave the place it is put in, and a model that has it wherever a model can hold text."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CODE = "pub fn escaped() {}"
TEXTS = {
    "block comment end": f"x */ {CODE} /*",
    "block comment start": f"/* {CODE}",
    "newline": f"x\n{CODE}\n",
    "carriage return": f"x\r{CODE}",
    "CRLF": f"x\r\n{CODE}\r\n//",
    "vertical tab, form feed": f"x\v{CODE}\f{CODE}",
    "line separator": f"x\u2028{CODE}\u2029{CODE}\x85{CODE}",
    "double quote": f'x"; {CODE} //',
    "double quote and brackets": f'x"]); {CODE} //',
    "raw string end": f'"##; {CODE} //',
    "backslash": f'\\"; {CODE} //\\',
    "unicode escape": f"\\u{{22}}; {CODE}",
    "braces": f"{{}} }} }} {CODE} {{ {{",
    "format arguments": "{0} {escaped} {:?} {{}}",
    "template": "{{ 7 * 7 }}{% raw %}{# escaped",
    "doc-test fence": f"```\n{CODE}\n```",
    "tilde fence": f"~~~ rust\n{CODE}\n~~~",
    "indented code": f"\n\n        {CODE}\n\n",
    "attribute": f"#![allow(unsafe_code)] #[no_mangle] {CODE}",
    "HTML and links": "<script>escaped()</script> [a](javascript:escaped) ![b](x) <b> &lt;",
    "table": "| a | b |\n|---|---|\n| escaped |",
    "bidirectional controls": f"\u202e{CODE}\u202c \u2066x\u2069 \u200f",
    "zero width": "a\u200bb\u200d\ufeffc",
    "escape sequence": "\x1b[2J\x1b]0;escaped\x07\x7f",
    "TOML": '"\n[dependencies]\nescaped = "1"\n[patch.crates-io]\n',
    "TOML multi-line": "\"\"\"\nescaped = 1\n'''",
    "path": "../../escaped/../etc/passwd",
    "absolute path": "/tmp/escaped",
    "backslash path": "..\\..\\escaped",
    "include": '"; include!("/etc/passwd"); //',
    "shell": "$(touch escaped) `touch escaped` ; touch escaped &",
    "cargo": "cargo::rustc-env=ESCAPED=1\ncargo::rustc-link-arg=-escaped",
    "empty": "",
    "spaces": "   ",
    "only punctuation": "*/\"'`|~#<>[]{}()",
    "long": "escaped" * 1500,
    "digits": "0123",
    "non-ASCII": "été 名前 🦀 ß ﬁ",
    "combining": "e\u0301" * 30,
    "keyword self": "self",
    "keyword Self": "Self",
    "keyword crate": "crate",
    "keyword fn": "fn",
    "raw identifier": "r#fn",
    "underscore": "_",
    "type": "f32",
    "a name of ours": "Inputs",
}
LOCALS = [
    "inputs", "outputs", "ws", "workspace", "cpu", "l", "d", "s0", "size", "sizes", "samples", "sample", "rows", "row",
    "features", "model", "tensors", "shapes", "shape_0", "npz", "layers", "scratch", "new", "predict", "predict_from",
    "i_1", "keep_1", "copy_0", "predictions", "labels", "main", "data", "embedded", "weights", "open_size", "fmt",
    "argmax", "top_k", "input_len", "debug",
]  # fmt: skip
"""Names that generated code uses itself."""


def model(text: str) -> onnx.ModelProto:
    """y = relu(x · w + b) with `text` in every name, and in everything else that holds text.

    Inputs, outputs, sizes, nodes, weights, graph, domains, docstrings, producer, metadata; a second input and output go through
    untouched. Each name is the text with something of its own behind it, if it has to be unique.
    """

    def name(suffix: str) -> str:
        return text + suffix

    nodes = [
        helper.make_node("Gemm", [name(""), name("w"), name("b")], [name("h")], name=name(""), doc_string=text),
        helper.make_node("Relu", [name("h")], [name("y")], name=name("r"), doc_string=text),
        helper.make_node("Gemm", [name("y"), name("v")], [name("z")], name=name("w"), doc_string=text),
    ]
    shapes: list[int | str | None] = [name("n") or "n", 4]
    inputs = [
        helper.make_tensor_value_info(name(""), TensorProto.FLOAT, [name(""), 4], doc_string=text),
        helper.make_tensor_value_info(name("2"), TensorProto.FLOAT, shapes, doc_string=text),
    ]
    outputs = [
        helper.make_tensor_value_info(name("z"), TensorProto.FLOAT, [name(""), 3], doc_string=text),
        helper.make_tensor_value_info(name("2"), TensorProto.FLOAT, shapes, doc_string=text),
    ]
    if not text:
        # a tensor cannot have an empty name: it would mean "no input"
        nodes[0].input[0] = inputs[0].name = "\u200b"
    weights = [
        numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(4, 3) / 10 - 0.5, name("w")),
        numpy_helper.from_array(np.ones(3, np.float32), name("b")),
        numpy_helper.from_array(np.eye(3, dtype=np.float32), name("v")),
    ]
    for tensor in weights:
        tensor.doc_string = text
    graph = helper.make_graph(nodes, text or "g", inputs, outputs, weights, doc_string=text)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8, doc_string=text)
    made.producer_name = made.producer_version = made.domain = text
    entry = made.metadata_props.add()
    entry.key = entry.value = text
    return made

"""Whatever text goes in, what comes out is harmless in its place."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from typing import Any

import hostile
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onnx2rust.base import naming
from onnx2rust.base.naming import Names

KEYWORDS = [
    "as",
    "async",
    "await",
    "break",
    "const",
    "continue",
    "crate",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "fn",
    "for",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "match",
    "mod",
    "move",
    "mut",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "struct",
    "super",
    "trait",
    "true",
    "type",
    "unsafe",
    "use",
    "where",
    "while",
    "abstract",
    "become",
    "box",
    "do",
    "final",
    "macro",
    "override",
    "priv",
    "try",
    "typeof",
    "unsized",
    "virtual",
    "yield",
    "gen",
]
text = st.text() | st.sampled_from(sorted(hostile.TEXTS.values())) | st.sampled_from(KEYWORDS)
PRINTABLE = re.compile(r"[ -~]*")


def unescape(literal: str) -> str:
    """What a Rust string literal stands for."""
    assert literal[0] == literal[-1] == '"'
    return re.sub(r'\\(?:u\{([0-9a-f]+)\}|(["\\]))', lambda m: chr(int(m[1], 16)) if m[1] else m[2], literal[1:-1])


@given(text)
def test_identifiers(value: Any) -> None:
    for made in (naming.ident(value), naming.crate_name(value), naming.step_name(value, value)):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", made)
        assert made not in KEYWORDS
        assert "__" not in made
        assert len(made) <= naming.MAX_IDENT + 8


@given(text)
def test_type_names(value: Any) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", naming.type_name(value))
    assert naming.type_name(value) != "Self"


@pytest.mark.parametrize(
    ("value", "made"), [("MNIST", "MNIST"), ("my model", "MyModel"), ("self", "SelfModel"), ("resnet-50", "Resnet50")]
)
def test_type_names_that_are_good_stay(value: Any, made: Any) -> None:
    assert naming.type_name(value) == made


@given(text)
def test_comments_are_one_line_that_ends_nothing(value: Any) -> None:
    for made in (naming.comment(value), naming.code_span(value)):
        assert PRINTABLE.fullmatch(made)
        assert "*/" not in made
        assert "/*" not in made
    assert len(naming.comment(value)) <= 120


@given(text)
def test_code_in_docs_is_one_span_that_nothing_ends(value: Any) -> None:
    made = naming.code_span(value)
    assert re.fullmatch(r"`[^`|]+`", made)
    assert PRINTABLE.fullmatch(made)


@given(text)
@example("\\u{22}")
def test_string_literals_stand_for_the_text_itself(value: Any) -> None:
    made = naming.string(value)
    assert PRINTABLE.fullmatch(made)
    assert re.fullmatch(r'"(?:[^"\\]|\\["\\]|\\u\{[0-9a-f]{1,6}\})*"', made)
    assert unescape(made) == value


@given(text)
def test_strings_of_python_and_c_stand_for_the_text_itself(value: Any) -> None:
    literal = naming.py_string(value)
    assert ast.literal_eval(literal) == value
    assert PRINTABLE.fullmatch(literal)
    literal = naming.c_string(value)
    assert re.fullmatch(r'"(?:[ !#->@-\[\]-~]|\\[0-7]{3})*"', literal)
    data = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), literal[1:-1]).encode("latin-1")
    assert data == value.replace("\0", "?").encode("utf-8", "replace")


@given(text)
def test_toml_strings_are_one_value(value: Any) -> None:
    made = naming.toml_string(value)
    assert PRINTABLE.fullmatch(made)
    assert list(tomllib.loads(f"a = {made}")) == ["a"]
    assert json.loads(made) == "".join(c if " " <= c <= "~" else "?" for c in value)


@given(text)
def test_weight_names_stay_in_their_archive(value: Any) -> None:
    made = naming.weight_name(value)
    assert re.fullmatch(r"[A-Za-z0-9_.\-]+(/[A-Za-z0-9_.\-]+)*", made)
    assert not {"", ".", ".."} & set(made.split("/"))
    assert len(made) <= 100


@given(st.lists(st.sampled_from(["a", "a_2", "a_2_2", "b", "a_3"]), max_size=30))
def test_names_are_handed_out_once(wanted: Any) -> None:
    names = Names(["b"])
    made = [names.unique(w) for w in wanted]
    assert len({*made, "b"}) == len(made) + 1


def test_many_equal_names_take_no_time() -> None:
    names = Names()
    assert [names.unique("x") for _ in range(200_000)][-1] == "x_200000"


def test_templates_take_nothing_that_is_not_escaped() -> None:
    from onnx2rust.emit.templates import _environment

    template = _environment().from_string("{{ value }}")
    assert template.render(value=naming.string("x")) == '"x"'
    for value in ("x", naming.string("x") + "y", str(naming.ident("x")) + " "):
        with pytest.raises(TypeError, match="unescaped text in a template"):
            template.render(value=value)


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("/features/0/Conv_output_0", True),
        ("StatefulPartitionedCall/model/conv2d/BiasAdd;model/conv2d/Conv2D", True),
        ("serving_default_x:0", True),
        ("onnx::Conv_123", True),
        ("jit(main)/dot_general[dims=(0, 1)]", True),
        ("été 名前", True),
        ("../../x", False),
        ("x\n", False),
        ("a*b", False),
        ('a"b', False),
        ("\u202ex", False),
    ],
)
def test_what_a_framework_would_call_something(value: Any, is_one: Any) -> None:
    assert naming.is_name(value) is is_one
    assert (naming.ident(value, "fallback") == "fallback") is not is_one


def test_the_second_of_a_keyword_is_snake_case() -> None:
    names = Names()
    assert [names.unique(naming.ident("fn")) for _ in range(3)] == ["fn_", "fn_2", "fn_3"]


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("functional_1/multi_head_attention_1/attention_output/Add", "multi_head_attention_1_attention_output_add"),
        ("a" * 60, "a" * 48),
        ("encoder_" + "b" * 60, "b" * 48),
    ],
)
def test_what_is_too_long_loses_whole_words_from_the_front(value: Any, made: Any) -> None:
    assert naming.ident(value) == made


def test_a_crate_keeps_the_beginning_of_its_name() -> None:
    assert naming.crate_name("efficientnet_v2_small_imagenet_224_pretrained_on_everything") == (
        "efficientnet_v2_small_imagenet_224_pretrained_on"
    )


@pytest.mark.parametrize(
    ("node", "op", "path"),
    [
        ("a/b/Conv", "Conv", ("a", "b", "Conv")),
        ("", "Conv", ("Conv",)),
        ("/features/features.0/features.0.1/Conv", "Conv", ("features", "0", "1", "Conv")),
        ("node_MatMul_3882", "MatMul", ("MatMul",)),
        ("MatMul__12", "MatMul", ("MatMul",)),
        ("node_layer_norm_4", "LayerNormalization", ("node_layer_norm_4",)),
        ("block_1/Mat_Mul_3", "MatMul", ("block_1", "MatMul")),
        ("conv_1", "MatMul", ("conv_1",)),
    ],
)
def test_scopes_without_what_only_counts(node: Any, op: Any, path: Any) -> None:
    assert naming.scopes(node, op) == path


def _without_common(paths: Any) -> Any:
    common = naming.common_scopes(paths)
    return [naming.inside(path, common) for path in paths]


def test_scopes_that_all_have_say_nothing() -> None:
    paths = [("jit", "main", "layer_1", "Conv"), ("jit", "main", "layer_2", "Conv"), ("Cast",)]
    assert _without_common(paths) == [("layer_1", "Conv"), ("layer_2", "Conv"), ("Cast",)]
    # the innermost scope is a layer's name
    assert _without_common([("net", "Conv"), ("net", "Relu")]) == [("net", "Conv"), ("net", "Relu")]
    assert naming.common_scopes([]) == ()
    # what stands in the model's scope itself has none further in, and does not keep it
    layers = [("conv", "Conv"), ("norm", "Add"), ("dense", "MatMul"), ("Softmax",)]
    assert _without_common([("jit", "Net", *p) for p in layers]) == layers


def test_a_name_inside_other_scopes_loses_those_it_shares() -> None:
    common = ("jit", "net")
    assert naming.inside(("jit", "net", "dense", "kernel"), common) == ("dense", "kernel")
    assert naming.inside(("jit", "Const_0"), common) == ("Const_0",)
    assert naming.inside(("net", "Const_0"), common) == ("net", "Const_0")
    assert naming.inside(("jit", "net"), common) == ("net",)


def told_apart(*texts: Any) -> Any:
    return [str(name) for name in naming.told_apart(dict.fromkeys(texts, "step")).values()]


def test_long_names_keep_what_differs() -> None:
    """Cut from the front alone, both would be `attention_self_relative_position_bias_table`."""
    long = "swin/encoder/layers.0/blocks.{}/attention/self/relative_position_bias_table/Gather"
    first, second = told_apart(long.format(0), long.format(1))
    assert first == "blocks_0_relative_position_bias_table_gather"
    assert second == "blocks_1_relative_position_bias_table_gather"
    # where one has a word more, what stands between the words that they begin and end with
    end = "attention/self/relative_position_bias_table/Gather"
    assert told_apart(f"swin/encoder/down/{end}", f"swin/encoder/up/last/{end}") == [
        "down_self_relative_position_bias_table_gather",
        "up_last_self_relative_position_bias_table_gather",
    ]
    # alone, or different without their first words, they are cut as any other
    assert told_apart(long.format(0)) == [naming.ident(long.format(0))]
    assert told_apart("a" * 60, "_".join(["word"] * 20)) == ["a" * 48, naming.ident("_".join(["word"] * 20))]


@pytest.mark.parametrize(
    "text", ["", "{}", "\u5377\u79ef", "_" * 300, "a_" * 300, "1_" * 300, "../" * 200, "x" * 1000, 'b"; fn main() {}']
)
def test_names_told_apart_are_identifiers(text: Any) -> None:
    for name in told_apart(text, f"{text}1", f"{text}2"):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert len(name) <= naming.MAX_IDENT + 1

"""Every layer class mirrors its Rust struct: fields, sizes, methods, order of arguments, Results (`mirror.py`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mirror
import pytest
import rustdoc
from rustdoc import Struct, Type

from onnx2rust.ir.layer import Layer
from onnx2rust.layers.binary import Add
from onnx2rust.layers.conv import Conv
from onnx2rust.layers.recurrent import Lstm

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cls", mirror.layers(), ids=lambda cls: cls.__name__)
def test_a_layer_class_says_what_its_struct_says(cls: type[Layer]) -> None:
    assert mirror.of_class(cls, rustdoc.tf_layers()) == []


def _method(struct: Struct, name: str, **changes: object) -> Struct:
    return replace(struct, methods={**struct.methods, name: replace(struct.methods[name], **changes)})  # type: ignore[arg-type]


def _fields(struct: Struct, order: Callable[[list[str]], list[str]]) -> Struct:
    return replace(struct, fields={name: struct.fields[name] for name in order(list(struct.fields))})


def _argument(struct: Struct, place: int, name: str) -> Struct:
    arguments = struct.methods["run"].arguments
    return _method(struct, "run", arguments=(*arguments[:place], (name, arguments[place][1]), *arguments[place + 1 :]))


CONV, ADD, LSTM = "conv::Conv", "binary::Add", "recurrent::LstmInputs"
UNLIKE: dict[str, tuple[type[Layer], str, Callable[[Struct], Struct], str]] = {
    "two fields swapped": (Conv, CONV, lambda s: _fields(s, lambda f: [f[1], f[0], *f[2:]]), "fields ['input_channels'"),
    "a field of another type": (Conv, CONV, lambda s: replace(s, fields={**s.fields, "group": Type("f32")}), "field group: "),
    "no Option": (Conv, CONV, lambda s: replace(s, fields={**s.fields, "bias": s.fields["kernel"]}), "field bias: "),
    "no lifetime": (Conv, CONV, lambda s: replace(s, lifetimes=0), "it has 0 lifetimes"),
    "no Result": (Conv, CONV, lambda s: _method(s, "run", result=Type("()")), "`run` returns ()"),
    "no scratch": (Conv, CONV, lambda s: _method(s, "run", arguments=s.methods["run"].arguments[:-1]), "`run` takes "),
    "no length": (
        Conv,
        CONV,
        lambda s: replace(s, methods={"run": s.methods["run"]}),
        "it has no method `scratch_len`",
    ),
    "one method less": (Conv, CONV, lambda s: replace(s, methods={"run": s.methods["run"]}), "no method `run_adding_in_place`"),
    "an argument renamed": (Add, ADD, lambda s: _argument(s, 2, "b_shape"), "`run` calls a_shape b_shape"),
    "a size renamed": (Lstm, LSTM, lambda s: replace(s, fields={"time": Type("usize"), **s.fields}), "in recurrent::LstmInputs"),
    "no Default": (
        Lstm,
        LSTM,
        lambda s: replace(s, traits=frozenset()),
        "has optional fields and no Default",
    ),
}


@pytest.mark.parametrize("what", UNLIKE)
def test_what_is_unlike_is_named(what: str) -> None:
    cls, path, change, complaint = UNLIKE[what]
    crate = rustdoc.tf_layers()
    changed = replace(crate, structs={**crate.structs, path: change(crate.structs[path])})
    assert any(complaint in said for said in mirror.of_class(cls, changed)), mirror.of_class(cls, changed)


def test_a_toolchain_that_writes_another_format_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rustdoc, "_written", lambda folder: {"format_version": 99, "index": {}, "root": 0})
    with pytest.raises(rustdoc.UnknownFormatError, match=r"^rustdoc writes its JSON in format 99, read here are 45 to 59"):
        rustdoc.read(tmp_path)

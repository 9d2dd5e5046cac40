"""Blocks that are alike in all but their weights, as those of a transformer are: one method runs
them, and a struct holds the layers of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from onnx2rust.base.naming import Escaped, Names, ident, type_name
from onnx2rust.emit.code import Statement, members
from onnx2rust.emit.lines import Printer


@dataclass
class Kind:
    """What alike blocks have in common."""

    words: str
    """What the names of their scopes have in common."""
    blocks: list[tuple[str, ...]]
    """The layers and constants of each block, as its steps and weights are called, in the order they are first read."""
    lifetime: str
    """Of the struct, if it borrows weights."""
    members: tuple[Escaped, ...] = field(init=False)
    """What the fields of the struct are called."""
    struct: Escaped = field(init=False)
    array: Escaped = field(init=False)
    """The field of `Layers` that holds the blocks."""
    place: Escaped = field(init=False)
    """Which blocks they are."""

    def __post_init__(self) -> None:
        names, own = Names(), self.words.split("_")
        common = [_agreeing(of_one) for of_one in zip(*self.blocks, strict=True)]
        short = [words[len(own) :] if words[: len(own)] == own and len(words) > len(own) else words for words in common]
        begin = _begin(short)
        self.members = tuple(names.unique(ident("_".join(words[begin:]), "layer")) for words in short)

    def called(self, block: int) -> dict[str, Escaped]:
        """What a block's method calls the layers and constants."""
        return dict(zip(self.blocks[block], self.members, strict=True))

    def paths(self) -> dict[str, str]:
        """Where `Layers` holds the layers and constants of all blocks."""
        return {n: f"{self.array}[{k}].{f}" for k in range(len(self.blocks)) for n, f in self.called(k).items()}

    def name(self, structs: Callable[[str], Escaped], fields: Callable[[str], Escaped]) -> None:
        """Gives the struct and the array names that are free."""
        name = "_".join([*self.words.removesuffix("block").split("_"), "block"]).strip("_").replace("__", "_")
        self.struct, self.array = structs(type_name(name)), fields(ident(f"{name}s"))


def read(statements: Sequence[Statement]) -> tuple[str, ...]:
    """The layers and constants that the statements read, each once."""
    return tuple(dict.fromkeys(members(statements)))


def anonymous(printer: Printer, names: Sequence[str]) -> Printer:
    """A printer for lines that are compared: layers and constants have numbers instead of names."""
    return Printer(printer.sizes, {name: str(k) for k, name in enumerate(names)}, printer.functions)


def common_name(names: Sequence[str]) -> str:
    """The words that all the names have in common at the same places."""
    return "_".join(_agreeing(names))


def common_text(texts: Sequence[str]) -> str:
    """What the texts have in common, with `*` for what differs: `layer_0/query` and `layer_12/query` are `layer_*/query`."""
    pieces = [re.findall(r"\d+|[^\W\d_]+|.", text, re.DOTALL) for text in texts]
    if len(set(map(len, pieces))) == 1:
        return "".join(same[0] if len(set(same)) == 1 else "*" for same in zip(*pieces, strict=True))
    begin = _common(pieces)
    end = _common([of_one[begin:][::-1] for of_one in pieces])
    first = pieces[0]
    return "".join([*first[:begin], "*", *first[len(first) - end :]])


def _common(pieces: Sequence[Sequence[str]]) -> int:
    """How many pieces all begin with in common."""
    return next((k for k, same in enumerate(zip(*pieces, strict=False)) if len(set(same)) > 1), min(map(len, pieces)))


def _agreeing(names: Sequence[str]) -> list[str]:
    """The words that agree; numbers are no words if there are more of them in some names than in others."""
    words = [name.split("_") for name in names]
    if len(set(map(len, words))) > 1:
        words = [[w for w in of_one if not w.isdigit()] for of_one in words]
    return [same[0] for same in zip(*words, strict=False) if len(set(same)) == 1]


def _begin(names: Sequence[Sequence[str]]) -> int:
    """How many words the names begin with in common; every name keeps one."""
    most = min(map(len, names), default=1) - 1
    return next((k for k in range(max(0, most)) if len({name[k] for name in names}) > 1), max(0, most))

"""Everything that a model's text may become in a generated file goes through here, and nothing else does.

Model names, node names, docstrings and paths are hostile: each kind of place (Rust identifier, comment, string literal,
TOML value, crate name, weight name) has one function that maps *any* text to something harmless there.
"""

from __future__ import annotations

import json
import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

MAX_IDENT = 48
MAX_SCOPES = 12
_RUST_KEYWORDS = frozenset([
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut",
    "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "raw", "safe", "macro_rules", "bool", "char",
    "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64", "core",
    "std", "alloc", "test",
])  # fmt: skip


_C_RESERVED = frozenset([
    # keywords of C and C++ that no Rust keyword is
    "auto", "bool", "case", "char", "default", "double", "float", "goto", "inline", "int", "long", "register", "restrict",
    "short", "signed", "sizeof", "switch", "unsigned", "void", "volatile", "alignas", "alignof", "nullptr", "static_assert",
    "thread_local", "typeof_unqual", "and", "and_eq", "asm",
    "bitand", "bitor", "catch", "class", "compl", "concept", "consteval", "constexpr",
    "constinit", "const_cast", "co_await", "co_return", "co_yield", "decltype", "delete", "dynamic_cast", "explicit", "export",
    "friend", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "operator", "or", "or_eq", "private", "protected",
    "public", "reinterpret_cast", "requires", "static_cast", "template", "this", "throw", "typeid", "typename", "using",
    "wchar_t", "char8_t", "char16_t", "char32_t", "xor", "xor_eq",
    # what headers and compilers define as macros
    "complex", "imaginary", "noreturn", "errno", "stdin", "stdout", "stderr", "assert", "linux", "unix", "i386", "far", "near",
    "small", "interface", "pascal", "cdecl", "in", "out",
])  # fmt: skip


class Escaped(str):
    """Text that is safe where it was made for; the only kind of string that templates accept."""

    __slots__ = ()


def is_name(text: str) -> bool:
    """Whether a name may be recognisable in identifiers. What holds quotes, braces, control characters, paths upwards and the
    like is no name that a framework gives: it is not made to look like one."""
    if re.search(r"""["`{}*\\$#!<>|]|(?:^|/)\.\.(?:/|$)""", text):
        return False
    return text.isprintable() or not any(unicodedata.category(c) in _INVISIBLE for c in text)


_INVISIBLE = frozenset(["Cc", "Cf", "Cs", "Co", "Zl", "Zp"])


def ident(text: str, fallback: str = "value", *, keep_start: bool = False) -> Escaped:
    """A snake_case Rust identifier, ASCII, at most MAX_IDENT characters, never a keyword; `fallback` where `text` is no name.

    What is too long loses whole words: the first ones, because scopes come first and what differs
    stands last (`keep_start`: the last ones).
    """
    return _identifier(_shortened(_words(text, fallback), keep_start), fallback)


def c_ident(name: Escaped) -> Escaped:
    """A Rust identifier as one of C and C++: never a keyword of theirs, nor a macro of their headers."""
    return Escaped(f"{name}_" if name in _C_RESERVED else name)


def py_ident(name: Escaped) -> Escaped:
    """A Rust identifier as one of Python: never a keyword there."""
    return Escaped(f"{name}_" if keyword.iskeyword(name) else name)


def told_apart(fallbacks: Mapping[str, str]) -> dict[str, Escaped]:
    """`ident` for each of the texts, which are given with their fallbacks. Those that would be equal without their first words
    lose words that they agree in instead: what differs stays, a counter with its word."""
    words = {text: _words(text, fallback) for text, fallback in fallbacks.items()}
    cut: dict[str, list[str]] = {}
    for text, found in words.items():
        if len("_".join(found)) > MAX_IDENT:
            cut.setdefault(_shortened(found), []).append(text)
    for alike in cut.values():
        keep = _differing([words[text] for text in alike])
        for text, kept in zip(alike, keep, strict=True):
            words[text] = _without(words[text], kept)
    return {text: _identifier(_shortened(words[text]), fallback) for text, fallback in fallbacks.items()}


def _words(text: str, fallback: str) -> list[str]:
    text = text[:512] if is_name(text[:512]) else fallback
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    spaced = re.sub(r"([a-z0-9])([A-Z][a-z])", r"\1_\2", ascii_text)
    return [w for w in re.sub(r"[^A-Za-z0-9]+", "_", spaced).lower().split("_") if w]


def _identifier(words: str, fallback: str) -> Escaped:
    words = words or fallback
    if words[0].isdigit():
        words = f"n{words}"
    return Escaped(f"{words}_" if words in _RUST_KEYWORDS else words)


def _shortened(words: Sequence[str], keep_start: bool = False) -> str:
    """As many whole words as MAX_IDENT has room for; of a single long word, its beginning."""
    found, cut = list(words), False
    while len(found) > 1 and (len("_".join(found)) > MAX_IDENT or (cut and found[0].isdigit())):
        # a counter whose word is gone goes with it
        found.pop(-1 if keep_start else 0)
        cut = not keep_start
    return "_".join(found)[:MAX_IDENT].strip("_")


def _differing(names: Sequence[Sequence[str]]) -> list[set[int]]:
    """For each name the positions of the words that it does not share with all others; where one name has more words than
    another, what is behind the words they begin with and in front of those they end with."""
    begin = next((k for k, same in enumerate(zip(*names, strict=False)) if len(set(same)) > 1), min(map(len, names)))
    end = next((k for k, same in enumerate(zip(*map(reversed, names), strict=False)) if len(set(same)) > 1), 0)
    if len(set(map(len, names))) == 1:
        at = [k for k, same in enumerate(zip(*names, strict=True)) if len(set(same)) > 1]
        found = [set(at) for _ in names]
    else:
        found = [set(range(begin, len(name) - end)) for name in names]
    return [own | {k - 1 for k in own if name[k].isdigit()} for name, own in zip(names, found, strict=True)]


def _without(words: Sequence[str], kept: set[int]) -> list[str]:
    """The words without the first of those that may go: as many as are too much, and never the last one."""
    left = dict(enumerate(words))
    for position in range(len(words) - 1):
        counts = position > 0 and words[position].isdigit() and position - 1 not in left
        if position not in kept and (counts or len("_".join(left.values())) > MAX_IDENT):
            del left[position]
    return list(left.values())


def scopes(node_name: str, op: str) -> tuple[str, ...]:
    """The scopes that a node stands in, the outermost first, and what it is called there: `a/b/Conv` → (a, b, Conv).

    A scope that repeats the one around it (PyTorch: `features/features.0`) is said once, a counter
    behind the operator's name not at all.
    """
    node_name = node_name[:512] if is_name(node_name[:512]) else op
    parts = [p for p in re.split(r"[/:]+", node_name) if p] or [op]
    parts = [part.removeprefix(f"{before}.") for before, part in zip(["", *parts], parts, strict=False)]
    counted = re.fullmatch(r"(?:node_)?(.*?)_+\d+", parts[-1])
    if counted and counted[1].replace("_", "").lower() == op.lower():
        parts[-1] = op
    # a hostile name could have hundreds, for every node
    return (*parts[:MAX_SCOPES], "_".join(parts[MAX_SCOPES:])) if len(parts) > MAX_SCOPES else tuple(parts)


def common_scopes(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The outer scopes that all of the paths have: the model's own name, or what a framework calls its entry points. What stands
    in such a scope itself (a last softmax) does not keep it; most must have another scope left, or the scope is the only
    layer."""
    scoped = [p for p in paths if len(p) > 1]
    common: tuple[str, ...] = ()
    while True:
        inner = [p for p in scoped if len(p) > len(common) + 1]
        further = sum(len(p) > len(common) + 2 for p in inner)
        if not inner or len({p[len(common)] for p in inner}) > 1 or 4 * further < 3 * len(scoped):
            return common
        common = (*common, inner[0][len(common)])


def inside(path: tuple[str, ...], common: tuple[str, ...]) -> tuple[str, ...]:
    """The path without those of its outer scopes that say nothing because all have them."""
    outer = next((k for k, (scope, said) in enumerate(zip(path, common, strict=False)) if scope != said), len(common))
    return path[min(outer, len(path) - 1) :]


def step_name(node_name: str, op: str) -> Escaped:
    """An identifier for what a node does: its whole name, or its operator where it has none."""
    return ident("_".join(scopes(node_name, op)), fallback=ident(op, "step"))


def type_name(text: str) -> Escaped:
    """An UpperCamelCase Rust type name; text that already is one stays as it is (`MNIST` → `MNIST`)."""
    if re.fullmatch(r"[A-Z][A-Za-z0-9]{0,47}", text) and text != "Self":
        return Escaped(text)
    name = "".join(w[:1].upper() + w[1:] for w in ident(text, "model", keep_start=True).split("_") if w)
    return Escaped("SelfModel" if name == "Self" else name)


def sayable(*names: str | None) -> str:
    """The first of the names of which an identifier keeps something, else `Model`."""
    return next((n for n in names if n and any(c.isalnum() for c in unicodedata.normalize("NFKD", n) if c.isascii())), "Model")


def lost(text: str) -> str:
    """The letters and digits of a name that no identifier made of it can keep: those without an ASCII form."""
    return "".join(c for c in text if c.isalnum() and not unicodedata.normalize("NFKD", c).encode("ascii", "ignore"))


_CRATE_RESERVED = frozenset([
    "tf", "tf_layers", "allocation_counter", "bytemuck", "fearless_simd", "miniz_oxide", "proc_macro",
    "con", "prn", "aux", "nul",
])  # fmt: skip
"""The dependencies of a generated crate, and names that Windows keeps for devices."""


def crate_name(text: str) -> Escaped:
    """A Cargo package name (lowercase letters, digits, underscores; a valid Rust identifier)."""
    name = ident(text, "model", keep_start=True)
    return Escaped(f"{name}_model" if name in _CRATE_RESERVED else name)


INPUT_RESERVED = ("layers", "sizes")
"""What no field of `Inputs` is called: `ArrayInputs` has fields of its own beside those of the inputs."""
DOC_LOCALS = ("model", "workspace", "outputs")
"""Variables of the example in a crate's documentation."""


def comment(text: str, limit: int = 120) -> Escaped:
    """Text for inside a line comment: one line of printable ASCII, no comment ends."""
    visible = "".join(c if " " <= c <= "~" else "?" for c in text[: limit * 4])
    visible = " ".join(visible.replace("*/", "* /").replace("/*", "/ *").split())
    return Escaped(visible if len(visible) <= limit else visible[: limit - 1] + "~")


def code_span(text: str, limit: int = 120) -> Escaped:
    """Text as code inside of a doc comment or a markdown table, backticks included: nothing in it
    is markup, and nothing ends it."""
    return Escaped(f"`{re.sub(r'[`|]', '-', comment(text, limit)) or '-'}`")


def string(text: str) -> Escaped:
    """A Rust (and TOML basic, and JavaScript) string literal, quotes included: printable ASCII stands, all else is escaped."""
    out = []
    for c in text:
        if c in '"\\':
            out.append("\\" + c)
        elif " " <= c <= "~":
            out.append(c)
        else:
            out.append(f"\\u{{{ord(c):x}}}")
    return Escaped(f'"{"".join(out)}"')


def js_string(text: str) -> Escaped:
    """A string literal of JavaScript, TypeScript and JSON, quotes included: ASCII, and no markup where it stands in a page."""
    return Escaped(re.sub("[<>&\x7f]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text)))


def py_string(text: str) -> Escaped:
    """A string literal of Python, quotes included: printable ASCII stands, all else is escaped."""
    return Escaped(ascii(text))


def c_string(text: str) -> Escaped:
    """A string literal of C and C++, quotes included: the text in UTF-8, in octal what is no plain character. A NUL, which no
    string of C can hold, and half of a surrogate pair, which is no UTF-8, become `?`."""
    data = text.replace("\0", "?").encode("utf-8", "replace")
    plain = (chr(b) if 0x20 <= b < 0x7F and b not in b'"\\?' else f"\\{b:03o}" for b in data)
    return Escaped(f'"{"".join(plain)}"')


def c_int64(number: int) -> Escaped:
    """A number of 64 bits in C; the least one is no literal there."""
    return Escaped("INT64_MIN" if number == -(2**63) else f"INT64_C({number})")


def toml_string(text: str) -> Escaped:
    """A TOML basic string, quotes included."""
    return Escaped(json.dumps("".join(c if " " <= c <= "~" else "?" for c in text)))


_SCRIPT_ENDS = {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"}


def script_json(content: Any) -> Escaped:
    """JSON inside of an HTML `<script>`, of whatever Python has as a value of JSON: no text in it ends the script or begins a
    comment, and all of it is ASCII (U+2028 ends a line in older scripts). NaN and infinities, which JSON does not have, are
    refused with a ValueError."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Escaped(re.sub("[<>&]", lambda found: _SCRIPT_ENDS[found[0]], text))


def html(text: str, limit: int = 200) -> Escaped:
    """Text between tags of HTML, or in a quoted attribute: one line, without what a page does not show."""
    visible = "".join(c if c.isprintable() else "\ufffd" for c in text[:limit])
    return Escaped(escape(visible, quote=True))


def weight_name(text: str) -> str:
    """A member name for an .npz file: no path that leaves the archive, printable ASCII, at most 100 characters."""
    if not is_name(text[:512]):
        return "tensor"
    parts = [re.sub(r"[^A-Za-z0-9_.\-]+", "_", p)[:60] for p in text[:512].split("/")]
    parts = [p for p in parts if p.strip("._")]
    return "/".join(parts)[-100:].lstrip("/") or "tensor"


class Names:
    """Hands out each name once: the second `x` becomes `x_2`."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._last: dict[str, int] = {}

    def unique(self, *names: str) -> Escaped:
        """The first of `names` that is free, else the last with `_2`, `_3`… appended."""
        for name in names:
            if name not in self._taken:
                self._taken.add(name)
                return Escaped(name)
        # from where the last search for this name ended: many equal names must not cost the square of their number
        candidate, n = name, self._last.get(name, 1)
        while candidate in self._taken:
            n += 1
            # a keyword ends in _ already
            candidate = f"{name.removesuffix('_')}_{n}"
        self._last[name] = n
        self._taken.add(candidate)
        return Escaped(candidate)

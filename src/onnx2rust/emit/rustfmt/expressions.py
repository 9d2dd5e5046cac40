"""Expressions in lines, by rustfmt's rules (its `chains.rs`, `overflow.rs`, `lists.rs`, `pairs.rs`
and `expr.rs`, default configuration)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onnx2rust.emit.rustfmt.questions import ends_in_brackets, ends_with_block, may_overflow, nested_call, prefers_below, simple
from onnx2rust.emit.rustfmt.room import TAB, Shape, added, filled, first_width, fits, last_width, width
from onnx2rust.emit.rustfmt.syntax import Atom, Binary, Call, Cast, Closure, Expr, If, Index, Let, Link, Prefix, Repeat, Struct

CALL_WIDTH, ARRAY_WIDTH, CHAIN_WIDTH, STRUCT_WIDTH, IF_WIDTH, SHORT_ITEM = 60, 60, 60, 18, 50, 10
"""rustfmt's own limits: `fn_call_width`, `array_width`, `chain_width`, `struct_lit_width`, `single_line_if_else_max_width`,
`short_array_element_width_threshold`."""


class Lines:
    """Writes expressions; `block` writes the statements of a block on lines of a shape."""

    def __init__(self, block: Callable[[tuple[int, int], Shape], str], single: Callable[[tuple[int, int]], Expr | None]) -> None:
        self._block, self._single = block, single
        self._known: dict[tuple[Expr, Shape], str | None] = {}

    def write(self, value: Expr, shape: Shape) -> str | None:
        """The expression, None if it has no room."""
        if shape.width < 0:
            return None
        key = (value, shape)
        if key not in self._known:
            self._known[key] = self._written(value, shape)
        return self._known[key]

    def _written(self, value: Expr, shape: Shape) -> str | None:
        match value:
            case Atom(text):
                return text if len(text) <= shape.width else None
            case Call(callee, arguments, brackets):
                within = shape._replace(in_macro=brackets == "()") if callee.endswith("!") else shape
                return self._call(callee, arguments, within, brackets)
            case Link():
                return self._chain(value, shape)
            case Index():
                return self._index(value, shape)
            case Prefix(sign, of):
                return added(sign, self.write(of, shape.left(len(sign))))
            case Binary():
                return self._binary(value, shape)
            case Cast(of, type_):
                inner_text = self.write(of, shape.less(len(type_) + 4))
                return None if inner_text is None else f"{inner_text} as {type_}"
            case Repeat(name, of, count):
                parts = self.write(of, shape), self.write(count, shape)
                text = f"{name}[{parts[0]}; {parts[1]}]"
                return text if None not in parts and len(text) <= shape.width and "\n" not in text else None
            case Struct():
                return self._struct(value, shape)
            case Closure():
                return self._closure(value, shape)
            case If():
                return self.condition(value, shape, statement=False)
            case Let(pattern, of):
                head = f"let {pattern} = "
                return added(head, self.write(of, shape.left(len(head))))
        raise AssertionError(value)

    # -- lists -------------------------------------------------------------------------------------------------------

    def _call(self, callee: str, arguments: Sequence[Expr], shape: Shape, brackets: str = "()") -> str | None:
        """`overflow.rs`: on one line, with the last argument's end on other lines, or one argument a line."""
        if not callee and brackets == "()" and len(arguments) == 1:
            inner = self.write(arguments[0], shape.left(1).less(1))
            return None if inner is None else f"({inner})"
        limit = CALL_WIDTH if brackets == "()" else ARRAY_WIDTH
        used = len(callee)
        one_line = max(0, shape.width - used - 2)
        one_line_shape = shape.left(used + 1).less(1)
        if one_line_shape.width < 0:
            one_line_shape = shape._replace(width=0)
        nested = shape.nested.less(1)
        items = [self.write(a, nested) for a in arguments]
        if not items:
            return f"{callee}{brackets}"
        tactic, placed = self._tactic(callee, arguments, items, one_line, one_line_shape, nested, limit)
        if placed is None or None in placed:
            return None
        texts = [t for t in placed if t is not None]
        if tactic == "horizontal":
            text = ", ".join(texts)
            if first_width(text) + 1 <= shape.width - used:
                return f"{callee}{brackets[0]}{text}{brackets[1]}"
            text += "" if shape.in_macro else ","
        elif tactic == "vertical":
            text = f",{nested.newline}".join(texts) + ("" if shape.in_macro else ",")
        else:
            text = filled(texts, nested).removesuffix("," * shape.in_macro)
        return f"{callee}{brackets[0]}{nested.newline}{text}{shape.newline}{brackets[1]}"

    def _tactic(
        self,
        callee: str,
        arguments: Sequence[Expr],
        items: list[str | None],
        one_line: int,
        one_line_shape: Shape,
        nested: Shape,
        limit: int,
    ) -> tuple[str, list[str | None]]:
        last = arguments[-1]
        combine = len(arguments) == 1 and len(callee) < TAB
        overflow = combine or may_overflow(last, len(arguments))
        placed = list(items)
        overflowed = None
        if overflow:
            chain = one_line_shape.one_line_chain or (not combine and isinstance(last, Link) and last.arguments is not None)
            overflowed = self._overflowed(arguments, items, one_line_shape._replace(one_line_chain=chain), limit)
        if overflowed is not None:
            placed[-1] = overflowed.split("\n", 1)[0]
        tactic = "horizontal" if width(placed) <= min(one_line, limit) else "vertical"
        if overflow and tactic == "horizontal" and overflowed is not None:
            placed[-1] = overflowed
            if len(arguments) == 1 and overflowed.count("\n") == 1:
                again = self.write(last, nested)
                if again is not None and "\n" not in again:
                    placed[-1] = again
            return tactic, placed
        placed = list(items)
        if len(placed) == 1 and one_line and placed[0] is not None and "\n" not in placed[0] and len(placed[0]) <= one_line:
            return "horizontal", placed
        if width(placed) <= min(one_line, limit):
            return "horizontal", placed
        if all(map(simple, arguments)) and all(t is not None and len(t) <= SHORT_ITEM for t in placed):
            return "mixed", placed
        return "vertical", placed

    def _overflowed(self, arguments: Sequence[Expr], items: list[str | None], shape: Shape, limit: int) -> str | None:
        """The last argument behind the others."""
        if len(arguments) > 1 or nested_call(arguments[0]):
            if None in items[:-1]:
                return None
            shape = shape._replace(width=min(limit, shape.width)).left(sum(2 + len(t or "") for t in items[:-1]))
        return self.write(arguments[-1], shape)

    def _struct(self, value: Struct, shape: Shape) -> str | None:
        """A struct literal or pattern; rustfmt does not count the rest when it chooses between one line and several."""
        if not value.fields and value.rest is None:
            return f"{value.name} {{ .. }}" if value.pattern_rest else f"{value.name} {{}}"
        nested = shape.nested
        items: list[str | None] = []
        for name, field in value.fields:
            if field is None:
                items.append(name)
                continue
            head = f"{name}: "
            text = added(head, self.write(field, nested.less(1).left(len(head))))
            items.append(text or added(f"{name}:{nested.nested.newline}", self.write(field, nested.nested)))
        if value.rest is not None:
            items.append(added("..", self.write(value.rest, nested.less(2))))
        if None in items:
            return None
        texts = [t for t in items if t is not None]
        suffix = 2 + 4 * value.pattern_rest
        one_line = max(0, min(shape.width - len(value.name) - 3 - suffix, STRUCT_WIDTH))
        several = width(items) > one_line
        text = f",{nested.newline}".join(texts) if several else ", ".join(texts)
        if value.pattern_rest:
            text += f",{nested.newline}.." if several else ", .."
        elif several and value.rest is None and not shape.in_macro:
            text += ","
        if "\n" in text or len(text) > one_line:
            return f"{value.name} {{{nested.newline}{text}{shape.newline}}}"
        return f"{value.name} {{ {text} }}"

    # -- chains ------------------------------------------------------------------------------------------------------

    def _chain(self, value: Link, shape: Shape) -> str | None:
        """`chains.rs`: on one line if it is short, else with its last call broken, or a line for each call."""
        links: list[tuple[str, tuple[Expr, ...] | None, int]] = []
        root: Expr = value
        tries = 0
        while isinstance(root, Link):
            if root.name:
                links.append((f".{root.name}", root.arguments, tries))
                tries = 0
            else:
                tries += 1
            root = root.of
        links.reverse()
        text = self.write(root, shape.less(tries))
        if text is None:
            return None
        text += "?" * tries
        count = len(links)
        if not links:
            return text
        extendable = ends_with_block(root, text)
        while len(text) <= TAB - shape.offset and "\n" not in text and links:
            more = self._link(links[0], shape.left(len(text)))
            if more is None:
                break
            text += more
            extendable = ends_in_brackets(text)
            links.pop(0)
        if not links:
            return text if fits(text, shape) else None
        child = shape.line(shape.indent) if extendable else shape.nested
        parts = [text]
        for link in links[:-1]:
            part = self._link(link, child)
            if part is None:
                return None
            parts.append(part)
        last, single = self._last(links[-1], parts, count, extendable, shape, child)
        if last is None or (not single and shape.one_line_chain):
            return None
        result = ("" if single else child.newline).join([*parts, last])
        return result if fits(result, shape) else None

    def _last(
        self,
        link: tuple[str, tuple[Expr, ...] | None, int],
        parts: list[str],
        count: int,
        may_extend: bool,
        shape: Shape,
        child: Shape,
    ) -> tuple[str | None, bool]:
        """The last link, and whether all stands on one line up to where it breaks."""
        tries = link[2]
        extendable = may_extend and ends_in_brackets(parts[0])
        almost = (last_width(parts[0]) if extendable else sum(map(len, parts))) + tries
        budget = max(0, (shape.width if count == 1 else min(shape.width, CHAIN_WIDTH)) - almost)
        one_line = all("\n" not in p for p in parts) and budget > 0
        below = child.less(shape.behind + tries)
        if one_line or extendable:
            room = (shape.less(tries) if one_line else below).left(almost)
            text = self._link(link, room) if room.width >= 0 else None
            if text is not None:
                height = text.count("\n") + 1
                could = first_width(text) <= budget
                if could and height >= 5:
                    return text, one_line
                again = self._link(link, below)
                if again is not None and (not could or again.count("\n") + 1 < height):
                    return again, False
                return text, could and one_line
        return self._link(link, shape.less(tries) if one_line else below), False

    def _link(self, link: tuple[str, tuple[Expr, ...] | None, int], shape: Shape) -> str | None:
        name, arguments, tries = link
        shape = shape.less(tries)
        if shape.width < 0:
            return None
        text = name if arguments is None else self._call(name, arguments, shape)
        return None if text is None else text + "?" * tries

    # -- operators ---------------------------------------------------------------------------------------------------

    def _index(self, value: Index, shape: Shape) -> str | None:
        text = self.write(value.of, shape)
        if text is None:
            return None
        offset = last_width(text) + 1
        room = shape.line(shape.indent).left(offset).less(1 + shape.behind)
        one = self.write(value.index, room if "\n" in text else shape.left(offset).less(1))
        if one is not None and "\n" not in one:
            return f"{text}[{one}]"
        nested = shape.nested
        other = self.write(value.index, nested.left(1).less(1 + shape.behind))
        if other is not None and ("\n" not in other or one is None):
            return f"{text}{nested.newline}[{other}]"
        return None if one is None else f"{text}[{one}]"

    def _binary(self, value: Binary, shape: Shape) -> str | None:
        if value.signs[0] in ("..", "..="):
            left = self.write(value.operands[0], shape.less(2))
            right = None if left is None else self.write(value.operands[1], shape.left(len(left) + len(value.signs[0])))
            return None if right is None else f"{left}{value.signs[0]}{right}"
        one = self._one_line(value, shape)
        if one is not None:
            return one
        nested = shape.nested.less(shape.behind)
        text = self.write(value.operands[0], shape)
        for sign, operand in zip(value.signs, value.operands[1:], strict=True):
            if text is not None and last_width(text) + ("\n" not in text) * (shape.indent + shape.offset) <= nested.indent:
                # a line of almost nothing
                short = self.write(operand, shape.left(len(sign) + 2 + len(text.rsplit("\n", 1)[-1].strip())))
                if short is not None:
                    text = f"{text} {sign} {short}"
                    continue
            more = self.write(operand, nested.left(len(sign) + 1))
            if more is None or text is None:
                return None
            text += f"{nested.newline}{sign} {more}"
        return text

    def _one_line(self, value: Binary, shape: Shape) -> str | None:
        text = ""
        for k, operand in enumerate(value.operands):
            part = self.write(operand, shape.left(len(text)))
            last = k == len(value.operands) - 1
            if part is None or (
                "\n" in part and not (last and first_width(part) < len(part) and part.split("\n")[0].endswith("{"))
            ):
                return None
            text += part
            if not last:
                text += f" {value.signs[k]} "
        return text if first_width(text) <= shape.width else None

    def _closure(self, value: Closure, shape: Shape) -> str | None:
        head = f"{value.head} "
        body = self.write(value.body, shape.left(len(head)))
        if body is not None and ("\n" not in body or isinstance(value.body, Struct)):
            return head + body
        inside = self.write(value.body, shape.nested)
        return None if inside is None else f"{head}{{{shape.nested.newline}{inside}{shape.newline}}}"

    def condition(self, value: If, shape: Shape, statement: bool = True) -> str | None:
        """`if`, on one line where it is a short value."""
        condition = self.write(value.condition, shape.left(3).less(2))
        if condition is None or "\n" in condition:
            return None
        parts = [self._single(value.then), None if value.other is None else self._single(value.other)]
        if not statement and None not in parts:
            texts = [self.write(p, shape) for p in parts if p is not None]
            text = f"if {condition} {{ {texts[0]} }} else {{ {texts[1]} }}"
            if len(text) <= min(shape.width, IF_WIDTH) and None not in texts and "\n" not in text:
                return text
        text = f"if {condition} {{{self._block(value.then, shape.nested)}{shape.newline}}}"
        if value.other is None:
            return text
        return f"{text} else {{{self._block(value.other, shape.nested)}{shape.newline}}}"

    def assigned(self, head: str, value: Expr, shape: Shape) -> str | None:
        """`head value`: on the same line, or below where that reads better; `head` ends in `=`."""
        used = last_width(head) - (shape.indent if "\n" in head else 0)
        room = shape.left(used + 1)
        one = self.write(value, room)
        if one is not None and "\n" not in one and len(one) <= room.width:
            return f"{head} {one}"
        below = shape.nested.less(shape.behind)
        other = self.write(value, below)
        if other is not None and (one is None or (fits(other, below) and prefers_below(one, other))):
            return f"{head}{below.newline}{other}"
        return None if one is None else f"{head} {one}"

"""The lines of a placed graph: from rank to rank, past the ranks that do not use them, and from one column to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onnx2rust.report import layout as plane
from onnx2rust.report.layout import Item, Layout

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A piece of the way from the box `source`: a curve from the first point to the last (`curved`), or straight lines. It
    `skips` if it leads past ranks; where it ends in a box, an arrow's tip is at `tip`."""

    source: int
    points: tuple[Point, ...]
    curved: bool
    skips: bool
    tip: Point | None = None


def lines(placed: Layout) -> Iterator[Line]:
    """All lines, those of one rank after those of the rank above."""
    for rank in placed.ranks:
        for item in rank:
            for target in item.below:
                yield from _to(placed, item, target)
            if not item.lines:
                yield Line(item.key, ((item.x, item.y), (item.x, placed.rank_bottom(item.rank))), False, True)


def _to(placed: Layout, item: Item, target: Item) -> Iterator[Line]:
    skips = not item.lines or not target.lines
    x = _port(target, item)
    start = (item.x, placed.rank_bottom(item.rank))
    if item.lines:
        yield Line(item.key, ((item.x, item.y + item.height), start), False, skips)
    end = (x, target.y - 7 if target.lines else target.y)
    tip = (x, target.y) if target.lines else None
    if item.column == target.column:
        yield Line(item.key, (start, end), abs(start[0] - end[0]) >= 1, skips, tip)
    else:
        yield Line(item.key, tuple(_around(placed, item, start, end)), False, skips, tip)


def _port(target: Item, source: Item) -> float:
    """Where on the target's upper side the source arrives: side by side in the order they come."""
    count = len(target.above)
    if not target.lines or count == 1:
        return target.x
    order = sorted(target.above, key=lambda i: (i.column, i.x))
    step = min(24.0, (target.width - 40) / (count - 1))
    return target.x + (order.index(source) - (count - 1) / 2) * step


def _around(placed: Layout, item: Item, start: Point, end: Point) -> list[Point]:
    """From the foot of one column to the head of the next; each source has a track of its own."""
    leaving = sorted({i.key: i.x for i in placed.ranks[item.rank] if i.below}.items(), key=lambda p: -p[1])
    track = [key for key, _ in leaving].index(item.key)
    _, right, _, bottom = placed.columns[item.column]
    top = placed.columns[item.column + 1][2]
    y = max(bottom, start[1]) + (track + 1) * plane.TRACK
    x = right + plane.COLUMN_GAP / 2 + track * plane.TRACK
    high = top - 14 - (len(leaving) - 1 - track) * plane.TRACK
    return [start, (start[0], y), (x, y), (x, high), (end[0], high), end]


def bent(line: Line) -> Sequence[Point]:
    """The line's points; of a curve, as many as make it look round."""
    if not line.curved:
        return line.points
    start, end = line.points
    middle = (start[1] + end[1]) / 2
    points = []
    for k in range(17):
        t = k / 16
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        points.append(((a + b) * start[0] + (c + d) * end[0], a * start[1] + (b + c) * middle + d * end[1]))
    return points

"""Where the boxes of a graph go: layered from top to bottom, wrapped into columns where that gets too high.

The usual four steps (Sugiyama, Tagawa and Toda 1981), each deterministic:
1. *rank*: every box below all that feed it, no rank wider than a page; inputs as low as they can be;
2. *lanes*: what a rank does not use passes it in a lane of its own, one per source: lines never cross boxes;
3. *order*: boxes and lanes move to the mean position of their neighbours, down and up; the order with fewest
   crossings stays;
4. *place*: as near to the neighbours as the order and the widths allow (isotonic regression, exact for one rank).
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

BOX_WIDTH, LANE_WIDTH, GAP, LANE_GAP = 244, 12, 20, 2
RANK_GAP, LINE_HEIGHT, BOX_PADDING = 30, 17, 8
MAX_WIDTH = 3600
COLUMN_GAP, TRACK = 44, 8
SWEEPS = 12
PULL = 12.0
"""How much more a box counts than a lane where another box is placed, and a lane than a box for a lane."""


@dataclass(eq=False)
class Item:
    """A box (`lines` > 0 lines of text) or a lane past it (`lines` = 0); `x` is its centre, `y` its top."""

    key: int
    lines: int
    rank: int = 0
    above: list[Item] = field(default_factory=list)
    below: list[Item] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0
    column: int = 0

    @property
    def width(self) -> int:
        """Its width in pixels."""
        return BOX_WIDTH if self.lines else LANE_WIDTH

    @property
    def height(self) -> int:
        """Its height in pixels; a lane's is that of its rank."""
        return self.lines * LINE_HEIGHT + 2 * BOX_PADDING if self.lines else 0


@dataclass(eq=False)
class Layout:
    """Boxes by their number, ranks of boxes and lanes, extents of columns (left, right, top, bottom)."""

    boxes: list[Item]
    ranks: list[list[Item]]
    columns: list[tuple[float, float, float, float]]
    width: float
    height: float

    def shift(self, by: float) -> None:
        """Moves everything to the right."""
        for rank in self.ranks:
            for item in rank:
                item.x += by
        self.columns = [(left + by, right + by, top, bottom) for left, right, top, bottom in self.columns]

    def rank_bottom(self, rank: int) -> float:
        """The y below which no box of the rank reaches."""
        return max(i.y + i.height for i in self.ranks[rank])


def arrange(lines: Sequence[int], edges: Sequence[tuple[int, int]]) -> Layout:
    """One column of boxes with the given numbers of text lines; `edges` lead from earlier boxes to later ones."""
    return place(ordered(lines, edges), math.inf)


def ordered(lines: Sequence[int], edges: Sequence[tuple[int, int]]) -> Layout:
    """The same without places. `width` is that of the widest rank, `height` that of all ranks."""
    boxes = [Item(k, n) for k, n in enumerate(lines)]
    _rank(boxes, edges)
    ranks = _with_lanes(boxes, edges)
    _order(ranks)
    width = max((sum(item.width + GAP for item in rank) for rank in ranks), default=0)
    return Layout(boxes, ranks, [], width, sum(map(_rank_height, ranks)))


def _rank(boxes: list[Item], edges: Sequence[tuple[int, int]]) -> None:
    sources: list[list[int]] = [[] for _ in boxes]
    targets: list[list[int]] = [[] for _ in boxes]
    for a, b in edges:
        sources[b].append(a)
        targets[a].append(b)
    room = max(1, MAX_WIDTH // (BOX_WIDTH + GAP))
    used = Counter[int]()
    for k, box in enumerate(boxes):
        box.rank = max((boxes[a].rank + 1 for a in sources[k]), default=0)
        while used[box.rank] >= room:
            box.rank += 1
        used[box.rank] += 1
    for k in reversed(range(len(boxes))):
        # what nothing feeds comes down to where it is used
        if targets[k] and not sources[k]:
            rank, wanted = boxes[k].rank, min(boxes[b].rank for b in targets[k]) - 1
            while wanted > rank and used[wanted] >= room:
                wanted -= 1
            used[rank] -= 1
            used[wanted] += 1
            boxes[k].rank = wanted
    present = {rank: position for position, rank in enumerate(sorted({b.rank for b in boxes}))}
    for box in boxes:
        box.rank = present[box.rank]


def _with_lanes(boxes: list[Item], edges: Sequence[tuple[int, int]]) -> list[list[Item]]:
    ranks: list[list[Item]] = [[] for _ in range(max((b.rank for b in boxes), default=-1) + 1)]
    for box in boxes:
        ranks[box.rank].append(box)
    targets: dict[int, list[Item]] = {}
    for a, b in edges:
        targets.setdefault(a, []).append(boxes[b])
    for a, found in targets.items():
        item = boxes[a]
        for rank in range(boxes[a].rank + 1, max(b.rank for b in found) + 1):
            here = [b for b in found if b.rank == rank]
            for box in here:
                _join(item, box)
            if any(b.rank > rank for b in found):
                lane = Item(a, 0, rank)
                ranks[rank].append(lane)
                _join(item, lane)
                item = lane
    return ranks


def _join(above: Item, below: Item) -> None:
    above.below.append(below)
    below.above.append(above)


def _order(ranks: list[list[Item]]) -> None:
    best, fewest = [list(r) for r in ranks], _crossings(ranks)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for index in range(1, len(ranks)) if down else range(len(ranks) - 2, -1, -1):
            near = ranks[index - 1 if down else index + 1]
            position = {item: k for k, item in enumerate(near)}
            wanted: dict[Item, float] = {}
            for k, item in enumerate(ranks[index]):
                around = [position[n] for n in (item.above if down else item.below)]
                wanted[item] = sum(around) / len(around) if around else float(k)
            ranks[index].sort(key=wanted.__getitem__)
        count = _crossings(ranks)
        if count < fewest:
            best, fewest = [list(r) for r in ranks], count
        if not fewest:
            break
    ranks[:] = best


def _crossings(ranks: list[list[Item]]) -> int:
    total = 0
    for above, below in itertools.pairwise(ranks):
        position = {item: k for k, item in enumerate(below)}
        seen: list[int] = []
        for item in above:
            ends = sorted(position[b] for b in item.below)
            total += sum(len(seen) - bisect_right(seen, e) for e in ends)
            for end in ends:
                insort(seen, end)
    return total


def place(layout: Layout, max_height: float) -> Layout:
    """The same arrangement in columns of about `max_height`; moves its boxes and lanes there."""
    boxes, ranks = layout.boxes, layout.ranks
    heights = [_rank_height(rank) for rank in ranks]
    columns: list[tuple[float, float, float, float]] = []
    left = 0.0
    tallest = 0.0
    groups = _breaks(ranks, heights, max_height)
    for number, (first, last) in enumerate(groups):
        part = ranks[first:last]
        _place(part)
        arriving = len({i.key for i in ranks[first - 1] if i.below}) if number else 0
        low = min(i.x - i.width / 2 for rank in part for i in rank)
        high = max(i.x + i.width / 2 for rank in part for i in rank)
        y = top = float(arriving * TRACK)
        for rank, height in zip(part, heights[first:last], strict=True):
            for item in rank:
                item.x += left - low
                item.y = y
                item.column = number
            y += height
        columns.append((left, left + high - low, top, y - RANK_GAP))
        leaving = len({i.key for i in part[-1] if i.below}) if last < len(ranks) else 0
        tallest = max(tallest, y - RANK_GAP + (leaving + 1) * TRACK)
        left += high - low + COLUMN_GAP + leaving * TRACK
    return Layout(boxes, ranks, columns, max((c[1] for c in columns), default=0.0), tallest)


def _rank_height(rank: list[Item]) -> int:
    return max(item.height for item in rank) + RANK_GAP


def _breaks(ranks: list[list[Item]], heights: list[int], max_height: float) -> list[tuple[int, int]]:
    """Cuts into columns of nearly equal height, where few lines have to cross from one to the next."""
    count = max(1, math.ceil(sum(heights) / max_height))
    groups: list[tuple[int, int]] = []
    first = 0
    while first < len(ranks):
        total, last = 0.0, first
        left = max(1, count - len(groups))
        target = sum(heights[first:]) / left * (1.06 if left > 1 else 1)
        while last < len(ranks) and (last == first or total + heights[last] <= target):
            total += heights[last]
            last += 1
        if last < len(ranks):
            # look back over a tenth of the column for a narrow place
            back = range(max(first + 1, last - max(1, (last - first) // 10)), last + 1)
            last = min(back, key=lambda k: (len({i.key for i in ranks[k - 1] if i.below}), -k))
        groups.append((first, last))
        first = last
    return groups


def _place(ranks: list[list[Item]]) -> None:
    inside = {item for rank in ranks for item in rank}
    for rank in ranks:
        start = offsets([item.width for item in rank])
        for item, x in zip(rank, start, strict=True):
            item.x = x - start[-1] / 2
    for sweep in range(SWEEPS * 2):
        for rank in ranks if sweep % 2 == 0 else reversed(ranks):
            wanted, weights = [], []
            for item in rank:
                around = [n for n in (item.above if sweep % 2 == 0 else item.below) if n in inside]
                around = around or [n for n in (*item.above, *item.below) if n in inside]
                # a lane follows the lane it continues, a box the boxes: the main path is straight, what skips stands aside
                pulls = [PULL if bool(n.lines) is bool(item.lines) else 1.0 for n in around]
                total = sum(n.x * p for n, p in zip(around, pulls, strict=True))
                wanted.append(total / sum(pulls) if around else item.x)
                weights.append(PULL if around and (item.lines or PULL in pulls) else 0.5)
            for item, x in zip(rank, spread(wanted, weights, [i.width for i in rank]), strict=True):
                item.x = x


def spread(wanted: Sequence[float], weights: Sequence[float], widths: Sequence[int]) -> list[float]:
    """Centres in order, not overlapping, at the least weighted squared distance from where they want to be."""
    distances = offsets(widths)
    blocks: list[tuple[float, float, int]] = []  # (mean, weight, count): pool adjacent violators
    for want, weight, offset in zip(wanted, weights, distances, strict=True):
        mean, total, count = want - offset, weight, 1
        while blocks and blocks[-1][0] > mean:
            other, more, n = blocks.pop()
            mean = (mean * total + other * more) / (total + more)
            total, count = total + more, count + n
        blocks.append((mean, total, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, distances, strict=True)]


def offsets(widths: Sequence[int]) -> list[float]:
    """Centres of boxes and lanes set side by side as close as they may be, from the first one's."""
    found, x = [], 0.0
    for k, width in enumerate(widths):
        if k:
            x += (widths[k - 1] + width) / 2 + (LANE_GAP if widths[k - 1] == width == LANE_WIDTH else GAP)
        found.append(x)
    return found

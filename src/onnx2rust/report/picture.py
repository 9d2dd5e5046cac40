"""`model_overview.png`: the model on one page, drawn with Pillow alone (its font is part of the wheel)."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from onnx2rust.ir.dims import evaluate, symbols
from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.program import Program
from onnx2rust.report import edges
from onnx2rust.report import layout as plane
from onnx2rust.report.architecture import multiply_adds
from onnx2rust.report.boxes import ENDS, Box, boxes, quantity
from onnx2rust.report.graph import Graph
from onnx2rust.report.layout import Item, Layout

MARGIN, HEAD, MAX_WIDTH, MAX_HEIGHT, SCALE = 36, 84, 3900, 5600, 2
MOST_BOXES = (320, 200, 120, 60)
"""Numbers of boxes to try until the page is not too wide."""
TITLE, TEXT, HEADING = 14, 12, 22
INK, MUTED, PAPER, EDGE, SKIP = (28, 33, 40), (95, 104, 116), (255, 255, 255), (120, 130, 144), (201, 96, 32)


@dataclass(frozen=True, eq=False)
class Sketch:
    """All that is decided before the first pixel: what stands where, and the page's head."""

    width: int
    height: int
    boxes: list[Box]
    placed: Layout
    legend: list[Kind]
    title: str
    totals: str


def sketch(program: Program, graph: Graph, title: str, weight_bytes: int) -> Sketch:
    """What the picture shows, and where."""
    found, placed = _fitting(graph)
    legend = list(dict.fromkeys(box.kind for box in found))
    legend_width = int(sum(38 + _font(TEXT).getlength(kind.name) for kind in legend))
    width = max(int(placed.width), legend_width, 560) + 2 * MARGIN
    height = int(placed.height) + HEAD + 2 * MARGIN
    placed.shift((width - 2 * MARGIN - placed.width) / 2)
    return Sketch(width, height, found, placed, legend, title, _totals(program, weight_bytes))


def overview(of: Sketch) -> bytes:
    """The picture as PNG; the same sketch gives the same bytes (with the same Pillow)."""
    image = Image.new("RGB", (of.width, of.height), PAPER)
    _edges(image, of.placed)
    draw = ImageDraw.Draw(image)
    for item in of.placed.boxes:
        _box(draw, item, of.boxes[item.key])
    _head(draw, of.title, of.totals, of.legend)
    if of.width > MAX_WIDTH + 100:
        # no grouping made it narrow enough: better small than never opened
        image = image.resize((MAX_WIDTH, max(1, of.height * MAX_WIDTH // of.width)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=6)
    return out.getvalue()


def _fitting(graph: Graph) -> tuple[list[Box], Layout]:
    """As many boxes as a page has room for."""
    for most in MOST_BOXES:
        found, edges = boxes(graph, most)
        lines = [len(box.lines) for box in found]
        whole = plane.arrange(lines, edges)
        # columns as high as makes the page about three wide to four high
        area = whole.height * (whole.width + plane.COLUMN_GAP)
        placed = plane.place(whole, max(1500.0, min(math.sqrt(area * 4 / 3), MAX_HEIGHT)))
        if placed.width > MAX_WIDTH:
            placed = plane.place(whole, MAX_HEIGHT)
        if placed.width <= MAX_WIDTH:
            break
    return found, placed


def _totals(program: Program, weight_bytes: int) -> str:
    parts = [f"{len(program.steps)} layers"]
    work = multiply_adds(program)
    if symbols(work) <= set(program.symbols) and (count := evaluate(work, dict.fromkeys(program.symbols, 1))):
        at = f" at {', '.join(program.symbols)} = 1" if symbols(work) else ""
        parts.append(f"{quantity(count)} multiply-adds{at}")
    parts.append(f"{quantity(weight_bytes)}B of weights")
    return "   ·   ".join(parts)


# -- boxes and text -------------------------------------------------------------------------------------


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _shorten(text: str, size: int, room: float) -> str:
    """The text, its middle left out where it is too long."""
    text = "".join(c if c.isprintable() and (c.isascii() or c in "·…") else "?" for c in text[:300])
    font = _font(size)
    if font.getlength(text) <= room:
        return text
    keep = len(text)
    while keep > 2:
        keep -= 1
        short = f"{text[: (keep + 1) // 2]}…{text[len(text) - keep // 2 :]}"
        if font.getlength(short) <= room:
            return short
    return text[:1]


def _box(draw: ImageDraw.ImageDraw, item: Item, box: Box) -> None:
    colour = box.kind.colour
    x, y = item.x - item.width / 2 + MARGIN, item.y + HEAD + MARGIN
    round_ = 14 if box.kind is ENDS else 5
    outline = tuple((c + 255) // 2 for c in colour)
    fill = tuple((c + 255 * 11) // 12 for c in colour)
    draw.rounded_rectangle((x, y, x + item.width, y + item.height), round_, fill=fill, outline=outline)
    if box.kind is not ENDS:
        draw.rounded_rectangle((x, y, x + 6, y + item.height), 3, fill=colour)
    room = item.width - 24
    top = y + plane.BOX_PADDING - 1
    for k, line in enumerate(box.lines):
        size, ink = (TITLE, INK) if k == 0 else (TEXT, colour if k == 1 else MUTED)
        left, _, right = line.partition("  ")
        end = _shorten(right, size, room)
        used = _font(size).getlength(end) + 10 if end else 0
        draw.text((x + 14, top), _shorten(left, size, room - used), ink, _font(size))
        if end:
            draw.text((x + item.width - used, top), end, ink, _font(size))
        top += plane.LINE_HEIGHT


def _head(draw: ImageDraw.ImageDraw, title: str, totals: str, legend: Sequence[Kind]) -> None:
    draw.text((MARGIN, MARGIN - 12), _shorten(title, HEADING, 900), INK, _font(HEADING))
    draw.text((MARGIN, MARGIN + 18), _shorten(totals, TEXT, 900), MUTED, _font(TEXT))
    x = float(MARGIN)
    for kind in legend:
        draw.rounded_rectangle((x, MARGIN + 46, x + 12, MARGIN + 58), 3, fill=kind.colour)
        draw.text((x + 18, MARGIN + 44), kind.name, INK, _font(TEXT))
        x += 18 + _font(TEXT).getlength(kind.name) + 20


# -- lines ----------------------------------------------------------------------------------------------


def _edges(image: Image.Image, placed: Layout) -> None:
    """Lines from rank to rank; those that pass a rank by have a colour of their own, above the others."""
    found = list(edges.lines(placed))
    for colour, skips in ((EDGE, False), (SKIP, True)):
        mask = Image.new("L", (image.width * SCALE, image.height * SCALE), 0)
        draw = ImageDraw.Draw(mask)
        for line in found:
            if line.skips is skips:
                draw.line([_scaled(p) for p in edges.bent(line)], fill=255, width=3, joint="curve")
                if line.tip is not None:
                    x, y = line.tip
                    draw.polygon([_scaled(p) for p in ((x, y), (x - 4.5, y - 8), (x + 4.5, y - 8))], fill=255)
        image.paste(colour, (0, 0), mask.resize(image.size, Image.Resampling.BOX))


def _scaled(point: edges.Point) -> edges.Point:
    return ((point[0] + MARGIN) * SCALE, (point[1] + HEAD + MARGIN) * SCALE)

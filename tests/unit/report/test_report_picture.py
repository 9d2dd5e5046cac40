"""The picture: nothing overlaps, lines go round boxes, pages stay readable, bytes repeat."""

from __future__ import annotations

import io
import itertools
import math
import random
from dataclasses import replace
from typing import Any

import mirror
import pytest
from PIL import Image
from report_programs import deep, residual

from onnx2rust.ir import kinds
from onnx2rust.report import layout, picture
from onnx2rust.report.boxes import boxes, quantity
from onnx2rust.report.graph import graph


def _random_graph(seed: int) -> tuple[list[int], list[tuple[int, int]]]:
    rng = random.Random(seed)
    count = rng.randint(1, 60)
    edges = {(rng.randrange(b), b) for b in range(1, count) for _ in range(rng.choice((0, 1, 1, 1, 2, 4)))}
    return [rng.choice((2, 3)) for _ in range(count)], sorted(edges, key=lambda e: (e[1], e[0]))


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("height", [math.inf, 700.0])
def test_boxes_and_lanes_do_not_overlap_and_edges_lead_down(seed: Any, height: Any) -> None:
    lines, edges = _random_graph(seed)
    placed = layout.place(layout.arrange(lines, edges), height)
    for rank in placed.ranks:
        for a, b in itertools.pairwise(rank):
            assert a.x + a.width / 2 + layout.LANE_GAP <= b.x - b.width / 2 + 1e-6
    for above, below in itertools.pairwise(placed.ranks):
        if above[0].column == below[0].column:
            assert max(i.y + i.height for i in above) < min(i.y for i in below)
    for source, target in edges:
        assert placed.boxes[source].rank < placed.boxes[target].rank
    for column, (left, right, top, bottom) in enumerate(placed.columns):
        for item in itertools.chain.from_iterable(placed.ranks):
            if item.column == column:
                assert left - 1e-6 <= item.x - item.width / 2
                assert item.x + item.width / 2 <= right + 1e-6
                assert top <= item.y
                assert item.y + item.height <= bottom + 1e-6
    for (_, right, _, _), (left, _, _, _) in itertools.pairwise(placed.columns):
        assert right < left


@pytest.mark.parametrize("seed", range(10))
def test_every_edge_is_drawn_through_its_lanes(seed: Any) -> None:
    lines, edges = _random_graph(seed)
    placed = layout.arrange(lines, edges)
    reached = set()
    for box in placed.boxes:
        waiting = list(box.below)
        while waiting:
            item = waiting.pop()
            if item.lines:
                reached.add((box.key, item.key))
            else:
                assert item.key == box.key
                waiting += item.below
    assert reached == set(edges)


def test_spread_keeps_order_and_distance_with_the_least_movement() -> None:
    assert layout.spread([0.0, 1000.0], [1.0, 1.0], [10, 10]) == [0.0, 1000.0]
    a, b = layout.spread([0.0, 0.0], [1.0, 1.0], [10, 10])
    assert (a, b) == (-(10 + layout.GAP) / 2, (10 + layout.GAP) / 2)
    a, b = layout.spread([0.0, 0.0], [1e9, 1.0], [10, 10])
    assert a == pytest.approx(0.0, abs=1e-6)


def draw(program: Any, title: Any) -> Any:
    return picture.overview(picture.sketch(program, graph(program), title, 1000))


def _size(data: bytes) -> tuple[int, int]:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image.size


@pytest.mark.parametrize("blocks", [0, 1, 12, 50, 400])
def test_a_page_has_the_size_of_a_page(blocks: Any) -> None:
    program = deep(blocks)
    width, height = _size(draw(program, "Deep"))
    assert 500 < width <= 4000
    assert 200 < height <= 6000


def test_many_parallel_branches_fit_a_page() -> None:
    from report_programs import BATCH, Maker

    m = Maker()
    x = m.input("x", BATCH, 4)
    outputs = [m.relu(f"branch{k}", x) for k in range(150)]
    program = m.program(*outputs)
    width, height = _size(draw(program, "Wide"))
    assert width <= 4000
    assert height <= 6000


def test_the_same_program_gives_the_same_bytes() -> None:
    first, second = (draw(p, "Residual") for p in (residual(), residual()))
    assert first == second


def test_two_hundred_layers_have_a_box_each_and_thousands_are_drawn_by_scope() -> None:
    program = deep(49)
    found, edges = boxes(graph(program), 320)
    assert len(found) == len(program.steps) + 2
    assert len(edges) == 1 + 49 * 5 + 1
    program = deep(500)
    chained = replace(program, steps=tuple(replace(s, origin=replace(s.origin, node=s.name)) for s in program.steps))
    found, edges = boxes(graph(chained), 320)
    assert len(found) <= 322
    assert all(a < b for a, b in edges)
    found, edges = boxes(graph(program), 320)
    assert len(found) <= 322
    assert all(a < b for a, b in edges)


def test_a_box_says_what_a_reviewer_looks_for() -> None:
    program = residual()
    found, _ = boxes(graph(program), 320)
    assert [b.lines for b in found] == [
        ("x", "input float32 [batch, 8]"),
        ("hidden", "Dense 16", "[batch, 16]  144 params"),
        ("hidden_Relu", "Activation relu", "[batch, 16]"),
        ("out", "Dense 8", "[batch, 8]  136 params"),
        ("sum", "Add", "[batch, 8]"),
        ("y0", "output float32 [batch, 8]"),
    ]


@pytest.mark.parametrize("title", ["", "x" * 10_000, "名前\n\x00\u202e", "{{ x }}"])
def test_any_text_can_be_drawn(title: Any) -> None:
    from report_programs import BATCH, Maker

    m = Maker()
    program = m.program(m.relu(f"relu{title}", m.input(f"in{title}", BATCH, 4)))
    assert _size(draw(program, title))[0] <= 4000


def test_chains_keep_branches_apart() -> None:
    program = deep(100)
    plain = replace(program, steps=tuple(replace(s, origin=replace(s.origin, node=s.name)) for s in program.steps))
    found, edges = boxes(graph(plain), 320)
    assert found[2].lines == ("block0_up", "2 layers: Dense, Activation", "[batch, 16]  144 params")
    assert [b.lines[1] for b in found[3:5]] == ["Dense 8", "Add"]
    assert len(edges) == 1 + 100 * 4 + 1


def test_every_family_has_a_kind() -> None:
    assert {cls.__name__ for cls in mirror.layers() if cls.kind is kinds.OTHER} == set(), "its module says KIND"


@pytest.mark.parametrize(("n", "text"), [(0, "0"), (999, "999"), (1000, "1.00 k"), (12_345, "12.3 k"), (4_560_000, "4.56 M")])
def test_quantities(n: Any, text: Any) -> None:
    assert quantity(n) == text

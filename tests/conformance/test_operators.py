"""docs/OPERATORS.md says what the registry and the list of official tests say."""

from __future__ import annotations

import re

import harness
import operators
import pytest

import onnx2rust


@pytest.mark.slow
def test_the_document_is_not_stale() -> None:
    assert operators.TARGET.read_text() == operators.text(harness.cases()), "run `make docs`"


def test_what_the_document_says_of_operators_is_not_stale() -> None:
    """All but the counts of official tests, which take a while to collect."""
    assert _uncounted(operators.TARGET.read_text()) == _uncounted(operators.text(())), "run `make docs`"


def _uncounted(text: str) -> str:
    rows = re.sub(r"^(\| `.*)\|[^|]*\|$", r"\1|", text, flags=re.M)
    return re.sub(r"-?[\d,]+\s+of\s+[\d,]+(?=\s+with)", "", rows)


def test_what_is_not_supported_is_named() -> None:
    _, _, rest = operators.TARGET.read_text().partition("## Not supported")
    assert "`Scan`" in rest
    assert "`ai.onnx.ml::CategoryMapper`" in rest
    named = [
        o.name for o in onnx2rust.operators() if f"`{o.domain}::{o.name}`" in rest or (not o.domain and f"`{o.name}`" in rest)
    ]
    assert named == []


def test_parameters_that_come_at_run_time_are_counted_apart() -> None:
    rows = {
        line.split("|")[1].strip(): line.split("|")[4].strip()
        for line in operators.TARGET.read_text().splitlines()
        if "–" in line
    }
    assert rows["`Upsample`"] == "none, 1 at run time"
    assert rows["`Add`"] == "8 of 8"

"""docs/OPERATORS.md says what the registry and the list of official tests say."""

from __future__ import annotations

import operators
import pytest

import onnx2rust


@pytest.mark.slow
def test_the_document_is_not_stale() -> None:
    assert operators.TARGET.read_text() == operators.text(), "run `make docs`"


def test_what_is_not_supported_is_named() -> None:
    text = operators.TARGET.read_text()
    assert not [o.name for o in onnx2rust.operators() if o.domain == "ai.onnx.ml"]
    assert "Of `ai.onnx.ml`" in text
    assert "`TreeEnsemble`" in text


def test_parameters_that_come_at_run_time_are_counted_apart() -> None:
    rows = {
        line.split("|")[1].strip(): line.split("|")[4].strip()
        for line in operators.TARGET.read_text().splitlines()
        if "–" in line
    }
    assert rows["`Unsqueeze`"] == "none, 7 at run time"
    assert rows["`Add`"] == "8 of 8"

"""The crates in this folder are what onnx2rust generates today; `python tests/golden/update.py` renews them."""

from __future__ import annotations

import difflib
import io
import re
from typing import Any

import numpy as np
import pytest
from golden_models import GOLDEN
from update import HERE, generate, kept

RTOL, ATOL = 1e-6, 1e-7
"""Expected outputs come from onnxruntime, whose last bits depend on the machine."""


@pytest.mark.parametrize("name", [n if g.whole else pytest.param(n, marks=pytest.mark.slow) for n, g in GOLDEN.items()])
def test_the_crate_in_the_repository_is_what_is_generated(name: Any) -> None:
    before, after = kept(name), generate(name)
    assert sorted(before) == sorted(after)
    for file, content in after.items():
        if file.endswith("features.npz"):
            _same_arrays(before[file], content)
        elif before[file] != content:
            old, new = (text.decode(errors="replace").splitlines() for text in (before[file], content))
            difference = "\n".join(difflib.unified_diff(old, new, f"tests/golden/{name}/{file}", "generated", lineterm=""))
            pytest.fail(f"{difference}\nIf this is what you want: python tests/golden/update.py {name}")


def test_every_folder_is_a_golden_crate() -> None:
    folders = {p.name for p in HERE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders == set(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_no_layer_is_passed_what_is_not_there(name: Any) -> None:
    text = next((HERE / name).rglob("model.rs")).read_text()
    assert re.search(r"\.run\w*\(", text)
    for call in re.finditer(r"\.run\w*\((?:[^()]|\([^()]*\))*\)", text):
        assert not re.search(r"\bNone\b", call[0]), call[0]


def test_the_readme_says_what_each_shows() -> None:
    readme = (HERE / "README.md").read_text()
    for name, golden in GOLDEN.items():
        assert f"| `{name}` | {golden.shows} |" in readme


def _same_arrays(before: bytes, after: bytes) -> None:
    with np.load(io.BytesIO(before)) as old, np.load(io.BytesIO(after)) as new:
        assert old.files == new.files
        for name in old.files:
            assert old[name].dtype == new[name].dtype
            np.testing.assert_allclose(new[name], old[name], rtol=RTOL, atol=ATOL)

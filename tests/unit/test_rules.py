"""House rules of CONTRIBUTING.md that a reader of files can check."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "onnx2rust"


def test_where_any_exception_is_caught() -> None:
    """Around onnx's evaluator, which raises anything, and where a bug would cost a user more than one model."""
    found = Counter[str]()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and (node.type is None or ast.unparse(node.type) == "Exception"):
                found[path.relative_to(PACKAGE).as_posix()] += 1
    assert found == {
        "cli/group.py": 1,
        "importer/folding.py": 1,
        "oracle/referee/__init__.py": 2,
        "verification/__init__.py": 1,
    }

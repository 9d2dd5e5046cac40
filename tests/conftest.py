"""Settings shared by all tests.

Tests marked `slow` build crates, run TensorFlow or download packages: `make check` leaves them out, `make test` runs everything.
`rust_tools` runs cargo, `onnx_models` holds small models; any test can import both.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest
import rust_tools

# also for the tests that call cargo themselves
os.environ["CARGO_TARGET_DIR"] = str(rust_tools.TARGET)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where processes share the tests (`--dist loadgroup`), those that use one build of tf-layers stay together, so that it is made once."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item.path)))


@functools.cache
def _group(path: Path) -> str:
    folder, text = path.relative_to(Path(__file__).parent).parts[0], path.read_text(encoding="utf-8")
    shared = folder == "models" or "rust_tools.VERIFY" in text or "ALL_LAYERS" in text
    return folder if folder == "conformance" else "crates" if shared else str(path)


@pytest.fixture(autouse=True)
def _cargo_is_for_slow_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _no_cargo: Path) -> None:
    """`make check` builds nothing: a test that starts cargo without the marker fails."""
    if "slow" not in request.keywords:
        monkeypatch.setenv("PATH", f"{_no_cargo}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="session")
def _no_cargo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("no_cargo")
    (folder / "cargo").write_text("#!/bin/sh\necho 'error: a test that starts cargo carries the marker slow' >&2\nexit 101\n")
    (folder / "cargo").chmod(0o755)
    return folder

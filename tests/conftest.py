"""Settings shared by all tests.

Tests marked `slow` build crates, run TensorFlow or download packages: `make check` leaves them out, `make test` runs everything.
`rust_tools` runs cargo, `onnx_models` holds small models; any test can import both.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import pytest
import rust_tools

# several processes share the cores: NumPy's threads would wait for each other twenty times as long as they work
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# also for the tests that call cargo themselves
os.environ["CARGO_TARGET_DIR"] = str(rust_tools.TARGET)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where processes share the tests, those of a file stay together, and so do files that use one build of tf-layers: it is made once."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return _group(config.rootpath / nodeid.partition("::")[0])

    return Scheduling(config, log)


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

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
os.environ.update(rust_tools.SMALL)
os.environ["CARGO_TARGET_DIR"] = str(rust_tools.TARGET)


LONGEST = ("crates", "conformance", "unit/test_scope.py", "test_generated_crate.py", "security/test_injection.py")
"""What takes minutes, longest first: the processes start with these, so that they end at about the same time."""
APART = ("unit/test_scope.py",)
"""Files whose tests share no build: both processes may take from them."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where processes share the tests, those of a file stay together, and so do files that use one
    build of tf-layers: it is made once."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return _scope(config, nodeid)

    return Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The scopes are given to processes in this order."""
    if rust_tools.WORKER:
        places = {group: k for k, group in enumerate(LONGEST)}
        items.sort(key=lambda item: places.get(_scope(config, item.nodeid).partition("::")[0], len(places)))


def _scope(config: pytest.Config, nodeid: str) -> str:
    """The tests of one scope run in one process."""
    group = _group(config.rootpath / nodeid.partition("::")[0])
    return f"{group}::{nodeid.partition('::')[2]}" if group in APART else group


@functools.cache
def _group(path: Path) -> str:
    name, text = path.relative_to(Path(__file__).parent), path.read_text(encoding="utf-8")
    folder = name.parts[0]
    if folder == "conformance" or "import harness" in text:
        return "conformance"
    # one build of tf-layers, or the same TensorFlow models
    shared = folder == "models" or any(
        word in text for word in ("rust_tools.VERIFY", "rust_tools.all_layers", "sources: Sources")
    )
    return "crates" if shared else name.as_posix()


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

"""What tests of hosts need besides Python and Rust."""

from __future__ import annotations

import importlib
import os
import shutil
from typing import Any

import pytest
import rust_tools

NPM = rust_tools.ROOT / "build" / "npm" / "node_modules"
"""Where `tools.sh` puts packages of npm."""


def need(*commands: str) -> pytest.MarkDecorator:
    """Skips tests that run these commands where one is missing; never in CI, which installs them all (`tools.sh`)."""
    missing = [command for command in commands if shutil.which(command) is None]
    return pytest.mark.skipif(bool(missing) and not os.environ.get("CI"), reason=f"not installed: {', '.join(missing)}")


def need_npm(*packages: str) -> pytest.MarkDecorator:
    """Likewise for packages of npm."""
    missing = [package for package in packages if not (NPM / package / "package.json").exists()]
    return pytest.mark.skipif(bool(missing) and not os.environ.get("CI"), reason=f"not installed: {', '.join(missing)}")


def package(name: str) -> Any:
    """A package of the extra `hosts`; where it is missing, the test is skipped, but never in CI."""
    return importlib.import_module(name) if os.environ.get("CI") else pytest.importorskip(name)

"""What tests of hosts need besides Python and Rust."""

from __future__ import annotations

import os
import shutil

import pytest


def need(*commands: str) -> pytest.MarkDecorator:
    """Skips tests that run these commands where one is missing; never in CI, which installs them all (`tools.sh`)."""
    missing = [command for command in commands if shutil.which(command) is None]
    return pytest.mark.skipif(bool(missing) and not os.environ.get("CI"), reason=f"not installed: {', '.join(missing)}")

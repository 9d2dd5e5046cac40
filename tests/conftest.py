"""Settings shared by all tests.

Tests marked `slow` build crates, run TensorFlow or download packages: `make check` leaves them out, `make test` runs everything.
`rust_tools` runs cargo, `onnx_models` holds small models; any test can import both.
"""

from __future__ import annotations

import os
from pathlib import Path

# also for the tests that call cargo themselves: one target folder inside the checkout
os.environ.setdefault("CARGO_TARGET_DIR", str(Path(__file__).resolve().parents[1] / "build" / "target"))

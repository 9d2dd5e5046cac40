"""The bytes of arrays, looked at where they lie."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np


def raw(array: np.ndarray[Any, Any]) -> memoryview:
    """The elements' bytes in row-major order; of an array that is not laid out so, a copy's."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def digest(array: np.ndarray[Any, Any]) -> bytes:
    """SHA-256 of the elements' bytes: arrays with the same have the same content."""
    return hashlib.sha256(raw(array)).digest()

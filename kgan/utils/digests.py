"""Digests by which data, weights and files are recognised."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

__all__ = ["digest"]


def digest(parts: Iterable[bytes | str | np.ndarray], length: int = 16) -> str:
    """Return the first `length` hexadecimal digits of the SHA-256 of `parts`, one after the other.

    Args:
        parts: bytes; text, as UTF-8; or arrays, by their bytes in C order. An array's shape and
            dtype do not count: give them as text where they matter.
        length: up to 64 digits.

    Example:
        ```python
        digest(["gan", b"1"]) == digest(["gan1"])
        ```
    """
    sha = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            # A view of the bytes, not a copy; bfloat16 arrays have no buffer of their own.
            sha.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)
        else:
            sha.update(part.encode() if isinstance(part, str) else part)
    return sha.hexdigest()[:length]

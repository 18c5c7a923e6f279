"""Keeps native libraries quiet, which no setting of theirs does."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def native_silence() -> Iterator[None]:
    """Discards what native code writes to standard error; Python's warnings and errors get through.

    TensorFlow and its converter greet and comment there. `TF_CPP_MIN_LOG_LEVEL` stops only part of
    it, so the file descriptor is turned away while the block runs.
    """
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        with (
            open(kept, "w", buffering=1, closefd=False) as python_stderr,
            contextlib.redirect_stderr(python_stderr),
        ):
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)

"""Keep native libraries quiet, which no setting of theirs does."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO, cast

from .program import verbose

__all__ = ["native_silence"]


class _Switched:
    """A stream that stands for another one, which can be changed.

    A logger that is set up within the block keeps its stream, which must work after the block too.
    """

    def __init__(self, target: TextIO):
        self.target = target

    def __getattr__(self, name: str) -> object:
        return getattr(self.target, name)


@contextlib.contextmanager
def native_silence() -> Iterator[None]:
    """Discard what native code writes to standard error. Python's warnings and errors get through.

    TensorFlow, its converter and LiteRT print there. `TF_CPP_MIN_LOG_LEVEL` stops only part of it,
    so the block redirects the file descriptor. With `--verbosity=1` everything gets through.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if verbose() else "3")
    if verbose():
        yield
        return
    before = sys.stderr
    before.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        with open(
            kept, "w", buffering=1, errors="backslashreplace", closefd=False
        ) as python_stderr:
            switched = _Switched(python_stderr)
            try:
                with contextlib.redirect_stderr(cast(TextIO, switched)):
                    yield
            finally:
                switched.target = before
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)

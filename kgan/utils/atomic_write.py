"""Write a file so that a crash leaves the old content or the new, never a part of either."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

__all__ = ["atomic_write", "sync"]


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Yield a temporary path to write to; rename it to `path` when the block succeeds.

    The temporary file lies beside `path`, hidden and with the same suffix. It is synced to disk
    before the rename, and removed if the block fails.

    Args:
        path: the final path. Its directory is created if absent.

    Example:
        ```python
        with atomic_write("runs/report.json") as partial:
            partial.write_text("{}")
        ```
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial-{os.getpid()}{path.suffix}")
    try:
        yield partial
        sync(partial)
        os.replace(partial, path)
        sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def sync(path: pathlib.Path) -> None:
    """Wait until a file or directory is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

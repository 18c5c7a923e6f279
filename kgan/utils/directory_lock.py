"""One process at a time in a directory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import stat
from collections.abc import Iterator
from typing import TextIO

__all__ = ["DirectoryLock"]


class DirectoryLock:
    """The lock of a directory, a file `.lock` in it.

    The operating system frees the lock of a process that has died.

    Args:
        directory: exists whenever the lock is held.
    """

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        self.path = directory / ".lock"
        self._held: os.stat_result | None = None  # of the file, while this object holds it

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other process out; at the end remove the file, and a directory left empty.

        Raises:
            BlockingIOError: another process, or another object of this one, holds the lock.
            OSError: the lock is a link or no file, or cannot be written.
        """
        with self._open() as file:
            self._acquire(file)
            try:
                file.truncate(0)
                file.write(f"process {os.getpid()}")
                file.flush()
                yield
            finally:
                self._free()

    def is_lost(self) -> bool:
        """Return whether this object holds a lock whose file was removed or replaced."""
        return self._held is not None and not _is_at(self._held, self.path)

    def _open(self) -> TextIO:
        """Open the file, and never one elsewhere that a link points to."""
        if self.path.is_symlink():
            raise OSError(f"{self.path} is a link. Remove it, or name another directory.")
        how = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.open(self.path, how, 0o666)
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            os.close(file)
            raise OSError(
                f"{self.path} is no file of its own. Remove it, or name another directory."
            )
        return os.fdopen(file, "a+", errors="replace")

    def _acquire(self, file: TextIO) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(file.fileno())
            # The former owner may have removed the file between `open` and `flock`.
            ours = _is_at(status, self.path)
        except BlockingIOError:
            ours = False
        if not ours:
            file.seek(0)
            raise BlockingIOError(
                f"Another process ({file.read(100) or 'unknown'}) is at work in {self.directory}. "
                "Wait until it ends, or name another directory."
            )
        self._held = status

    def _free(self) -> None:
        with contextlib.suppress(OSError):
            if not self.is_lost():  # else the file is another process's
                self.path.unlink()
                self.directory.rmdir()  # succeeds only if nothing was written
        self._held = None


def _is_at(status: os.stat_result, path: pathlib.Path) -> bool:
    """Return whether the file with this status still has this path."""
    try:
        return os.path.samestat(status, path.lstat())
    except (FileNotFoundError, NotADirectoryError):
        return False

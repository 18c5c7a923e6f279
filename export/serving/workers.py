"""A few threads that compute, and a bounded queue before them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .error import HttpError

T = TypeVar("T")


class Workers:
    """Threads for what would hold the event loop up: JSON, TensorFlow and pictures.

    Args:
        threads: how many requests are computed at a time.
        waiting: how many more may wait; a request beyond these is refused.

    Attributes:
        free: how many places there are left.
    """

    def __init__(self, threads: int = 2, waiting: int = 64):
        self._executor = ThreadPoolExecutor(threads)
        self.free = threads + waiting

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place for one request, from before its body is read, which takes memory too.

        Raises:
            HttpError: 503, every place is taken.
        """
        if self.free == 0:
            raise HttpError(503, "Too many requests at a time; try again.", {"Retry-After": "1"})
        self.free -= 1
        try:
            yield
        finally:
            self.free += 1

    async def run(self, function: Callable[[], T]) -> T:
        """What `function` returns, called in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)

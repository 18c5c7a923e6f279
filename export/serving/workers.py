"""Threads that compute answers, and a bounded queue in front of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .error import HttpError

T = TypeVar("T")


class Workers:
    """Threads for work that would block the event loop: JSON, TensorFlow and pictures.

    Args:
        threads: number of requests that are computed at a time.
        waiting: number of further requests that may wait; more are refused.

    Attributes:
        free: number of places left.
    """

    def __init__(self, threads: int = 2, waiting: int = 64):
        self._executor = ThreadPoolExecutor(threads)
        self.free = threads + waiting

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for one request. Take it before reading the body, which needs memory too.

        Raises:
            HttpError: 503, all places are taken.
        """
        if self.free == 0:
            raise HttpError(503, "Too many requests at a time; try again.", {"Retry-After": "1"})
        self.free -= 1
        try:
            yield
        finally:
            self.free += 1

    async def run(self, function: Callable[[], T]) -> T:
        """Call `function` in one of the threads and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)

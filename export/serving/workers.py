"""Threads that compute answers, and a bounded queue in front of them."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from typing import Any, TypeVar

from .error import BUSY, STOPPING, HttpError

T = TypeVar("T")


class Workers:
    """Threads for work that would block the event loop: JSON, TensorFlow and pictures.

    Args:
        threads: number of requests that are computed at a time.
        waiting: number of further requests that may wait; more are refused.

    Attributes:
        free: number of places left.
    """

    def __init__(self, threads: int = 2, waiting: int = 32):
        self._executor = concurrent.futures.ThreadPoolExecutor(threads)
        self._jobs: set[concurrent.futures.Future[Any]] = set()
        self._awaited: set[asyncio.Future[Any]] = set()
        self._stopping = False
        self.free = threads + waiting

    async def run(self, function: Callable[[], T]) -> T:
        """Call `function` in one of the threads and return its result.

        Raises:
            HttpError: 503, all places are taken, or the server stops.
        """
        if self._stopping:
            raise HttpError(503, STOPPING, {"Connection": "close"})
        if self.free == 0:
            raise HttpError(503, BUSY, {"Retry-After": "1"})
        self.free -= 1
        job = self._executor.submit(function)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        answer = asyncio.wrap_future(job)
        self._awaited.add(answer)
        try:
            return await answer
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            raise HttpError(503, STOPPING, {"Connection": "close"}) from None
        finally:
            self._awaited.discard(answer)
            self.free += 1

    def stop(self) -> None:
        """Refuse the requests that are not answered yet, also those that are being computed."""
        self._stopping = True
        for answer in self._awaited:
            answer.cancel()

    def close(self, seconds: float) -> bool:
        """Return whether all threads were done within `seconds`."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        return not concurrent.futures.wait(self._jobs.copy(), seconds).not_done

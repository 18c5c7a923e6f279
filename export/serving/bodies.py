"""Read the bodies of requests: how many at a time, how long, how many bytes."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from .error import STOPPING, HttpError

MAX_BODY = 4 * 2**20
"""Most bytes of a request body."""
MAX_BODIES = 64
"""Most bodies that arrive at a time; beyond it the one that began first is refused."""
SECONDS_TO_SEND = 30.0
"""How long a client may take to send a request: its head, and then its body."""

CLOSE = {"Connection": "close"}  # else the rest of an endless body would be read


class Bodies:
    """The bodies that are arriving.

    Args:
        most: number of bodies that may arrive at a time.
    """

    def __init__(self, most: int = MAX_BODIES):
        self._most = most
        self._reading: dict[asyncio.Task[bytes], None] = {}  # in order of their beginning
        self._stopping = False

    async def read(self, request: Request) -> bytes:
        """Return the body of a request.

        Raises:
            HttpError: 408, it arrives too slowly; 413, it is too long; 503, the server stops.
        """
        if len(self._reading) >= self._most:
            oldest = next(iter(self._reading))
            del self._reading[oldest]
            oldest.cancel()
        task = asyncio.ensure_future(_read(request))
        self._reading[task] = None
        try:
            await asyncio.wait({task}, timeout=SECONDS_TO_SEND)
        finally:
            self._reading.pop(task, None)
            task.cancel()
        if task.done() and not task.cancelled():
            return task.result()
        if self._stopping:
            raise HttpError(503, STOPPING, CLOSE)
        if task.done():
            raise HttpError(408, "The body arrives too slowly while others wait.", CLOSE)
        raise HttpError(408, f"The body took more than {SECONDS_TO_SEND:.0f} seconds.", CLOSE)

    def stop(self) -> None:
        """Refuse the bodies that have not arrived."""
        self._stopping = True
        for task in self._reading:
            task.cancel()


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HttpError(413, f"A request holds at most {MAX_BODY:,} bytes.", CLOSE)
    return bytes(body)

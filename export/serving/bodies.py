"""Read the bodies of requests: how many at a time, how long, how many bytes."""

from __future__ import annotations

import asyncio
import time
import zlib

from starlette.requests import Request

from .error import BUSY, STOPPING, HttpError, shortened

MAX_BODY = 4 * 2**20
"""Most bytes of a request body."""
MAX_BODIES = 48
"""Most bodies that arrive at a time."""
SECONDS_TO_SEND = 30.0
"""How long a client may take to send a request: its head, and then its body."""

SECONDS_ALONE = 2.0
"""After this time a body that still arrives gives way to a new one, if they are too many."""

_GZIP = 16 + zlib.MAX_WBITS  # zlib's name for the format

CLOSE = {"Connection": "close"}  # else the rest of an endless body would be read


class Bodies:
    """The bodies that are arriving.

    Args:
        most: number of bodies that may arrive at a time.
    """

    def __init__(self, most: int = MAX_BODIES):
        self._most = most
        self._reading: dict[asyncio.Task[bytes], float] = {}  # when each began, oldest first
        self._stopping = False

    async def read(self, request: Request) -> bytes:
        """Return the body of a request.

        Raises:
            HttpError: 408, it arrives too slowly; 413, it is too long; 503, too many arrive, or
                the server stops.
        """
        self._make_room()
        task = asyncio.ensure_future(_read(request))
        self._reading[task] = time.monotonic()
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

    def _make_room(self) -> None:
        if len(self._reading) < self._most:
            return
        oldest, began = next(iter(self._reading.items()))
        if time.monotonic() - began < SECONDS_ALONE:
            raise HttpError(503, BUSY, {**CLOSE, "Retry-After": "1"})
        del self._reading[oldest]
        oldest.cancel()

    def stop(self) -> None:
        """Refuse the bodies that have not arrived."""
        self._stopping = True
        for task in self._reading:
            task.cancel()


def decoded(body: bytes, encoding: str) -> bytes:
    """Return a body without its content encoding.

    Args:
        body: as it arrived.
        encoding: the header `Content-Encoding`; empty without one.

    Raises:
        HttpError: 400, the body is not of that encoding; 413, it is too long without; 415, the
            encoding is another one than gzip.
    """
    if encoding.strip().lower() in ("", "identity"):
        return body
    if encoding.strip().lower() != "gzip":
        raise HttpError(415, f"Content-Encoding: expected gzip, received {shortened(encoding)}.")
    decoder = zlib.decompressobj(_GZIP)
    try:
        plain = decoder.decompress(body, MAX_BODY + 1)
    except zlib.error as error:
        raise HttpError(400, "The body is not gzip, as Content-Encoding says.") from error
    if len(plain) > MAX_BODY:
        raise HttpError(413, f"A request holds at most {MAX_BODY:,} bytes, without gzip.")
    if not decoder.eof:
        raise HttpError(400, "The gzip of the body is cut off.")
    return plain


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HttpError(413, f"A request holds at most {MAX_BODY:,} bytes.", CLOSE)
    return bytes(body)

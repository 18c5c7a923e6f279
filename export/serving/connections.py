"""The connections of clients: how many there may be, and how long one may wait for its client."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from .bodies import SECONDS_TO_SEND

MAX_CONNECTIONS = 64
"""Most connections at a time."""
SECONDS_ALONE = 0.5
"""After this time a connection that waits for its client gives way, if they are too many."""
SECONDS_TO_RECEIVE = 30.0
"""How long a client may take no byte of its answer."""

_RESERVED = 32  # files that the program itself may open, to load a newer version
_BUSY = json.dumps({"error": "Too many connections at a time; try again."})
_REFUSAL = (
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
    f"Connection: close\r\nContent-Length: {len(_BUSY)}\r\n\r\n{_BUSY}"
).encode()


def limits(bound: socket.socket) -> tuple[int, int]:
    """Return how many connections there may be, and how many the system may hold ready.

    A file descriptor is left for each of them. Of the connections that the system holds ready,
    asyncio may open up to four times as many before the first of them is seen to be too many.

    Raises:
        ValueError: the process may open too few files.
    """
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return MAX_CONNECTIONS, MAX_CONNECTIONS
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS, MAX_CONNECTIONS
    used = os.dup(bound.fileno())  # the lowest number that is free
    os.close(used)
    spare = allowed - used - _RESERVED
    if spare < 16:
        raise ValueError(
            f"This process may open {allowed} files, too few to serve. "
            f"Raise the limit: ulimit -n 1024."
        )
    backlog = min(MAX_CONNECTIONS, spare // 8)
    return min(MAX_CONNECTIONS, spare - 4 * backlog), backlog


class Connections:
    """The connections that are open.

    One connection too many takes the place of that which has waited longest for its client, at
    least `SECONDS_ALONE`. Where none has, it is refused.

    Args:
        most: number of connections that there may be.
    """

    def __init__(self, most: int):
        self._most = most
        self._open: set[Connection] = set()

    def make(self, **kwargs: Any) -> Connection:
        """Return the protocol of a new connection; the arguments are Uvicorn's."""
        return Connection(self, **kwargs)

    def add(self, connection: Connection) -> bool:
        """Return whether there is a place for a new connection."""
        if len(self._open) >= self._most:
            before = connection.since - SECONDS_ALONE
            waiting = [other for other in self._open if other.waits() and other.since < before]
            if not waiting:
                return False
            # Those that never sent a whole head go first.
            min(waiting, key=lambda other: (other.cycle is not None, other.since)).drop()
        self._open.add(connection)
        return True

    def discard(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self._open.discard(connection)

    def drop(self, *, late: bool) -> None:
        """Close the connections whose clients are too slow, or all, at once."""
        for connection in list(self._open):
            if not late or connection.is_late():
                connection.drop()


class Connection(H11Protocol):
    """A client's connection.

    Args:
        others: the connections that are open.
        **kwargs: of Uvicorn.

    Attributes:
        since: the time of the loop at which its request or its answer began.
    """

    def __init__(self, others: Connections, **kwargs: Any):
        super().__init__(**kwargs)
        self.since = self.loop.time()
        self._others = others
        self._blocked: float | None = None  # since when the answer does not drain

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if not self._others.add(self):
            transport.write(_REFUSAL)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._others.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self.since = self.loop.time()

    def on_response_complete(self) -> None:
        self.since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        self._blocked = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._blocked = None
        super().resume_writing()

    def idle(self) -> bool:
        """Return whether no request has begun, or the answer to the last one was made."""
        return self.cycle is None or self.cycle.response_complete

    def waits(self) -> bool:
        """Return whether it waits for its client, to send a request or to receive an answer."""
        return self.idle() or self.cycle.more_body

    def is_late(self) -> bool:
        """Return whether the client is too slow, but for a body, which `Bodies` times."""
        now = self.loop.time()
        if self._blocked is not None and now - self._blocked > SECONDS_TO_RECEIVE:
            return True
        return self.idle() and now - self.since > SECONDS_TO_SEND

    def drop(self) -> None:
        """Close the connection at once, whatever is not sent."""
        self._others.discard(self)
        self.transport.abort()


def report(
    say: Callable[[str], None], seconds: float = 60.0
) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """Return an exception handler for the event loop that reports a lack of files in one line.

    Args:
        say: writes the line.
        seconds: how long no further such line is written.
    """
    last = -seconds

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal last
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in (errno.EMFILE, errno.ENFILE):
            loop.default_exception_handler(context)
        elif time.monotonic() - last >= seconds:
            last = time.monotonic()
            say(f"No further connection can be opened: {error.strerror}.")

    return handle


def to_stderr(line: str) -> None:
    """Write a line to standard error."""
    print(line, file=sys.stderr, flush=True)

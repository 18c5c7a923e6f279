"""The address that the server listens at, and those of pages that may read its answers."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address, which does not listen yet.

    Args:
        host: a name or an address.
        port: 0 to 65535; 0 for any free one.

    Raises:
        OSError: the address belongs to another machine, or is taken.
        ValueError: the port is out of range.
    """
    if not 0 <= port < 65536:
        raise ValueError(
            f"Invalid value for argument `port`: expected 0 to 65535, received {port}."
        )
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        # asyncio sets TCP_NODELAY only where the protocol is named. Without it, each answer on a
        # kept connection waits 40 ms for the client's acknowledgement.
        bound = socket.socket(family, kind, protocol)
        # Without it, the port of a server that has just ended is refused.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        raise OSError(
            f"Nothing can listen at {host}:{port} ({error.strerror}). Choose another --port, or "
            "stop what is there."
        ) from error
    return bound


def check_origins(origins: Sequence[str]) -> None:
    """Check the origins of web pages: `*`, or scheme, host and port as a browser sends them.

    Raises:
        ValueError: one is none.
    """
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s]+", origin):
            raise ValueError(
                f"--cors={origin}: expected * or the origin of a web page without a path, such as "
                "https://example.org or http://localhost:3000."
            )


def url(bound: socket.socket) -> str:
    """Return the URL of the address that `bound` has."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

"""Where the server listens."""

from __future__ import annotations

import socket


def bind(host: str, port: int) -> socket.socket:
    """A socket that has the address, and does not listen yet.

    Args:
        host: a name or an address.
        port: its number; 0 for any that is free.

    Raises:
        OSError: the address is not ours, or is taken.
        ValueError: the port is no port.
    """
    if not 0 <= port < 65536:
        raise ValueError(
            f"Invalid value for argument `port`: expected 0 to 65535, received {port}."
        )
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        # asyncio sends at once (TCP_NODELAY) only where the protocol is named; else, on a
        # connection that is kept, each answer waits 40 ms for the client's acknowledgement.
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # of a server just ended
        bound.bind(address)
    except OSError as error:
        raise OSError(
            f"Nothing can listen at {host}:{port} ({error.strerror}). Choose another --port, or "
            "stop what is there."
        ) from error
    return bound


def url(bound: socket.socket) -> str:
    """The address that `bound` has, for a browser."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

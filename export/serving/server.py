"""The server itself: address, log, start and stop."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
import threading

import uvicorn

from .app import make_app
from .versions import Versions
from .workers import Workers

SECONDS_TO_END = 30
"""How long the server, told to stop, waits for the requests that it has."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

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
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise OSError(
            f"Nothing can listen at {host}:{port} ({reason}). Choose another --port, or "
            "stop what is there."
        ) from error


def serve(versions: Versions, listening: socket.socket, access_log: bool = False) -> None:
    """Serves until SIGTERM or Ctrl-C, and then until the requests under way have their answers.

    Args:
        versions: what is served; newer ones take over as they appear.
        listening: where.
        access_log: whether each request is written to standard output.
    """
    _set_up_log(access_log)
    app = make_app(versions, Workers())
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=access_log,
        server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_END,
    )
    stopped = threading.Event()
    watcher = threading.Thread(target=versions.watch, args=[stopped])
    watcher.start()
    # Uvicorn ends in peace, and then raises the signal anew for whoever handled it before.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])
    finally:
        stopped.set()
        watcher.join()


def _set_up_log(access: bool) -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    if access:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger = logging.getLogger("uvicorn.access")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False

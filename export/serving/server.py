"""Run the server: set up the log, start, and stop on a signal."""

from __future__ import annotations

import contextlib
import http.client
import logging
import socket
import sys
import threading

import uvicorn

from .address import url
from .app import make_app
from .versions import Versions
from .workers import Workers

SECONDS_TO_END = 30
"""How long a stopping server waits for requests under way."""


def serve(versions: Versions, bound: socket.socket, access_log: bool = False) -> None:
    """Serve until SIGTERM or Ctrl-C, then answer the requests under way and return.

    Both signals must raise KeyboardInterrupt; Python does so for Ctrl-C alone.

    Args:
        versions: the model to serve; a newer version takes over when it appears.
        bound: the socket, from `address.bind`.
        access_log: whether to write a line for each request to standard output.
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
    bound.listen()
    threading.Thread(target=_announce, args=[versions, bound], daemon=True).start()
    stopped = threading.Event()
    watcher = threading.Thread(target=versions.watch, args=[stopped])
    watcher.start()
    try:
        # Uvicorn stops gracefully, then raises the signal again for the handler of before.
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[bound])
    finally:
        stopped.set()
        watcher.join()
    print("Stopped.", flush=True)


def _announce(versions: Versions, bound: socket.socket) -> None:
    """Print the URL after the first answer, which takes longer than later ones."""
    connection = http.client.HTTPConnection(*bound.getsockname()[:2])
    with contextlib.closing(connection):
        connection.request("GET", "/sample.png?count=1")
        connection.getresponse().read()
    print(f"Version {versions.find().version} is served at {url(bound)}", flush=True)


def _set_up_log(access: bool) -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    if access:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger = logging.getLogger("uvicorn.access")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False

"""Run the server: set up the log, start, and stop on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import logging
import socket
import sys
import threading
import time
from collections.abc import Sequence
from os import _exit as exit_now  # public, and documented by Python

import uvicorn

from .address import url
from .app import App, asgi
from .connections import Connections, limits, report, to_stderr
from .versions import Versions
from .workers import Workers

SECONDS_TO_END = 30
"""How long the server takes at most to end: 20 for requests, 1 for refusals, 5 for threads."""
_SECONDS_TO_ANSWER = 20.0
_SECONDS_TO_REFUSE = 1.0
_SECONDS_TO_COMPUTE = 5.0


class Server(uvicorn.Server):
    """Ends within a bounded time: what is not answered by then is refused.

    Args:
        config: of Uvicorn.
        handlers: answer the requests, and can refuse those under way.
        connections: those of the clients.
    """

    def __init__(self, config: uvicorn.Config, handlers: App, connections: Connections):
        super().__init__(config)
        self._handlers = handlers
        self._connections = connections

    async def on_tick(self, counter: int) -> bool:
        """Once a second, drop connections whose clients are too slow."""
        if counter % 10 == 0:
            self._connections.drop(late=True)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the address, answer what is under way, refuse the rest, and drop all."""
        ending = asyncio.ensure_future(self.finish(_SECONDS_TO_ANSWER))
        await super().shutdown(sockets)
        ending.cancel()
        if self.server_state.tasks:  # after a second Ctrl-C
            await self.finish(0.0)

    async def finish(self, seconds: float) -> None:
        """After `seconds`, refuse what is not answered, then drop all connections."""
        await asyncio.sleep(seconds)
        self._handlers.stop()
        await asyncio.sleep(_SECONDS_TO_REFUSE)
        self._connections.drop(late=False)


def shorten_pauses() -> None:
    """Let no thread of Python wait long for another. Call it before the model is loaded.

    A full collection of garbage takes 0.3 s with TensorFlow's objects, which never become garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 1000)
    sys.setswitchinterval(0.001)


def serve(
    versions: Versions,
    bound: socket.socket,
    access_log: bool = False,
    origins: Sequence[str] = (),
) -> None:
    """Serve until SIGTERM or Ctrl-C, then end within `SECONDS_TO_END`.

    Both signals must raise KeyboardInterrupt; Python does so for Ctrl-C alone. Where a thread still
    computes at the end, the process exits here.

    Args:
        versions: the model to serve; a newer version takes over when it appears.
        bound: the socket, from `address.bind`.
        access_log: whether to write a line for each request to standard output.
        origins: of other sites whose scripts may read answers (CORS); `*` for all.

    Raises:
        ValueError: the process may open too few files.
    """
    _set_up_log(access_log)
    most, backlog = limits(bound)
    workers = Workers()
    handlers, connections = App(versions, workers), Connections(most)
    config = uvicorn.Config(
        asgi(handlers, origins),
        http=connections.make,  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=access_log,
        server_header=False,
        backlog=backlog,
    )
    bound.listen(backlog)
    threading.Thread(target=_announce, args=[versions, bound], daemon=True).start()
    stopped = threading.Event()
    watcher = threading.Thread(target=versions.watch, args=[stopped], daemon=True)
    watcher.start()
    # Uvicorn stops gracefully, then raises the signal again for the handler of before.
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(Server(config, handlers, connections), bound))
    stopped.set()
    until = time.monotonic() + _SECONDS_TO_COMPUTE
    done = workers.close(_SECONDS_TO_COMPUTE)
    watcher.join(max(0.0, until - time.monotonic()))
    print("Stopped.", flush=True)
    if not done or watcher.is_alive():
        sys.stderr.flush()
        exit_now(0)  # Python would wait for the thread


async def _serve(server: Server, bound: socket.socket) -> None:
    asyncio.get_running_loop().set_exception_handler(report(to_stderr))
    await server.serve(sockets=[bound])


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

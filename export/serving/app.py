"""The server's addresses."""

from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ..warmup import MODEL_NAME
from .error import HttpError, shortened
from .page import page
from .picture import sample_png
from .versions import Versions
from .workers import Workers

MAX_BODY = 4 * 2**20
"""Most bytes of a request."""
SECONDS_TO_SEND = 30.0
"""How long a client may take to send a request."""

_PLACE = r"/v1/models/([^/:]+)(?:/versions/([0-9]{1,18}))?"
_PREDICT = re.compile(_PLACE + ":predict")
_STATUS = re.compile(_PLACE + "(/metadata)?")


class App:
    """The handlers of requests.

    Args:
        versions: what is served.
        workers: compute the answers.
    """

    def __init__(self, versions: Versions, workers: Workers):
        self.versions = versions
        self.workers = workers

    async def home(self, request: Request) -> Response:
        """A page with a picture, which says what else there is."""
        model = self.versions.find()
        return HTMLResponse(page(model.version, model.signatures()))

    async def health(self, request: Request) -> Response:
        """200 as long as the server answers; it does not start without a model."""
        return _json({"status": "ok"})

    async def picture(self, request: Request) -> Response:
        """A grid of samples."""
        with self.workers.place():
            model = self.versions.find()
            png = await self.workers.run(partial(sample_png, model, dict(request.query_params)))
        return Response(png, media_type="image/png")

    async def rest(self, request: Request) -> Response:
        """TensorFlow Serving's REST API."""
        path = request.url.path
        if request.method == "POST":
            match = _PREDICT.fullmatch(path)
            if match:
                with self.workers.place():
                    body = await _body(request)
                    model = self._model(*match.groups())
                    answer = await self.workers.run(partial(model.predict, body))
                return Response(answer, media_type="application/json")
        else:
            match = _STATUS.fullmatch(path)
            if match:
                *place, metadata = match.groups()
                if metadata:
                    return _json(self._model(*place).metadata())
                return _json(self._status(*place))
        raise HttpError(400, f"Malformed request: {request.method} {shortened(path)}")

    def _model(self, name: str, version: str | None) -> Any:
        _check_name(name)
        return self.versions.find(int(version) if version else None)

    def _status(self, name: str, version: str | None) -> dict[str, Any]:
        _check_name(name)
        return self.versions.status(int(version) if version else None)


def make_app(versions: Versions, workers: Workers) -> Starlette:
    """The ASGI application that serves `versions`."""
    app = App(versions, workers)
    return Starlette(
        routes=[
            Route("/", app.home),
            Route("/healthz", app.health),
            Route("/sample.png", app.picture),
            Route("/v1/{rest:path}", app.rest, methods=["GET", "POST"]),
        ],
        exception_handlers={
            HttpError: _refused,
            HTTPException: _not_found,
            ClientDisconnect: _gone,
            Exception: _failed,
        },
    )


async def _body(request: Request) -> bytes:
    """The request's body, read no further than it may be long."""
    close = {"Connection": "close"}  # what else comes would be read, to no end
    too_long = HttpError(413, f"A request holds at most {MAX_BODY:,} bytes.", close)

    async def read() -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise too_long
        return bytes(body)

    try:
        return await asyncio.wait_for(read(), SECONDS_TO_SEND)
    except asyncio.TimeoutError as error:
        sentence = f"The body took more than {SECONDS_TO_SEND:.0f} seconds."
        raise HttpError(408, sentence, close) from error


def _check_name(name: str) -> None:
    if name != MODEL_NAME:
        raise HttpError(404, f"There is no model '{shortened(name)}'; there is '{MODEL_NAME}'.")


def _json(value: Any, status: int = 200, headers: Any = None) -> Response:
    return Response(json.dumps(value, indent=1), status, headers, "application/json")


async def _refused(request: Request, refusal: Any) -> Response:
    return _json({"error": refusal.sentence}, refusal.status, refusal.headers)


async def _not_found(request: Request, error: Any) -> Response:
    """An address that is not there, or not for this method."""
    sentence = f"{error.detail}: {request.method} {shortened(request.url.path)}"
    return _json({"error": sentence}, error.status_code, error.headers)


async def _gone(request: Request, error: Any) -> Response:
    return _json({"error": "The client went away."}, 400)


async def _failed(request: Request, error: Any) -> Response:
    """A fault of ours, of which the log has the traceback."""
    return _json({"error": f"The server failed: {type(error).__name__}."}, 500)

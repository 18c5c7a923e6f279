"""The web application: its addresses, and what answers them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from kgan.saved_model import MODEL_NAME
from kgan.utils.types import JsonDict

from .bodies import Bodies, decoded
from .error import HttpError, shortened
from .model import Model
from .page import page
from .picture import sample_png
from .versions import Versions
from .workers import Workers

_PLACE = r"/v1/models/([^/:]+)(?:/versions/([0-9]{1,18}))?"
_PREDICT = re.compile(_PLACE + ":predict")
_STATUS = re.compile(_PLACE + "(/metadata)?")

Headers: TypeAlias = Mapping[str, str] | None


class App:
    """The handlers of requests.

    Args:
        versions: the model to serve.
        workers: the threads that compute answers.
    """

    def __init__(self, versions: Versions, workers: Workers):
        self.versions = versions
        self.workers = workers
        self.bodies = Bodies()

    def stop(self) -> None:
        """Refuse all requests that are not answered yet."""
        self.bodies.stop()
        self.workers.stop()

    async def home(self, request: Request) -> Response:
        """Answer / with a page that shows samples and lists the addresses."""
        model = self.versions.find()
        classes = model.num_classes, model.class_names
        return HTMLResponse(page(model.version, model.signatures(), *classes))

    async def health(self, request: Request) -> Response:
        """Answer 200. The server does not start without a model."""
        return _json({"status": "ok"})

    async def picture(self, request: Request) -> Response:
        """Answer /sample.png with a grid of samples."""
        model = self.versions.find()
        png = await self.workers.run(partial(sample_png, model, dict(request.query_params)))
        return Response(png, media_type="image/png")

    async def rest(self, request: Request) -> Response:
        """Answer as TensorFlow Serving's REST API."""
        path = request.scope["path"]  # request.url is made of what the client calls the host
        if request.method == "POST":
            match = _PREDICT.fullmatch(path)
            if match:
                body = await self.bodies.read(request)
                model = self._model(*match.groups())
                encoding = request.headers.get("content-encoding", "")
                answer = await self.workers.run(lambda: model.predict(decoded(body, encoding)))
                return Response(answer, media_type="application/json")
        else:
            match = _STATUS.fullmatch(path)
            if match:
                *place, metadata = match.groups()
                if metadata:
                    return Response(self._model(*place).metadata, media_type="application/json")
                return _json(self._status(*place))
        raise HttpError(400, f"Malformed request: {request.method} {shortened(path)}")

    def _model(self, name: str, version: str | None) -> Model:
        _check_name(name)
        return self.versions.find(int(version) if version else None)

    def _status(self, name: str, version: str | None) -> JsonDict:
        _check_name(name)
        return self.versions.status(int(version) if version else None)


def make_app(versions: Versions, workers: Workers, origins: Sequence[str] = ()) -> Starlette:
    """Return the ASGI application that serves `versions`."""
    return asgi(App(versions, workers), origins)


def asgi(app: App, origins: Sequence[str] = ()) -> Starlette:
    """Return the ASGI application of the handlers.

    Args:
        app: the handlers.
        origins: of other sites whose scripts may read answers (CORS); `*` for all.
    """
    application = Starlette(
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
    if origins:
        application.add_middleware(
            CORSMiddleware,
            allow_origins=[*origins],
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
        )
    application.router.redirect_slashes = False  # a redirect goes to what the client calls the host
    return application


def _check_name(name: str) -> None:
    if name != MODEL_NAME:
        raise HttpError(404, f"There is no model '{shortened(name)}'; there is '{MODEL_NAME}'.")


def _json(value: object, status: int = 200, headers: Headers = None) -> Response:
    return Response(json.dumps(value, indent=1), status, headers, "application/json")


# Starlette types every handler's error as Exception, whatever class it is registered for.


async def _refused(request: Request, refusal: Any) -> Response:
    return _json({"error": refusal.sentence}, refusal.status, refusal.headers)


async def _not_found(request: Request, error: Any) -> Response:
    """Answer a request for an unknown address, or by a wrong method."""
    sentence = f"{error.detail}: {request.method} {shortened(request.scope['path'])}"
    return _json({"error": sentence}, error.status_code, error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    return _json({"error": "The client went away."}, 400)


async def _failed(request: Request, error: Exception) -> Response:
    """Answer a request on which the server failed; the log has the traceback."""
    return _json({"error": f"The server failed: {type(error).__name__}."}, 500)

"""Serve the newest version in a directory, and replace it when a newer one appears."""

from __future__ import annotations

import contextlib
import gc
import pathlib
import re
import sys
import threading
import weakref
from typing import TypeAlias

from kgan.saved_model import MODEL_NAME
from kgan.utils.loading import error_summary
from kgan.utils.types import JsonDict

from .error import HttpError
from .model import Model
from .picture import sample_png

# Name, size and time of change of every file of a version.
Files: TypeAlias = list[tuple[str, int, int]]


class Versions:
    """The newest version in `directory`, as TensorFlow Serving chooses it by default.

    Args:
        directory: holds one directory for each version, named by its number.

    Raises:
        FileNotFoundError: it holds no version.
        ValueError: the newest version cannot be loaded.
    """

    def __init__(self, directory: pathlib.Path):
        self._directory = directory
        self._states: dict[int, str] = {}
        self._errors: dict[int, str] = {}
        self._models: dict[int, weakref.ref[Model]] = {}
        self._seen: tuple[int, Files] | None = None
        version = self._newest()
        if version is None:
            raise FileNotFoundError(
                f"There is no SavedModel in {directory}: it should hold directories named by "
                "numbers, as kgan-export --output_dir=OUT makes them in OUT/saved_model."
            )
        try:
            self._current = self._load(version)
        except Exception as error:
            raise ValueError(
                f"{directory / str(version)} cannot be loaded ({error_summary(error)}). "
                "Export it anew."
            ) from error

    def find(self, version: int | None = None) -> Model:
        """Return the model for a request, which keeps the model alive until it ends.

        Args:
            version: its number; None for the served one.

        Raises:
            HttpError: 404, this version is not served.
        """
        current = self._current
        if version not in (None, current.version):
            raise HttpError(
                404, f"Version {version} of {MODEL_NAME} is not served; {current.version} is."
            )
        return current

    def status(self, version: int | None = None) -> JsonDict:
        """Return the JSON of TensorFlow Serving's GetModelStatusResponse, newest version first.

        Args:
            version: the number of one version; None for all that were seen.

        Raises:
            HttpError: 404, this version was never seen.
        """
        states = {number: self._state(number) for number in sorted(self._states, reverse=True)}
        if version is not None:
            if version not in states:
                raise HttpError(404, f"There is no version {version} of {MODEL_NAME}.")
            states = {version: states[version]}
        return {
            "model_version_status": [
                {"version": str(number), "state": state, "status": self._problem(number)}
                for number, state in states.items()
            ]
        }

    def _state(self, number: int) -> str:
        state = self._states[number]
        return "END" if state == "UNLOADING" and self._models[number]() is None else state

    def _problem(self, number: int) -> dict[str, str]:
        message = self._errors.get(number, "")
        return {"error_code": "UNKNOWN" if message else "OK", "error_message": message}

    def watch(self, stopped: threading.Event, seconds: float = 1.0) -> None:
        """Poll every `seconds` until `stopped` is set."""
        while not stopped.wait(seconds):
            self.poll()

    def poll(self) -> None:
        """Look for another newest version, and serve it if its files did not change.

        A version whose files changed since the last look is still being written. One that could
        not be loaded is tried again when its files change.
        """
        try:
            version = self._newest()
            if version is None or version == self._current.version:
                return
            seen = (version, _files(self._directory / str(version)))
        except OSError:  # it was removed meanwhile
            return
        if seen != self._seen:
            self._seen = seen
            self._errors.pop(version, None)
        elif version not in self._errors:
            self._replace(version)

    def _replace(self, version: int) -> None:
        before = self._current
        try:
            model = self._load(version)
        except Exception as error:
            self._states[version] = "END"
            self._errors[version] = error_summary(error)
            print(
                f"Version {version} cannot be loaded ({error_summary(error)}); "
                f"{before.version} stays.",
                file=sys.stderr,
                flush=True,
            )
            return
        self._states[before.version] = "UNLOADING"
        self._current = model
        print(f"Version {version} is served; {before.version} ends with its requests.", flush=True)
        del before
        gc.collect()  # TensorFlow's objects form reference cycles

    def _load(self, version: int) -> Model:
        self._states[version] = "LOADING"
        model = Model(self._directory / str(version))
        model.warm_up()
        with contextlib.suppress(HttpError):  # the model has no samples, or no pictures
            sample_png(model, {})
        self._models[version] = weakref.ref(model)
        self._states[version] = "AVAILABLE"
        return model

    def _newest(self) -> int | None:
        if not self._directory.is_dir():
            return None
        numbered = (
            path for path in self._directory.iterdir() if re.fullmatch("0|[1-9][0-9]*", path.name)
        )
        whole = (path for path in numbered if (path / "saved_model.pb").is_file())
        return max((int(path.name) for path in whole), default=None)


def _files(directory: pathlib.Path) -> Files:
    """Return name, size and time of change of every file below `directory`."""
    stats = ((str(path), path.stat()) for path in sorted(directory.rglob("*")))
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]

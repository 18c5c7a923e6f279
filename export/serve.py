"""Serves an exported generator over HTTP, for trying it out.

    kgan-serve --model_dir=OUT/saved_model

Speaks TensorFlow Serving's REST API for the model `gan`, on the port that it has there, and shows
samples at /. Takes a newer version over when one appears. docs/serving.md tells the rest.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal

from absl import flags, logging

from .command import run, verbose
from .serving import address
from .silence import native_silence

_MODEL_DIR = flags.DEFINE_string(
    "model_dir",
    None,
    "Directory of the versions: OUT/saved_model of kgan-export --output_dir=OUT.",
    required=True,
)
_HOST = flags.DEFINE_string("host", "127.0.0.1", "Name or address to listen at.")
_PORT = flags.DEFINE_integer("port", 8501, "Port to listen at; 0 for any that is free.")
_ACCESS_LOG = flags.DEFINE_bool("access_log", False, "Write a line for each request.")


def cli() -> None:
    """Runs the program and exits: 0 stopped, 1 failed, 130 interrupted before it served."""
    run("kgan-serve", __name__, _serve, "interrupted before it served.")


def _serve() -> None:
    if not verbose():
        logging.set_verbosity(logging.WARNING)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if verbose() else "3")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = pathlib.Path(_MODEL_DIR.value).expanduser()
    bound = address.bind(_HOST.value, _PORT.value)
    with contextlib.nullcontext() if verbose() else native_silence():
        try:
            from .serving import server, versions  # imports TensorFlow: seconds
        except ModuleNotFoundError as error:
            missing = str(error.name).partition(".")[0]
            if missing not in ("starlette", "uvicorn"):
                raise
            raise ModuleNotFoundError(
                f"{missing} is not installed, which serving needs: pip install 'kgan[serve]'"
            ) from error
        served = versions.Versions(directory)
    server.serve(served, bound, _ACCESS_LOG.value)


if __name__ == "__main__":
    cli()

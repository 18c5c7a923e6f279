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
import sys

from absl import app, flags, logging

from .serving import address
from .silence import native_silence

PROGRAM = "kgan-serve"

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
    sys.modules["__main__"].__doc__ = __doc__  # heads --help, however the program was started
    for flag in flags.FLAGS.get_flags_for_module(__name__):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    app.run(_main)


def _main(argv: list[str]) -> int:
    if len(argv) > 1:
        print(f"{PROGRAM}: unexpected argument {argv[1]!r}; flags begin with --.", file=sys.stderr)
        return 1
    verbose = flags.FLAGS.verbosity > 0
    if not verbose:
        logging.set_verbosity(logging.WARNING)
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # what was compared on export ran on the CPU
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if verbose else "3")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _serve(verbose)
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted before it served.", file=sys.stderr)
        return 130
    except Exception as error:
        if verbose:
            raise
        print(f"{PROGRAM}: {error or type(error).__name__}", file=sys.stderr)
        return 1
    return 0


def _serve(verbose: bool) -> None:
    directory = pathlib.Path(_MODEL_DIR.value).expanduser()
    bound = address.bind(_HOST.value, _PORT.value)
    with contextlib.nullcontext() if verbose else native_silence():
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

"""Serves an exported generator over HTTP, for trying it out.

    kgan-serve --model_dir=OUT/saved_model

Speaks TensorFlow Serving's REST API for the model `gan`, on TensorFlow Serving's default port, and
shows samples at /. Switches to a newer version when one appears. See docs/serving.md.
"""

from __future__ import annotations

import pathlib

from absl import flags

from kgan_cli.program import run
from kgan_cli.silence import native_silence

from .serving import address

_MODEL_DIR = flags.DEFINE_string(
    "model_dir",
    None,
    "Directory of the model's versions: OUT/saved_model of kgan-export --output_dir=OUT.",
    required=True,
)
_HOST = flags.DEFINE_string("host", "127.0.0.1", "Host name or address to listen at.")
_PORT = flags.DEFINE_integer("port", 8501, "Port to listen at; 0 for any free one.")
_CORS = flags.DEFINE_list(
    "cors",
    [],
    "Origins of web pages that may read the answers, such as https://example.org; * for all.",
)
_ACCESS_LOG = flags.DEFINE_bool("access_log", False, "Write a line for each request.")


def cli() -> None:
    """Run the program and exit: 0 stopped, 1 failed, 130 interrupted before it served."""
    # A training beside it needs all of the GPU's memory.
    run("kgan-serve", __name__, main, "interrupted before it served.", hide_gpus=True)


def main() -> None:
    """Serve by the flags."""
    directory = pathlib.Path(_MODEL_DIR.value).expanduser()
    address.check_origins(_CORS.value)
    bound = address.bind(_HOST.value, _PORT.value)
    with native_silence():
        try:
            from .serving import server, versions  # imports TensorFlow: seconds
        except ModuleNotFoundError as error:
            missing = str(error.name).partition(".")[0]
            if missing not in ("starlette", "uvicorn"):
                raise
            raise ModuleNotFoundError(
                f"{missing} is not installed, which serving needs: pip install 'kgan[serve]'"
            ) from error
        server.shorten_pauses()
        served = versions.Versions(directory)
    server.serve(served, bound, _ACCESS_LOG.value, _CORS.value)


if __name__ == "__main__":
    cli()

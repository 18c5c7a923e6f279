"""Exports the generator of a training run, and proves that what it wrote makes the same images.

Writes OUTPUT/saved_model/<version>/ (TensorFlow Serving's layout), OUTPUT/tflite/, OUTPUT/onnx/
and a report, OUTPUT/parity.md, with a picture and, for programs, parity.json. Exits 0 when all of
it passed, and 1, exporting nothing, when something failed.
"""

from __future__ import annotations

import contextlib

from absl import flags

from .command import run, verbose
from .silence import native_silence

_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Run directory of a finished kgan-train run.", required=True
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Directory to export to; made if it is absent.", required=True
)
_FORMATS = flags.DEFINE_list(
    "formats", ["saved_model", "tflite"], "What to write: saved_model, tflite, onnx."
)
_QUANTIZATION = flags.DEFINE_list(
    "quantization",
    ["none"],
    "Precisions of TFLite, a file each: none (float32), float16, dynamic, int8, int8_io, 16x8.",
)
_VERSION = flags.DEFINE_integer(
    "version", None, "Number of the SavedModel; by default one more than the highest there is."
)


def cli() -> None:
    """Runs the program and exits: 0 done, 1 failed, 130 interrupted."""
    run("kgan-export", __name__, _export, "interrupted; nothing was exported.")


def _export() -> None:
    with contextlib.nullcontext() if verbose() else native_silence():
        from .program import export  # imports TensorFlow: seconds, which --help need not wait

        export(
            _RUN_DIR.value,
            _OUTPUT_DIR.value,
            _FORMATS.value,
            _VERSION.value,
            _QUANTIZATION.value,
        )

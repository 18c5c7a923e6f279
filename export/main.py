"""Exports the generator of a training run, and proves that what it wrote makes the same images.

Writes OUTPUT/saved_model/<version>/ (TensorFlow Serving's layout), OUTPUT/tflite/, OUTPUT/onnx/
and a report, OUTPUT/parity.md, with a picture and, for programs, parity.json. Exits 0 when all of
it passed, and 1, exporting nothing, when something failed.
"""

from __future__ import annotations

import contextlib
import os
import sys

from absl import app, flags

from .silence import native_silence

PROGRAM = "kgan-export"

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
    sys.modules["__main__"].__doc__ = __doc__  # heads --help, however the program was started
    for flag in flags.FLAGS.get_flags_for_module(__name__):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    app.run(_main)


def _main(argv: list[str]) -> int:
    if len(argv) > 1:
        print(f"{PROGRAM}: unexpected argument {argv[1]!r}; flags begin with --.", file=sys.stderr)
        return 1
    # An export needs no GPU, and a training beside it needs all of the GPU's memory.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    verbose = flags.FLAGS.verbosity > 0
    try:
        with contextlib.nullcontext() if verbose else native_silence():
            from .program import export  # imports TensorFlow: seconds, which --help need not wait

            export(
                _RUN_DIR.value,
                _OUTPUT_DIR.value,
                _FORMATS.value,
                _VERSION.value,
                _QUANTIZATION.value,
            )
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted; nothing was exported.", file=sys.stderr)
        return 130
    except Exception as error:
        if verbose:
            raise
        print(f"{PROGRAM}: {error or type(error).__name__}", file=sys.stderr)
        return 1
    return 0

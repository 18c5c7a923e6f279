"""Exports the generator of a training run, and proves that what it wrote makes the same images.

Writes OUTPUT/saved_model/<version>/ (TensorFlow Serving's layout), OUTPUT/tflite/, OUTPUT/onnx/
and a report: OUTPUT/parity.md with a picture, and parity.json for programs. Exits 0 when every
format passed. Exits 1 and exports nothing when one failed.
"""

from __future__ import annotations

from absl import flags

from kgan_cli.imports import define_import_flag, import_modules
from kgan_cli.program import run
from kgan_cli.silence import native_silence

_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Directory of a run of kgan-train, finished or not.", required=True
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Directory to export to; created if absent.", required=True
)
_FORMATS = flags.DEFINE_list(
    "formats", ["saved_model", "tflite"], "Formats to write: saved_model, tflite, onnx."
)
_QUANTIZATION = flags.DEFINE_list(
    "quantization",
    ["none"],
    "Precisions of TFLite, a file each: none (float32), float16, dynamic, int8, int8_io, 16x8.",
)
_VERSION = flags.DEFINE_integer(
    "version", None, "Version number of the SavedModel (default: one above the highest version)"
)
_STEP = flags.DEFINE_integer(
    "step",
    None,
    "Export the checkpoint after this step of the run (default: the end of a finished run, else "
    "the newest)",
    lower_bound=1,
)
define_import_flag(__name__)


def cli() -> None:
    """Run the program and exit: 0 done, 1 failed, 130 interrupted."""
    # A training beside it needs all of the GPU's memory.
    run("kgan-export", __name__, main, "interrupted; nothing was exported.", hide_gpus=True)


def main() -> None:
    """Export by the flags."""
    with native_silence():
        from .program import export  # imports TensorFlow: seconds, which --help need not wait

        import_modules()
        export(
            _RUN_DIR.value,
            _OUTPUT_DIR.value,
            _FORMATS.value,
            _VERSION.value,
            _QUANTIZATION.value,
            _STEP.value,
        )

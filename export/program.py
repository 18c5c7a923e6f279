"""What the program does, as a function."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

import tensorflow as tf

from . import formats as kinds
from . import generator, lite_sampling, parity, report, saved_model
from .parity import Comparison


def export(
    run_dir: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    formats: Sequence[str] = ("saved_model", "tflite"),
    version: int | None = None,
    quantization: Sequence[str] = ("none",),
) -> dict[str, Comparison]:
    """Exports the generator of a run, and prints how the result compares with the Keras model.

    All formats are written aside, read back and compared first. Only when each makes the images of
    the Keras model do they move to their places, so what lies there is whole and right. The report,
    `parity.json`, `parity.md` and `parity.png`, is written in either case.

    Args:
        run_dir: run directory of a finished training.
        output_dir: directory to export to; made if it is absent.
        formats: what to write, of `"saved_model"`, `"tflite"` and `"onnx"`.
        version: number of the SavedModel; None for one more than the highest there is.
        quantization: precisions of TFLite, a file each, of `"none"`, `"float16"`, `"dynamic"`,
            `"int8"`, `"int8_io"` and `"16x8"`.

    Returns:
        The comparison of each file or directory, by the name that it has in the report.

    Raises:
        FileExistsError: the version exists already.
        FileNotFoundError: `run_dir` holds no finished run.
        ModuleNotFoundError: `formats` has onnx, which is not installed.
        NotADirectoryError: `output_dir` is a file.
        ParityError: a format makes other images than the Keras model; nothing was exported.
        ValueError: an argument is invalid, a file of the run is damaged, its images are not finite,
            or they need what a format lacks.
    """
    output = pathlib.Path(output_dir).expanduser()
    existing = next(
        path for path in (output.absolute(), *output.absolute().parents) if path.exists()
    )
    if not existing.is_dir():
        raise NotADirectoryError(
            f"Nothing can be written to {output}: {existing} is a file. "
            "Name a directory, or one yet to be made."
        )
    version = saved_model.choose_version(output / "saved_model", version)
    chosen = kinds.chosen(formats, quantization, version)
    # On the CPU whatever else there is: a GPU may round products to fewer bits (TensorFloat-32).
    with tf.device("CPU:0"):
        trained = generator.read(run_dir)
        with _staging(output) as stage:
            comparisons = _write_and_compare(trained, chosen, stage, output)
            failed = [name for name, made in comparisons.items() if not made.passed]
            if not failed:
                for kind in chosen:
                    (output / kind.place).parent.mkdir(exist_ok=True)
                    os.replace(stage / kind.place, output / kind.place)
    print(report.table(comparisons))
    if failed:
        raise parity.ParityError(
            f"Parity failed for {', '.join(failed)}: the images differ from the Keras model's by "
            f"more than its limit. Nothing was exported; {output / 'parity.json'} has the numbers."
        )
    _print_what_is_left_out(trained, comparisons)
    paths = ", ".join(made.path for made in comparisons.values())
    print(f"Exported to {output}: {paths}; compared in parity.md.")
    return comparisons


def _write_and_compare(
    trained: generator.TrainedGenerator,
    chosen: Sequence[kinds.Format],
    stage: pathlib.Path,
    output: pathlib.Path,
) -> dict[str, Comparison]:
    """Writes the formats below `stage` and the report on them into `output`."""
    reference = parity.Reference(trained)
    comparisons, images = {}, {}
    for kind in chosen:
        written = stage / kind.place
        written.parent.mkdir(exist_ok=True)
        kind.write(trained, written)
        comparisons[kind.name], images[kind.name] = reference.compare(written, kind)
    report.write(trained, reference, comparisons, images, output)
    return comparisons


def _print_what_is_left_out(
    trained: generator.TrainedGenerator, comparisons: dict[str, Comparison]
) -> None:
    if "saved_model" in comparisons and not trained.makes_pictures:
        print("The SavedModel has no sample_png: PNG files hold bounded values in 1 or 3 channels.")
    lite = any(name.startswith("tflite") for name in comparisons)
    if lite and not lite_sampling.can_sample(trained.prior):
        print("The TFLite files have no sample: it is there for normal and uniform priors.")


@contextlib.contextmanager
def _staging(output: pathlib.Path) -> Iterator[pathlib.Path]:
    """A hidden directory within `output`, gone afterwards; so is what a failure had made for it."""
    absent = [path for path in (output, *output.parents) if not path.exists()]
    output.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".export-", dir=output) as stage:
            yield pathlib.Path(stage)
    finally:
        for path in absent:
            with contextlib.suppress(OSError):  # not empty, which is well
                path.rmdir()

"""What the program does, as a function."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import tensorflow as tf

from . import generator, parity, saved_model, tflite
from .parity import Comparison

FORMATS = {"saved_model": saved_model, "tflite": tflite}


def export(
    run_dir: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    formats: Sequence[str] = ("saved_model", "tflite"),
    version: int | None = None,
) -> dict[str, Comparison]:
    """Exports the generator of a run, and prints how the result compares with the Keras model.

    All formats are written aside, read back and compared first. Only when each makes the images of
    the Keras model do they move to their places, so what lies there is whole and right. The report,
    `parity.json`, is written in either case.

    Args:
        run_dir: run directory of a finished training.
        output_dir: directory to export to; made if it is absent.
        formats: what to write, of `"saved_model"` and `"tflite"`.
        version: number of the SavedModel; None for one more than the highest there is.

    Returns:
        The comparison of each format.

    Raises:
        FileExistsError: the version exists already.
        FileNotFoundError: `run_dir` holds no finished run.
        NotADirectoryError: `output_dir` is a file.
        ParityError: a format makes other images than the Keras model; nothing was exported.
        ValueError: an argument is invalid, a file of the run is damaged, its images are not finite,
            or they need what TFLite lacks.
    """
    formats = _known(formats)
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
    places = {
        "saved_model": pathlib.Path("saved_model", str(version)),
        "tflite": pathlib.Path("tflite", "generator_float32.tflite"),
    }
    # On the CPU whatever else there is: a GPU may round products to fewer bits (TensorFloat-32).
    with tf.device("CPU:0"):
        trained = generator.read(run_dir)
        with _staging(output) as stage:
            comparisons = _write_and_compare(trained, {n: places[n] for n in formats}, stage)
            failed = [name for name in formats if not comparisons[name].passed]
            if not failed:
                for name in formats:
                    (output / places[name]).parent.mkdir(exist_ok=True)
                    os.replace(stage / places[name], output / places[name])
            parity.write_report(comparisons, output / "parity.json")
    print(parity.table(comparisons))
    if failed:
        raise parity.ParityError(
            f"Parity failed for {', '.join(failed)}: the images differ from the Keras model's by "
            f"more than rounding. Nothing was exported; {output / 'parity.json'} has the numbers."
        )
    paths = ", ".join(comparisons[name].path for name in formats)
    print(f"Exported to {output}: {paths}; compared in parity.json.")
    return comparisons


def _known(formats: Sequence[str]) -> list[str]:
    formats = list(dict.fromkeys(formats))
    if not formats or not set(formats) <= set(FORMATS):
        raise ValueError(
            "Invalid value for argument `formats`: expected one or more of "
            f"{', '.join(FORMATS)}, received {','.join(formats) or 'none'}."
        )
    return formats


def _write_and_compare(
    trained: generator.TrainedGenerator, places: Mapping[str, pathlib.Path], stage: pathlib.Path
) -> dict[str, Comparison]:
    reference = parity.Reference(trained)
    comparisons = {}
    for name, place in places.items():
        written = stage / place
        written.parent.mkdir()
        FORMATS[name].write(trained, written)
        images = FORMATS[name].load(written)
        comparisons[name] = reference.compare(images, written, place, FORMATS[name].TOLERANCE)
    return comparisons


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

"""Export a run: write every format aside, compare it with Keras, and move it into place."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

import tensorflow as tf

from kgan import inference
from kgan.inference import KerasGenerator

from . import formats as kinds
from . import lite_sampling, parity, report
from .parity import Comparison


def export(
    run_dir: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    formats: Sequence[str] = ("saved_model", "tflite"),
    version: int | None = None,
    quantization: Sequence[str] = ("none",),
) -> dict[str, Comparison]:
    """Export the generator of a run, and print how each format compares with the Keras model.

    All formats are written to a hidden directory, read back and compared first. They move to their
    places only if every one passes. The report, `parity.json`, `parity.md` and `parity.png`, is
    written in either case.

    Args:
        run_dir: run directory of a finished training.
        output_dir: directory to export to; made if it is absent.
        formats: any of `"saved_model"`, `"tflite"` and `"onnx"`.
        version: number of the SavedModel; None for one more than the highest there is.
        quantization: precisions of TFLite, a file each: any of `"none"`, `"float16"`, `"dynamic"`,
            `"int8"`, `"int8_io"` and `"16x8"`.

    Returns:
        The comparison of each file or directory, by its name in the report.

    Raises:
        FileExistsError: the version exists already.
        FileNotFoundError: `run_dir` holds no finished run.
        ModuleNotFoundError: `formats` has onnx, whose packages are not installed.
        NotADirectoryError: `output_dir` is a file.
        ParityError: the images of a format differ from the Keras model's; nothing was exported.
        ValueError: an argument is invalid, a file of the run is damaged, its images are not finite,
            or the network needs an operation that a format lacks.
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
    version = choose_version(output / "saved_model", version)
    chosen = kinds.chosen(formats, quantization, version)
    # On the CPU whatever else there is: a GPU may round products to fewer bits (TensorFloat-32).
    with tf.device("CPU:0"):
        generator = inference.read_run(run_dir)
        generator.use_full_precision()
        with _staging(output) as stage:
            comparisons = _write_and_compare(generator, chosen, stage, output)
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
    _print_omissions(generator, comparisons)
    paths = ", ".join(made.path for made in comparisons.values())
    print(f"Exported to {output}: {paths}; compared in parity.md.")
    return comparisons


def choose_version(directory: pathlib.Path, version: int | None) -> int:
    """Return the number of a new version of the SavedModel.

    Args:
        directory: the parent of all versions; it need not exist.
        version: the requested number, or None for one more than the highest there is.

    Raises:
        FileExistsError: the version exists.
        ValueError: the version is not a positive integer.
    """
    taken = [int(path.name) for path in directory.glob("*") if path.name.isdecimal()]
    if version is None:
        return max(taken, default=0) + 1
    if not isinstance(version, int) or version < 1:
        raise ValueError(
            "Invalid value for argument `version`: expected a positive integer, or none for one "
            f"more than the highest there is, received {version!r}."
        )
    if version in taken:
        raise FileExistsError(
            f"Version {version} exists in {directory} and is not overwritten. "
            f"Choose another, or leave --version out for {max(taken) + 1}."
        )
    return version


def _write_and_compare(
    generator: KerasGenerator,
    chosen: Sequence[kinds.Format],
    stage: pathlib.Path,
    output: pathlib.Path,
) -> dict[str, Comparison]:
    """Write the formats below `stage`, and the report on them into `output`."""
    reference = parity.Reference(generator)
    comparisons, images = {}, {}
    for kind in chosen:
        written = stage / kind.place
        written.parent.mkdir(exist_ok=True)
        kind.write(generator, written)
        comparisons[kind.name], images[kind.name] = reference.compare(written, kind)
    report.write(generator, reference, comparisons, images, output)
    return comparisons


def _print_omissions(generator: KerasGenerator, comparisons: dict[str, Comparison]) -> None:
    if "saved_model" in comparisons and not generator.has_pictures:
        print("The SavedModel has no sample_png: PNG files hold bounded values in 1 or 3 channels.")
    lite = any(name.startswith("tflite") for name in comparisons)
    if lite and not lite_sampling.can_sample(generator.prior):
        print("The TFLite files have no sample: it is there for normal and uniform priors.")


@contextlib.contextmanager
def _staging(output: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield a hidden directory within `output`; remove it and the empty directories around it."""
    absent = [path for path in (output, *output.parents) if not path.exists()]
    output.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".export-", dir=output) as stage:
            yield pathlib.Path(stage)
    finally:
        for path in absent:
            with contextlib.suppress(OSError):  # not empty: something was exported
                path.rmdir()

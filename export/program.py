"""Export a run: write every format aside, compare it with Keras, and move it into place."""

from __future__ import annotations

import contextlib
import dataclasses
import numbers
import os
import pathlib
from collections.abc import Sequence

import tensorflow as tf

from kgan import inference
from kgan.artifacts import RunDirectory
from kgan.inference import KerasGenerator

from . import formats as kinds
from . import lite_sampling, of_images, parity, report
from .parity import Comparison
from .place import Place, Staged, publish

MAX_VERSION = 2**63 - 1  # TensorFlow Serving reads an int64


def export(
    run_dir: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    formats: Sequence[str] = ("saved_model", "tflite"),
    version: int | None = None,
    quantization: Sequence[str] = ("none",),
    step: int | None = None,
) -> dict[str, Comparison]:
    """Export the generator of a run, and print how each format compares with the Keras model.

    All formats are written to a hidden directory, read back, compared and synced to disk first.
    They move to their places only if every one passes. The report, `parity.json`, `parity.md` and
    `parity.png`, is written in either case. A run that translates both ways is exported once for
    each, to `output_dir/x_to_y` and `output_dir/y_to_x`, with one number of the SavedModels: both
    or none. If one fails, it alone has a report.

    Args:
        run_dir: directory of a run of `kgan-train` or `GAN.save_run`, finished or not.
        output_dir: directory to export to; made if it is absent.
        formats: any of `"saved_model"`, `"tflite"` and `"onnx"`.
        version: number of the SavedModel; None for one more than the highest there is.
        quantization: precisions of TFLite, a file each: any of `"none"`, `"float16"`, `"dynamic"`,
            `"int8"`, `"int8_io"` and `"16x8"`.
        step: the step of the run whose checkpoint is exported; None for the end of a finished run,
            else the newest.

    Returns:
        The comparison of each file or directory, by its name in the report; of a run that
        translates both ways, by names such as `x_to_y/saved_model`.

    Raises:
        BlockingIOError: another process exports to `output_dir`.
        FileExistsError: the version exists already.
        FileNotFoundError: `run_dir` holds no run, no such checkpoint, or none yet.
        ModuleNotFoundError: `formats` has onnx, whose packages are not installed.
        OSError: `output_dir` is a file, or something in it is in the way or cannot be written.
        ParityError: the images of a format differ from the Keras model's; nothing was exported.
        ValueError: an argument is invalid, a file of the run is damaged, its images are not finite
            or leave its value range, or the network needs an operation that a format lacks.

    Example:
        ```python
        from kgan_export import export

        gan.save_run("runs/mine")
        export("runs/mine", "exports/mine", formats=["saved_model", "tflite"])
        ```
    """
    kinds.check_given(formats, quantization, version)
    output = pathlib.Path(output_dir).expanduser()
    directions = RunDirectory(run_dir).read_config().get("directions", ())
    outputs = {direction: output / direction for direction in directions} or {"": output}
    # On the CPU whatever else there is: a GPU may round products to fewer bits (TensorFloat-32).
    with contextlib.ExitStack() as held, tf.device("CPU:0"):
        places = [held.enter_context(Place(path, output).locked()) for path in outputs.values()]
        version = choose_version(version, *(place.output / "saved_model" for place in places))
        chosen = kinds.chosen(formats, quantization, version)
        for place in places:
            place.check(kind.place for kind in chosen)
        run = inference.read_run(run_dir, step)
        made = []
        for direction, place in zip(outputs, places, strict=True):
            generator = run.toward(direction) if direction else run
            generator.use_full_precision()
            stage = held.enter_context(place.staging())
            comparisons = _write_and_compare(generator, chosen, stage)
            made.append(_Export(direction, generator, place, stage, comparisons))
        failed = [one for one in made if one.failed]
        publish([one.staged() for one in failed or made])
    for one in made:
        print(report.table(one.comparisons))
        if not failed:
            _print_omissions(one.generator, one.comparisons)
            paths = ", ".join(dict.fromkeys(found.path for found in one.comparisons.values()))
            print(f"Exported to {one.place.output}: {paths}; compared in parity.md.")
    if failed:
        names = ", ".join(one.named(name) for one in failed for name in one.failed)
        reports = " and ".join(str(one.place.output / "parity.json") for one in failed)
        raise parity.ParityError(
            f"Parity failed for {names}: the images differ from the Keras model's by more than its "
            f"limit. Nothing was exported; {reports} {'have' if len(failed) > 1 else 'has'} the "
            "numbers."
        )
    return {one.named(name): found for one in made for name, found in one.comparisons.items()}


@dataclasses.dataclass(frozen=True)
class _Export:
    """The files of one generator, written aside.

    Attributes:
        direction: of a generator that translates; empty for a run of one generator.
        generator: the generator.
        place: where its files go.
        stage: the directory that holds them until then.
        comparisons: of each file or directory, by its name in the report.
    """

    direction: str
    generator: KerasGenerator
    place: Place
    stage: pathlib.Path
    comparisons: dict[str, Comparison]

    @property
    def failed(self) -> list[str]:
        """Names of the formats whose images differ from the Keras model's."""
        return [name for name, made in self.comparisons.items() if not made.passed]

    def named(self, name: str) -> str:
        """Return the name of a format beside those of other directions."""
        return f"{self.direction}/{name}" if self.direction else name

    def staged(self) -> Staged:
        """Return what is to be published: the report alone if a format failed."""
        written = {pathlib.Path(made.path) for made in self.comparisons.values()}
        return Staged(self.place, self.stage, [] if self.failed else sorted(written))


def choose_version(version: int | None, *directories: pathlib.Path) -> int:
    """Return the number of a new version of the SavedModel.

    Args:
        version: the requested number, or None for one more than the highest there is.
        directories: the parents of all versions, which get the same number; they need not exist.

    Raises:
        FileExistsError: the version exists.
        ValueError: the version is not a positive integer, or above `MAX_VERSION`.
    """
    taken = {
        int(path.name): directory
        for directory in directories
        for path in directory.glob("*")
        if path.name.isascii() and path.name.isdecimal() and int(path.name) <= MAX_VERSION
    }
    following = max(taken, default=0) + 1
    free = f", or leave --version out for {following}" if following <= MAX_VERSION else ""
    if version is None:
        version = following
        if not free:
            raise ValueError(
                f"{taken[MAX_VERSION]} has version {MAX_VERSION}, and TensorFlow Serving reads no "
                "higher one. Choose a free version with --version."
            )
    whole = isinstance(version, numbers.Integral) and not isinstance(version, bool)
    if not whole or not 1 <= version <= MAX_VERSION:
        raise ValueError(
            "Invalid value for argument `version`: expected a positive integer of at most "
            f"{MAX_VERSION}, or none for one more than the highest there is, received {version!r}."
        )
    if version in taken:
        raise FileExistsError(
            f"Version {version} exists in {taken[version]} and is not overwritten. Choose "
            f"another{free}."
        )
    return int(version)


def _write_and_compare(
    generator: KerasGenerator, chosen: Sequence[kinds.Format], stage: pathlib.Path
) -> dict[str, Comparison]:
    """Write the formats and the report on them below `stage`."""
    reference = parity.Reference(generator)
    comparisons, images = {}, {}
    for kind in chosen:
        written = stage / kind.place
        written.parent.mkdir(exist_ok=True)
        kind.write(generator, written)
        comparisons[kind.name], images[kind.name] = reference.compare(written, kind)
    for signature in of_images.signatures(generator):
        of_given = parity.Reference(of_images.OfImages(generator, signature))
        for kind in of_images.formats(signature, chosen):
            if kind.place == of_images.CLASSIFIER:
                kind.write(generator, stage / kind.place)
            comparisons[kind.name], _ = of_given.compare(stage / kind.place, kind)
    report.write(generator, reference, comparisons, images, stage)
    return comparisons


def _print_omissions(generator: KerasGenerator, comparisons: dict[str, Comparison]) -> None:
    if "saved_model" in comparisons and not generator.has_pictures:
        print("The SavedModel has no sample_png: PNG files hold bounded values in 1 or 3 channels.")
    lite = any(name.startswith("tflite") for name in comparisons)
    if lite and not lite_sampling.can_sample(generator.prior):
        print("The TFLite files have no sample: it is there for normal and uniform priors.")

"""The generator to sample: of a run, finished or not, or of a file."""

from __future__ import annotations

import dataclasses
import pathlib

from kgan import inference, plots, priors
from kgan.artifacts import RunDirectory
from kgan.inference import Generator
from kgan.utils.loading import error_summary

from .options import Options


def open_generator(options: Options) -> Generator:
    """Return the generator that the options name, with its prior.

    Raises:
        FileNotFoundError: there is no such run, checkpoint or file.
        ValueError: it cannot be read, does not record its prior, or does not make images.
    """
    generator = _open(options)
    try:
        shape = generator.image_shape
    except Exception as error:
        raise ValueError(
            f"{generator.path} makes no images ({error_summary(error)}). Either it is "
            "damaged, or a conditional .tflite file that does not record its classes: export it "
            "again."
        ) from error
    if len(shape) != 3 or not plots.can_draw(shape):
        raise ValueError(
            f"{generator.path} makes samples of shape {shape}, not images (height, width, 1, 3 or "
            "4). Draw them from Python: kgan.inference.load(...).sample(...)."
        )
    return generator


def _open(options: Options) -> Generator:
    if options.run_dir is not None:
        run = RunDirectory(options.run_dir)
        known = run.read_config().get("directions", ())
        if bool(known) != (options.direction is not None):
            expected = f"one of {', '.join(known)}" if known else "none"
            ways = "both ways" if known else "one way"
            raise ValueError(
                f"--direction={options.direction}: expected {expected}, as {run.path} translates "
                f"{ways}."
            )
        return inference.load(run.path, step=options.step, direction=options.direction)
    if options.direction is not None:
        raise ValueError(
            f"--direction={options.direction}: expected --run_dir beside it, as --model="
            f"{options.model} has one direction."
        )
    path = pathlib.Path(options.model or "").expanduser()
    own = RunDirectory(path.parent)
    if path == own.generator and own.config.exists() and options.prior is None:
        return inference.load(own.path)  # which records the prior
    return _of_file(path, options.prior)


def _of_file(path: pathlib.Path, prior: str | None) -> Generator:
    if RunDirectory(path).config.exists():
        raise ValueError(f"--model={path}: expected a file, received a run. Give --run_dir={path}.")
    if path.is_dir() and not (path / "saved_model.pb").exists():
        inside = [*path.glob("*/saved_model.pb"), *path.glob("saved_model/*/saved_model.pb")]
        newest = max((str(file.parent) for file in inside), default="", key=_by_number)
        raise FileNotFoundError(
            f"--model={path}: expected a directory that holds a saved_model.pb"
            f"{f', such as {newest}' if newest else ''}, received another one."
        )
    if not path.is_dir() and not (path.is_file() and path.suffix in (".keras", ".tflite")):
        received = "another file" if path.exists() else "a path where there is nothing"
        raise FileNotFoundError(
            f"--model={path}: expected a .keras file, a .tflite file or the directory of a "
            f"SavedModel, received {received}."
        )
    generator = inference.load(path)
    if generator.prior is not None:
        if prior is not None:
            raise ValueError(f"--prior={prior}: expected none, as {path} records its prior.")
        return generator
    if prior is None:
        raise ValueError(
            f"--model={path} does not record the prior that its latents come from. Give "
            "--prior=normal or --prior=uniform, as in its training."
        )
    made = {"normal": priors.Normal, "uniform": priors.Uniform}[prior](generator.latent_dim)
    return dataclasses.replace(generator, prior=made)


def _by_number(name: str) -> tuple[int, str]:
    return len(name), name

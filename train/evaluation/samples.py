"""Open the generator of an evaluation, and draw the samples that its metrics are computed from."""

from __future__ import annotations

import pathlib

import numpy as np

from kgan import inference
from kgan.artifacts import RunDirectory
from kgan.inference import Generator
from kgan.utils.loading import error_summary
from kgan.utils.types import JsonDict
from kgan_cli.silence import native_silence

from .data import given_condition


def open_generator(
    run: RunDirectory, config: JsonDict, exported: str | None = None, step: int | None = None
) -> Generator:
    """Open the generator of a run, or an export of it.

    Args:
        run: the run, whose prior the latents are drawn from.
        config: the content of its `config.json`.
        exported: a `.tflite` file or a SavedModel's directory; None for the run's own generator.
        step: the step of a checkpoint of the run; None for the end of a finished run, or the newest
            checkpoint.

    Raises:
        FileNotFoundError: there is none.
        OSError: it cannot be read.
        ValueError: it is damaged, or of another run.
    """
    prior = inference.read_prior(run)
    num_classes = config.get("data", {}).get("num_classes")
    path = pathlib.Path(exported or "").expanduser()
    if exported and not (path.suffix == ".tflite" or (path / "saved_model.pb").exists()):
        raise FileNotFoundError(
            f"--generator={exported}: expected a .tflite file, or a directory that holds a "
            "saved_model.pb, such as OUTPUT/saved_model/1 of kgan-export."
        )
    with native_silence():  # LiteRT writes to standard error when it starts
        if exported:
            generator = inference.load(path, prior=prior, num_classes=num_classes)
        else:
            direction = _direction(run, config)
            generator = inference.load(run.path, step=step, direction=direction)
        if generator.condition_shape is not None:
            _check_condition(generator, config, run)
            return generator
        try:
            generator.path_images(1)(prior.sample(1, 0))
        except Exception as error:
            raise ValueError(
                f"{generator.path} cannot be used with the latents of {run.path} "
                f"({error_summary(error)}). Either it is damaged, or it was made by "
                "something else than this run."
            ) from error
    return generator


def _direction(run: RunDirectory, config: JsonDict) -> str | None:
    """Return the direction whose true results are known, of a run that translates both ways.

    Raises:
        ValueError: they are known of none.
    """
    if not config.get("directions"):
        return None
    if "condition" not in config:
        raise ValueError(
            f"The run in {run.path} was trained without pairs, and no true translations are known "
            "that its own could be compared with. They are where --condition makes the second "
            "domain of the images of the first. Look at them: kgan-sample --input=DIR --direction."
        )
    return config["directions"][1]


def _check_condition(generator: Generator, config: JsonDict, run: RunDirectory) -> None:
    """Check that a generator that takes images has conditions to take.

    Raises:
        ValueError: the run does not record how conditions are made of images, or where they are.
    """
    if generator.condition is None and given_condition(config) is None:
        raise ValueError(
            f"The run in {run.path} does not record how its conditions are made of images, so that "
            "none can be made of those of the test. Compare from Python: "
            "kgan.inference.load(...).translate(...)."
        )


def translate_samples(
    generator: Generator, images: np.ndarray, count: int, seed: int
) -> np.ndarray:
    """Return what a generator makes of the first `count` images, in [0, 1], and check it.

    Args:
        generator: one that takes images.
        images: float32 `[n, height, width, channels]` in [0, 1], of which conditions are made; the
            conditions, where the generator has no map.
        count: number of samples; fewer if there are fewer images.
        seed: of the latents.

    Raises:
        ValueError: the samples are not finite, or not in [0, 1].
    """
    samples = generator.translate(images[:count], seed)
    check_finite(samples, generator)
    return samples


def labels_like(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return `count` labels with the shares that classes have among some.

    Classes in turn would compare data in which one is rare with samples in which none is.

    Args:
        labels: integers `[n]`.
        count: number of labels.
        seed: of their order.
    """
    return np.resize(np.random.default_rng(seed).permutation(labels), count)


def draw_samples(
    generator: Generator,
    count: int,
    seed: int,
    image_shape: tuple[int, ...],
    labels: np.ndarray | None = None,
) -> np.ndarray:
    """Return images of `count` latents from the prior, and check them.

    Args:
        generator: the generator.
        count: number of samples.
        seed: the same seed gives the same samples.
        image_shape: shape of one image of the data, `(height, width, channels)`, or of one point.
        labels: `[count]`, the class of each sample of a conditional generator.

    Returns:
        float32 `[count, height, width, channels]` in [0, 1], or points `[count, dim]`.

    Raises:
        ValueError: the samples have another shape, are not finite, or not in [0, 1].
    """
    images = generator.sample(count, seed, labels)
    if images.shape[1:] != image_shape:
        raise ValueError(
            f"{generator.path} makes images of shape {images.shape[1:]}, where those of the data "
            f"have {image_shape}. Name the run that it was trained in."
        )
    check_finite(images, generator)
    if images.ndim == 2:
        return images
    low, high = images.min(), images.max()
    if not (low > -1e-3 and high < 1 + 1e-3):  # half precision rounds
        raise ValueError(
            f"The samples of {generator.path} lie in [{low:.3g}, {high:.3g}], where images lie in "
            "[0, 1] after rescaling from the pixel value range. Let the generator declare its "
            "`value_range` and keep to it."
        )
    return images.clip(0, 1)


def check_finite(images: np.ndarray, generator: Generator) -> None:
    """Check that the samples of a generator are numbers.

    Raises:
        ValueError: some are not finite.
    """
    count = len(images)
    invalid = np.count_nonzero(~np.isfinite(images.reshape(count, -1)).all(axis=1))
    if invalid:
        raise ValueError(
            f"{invalid:,} of {count:,} samples of {generator.path} hold NaN or infinity: its "
            "training diverged. Take another run, or train this one anew."
        )

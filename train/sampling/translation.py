"""Pictures that a generator translates: read, made into conditions, and written beside them."""

from __future__ import annotations

import numpy as np

from kgan import plots
from kgan.inference import Generator

from ..choices import PREVIOUS_FRAMES
from ..evaluation.samples import check_finite
from . import files
from .options import COUNTS, Options
from .reading import read_pictures
from .target import GRID


def write(generator: Generator, options: Options) -> int:
    """Translate the pictures of `options.input` and write the samples; return their number.

    A grid shows each condition beside its sample. A directory gets a PNG file for each picture, of
    the same name.

    Raises:
        ValueError: the generator takes no images, or the pictures do not fit it.
        OSError: the pictures cannot be read.
    """
    if generator.condition_shape is None:
        raise ValueError(
            f"--input={options.input}: expected none, as {generator.path} was trained without "
            "--condition."
        )
    made = options.input_is_condition or generator.condition is None
    shape = generator.condition_shape if made else generator.image_shape
    most = options.count or (COUNTS[GRID] if options.target.kind == GRID else None)
    if generator.options.get("condition") == PREVIOUS_FRAMES:
        pictures, names = _frames(options, generator, shape, most)
    else:
        pictures, names = read_pictures("input", options.input, generator, shape, most)
    images = generator.translate(pictures, options.seed, made)
    check_finite(images, generator)
    if options.target.kind == GRID:
        conditions = pictures if made else np.asarray(generator.condition(pictures))  # type: ignore[misc]
        picture = plots.side_by_side(conditions, images, value_range=(0.0, 1.0))
        files.write_picture(options.target.path, picture)
    else:
        pixels = plots.pixels(images, generator.value_range)
        files.write_directory(options.target.path, [pixels], names)
    return len(images)


def _frames(
    options: Options, generator: Generator, shape: tuple[int, ...], most: int | None
) -> tuple[np.ndarray, list[str]]:
    """Return windows of frames as conditions, and the names of their last frames.

    The frames are the pictures in the order of their paths.
    """
    channels = generator.image_shape[-1]
    many = shape[-1] // channels
    frame = (*shape[:2], channels)
    most = most and most + many - 1
    pictures, names = read_pictures("input", options.input, generator, frame, most)
    if len(pictures) < many:
        raise ValueError(
            f"--input={options.input}: expected at least {many} pictures, the frames of a video in "
            f"the order of their names, received {len(pictures)}."
        )
    starts = range(len(pictures) - many + 1)
    windows = [np.concatenate(pictures[start : start + many], axis=-1) for start in starts]
    return np.stack(windows), names[many - 1 :]

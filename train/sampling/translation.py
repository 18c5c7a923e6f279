"""Pictures that a generator translates: read, made into conditions, and written beside them."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from kgan import plots
from kgan.inference import Generator
from kgan.masks import masked

from ..config import PREVIOUS_FRAMES
from ..evaluation.samples import check_finite
from . import files
from .options import COUNTS, Options
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
        pictures, names = _read(options, generator, shape, most)
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
    pictures, names = _read(options, generator, frame, most and most + many - 1)
    if len(pictures) < many:
        raise ValueError(
            f"--input={options.input}: expected at least {many} pictures, the frames of a video in "
            f"the order of their names, received {len(pictures)}."
        )
    starts = range(len(pictures) - many + 1)
    windows = [np.concatenate(pictures[start : start + many], axis=-1) for start in starts]
    return np.stack(windows), names[many - 1 :]


def _read(
    options: Options, generator: Generator, shape: tuple[int, ...], most: int | None
) -> tuple[np.ndarray, list[str]]:
    """Return pictures in [0, 1], float32 `[n, *shape]`, and the names of their PNG files."""
    from kgan.data.decoding import decode, why_unreadable  # imports TFDS, others need not wait
    from kgan.data.folders import list_folder
    from kgan.data.form import Form, colour

    # A mask is the last channel of a condition: a picture has it as its transparency.
    has_mask = generator.masked and shape == generator.condition_shape
    channels = shape[-1] - has_mask
    if channels not in ((1, 3) if has_mask else (1, 3, 4)):
        raise ValueError(
            f"--input_is_condition: expected none, as the conditions have {shape[-1]} channels, "
            "which no picture file has. Give whole pictures."
        )
    of_run = generator.options
    form = Form(
        shape[:2],  # type: ignore[arg-type]
        channels,
        of_run.get("resize") or "crop",
        colour(of_run.get("background")),
    )
    root = pathlib.Path(options.input or "").expanduser()
    folder = list_folder(root)
    chosen = sorted({name for pictures in folder.splits.values() for name in pictures})[:most]
    pixels = np.empty((len(chosen), *shape), np.float32)
    for row, name in enumerate(chosen):
        try:
            content = (root / name).read_bytes()
            pixels[row, ..., :channels] = decode(content, form) / np.float32(255)
            if has_mask:
                alpha = decode(content, dataclasses.replace(form, channels=4))[..., 3]
                given = tf.constant(alpha == 255)[None, ..., None]
                pixels[row] = masked(pixels[row : row + 1, ..., :channels], given)[0]
        except Exception as error:  # of Pillow, whatever the file holds
            raise OSError(
                f"--input={options.input}: {name} cannot be decoded ({why_unreadable(error)}). "
                "Mend or remove it."
            ) from error
        if has_mask and pixels[row, ..., channels].all():
            raise ValueError(
                f"--input={options.input}: {name} has no transparent pixels, which are those to "
                "make. Erase a part of it, or leave --input_is_condition out to hide parts as in "
                "training."
            )
    return pixels, [_file_name(name) for name in chosen]


def _file_name(picture: str) -> str:
    """Return the name of a picture's sample: that of its file, and of the folders above it."""
    return "_".join(pathlib.PurePosixPath(picture).with_suffix(".png").parts)

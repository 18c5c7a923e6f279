"""Pictures of a directory, as a generator takes or makes them."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kgan.inference import Generator
from kgan.masks import masked


def read_pictures(
    flag: str, given: str | None, generator: Generator, shape: tuple[int, ...], most: int | None
) -> tuple[np.ndarray, list[str]]:
    """Return pictures in [0, 1], float32 `[n, *shape]`, and the names of their PNG files.

    Args:
        flag: name of the flag that names the directory, for messages.
        given: the directory, as it was typed.
        generator: whose run says how pictures are resized.
        shape: `(height, width, channels)` of one picture.
        most: how many are read; None for all.

    Raises:
        ValueError: no picture file has so many channels, the directory holds none, or a picture
            hides nothing from a generator of masks.
        OSError: the pictures cannot be read.
    """
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
    root = pathlib.Path(given or "").expanduser()
    try:
        folder = list_folder(root)
    except (ValueError, OSError) as error:
        if "`source`" not in str(error):
            raise
        raise type(error)(str(error).replace("`source`", f"`{flag}`")) from error
    chosen = sorted({name for pictures in folder.splits.values() for name in pictures})[:most]
    pixels = np.empty((len(chosen), *shape), np.float32)
    for row, name in enumerate(chosen):
        try:
            content = (root / name).read_bytes()
            pixels[row, ..., :channels] = decode(content, form) / np.float32(255)
            if has_mask:
                alpha = decode(content, dataclasses.replace(form, channels=4))[..., 3]
                shown = tf.constant(alpha == 255)[None, ..., None]
                pixels[row] = masked(pixels[row : row + 1, ..., :channels], shown)[0]
        except Exception as error:  # of Pillow, whatever the file holds
            raise OSError(
                f"--{flag}={given}: {name} cannot be decoded ({why_unreadable(error)}). "
                "Mend or remove it."
            ) from error
        if has_mask and pixels[row, ..., channels].all():
            raise ValueError(
                f"--{flag}={given}: {name} has no transparent pixels, which are those to make. "
                "Erase a part of it, or leave --input_is_condition out to hide parts as in "
                "training."
            )
    return pixels, sample_names(chosen)


def sample_names(pictures: Sequence[str]) -> list[str]:
    """Return the names of the pictures' samples: those of their files, and of the folders above.

    Pictures that would share a name keep their suffixes in it, as in `a.bmp.png`. Those that still
    would, such as `x/y.png` and `x_y.png`, are numbered in their order.
    """
    paths = [pathlib.PurePosixPath(picture) for picture in pictures]
    plain = ["_".join(path.with_suffix(".png").parts) for path in paths]
    uses = collections.Counter(plain)
    names = [name if uses[name] == 1 else "" for name in plain]
    taken = set(names)
    for row, path in enumerate(paths):
        if not names[row]:
            stem = "_".join(path.with_suffix("").parts)
            endings = itertools.chain([""], (f"_{number}" for number in itertools.count(2)))
            wanted = (f"{stem}{ending}{path.suffix}.png" for ending in endings)
            names[row] = next(name for name in wanted if name not in taken)
            taken.add(names[row])
    return names

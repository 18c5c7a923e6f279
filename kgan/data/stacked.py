"""Stacks: three grey images as the channels of one, so that 10 classes make 1,000 modes."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

PREFIX = "stacked_"

# PacGAN (arXiv 1712.04086, section 4.2): 128,000 stacks to train on, 26,000 samples to evaluate.
STACKS = {"train": 128_000, "test": 26_000}


def check_channels(name: str, channels: int | None, prefix: str = PREFIX) -> None:
    """Raise ValueError unless the images that `name` is made of have one channel."""
    if channels != 1:
        raise ValueError(
            f"Invalid value for argument `source`: expected {prefix!r} before a data set of images "
            f"with one channel, such as '{prefix}mnist'; received {name!r}, whose images have "
            f"{channels} channels."
        )


def draw(split: str, n: int) -> np.ndarray:
    """Return the rows of the images of each stack: independent, uniform, always the same.

    The rows are the words of a Philox generator, modulo `n`. Its key is the position of the split
    in `STACKS`. NumPy guarantees that these words do not change between versions.

    Args:
        split: 'train' or 'test'.
        n: Number of images of the split.

    Returns:
        int64 [stacks, 3] in [0, n).
    """
    words = np.random.Philox(key=list(STACKS).index(split)).random_raw(3 * STACKS[split])
    return (words % np.uint64(n)).astype(np.int64).reshape(-1, 3)


def stack(images: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Stack three grey images as the channels of one.

    Args:
        images: [n, height, width, 1].
        numbers: int64 [batch, 3], rows of `images`.

    Returns:
        [batch, height, width, 3]: channel j of a row is its image j.
    """
    return tf.transpose(tf.gather(images[..., 0], numbers), [0, 2, 3, 1])

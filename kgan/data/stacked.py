"""Stacks: three grey images as the channels of one, so that 10 classes make 1,000 modes."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

PREFIX = "stacked_"

# PacGAN (arXiv 1712.04086, section 4.2): 128,000 stacks to train on, 26,000 samples to judge.
STACKS = {"train": 128_000, "test": 26_000}


def check_channels(name: str, channels: int | None) -> None:
    """Raises ValueError unless the images of the data set that `name` stacks have one channel."""
    if channels != 1:
        raise ValueError(
            f"Invalid value for argument `name`: expected 'stacked_' before a data set of images "
            f"with one channel, such as 'stacked_mnist'; received {name!r}, whose images have "
            f"{channels} channels."
        )


def draw(split: str, n: int) -> np.ndarray:
    """Which images each stack of a split is made of: independent and uniform, always the same.

    The numbers are the words of a Philox generator, whose key is the place of the split in
    `STACKS`, modulo `n`; NumPy promises that these words never change.

    Args:
        split: 'train' or 'test'.
        n: Number of images to draw from.

    Returns:
        int64 [stacks, 3] in [0, n).
    """
    words = np.random.Philox(key=list(STACKS).index(split)).random_raw(3 * STACKS[split])
    return (words % np.uint64(n)).astype(np.int64).reshape(-1, 3)


def stack(images: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Lays three images a row on top of each other.

    Args:
        images: [n, height, width, 1].
        numbers: int64 [batch, 3], rows of `images`.

    Returns:
        [batch, height, width, 3]: channel j of a row is its image j.
    """
    return tf.transpose(tf.gather(images[..., 0], numbers), [0, 2, 3, 1])

"""Bouncing images: videos of two grey images that move, made as those of Moving MNIST are."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from tensorflow_datasets.video.moving_sequence import image_as_moving_sequence

from kgan.data.videos import PREVIOUS
from kgan.utils.unheard import unheard

__all__ = ["BOUNCING", "PREFIX", "canvas", "draw", "videos"]

PREFIX = "bouncing_"
BOUNCING = {"train": 100_000, "test": 10_000}
_TOGETHER = 2  # images in a video
_SPEED = 0.1  # of the way that an image can go, in a frame: that of TFDS and of the published test


def canvas(size: tuple[int, int]) -> tuple[int, int]:
    """Return height and width of the frames: 64x64 for images of 28x28."""
    height, width = size
    return 2 * height + 8, 2 * width + 8


def draw(split: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of each video and how they move: uniform, always the same.

    All are made of the words of a Philox generator, which NumPy guarantees not to change. Its key
    is 2 and the position of the split in `BOUNCING`; `kgan.data.stacked` has the keys below.

    Args:
        split: 'train' or 'test'.
        n: number of images of the split.

    Returns:
        int64 `[videos, 2]` in [0, n), and float32 `[videos, 2, 3]` in [0, 1): where an image is at
        first, from top to bottom and from left to right, and its direction in turns.
    """
    shape = (BOUNCING[split], _TOGETHER, 4)
    words = np.random.Philox(key=2 + list(BOUNCING).index(split)).random_raw(math.prod(shape))
    words = words.reshape(shape)
    motions = (words[..., 1:] >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
    return (words[..., 0] % np.uint64(n)).astype(np.int64), motions


def videos(
    images: tf.Tensor, numbers: tf.Tensor, motions: tf.Tensor, frames: int = PREVIOUS + 1
) -> tf.Tensor:
    """Return videos of two images each, the brighter one in front.

    Args:
        images: uint8 `[n, height, width, 1]`.
        numbers: int64 `[batch, 2]`, rows of `images`.
        motions: float32 `[batch, 2, 3]`, as `draw` has it.
        frames: frames of a video.

    Returns:
        uint8 `[batch, frames, *canvas, 1]`.
    """
    size = canvas((images.shape[1], images.shape[2]))

    @tf.autograph.experimental.do_not_convert
    def moved(element: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        image, motion = element
        angle = 2 * math.pi * motion[2]
        velocity = _SPEED * tf.stack([tf.sin(angle), tf.cos(angle)])
        return image_as_moving_sequence(image, frames, size, velocity, motion[:2]).image_sequence

    # TFDS's function calls one of TensorFlow as TensorFlow no longer wants it.
    with unheard("tensorflow", "map_fn"):
        each = tf.map_fn(
            moved,
            (tf.gather(images, tf.reshape(numbers, [-1])), tf.reshape(motions, [-1, 3])),
            fn_output_signature=tf.TensorSpec([frames, *size, 1], tf.uint8),
        )
    return tf.reduce_max(tf.reshape(each, [-1, _TOGETHER, frames, *size, 1]), axis=1)

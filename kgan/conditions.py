"""Conditions that are made of the images themselves: outlines, small, grey and masked images.

Each is a function of images in [0, 1], `[batch, height, width, channels]`, that TensorFlow graphs
can hold. The same object makes the conditions of training and those of a trained generator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import keras
import numpy as np
import tensorflow as tf

from kgan.masks import DRAWS, halves, masked, masks_of_draws, rectangles
from kgan.utils.checks import integer, one_of
from kgan.utils.configurable import Configurable
from kgan.utils.types import JsonDict

__all__ = [
    "CONDITIONS",
    "Condition",
    "Edges",
    "Grey",
    "LowResolution",
    "Masked",
    "get",
]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_PIXELS = 0.75  # share of the pixels that `Masked("pixels")` hides


class Condition(Configurable):
    """A map from images to their conditions. Subclass it for a condition of your own.

    A subclass defines `__call__`. One that takes arguments also defines `get_config`;
    `keras.saving.register_keras_serializable` lets runs that use it be read.

    Example:
        ```python
        @keras.saving.register_keras_serializable()
        class Negative(kgan.conditions.Condition):
            def __call__(self, images):
                return 1.0 - images


        pairs = kgan.data.load("digits", batch_size=32, condition=Negative())
        ```
    """

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Return the condition of each image.

        Args:
            images: float32 `[batch, height, width, channels]` in [0, 1].

        Returns:
            float32 `[batch, rows, columns, channels]` in [0, 1].
        """
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="kgan")
class Grey(Condition):
    """The luma of colours (ITU-R BT.601): the generator paints them. One channel.

    Example:
        ```python
        colours = tf.constant([[[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]])  # a red pixel, a green one
        kgan.conditions.Grey()(colours)  # [[[[0.299], [0.587]]]]
        ```
    """

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        if images.shape[-1] == 1:
            return images
        return tf.reduce_sum(images[..., :3] * tf.constant(_LUMA), axis=-1, keepdims=True)


@keras.saving.register_keras_serializable(package="kgan")
class Edges(Condition):
    """Outlines: 1 where the gradient of the luma is large, else 0. One channel.

    The gradient is that of Sobel's operator (`tf.image.sobel_edges`), whose norm is 4 at a vertical
    step from black to white. It is large from 1 on: a quarter of that step.

    Example:
        ```python
        pairs = kgan.data.load("digits", batch_size=32, condition="edges")
        ```
    """

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        gradients = tf.image.sobel_edges(tf.convert_to_tensor(Grey()(images)))
        return tf.cast(tf.reduce_sum(tf.square(gradients), axis=-1) >= 1.0, tf.float32)


@keras.saving.register_keras_serializable(package="kgan")
class LowResolution(Condition):
    """The means of `factor` x `factor` pixels: an area filter, so nothing aliases.

    Args:
        factor: a power of 2 that divides height and width.

    Example:
        ```python
        means = kgan.conditions.LowResolution(2)(tf.constant([[[[0.0], [1.0]], [[0.0], [1.0]]]]))
        means  # [[[[0.5]]]]
        ```
    """

    def __init__(self, factor: int = 4):
        self.factor = integer("factor", factor, 2)
        if self.factor & (self.factor - 1):
            raise ValueError(
                "Invalid value for argument `factor`: expected a power of 2, which networks can "
                f"double to the size of the image, received {factor}."
            )

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        height, width = images.shape[1:3]
        if height % self.factor or width % self.factor:
            raise ValueError(
                f"Invalid value for argument `condition`: expected images whose sides {self.factor}"
                f" divides, received {height} x {width}. Resize them (`image_size`)."
            )
        return tf.nn.avg_pool2d(images, self.factor, self.factor, "VALID")

    def get_config(self) -> JsonDict:
        return {"factor": self.factor}


@keras.saving.register_keras_serializable(package="kgan")
class Masked(Condition):
    """The image with a part hidden, and a last channel that is 1 where pixels are given, else 0.

    Hidden pixels are 0.5. `kgan.networks.UNetGenerator(keep_given=True)` gives the others back
    unchanged.

    Args:
        part: what is hidden. `"half"`: the right half. `"rectangle"`: one rectangle, whose sides
            are 1/4 to 3/4 of the image's. `"pixels"`: each pixel with probability 3/4. `"any"`:
            what `kgan.masks.random_masks` hides. All but the half follow from the image's pixels:
            they are the same in every epoch and program.

    Example:
        ```python
        pairs = kgan.data.load("digits", batch_size=32, condition=kgan.conditions.Masked("half"))
        ```
    """

    def __init__(self, part: str = "rectangle"):
        self.part = one_of("part", part, ("half", "rectangle", "pixels", "any"))

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return masked(images, self.given(images))

    def given(self, images: tf.Tensor) -> tf.Tensor:
        """Return which pixels of each image are given, bool `[batch, height, width, 1]`.

        Args:
            images: float32 `[batch, height, width, channels]` in [0, 1].
        """
        height, width = sides = images.shape[1:3]
        if self.part == "half":
            given = tf.broadcast_to(halves(sides)[0], [tf.shape(images)[0], height, width])
        elif self.part == "rectangle":
            given = ~rectangles(tf.unstack(_uniform(_hashes(images, 4)), axis=-1), sides)
        else:
            draws = _uniform(_spread(_hashes(images, 1), DRAWS + height * width))
            if self.part == "any":
                return masks_of_draws(draws, sides)
            given = tf.reshape(draws[:, DRAWS:] >= _PIXELS, [-1, height, width])
        return given[..., None]

    def get_config(self) -> JsonDict:
        return {"part": self.part}


def _hashes(images: tf.Tensor, count: int) -> tf.Tensor:
    """Return numbers that follow from the pixels, uint32 `[batch, count]`."""
    # Bytes times odd numbers, summed with overflow: any pixel moves all bits above its own.
    size = int(np.prod(images.shape[1:]))
    factors = np.random.default_rng(0).integers(-(2**30), 2**30, [size, count]) * 2 + 1
    pixels = tf.cast(tf.round(255.0 * tf.reshape(images, [-1, size])), tf.int32)
    return tf.cast(tf.linalg.matmul(pixels, tf.constant(factors, tf.int32)), tf.uint32)


def _spread(words: tf.Tensor, count: int) -> tf.Tensor:
    """Return many numbers that follow from one, uint32 `[batch, 1]` -> `[batch, count]`."""
    # A counter through the finalizer `lowbias32` (C. Wellons, hash-prospector, public domain).
    x = words + tf.constant(np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9))
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(shift, tf.uint32)))
        x *= tf.constant(factor, tf.uint32)
    return x


def _uniform(words: tf.Tensor) -> tf.Tensor:
    """Return float32 numbers in [0, 1) of the upper 24 bits of uint32 numbers."""
    bits = tf.bitwise.right_shift(words, tf.constant(8, tf.uint32))
    return tf.cast(bits, tf.float32) * 2.0**-24


CONDITIONS: dict[str, Callable[[], Condition]] = {
    "edges": Edges,
    "low_resolution": LowResolution,
    "low_resolution_x2": lambda: LowResolution(2),
    "grey": Grey,
    "masked": Masked,
    "masked_half": lambda: Masked("half"),
    "masked_pixels": lambda: Masked("pixels"),
    "masked_any": lambda: Masked("any"),
}
"""The conditions that have a name. `"low_resolution"` is a quarter of each side."""

Given: TypeAlias = str | Condition | None


def get(condition: Given) -> Condition | None:
    """Return a condition from its name or from itself.

    Raises:
        ValueError: it is neither.

    Example:
        ```python
        kgan.conditions.get("edges")  # an Edges
        ```
    """
    if condition is None or isinstance(condition, Condition):
        return condition
    if isinstance(condition, str) and condition in CONDITIONS:
        return CONDITIONS[condition]()
    raise ValueError(
        "Invalid value for argument `condition`: expected None, 'label', one of "
        f"{', '.join(CONDITIONS)}, or a kgan.conditions.Condition, received {condition!r}."
    )

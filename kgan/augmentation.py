"""Differentiable augmentation of the discriminator's inputs."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from kgan.utils.checks import number
from kgan.utils.configurable import Configurable
from kgan.utils.random_bits import random_floats
from kgan.utils.types import JsonDict

__all__ = ["DiffAugment"]


@keras.saving.register_keras_serializable(package="kgan")
class DiffAugment(Configurable):
    """Brightness, translation and cutout of DiffAugment (Zhao et al. 2020, arXiv 2006.10738).

    On few images D memorizes the data. Augmenting the data alone would teach G to generate
    augmented images. `kgan.GAN(augmentation=DiffAugment())` augments data and samples in every
    discriminator pass, so G learns images that match the data after augmentation (section 3). The
    augmentation is an affine map of the images; G's gradient flows through it.

    Each image has its own draws, which all of its channels share. A pack (`kgan.GAN(packing=m)`)
    counts as one image. In this order:

    1. brightness: a number from U(-brightness, brightness) is added to all values. Nothing is
       clipped, so values may leave the images' range by as much.
    2. translation: the image moves along each side by a whole number of pixels, uniform from
       `-round(translation * side)` to `round(translation * side)`. Zeros move in.
    3. cutout: a rectangle of `round(cutout * side)` pixels along each side becomes zero. Up to half
       of its length may lie outside of the image.

    The defaults are those of the paper, whose changes of contrast and saturation are left out. They
    suit the value range (-1, 1), whose middle is zero. For the range (0, 1), halve `brightness`.

    Args:
        translation: largest shift, as a share of the side, in [0, 1]; 0 for none.
        cutout: side of the rectangle, as a share of the image's, in [0, 1]; 0 for none.
        brightness: largest change, in the images' units, at least 0; 0 for none.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(self, translation: float = 0.125, cutout: float = 0.5, brightness: float = 0.5):
        self.translation = number("translation", translation, 0, 1)
        self.cutout = number("cutout", cutout, 0, 1)
        self.brightness = number("brightness", brightness, 0)

    def __call__(self, images: tf.Tensor, seed: Sequence[int] | tf.Tensor) -> tf.Tensor:
        """Augment images; eager, compiled and XLA programs make the same changes.

        Args:
            images: floats `[batch, height, width, channels]`.
            seed: two integers `[2]`. The same seed makes the same changes, and those of a smaller
                batch are the first of a larger one.

        Returns:
            The same shape and dtype.

        Raises:
            ValueError: the rank is not 4, or the dtype is no float.
        """
        images = tf.convert_to_tensor(images)
        if images.shape.rank != 4 or not images.dtype.is_floating:
            raise ValueError(
                "Invalid value for argument `images`: expected floats [batch, height, width, "
                f"channels], received {images.dtype.name} of shape {images.shape}. Points are not "
                "augmented."
            )
        # All five draws are made even where a part is off, so that the others do not depend on it.
        light, down, right, top, left = _uniform(tf.shape(images)[0], 5, seed)
        if self.brightness:
            change = tf.cast((2 * light - 1) * self.brightness, images.dtype)
            images += change[:, None, None, None]
        if self.translation:
            images = self._moved(self._moved(images, 1, down), 2, right)
        if self.cutout:
            hidden = self._hidden(images, 1, top) & self._hidden(images, 2, left)
            images = tf.where(hidden, tf.zeros([], images.dtype), images)
        return images

    def _moved(self, images: tf.Tensor, axis: int, draws: tf.Tensor) -> tf.Tensor:
        """Return the images, each moved along one axis: a random window of the padded image."""
        side = images.shape[axis]
        largest = round(self.translation * side)
        padding = [[largest, largest] if i == axis else [0, 0] for i in range(4)]
        window = _integers(draws, 2 * largest + 1)[:, None] + tf.range(side)
        return tf.gather(tf.pad(images, padding), window, axis=axis, batch_dims=1)

    def _hidden(self, images: tf.Tensor, axis: int, draws: tf.Tensor) -> tf.Tensor:
        """Return whether the rectangle covers each row (axis 1) or column (axis 2).

        The result broadcasts with the images.
        """
        side = images.shape[axis]
        length = round(self.cutout * side)
        outside = length // 2
        start = _integers(draws, side - length + 2 * outside + 1)[:, None] - outside
        places = tf.range(side)
        covered = (places >= start) & (places < start + length)
        return tf.reshape(covered, [-1, *[side if i == axis else 1 for i in (1, 2, 3)]])

    def get_config(self) -> JsonDict:
        return {
            "translation": self.translation,
            "cutout": self.cutout,
            "brightness": self.brightness,
        }


def _uniform(
    batch: int | tf.Tensor, count: int, seed: Sequence[int] | tf.Tensor
) -> list[tf.Tensor]:
    """Return `count` draws for each image, each float32 `[batch]`, uniform in [0, 1)."""
    return tf.unstack(random_floats([batch, count], seed), axis=1)


def _integers(draws: tf.Tensor, count: int) -> tf.Tensor:
    """Return int32 `[batch]`, uniform from 0 to `count` - 1, from uniform draws in [0, 1)."""
    return tf.cast(draws * count, tf.int32)

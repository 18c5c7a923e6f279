"""Differentiable augmentation of what the discriminator receives."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from kgan.utils.checks import number
from kgan.utils.configurable import Configurable
from kgan.utils.random_bits import random_floats
from kgan.utils.types import JsonDict

__all__ = ["DiffAugment", "RandomAffine"]


class _PerImage(Configurable):
    """An augmentation whose draws are each image's own."""

    def __call__(self, images: tf.Tensor, seed: Sequence[int] | tf.Tensor) -> tf.Tensor:
        """Augment images; eager, compiled and XLA programs make the same changes but for rounding.

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
        return self._augmented(images, seed)

    def _augmented(self, images: tf.Tensor, seed: Sequence[int] | tf.Tensor) -> tf.Tensor:
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="kgan")
class DiffAugment(_PerImage):
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

    Example:
        ```python
        gan = kgan.GAN(
            generator, discriminator, prior, augmentation=kgan.augmentation.DiffAugment(cutout=0.25)
        )
        ```
    """

    def __init__(self, translation: float = 0.125, cutout: float = 0.5, brightness: float = 0.5):
        self.translation = number("translation", translation, 0, 1)
        self.cutout = number("cutout", cutout, 0, 1)
        self.brightness = number("brightness", brightness, 0)

    def _augmented(self, images: tf.Tensor, seed: Sequence[int] | tf.Tensor) -> tf.Tensor:
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


@keras.saving.register_keras_serializable(package="kgan")
class RandomAffine(_PerImage):
    """Random rotation, shear, scale and translation, about the middle of the image.

    A pixel at p shows what was at R S D p + t, read by bilinear interpolation; beyond its edges, an
    image goes on as its outermost pixels. R turns by an angle, S = [[1, s], [0, 1]] shears along
    the width, and D scales width and height, each by its own factor. Each image has its own draws,
    which all of its channels share. The map is linear in the pixels, and gradients flow through it.

    `kgan.variants.InfoGAN(categorical_augmentation=RandomAffine())` tells kinds of images from the
    ways in which one kind is drawn.

    Args:
        rotation: largest angle, in radians, from U(-rotation, rotation), in [0, pi].
        shear: largest s, from U(-shear, shear), at least 0.
        scale: factors are exp(U(-scale, scale)), at least 0.
        translation: largest shift along each side, as a share of the side, in [0, 1].

    Raises:
        ValueError: an argument is out of its range.

    Example:
        ```python
        moved = kgan.augmentation.RandomAffine(rotation=0.1)(images, seed=(0, 1))
        ```
    """

    def __init__(
        self,
        rotation: float = 0.2,
        shear: float = 0.4,
        scale: float = 0.2,
        translation: float = 0.05,
    ):
        self.rotation = number("rotation", rotation, 0, math.pi)
        self.shear = number("shear", shear, 0)
        self.scale = number("scale", scale, 0)
        self.translation = number("translation", translation, 0, 1)

    def _augmented(self, images: tf.Tensor, seed: Sequence[int] | tf.Tensor) -> tf.Tensor:
        height, width = images.shape[1:3]
        turn, shear, wide, high, right, down = (
            2 * draw[:, None, None] - 1 for draw in _uniform(tf.shape(images)[0], 6, seed)
        )
        middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
        # D, S, R and t.
        x = tf.exp(self.scale * wide) * (tf.range(width, dtype=tf.float32) - middle_x)
        y = tf.exp(self.scale * high) * (tf.range(height, dtype=tf.float32)[:, None] - middle_y)
        x += self.shear * shear * y
        cos, sin = tf.cos(self.rotation * turn), tf.sin(self.rotation * turn)
        x, y = cos * x - sin * y, sin * x + cos * y
        x += middle_x + self.translation * width * right
        y += middle_y + self.translation * height * down
        return _interpolated(images, x, y)

    def get_config(self) -> JsonDict:
        names = ("rotation", "shear", "scale", "translation")
        return {name: getattr(self, name) for name in names}


def _interpolated(images: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Return images read at places between their pixels, by bilinear interpolation.

    Args:
        images: `[batch, height, width, channels]`.
        x: float32 `[batch, height, width]`, columns; those outside are moved to the edge.
        y: the same of rows.
    """
    height, width, channels = images.shape[1:]
    pixels = tf.reshape(images, [-1, height * width, channels])
    x, y = tf.clip_by_value(x, 0, width - 1), tf.clip_by_value(y, 0, height - 1)
    left, top = tf.cast(x, tf.int32), tf.cast(y, tf.int32)
    right, bottom = tf.minimum(left + 1, width - 1), tf.minimum(top + 1, height - 1)
    to_right, to_bottom = (
        tf.cast(place - tf.floor(place), images.dtype)[..., None] for place in (x, y)
    )

    def row(number: tf.Tensor) -> tf.Tensor:
        ends = [tf.gather(pixels, number * width + side, batch_dims=1) for side in (left, right)]
        return ends[0] + to_right * (ends[1] - ends[0])

    upper, lower = row(top), row(bottom)
    return upper + to_bottom * (lower - upper)


def _uniform(
    batch: int | tf.Tensor, count: int, seed: Sequence[int] | tf.Tensor
) -> list[tf.Tensor]:
    """Return `count` draws for each image, each float32 `[batch]`, uniform in [0, 1)."""
    return tf.unstack(random_floats([batch, count], seed), axis=1)


def _integers(draws: tf.Tensor, count: int) -> tf.Tensor:
    """Return int32 `[batch]`, uniform from 0 to `count` - 1, from uniform draws in [0, 1)."""
    return tf.cast(draws * count, tf.int32)

"""Augmentation of what D sees: a change of images that lets gradients through."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

__all__ = ["DiffAugment"]


@keras.saving.register_keras_serializable(package="kgan")
class DiffAugment:
    """Brightness, translation and cutout of DiffAugment (Zhao et al. 2020, arXiv 2006.10738).

    With few data D learns them by heart. Augmenting the data alone would teach G to make augmented
    images; `kgan.GAN(augmentation=DiffAugment())` augments data and samples, whenever D sees them,
    so that G learns to make images that look like data after the same changes (section 3). G's
    gradient goes through the augmentation, which is an affine map of the images.

    Each image has its own draws, all of its channels the same; a pack (`kgan.GAN(packing=m)`) is
    one image. In this order:

    1. brightness: a number from U(-brightness, brightness) is added to all values. Nothing is
       clipped, so values may leave the images' range by as much.
    2. translation: the image moves along each side by a whole number of pixels, evenly from
       `-round(translation * side)` to `round(translation * side)`. Zeros move in.
    3. cutout: a rectangle of `round(cutout * side)` pixels along each side becomes zero. It may
       stick out of the image, by half of its length at most.

    The defaults are those of the paper, whose changes of contrast and saturation are not here. Zero
    is the middle of the value range (-1, 1), for which they were chosen; where the range is (0, 1),
    a brightness of 0.25 is as much.

    Args:
        translation: farthest way, as a share of the side, in [0, 1]; 0 for none.
        cutout: side of the rectangle, as a share of the image's, in [0, 1]; 0 for none.
        brightness: largest change, in the images' units, not negative; 0 for none.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(self, translation: float = 0.125, cutout: float = 0.5, brightness: float = 0.5):
        self.translation = _checked("translation", translation, 1)
        self.cutout = _checked("cutout", cutout, 1)
        self.brightness = _checked("brightness", brightness)

    def __call__(self, images: Any, seed: Any) -> tf.Tensor:
        """Augments images; eager, compiled and XLA programs make the same changes.

        Args:
            images: floats `[batch, height, width, channels]`.
            seed: two integers `[2]`. The same seed makes the same changes, and those of a smaller
                batch are the first of a larger one.

        Returns:
            The same shape and dtype.

        Raises:
            ValueError: these are no images.
        """
        images = tf.convert_to_tensor(images)
        if images.shape.rank != 4 or not images.dtype.is_floating:
            raise ValueError(
                "Invalid value for argument `images`: expected floats [batch, height, width, "
                f"channels], received {images.dtype.name} of shape {images.shape}. Points are not "
                "augmented."
            )
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
        """The images, each moved along one axis: a random window of them between zeros."""
        side = images.shape[axis]
        farthest = round(self.translation * side)
        padding = [[farthest, farthest] if i == axis else [0, 0] for i in range(4)]
        window = _integers(draws, 2 * farthest + 1)[:, None] + tf.range(side)
        return tf.gather(tf.pad(images, padding), window, axis=axis, batch_dims=1)

    def _hidden(self, images: tf.Tensor, axis: int, draws: tf.Tensor) -> tf.Tensor:
        """Which rows (axis 1) or columns (axis 2) the rectangle covers; broadcasts with images."""
        side = images.shape[axis]
        length = round(self.cutout * side)
        outside = length // 2
        start = _integers(draws, side - length + 2 * outside + 1)[:, None] - outside
        places = tf.range(side)
        covered = (places >= start) & (places < start + length)
        return tf.reshape(covered, [-1, *[side if i == axis else 1 for i in (1, 2, 3)]])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "translation": self.translation,
            "cutout": self.cutout,
            "brightness": self.brightness,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DiffAugment:
        """The augmentation that `config` describes."""
        return cls(**config)


def _uniform(batch: Any, count: int, seed: Any) -> list[tf.Tensor]:
    """`count` draws for each image, each float32 `[batch]`, uniform in [0, 1)."""
    bits = tf.random.stateless_uniform([batch, count], seed, None, None, tf.uint32, alg="philox")
    # Floats made by TensorFlow itself differ under XLA; 24 bits are what float32 holds.
    return tf.unstack(tf.cast(tf.cast(bits // 2**8, tf.int32), tf.float32) / 2**24, axis=1)


def _integers(draws: tf.Tensor, count: int) -> tf.Tensor:
    """int32 `[batch]`, evenly from 0 to `count` - 1, of uniform draws."""
    return tf.cast(draws * count, tf.int32)


def _checked(name: str, value: float, most: float | None = None) -> float:
    if not value >= 0 or (most is not None and value > most) or value == float("inf"):
        expected = "a finite number of at least 0" if most is None else f"a number in [0, {most}]"
        raise ValueError(
            f"Invalid value for argument `{name}`: expected {expected}, received {value!r}."
        )
    return float(value)

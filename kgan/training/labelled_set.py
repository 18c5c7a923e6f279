"""A few labelled images, from which each update draws a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kgan.training.validation import check_classes
from kgan.utils.random_bits import random_bits
from kgan.utils.types import JsonDict

__all__ = ["LabelledSet"]


@keras.saving.register_keras_serializable(package="kgan")
class LabelledSet(keras.layers.Layer):
    """Labelled images as weights that nothing trains, so that a saved game has them.

    Args:
        size: number of images.
    """

    def __init__(self, size: int, **kwargs: object):
        super().__init__(trainable=False, **{"dtype": "float32", **kwargs})
        self.size = size
        self._given: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def of(cls, labelled: Any, classes: int) -> LabelledSet:
        """Return the set of two arrays, images `[n, ...]` and labels `[n]`.

        Args:
            labelled: both.
            classes: number of classes. Each must be there.

        Raises:
            ValueError: they are no pair of arrays of one length, or a class has no label.
        """
        pair = isinstance(labelled, (tuple, list)) and len(labelled) == 2
        if not pair or not all(hasattr(each, "shape") for each in labelled):
            raise _error(
                f"two arrays, images [n, ...] and labels [n], received {type(labelled).__name__}. "
                "Give `labelled=(images, labels)`."
            )
        images, labels = np.asarray(labelled[0]), check_classes(labelled[1], classes, "labelled")
        if len(images) != len(labels):
            raise _error(f"as many images as labels, received {len(images)} and {len(labels)}.")
        absent = sorted(set(range(classes)) - set(labels.tolist()))
        if absent:
            raise _error(
                f"images of each of the {classes} classes of the discriminator, received "
                f"{len(images)} and none of class {', '.join(map(str, absent))}. Label some, or "
                "make the discriminator with fewer `classes`."
            )
        made = cls(len(images))
        made._given = (images, labels)
        return made

    @property
    def given_images(self) -> np.ndarray | None:
        """The images of `of` before `build`; None where a file of weights brings them."""
        return None if self._given is None else self._given[0]

    def build(self, image_shape: Sequence[int]) -> None:
        """Create the weights, for images of a shape."""
        options = {"initializer": "zeros", "trainable": False, "autocast": False}
        self.images = self.add_weight(shape=(self.size, *image_shape), name="images", **options)
        self.labels = self.add_weight(shape=(self.size,), dtype="int32", name="labels", **options)
        if self._given is not None:
            for variable, values in zip((self.images, self.labels), self._given, strict=True):
                variable.assign(values)
            self._given = None
        self.built = True

    def draw(self, count: int, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return images `[count, ...]` and labels int32 `[count]`.

        They are the first of the set in a random order. Where the set is smaller, orders follow
        each other until they fill the batch, so that no image comes more than once more often than
        another.

        Args:
            count: number of images.
            seed: int64 `[2]`.
        """
        orders = -(-count // self.size)
        # Integers, which XLA draws alike.
        keys = tf.cast(random_bits([orders, self.size], seed), tf.int64)
        rows = tf.reshape(tf.argsort(keys, axis=-1, stable=True), [-1])[:count]
        images, labels = (tf.convert_to_tensor(each) for each in (self.images, self.labels))
        return tf.gather(images, rows), tf.gather(labels, rows)

    def get_config(self) -> JsonDict:
        config = {**super().get_config(), "size": self.size}
        del config["trainable"]
        return config


def _error(expected: str) -> ValueError:
    return ValueError(f"Invalid value for argument `labelled`: expected {expected}")

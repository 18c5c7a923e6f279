"""What both networks are given beside their own input: class labels or images."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

__all__ = ["ConditionSpec"]


class ConditionSpec(NamedTuple):
    """The condition of a game, as its networks declare it.

    Attributes:
        num_classes: number of classes, where the condition is a label; else None.
        shape: of one condition, `(height, width, channels)`, where it is an image; else None.
    """

    num_classes: int | None = None
    shape: tuple[int, ...] | None = None

    @classmethod
    def of(cls, generator: keras.Model, discriminator: keras.Model) -> ConditionSpec:
        """Return what two networks declare. One of them may leave the image out."""
        declared = (getattr(each, "condition_shape", None) for each in (generator, discriminator))
        shape = next((tuple(each) for each in declared if each is not None), None)
        return cls(getattr(generator, "num_classes", None), shape)

    def symbol(self, packing: int = 1) -> keras.KerasTensor | None:
        """Return a batch of unknown conditions, in packs of `packing`; None if there are none."""
        if self.num_classes is not None:
            return keras.Input(self._label_shape(packing), dtype="int32")
        return None if self.shape is None else keras.Input(self._packed(self.shape, packing))

    def examples(self, count: int, packing: int = 1) -> tf.Tensor | None:
        """Return `count` conditions, always the same, as `symbol` describes them."""
        if self.num_classes is not None:
            return tf.zeros([count, *self._label_shape(packing)], tf.int32)
        if self.shape is None:
            return None
        shape = [count, *self._packed(self.shape, packing)]
        return tf.random.stateless_uniform(shape, (0, 1), -1.0, 1.0)

    @staticmethod
    def _label_shape(packing: int) -> tuple[int, ...]:
        return (packing,) if packing > 1 else ()

    @staticmethod
    def _packed(shape: tuple[int, ...], packing: int) -> tuple[int, ...]:
        return (*shape[:-1], packing * shape[-1])

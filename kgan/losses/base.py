"""What an adversarial loss is, and how its logits come in."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

__all__ = ["AdversarialLoss", "full_precision"]


def full_precision(logits: Any) -> tf.Tensor:
    """`[batch]` logits in at least float32, from `[batch, 1]`."""
    logits = tf.convert_to_tensor(logits)
    if logits.dtype in (tf.float16, tf.bfloat16):
        logits = tf.cast(logits, tf.float32)
    return tf.reshape(logits, [-1])


class AdversarialLoss:
    """What the two players minimise. Subclass it to make a game of your own.

    A subclass defines `discriminator` and `generator`; one that takes arguments also defines
    `get_config`, and `keras.saving.register_keras_serializable` lets models that use it be saved.

    Attributes:
        needs_real_logits: whether G's loss looks at data as well; D then judges, in G's update, the
            images of its own last one.
    """

    needs_real_logits = False

    def discriminator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """D's loss for each example, `[batch]`, from two `[batch, 1]` logits."""
        raise NotImplementedError

    def generator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """G's loss for each example, `[batch]`, from two `[batch, 1]` logits."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> AdversarialLoss:
        """The loss that `config` describes."""
        return cls(**config)

"""The interface of an adversarial loss."""

from __future__ import annotations

import tensorflow as tf

from kgan.utils.configurable import Configurable

__all__ = ["AdversarialLoss", "full_precision"]


def full_precision(logits: tf.Tensor) -> tf.Tensor:
    """Return all logits in at least float32, `[batch]` or those of all patches."""
    logits = tf.convert_to_tensor(logits)
    # bfloat16 keeps 8 bits: differences of logits and their means would be rounded away.
    if logits.dtype in (tf.float16, tf.bfloat16):
        logits = tf.cast(logits, tf.float32)
    # Without the last axis, [batch] and [batch, 1] cannot broadcast to [batch, batch].
    return tf.reshape(logits, [-1])


class AdversarialLoss(Configurable):
    """The losses of the discriminator and the generator. Subclass it for a loss of your own.

    A subclass defines `discriminator` and `generator`. One that takes arguments also defines
    `get_config`; `keras.saving.register_keras_serializable` lets models that use it be saved.

    Attributes:
        needs_real_logits: whether the generator's loss uses the logits on data as well. The
            generator update then computes them on the images of the last discriminator update.
        log_odds: whether the optimal D's logit is log p_data(x) / p_g(x), so that D errs on half of
            all examples at equilibrium.

    Example:
        ```python
        @keras.saving.register_keras_serializable()
        class Linear(kgan.losses.AdversarialLoss):
            def discriminator(self, real_logits, fake_logits):
                return (fake_logits - real_logits)[:, 0]

            def generator(self, real_logits, fake_logits):
                return -fake_logits[:, 0]


        gan.compile("adam", "adam", loss=Linear())
        ```
    """

    needs_real_logits = False
    log_odds = False

    def discriminator(self, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return the discriminator's loss for each example.

        Args:
            real_logits: `[batch, 1]`, logits on data; or `[batch, height, width, 1]` of patches.
            fake_logits: the same shape, logits on samples.

        Returns:
            `[batch]`, not reduced; of patches, the loss of each, whose mean is minimized.
        """
        raise NotImplementedError

    def mirrored(self, logits: tf.Tensor) -> tf.Tensor:
        """Return logits as they would be if data and samples changed places; here `-logits`.

        An encoder makes the data of a BiGAN less like data, as the generator makes samples more
        like data. Its loss on data is `generator(None, mirrored(real_logits))`.
        """
        return -full_precision(logits)

    def generator(self, real_logits: tf.Tensor | None, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return the generator's loss for each example.

        Args:
            real_logits: `[batch, 1]`, logits on data; None unless `needs_real_logits`.
            fake_logits: `[batch, 1]`, logits on samples.

        Returns:
            `[batch]`, not reduced.
        """
        raise NotImplementedError

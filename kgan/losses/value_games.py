"""The value function of 2014 and the games on it, on logits.

Working on logits is not a nicety. `-log(sigmoid(o) + 1e-8)` has a gradient of 9e-6 instead
of 1 at `o = -30`, so that a "non-saturating" loss saturates; `softplus(-o)` is exact at any logit:

    log D      = log sigmoid(o)       = -softplus(-o)
    log(1 - D) = log(1 - sigmoid(o))  = -softplus(o)
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from kgan.losses.base import AdversarialLoss, full_precision

__all__ = ["Blended", "Minimax", "NonSaturating", "value"]


def _log_d(logits: Any) -> tf.Tensor:
    return -tf.math.softplus(-full_precision(logits))


def _log_one_minus_d(logits: Any) -> tf.Tensor:
    return -tf.math.softplus(full_precision(logits))


def value(real_logits: Any, fake_logits: Any) -> tf.Tensor:
    """The value function's terms, `log D(x_i) + log(1 - D(G(z_i)))`.

    Their mean over a minibatch is the estimate V~ of V(D, G) (Goodfellow et al. 2014, eq. 1
    and Algorithm 1). V lies in (-inf, 0], and is -log 4 where D cannot tell the two apart.

    Args:
        real_logits: `[batch, 1]`, D's logits on data.
        fake_logits: `[batch, 1]`, D's logits on samples.

    Returns:
        `[batch]`, in nats.
    """
    return _log_d(real_logits) + _log_one_minus_d(fake_logits)


class _ValueGame(AdversarialLoss):
    """D ascends the value function; the subclasses differ in what G does."""

    def __init__(self, discriminator_weight: float = 1.0, label_smoothing: float = 0.0):
        if not discriminator_weight > 0:
            raise ValueError(
                "Invalid value for argument `discriminator_weight`: expected a positive number "
                f"(1, or 0.5 for J_D = -V/2), received {discriminator_weight!r}."
            )
        if not 0 <= label_smoothing < 0.5:
            raise ValueError(
                "Invalid value for argument `label_smoothing`: expected a number in [0, 0.5), "
                f"0.1 being usual, received {label_smoothing!r}."
            )
        self.discriminator_weight = discriminator_weight
        self.label_smoothing = label_smoothing

    def discriminator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """`-(log D(x) + log(1 - D(G(z))))`, times `discriminator_weight`: ascent of V (eq. 1).

        With `label_smoothing=s`, the target on data alone is 1 - s: `log D(x)` becomes
        `(1 - s) log D(x) + s log(1 - D(x))`, whose optimum stays away from 1 (arXiv 1606.03498,
        section 3.4).
        """
        s, real = self.label_smoothing, full_precision(real_logits)
        on_data = (1 - s) * _log_d(real) + s * _log_one_minus_d(real)
        return -self.discriminator_weight * (on_data + _log_one_minus_d(fake_logits))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "discriminator_weight": self.discriminator_weight,
            "label_smoothing": self.label_smoothing,
        }


@keras.saving.register_keras_serializable(package="kgan")
class Minimax(_ValueGame):
    """The zero-sum game: G descends the value function that D ascends (2014, eq. 1, Algorithm 1).

    G's gradient through the logit is `-D`, which vanishes while D rejects the samples with
    confidence: the game saturates early in training.

    Args:
        discriminator_weight: factor of D's loss; 0.5 gives J_D = -V/2, the binary
            cross-entropy over an even mix of data and samples.
        label_smoothing: what D's target on data lacks of 1.
    """

    def generator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """`log(1 - D(G(z)))`; `real_logits` plays no part and may be None."""
        return _log_one_minus_d(fake_logits)


@keras.saving.register_keras_serializable(package="kgan")
class NonSaturating(_ValueGame):
    """G maximises log D(G(z)) instead: same fixed point, strong gradient early (2014, section 3).

    G's gradient through the logit is `-(1 - D)`, which tends to -1 where `Minimax`'s vanishes.

    Args:
        discriminator_weight: factor of D's loss; 0.5 gives J_D = -V/2.
        label_smoothing: what D's target on data lacks of 1.
    """

    def generator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """`-log D(G(z))`; `real_logits` plays no part and may be None."""
        return -_log_d(fake_logits)


@keras.saving.register_keras_serializable(package="kgan")
class Blended(_ValueGame):
    """A convex mix of the two, which the authors' published code of 2014 offered as an option.

    Args:
        weight: share of the non-saturating loss, in [0, 1]; 0 is `Minimax`, 1 is `NonSaturating`.
        discriminator_weight: factor of D's loss; 0.5 gives J_D = -V/2.
        label_smoothing: what D's target on data lacks of 1.
    """

    def __init__(
        self, weight: float = 0.5, discriminator_weight: float = 1.0, label_smoothing: float = 0.0
    ):
        super().__init__(discriminator_weight, label_smoothing)
        if not 0 <= weight <= 1:
            raise ValueError(
                "Invalid value for argument `weight`: expected a number in [0, 1], "
                f"received {weight!r}."
            )
        self.weight = weight

    def generator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """`-weight log D(G(z)) + (1 - weight) log(1 - D(G(z)))`; `real_logits` may be None."""
        return -self.weight * _log_d(fake_logits) + (1 - self.weight) * _log_one_minus_d(
            fake_logits
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"weight": self.weight, **super().get_config()}

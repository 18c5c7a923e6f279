"""The value function of Goodfellow et al. 2014 and the losses based on it, on logits.

The losses need logits for numerical reasons. `-log(sigmoid(o) + 1e-8)` has a gradient of 9e-6
instead of 1 at `o = -30`, so a "non-saturating" loss saturates. `softplus(-o)` is exact at any
logit:

    log D      = log sigmoid(o)       = -softplus(-o)
    log(1 - D) = log(1 - sigmoid(o))  = -softplus(o)
"""

from __future__ import annotations

import keras
import tensorflow as tf

from kgan.losses.base import AdversarialLoss, full_precision
from kgan.utils.checks import number
from kgan.utils.types import JsonDict

__all__ = ["Blended", "Minimax", "NonSaturating", "value"]


def _log_d(logits: tf.Tensor) -> tf.Tensor:
    return -tf.math.softplus(-full_precision(logits))


def _log_one_minus_d(logits: tf.Tensor) -> tf.Tensor:
    # Not log(1 - sigmoid(o)): 1 - sigmoid(o) rounds to 0 in float32 from o = 18 on.
    return -tf.math.softplus(full_precision(logits))


def value(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """Return the value function's terms, `log D(x_i) + log(1 - D(G(z_i)))`.

    Their mean over a minibatch is the estimate V~ of V(D, G) (Goodfellow et al. 2014, eq. 1
    and Algorithm 1). V lies in (-inf, 0]. It is -log 4 where D cannot distinguish data and samples.

    Args:
        real_logits: `[batch, 1]`, D's logits on data.
        fake_logits: `[batch, 1]`, D's logits on samples.

    Returns:
        `[batch]`, in nats.

    Example:
        ```python
        kgan.losses.value(tf.constant([[0.0]]), tf.constant([[0.0]]))  # [-1.3863]
        ```
    """
    return _log_d(real_logits) + _log_one_minus_d(fake_logits)


class _ValueGame(AdversarialLoss):
    """D ascends the value function; the subclasses differ in G's loss."""

    log_odds = True  # D*(x) = p_data / (p_data + p_g): proposition 1

    def __init__(self, discriminator_weight: float = 1.0, label_smoothing: float = 0.0):
        weight_hint = "Usual are 1, and 0.5 for J_D = -V/2."
        self.discriminator_weight = number(
            "discriminator_weight", discriminator_weight, 0, ends="()", hint=weight_hint
        )
        # From 1/2 on, the optimal D on data would not exceed 1/2.
        self.label_smoothing = number(
            "label_smoothing", label_smoothing, 0, 0.5, ends="[)", hint="0.1 is usual."
        )

    def discriminator(self, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return `-(log D(x) + log(1 - D(G(z))))`, times `discriminator_weight` (eq. 1).

        Label smoothing: real targets become `1 - label_smoothing`. With s for it, `log D(x)`
        becomes `(1 - s) log D(x) + s log(1 - D(x))`, whose optimum is below 1 (arXiv 1606.03498,
        section 3.4).
        """
        s, real = self.label_smoothing, full_precision(real_logits)
        # One-sided: with smoothed targets on samples too, the optimal D depends on the samples'
        # density where there is no data, and such samples have no gradient towards the data.
        on_data = (1 - s) * _log_d(real) + s * _log_one_minus_d(real)
        return -self.discriminator_weight * (on_data + _log_one_minus_d(fake_logits))

    def get_config(self) -> JsonDict:
        return {
            "discriminator_weight": self.discriminator_weight,
            "label_smoothing": self.label_smoothing,
        }


@keras.saving.register_keras_serializable(package="kgan")
class Minimax(_ValueGame):
    """The zero-sum game: G descends the value function that D ascends (2014, eq. 1, Algorithm 1).

    G's gradient with respect to the logit is `-D`. It vanishes while D rejects the samples with
    confidence, so the loss saturates early in training.

    Args:
        discriminator_weight: factor of D's loss; 0.5 gives J_D = -V/2, the binary
            cross-entropy over an even mix of data and samples.
        label_smoothing: real targets become `1 - label_smoothing`; in [0, 0.5).

    Example:
        ```python
        gan.compile("adam", "adam", loss="minimax")
        kgan.losses.Minimax().generator(None, tf.constant([[0.0]]))  # [-0.6931]
        ```
    """

    def generator(self, real_logits: tf.Tensor | None, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return `log(1 - D(G(z)))`; `real_logits` is not used."""
        return _log_one_minus_d(fake_logits)


@keras.saving.register_keras_serializable(package="kgan")
class NonSaturating(_ValueGame):
    """G maximizes log D(G(z)): the same fixed point, strong gradients early (2014, section 3).

    G's gradient with respect to the logit is `-(1 - D)`, which tends to -1 where that of `Minimax`
    vanishes.

    Args:
        discriminator_weight: factor of D's loss; 0.5 gives J_D = -V/2.
        label_smoothing: real targets become `1 - label_smoothing`; in [0, 0.5).

    Example:
        ```python
        gan.compile("adam", "adam", loss=kgan.losses.NonSaturating(label_smoothing=0.1))
        kgan.losses.NonSaturating().generator(None, tf.constant([[0.0]]))  # [0.6931]
        ```
    """

    def generator(self, real_logits: tf.Tensor | None, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return `-log D(G(z))`; `real_logits` is not used."""
        return -_log_d(fake_logits)


@keras.saving.register_keras_serializable(package="kgan")
class Blended(_ValueGame):
    """A convex mix of `Minimax` and `NonSaturating`, an option of the authors' code of 2014.

    Args:
        weight: share of the non-saturating loss, in [0, 1]; 0 is `Minimax`, 1 is `NonSaturating`.
        discriminator_weight: factor of D's loss; 0.5 gives J_D = -V/2.
        label_smoothing: real targets become `1 - label_smoothing`; in [0, 0.5).

    Example:
        ```python
        gan.compile("adam", "adam", loss=kgan.losses.Blended(weight=0.25))
        ```
    """

    def __init__(
        self, weight: float = 0.5, discriminator_weight: float = 1.0, label_smoothing: float = 0.0
    ):
        super().__init__(discriminator_weight, label_smoothing)
        self.weight = number("weight", weight, 0, 1)

    def generator(self, real_logits: tf.Tensor | None, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return `-weight log D(G(z)) + (1 - weight) log(1 - D(G(z)))`.

        `real_logits` is not used.
        """
        log_d, log_one_minus_d = _log_d(fake_logits), _log_one_minus_d(fake_logits)
        return -self.weight * log_d + (1 - self.weight) * log_one_minus_d

    def get_config(self) -> JsonDict:
        return {"weight": self.weight, **super().get_config()}

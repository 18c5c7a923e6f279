"""Losses of a critic: the discriminator's output is a score, not the logit of a probability."""

from __future__ import annotations

import keras
import tensorflow as tf

from kgan.losses.base import AdversarialLoss, full_precision

__all__ = ["Hinge", "LeastSquares", "RelativisticPaired", "Wasserstein"]


@keras.saving.register_keras_serializable(package="kgan")
class LeastSquares(AdversarialLoss):
    """Squared distances to the targets 1 for data and 0 for samples (Mao et al. 2017).

    arXiv 1611.04076, eq. 9 (a = 0, b = c = 1). The score at equilibrium is 1/2.

    Example:
        ```python
        gan.compile("adam", "adam", loss="least_squares")
        kgan.losses.LeastSquares().generator(None, tf.constant([[0.0]]))  # [?]
        ```
    """

    def discriminator(self, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return `((o(x) - 1)^2 + o(G(z))^2) / 2`."""
        real, fake = full_precision(real_logits), full_precision(fake_logits)
        return (tf.square(real - 1) + tf.square(fake)) / 2

    def generator(self, real_logits: tf.Tensor | None, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return `(o(G(z)) - 1)^2 / 2`; `real_logits` is not used."""
        # The derivative grows with the distance to 1, so rejected samples never saturate.
        return tf.square(full_precision(fake_logits) - 1) / 2

    def mirrored(self, logits: tf.Tensor) -> tf.Tensor:
        """Return `1 - logits`: the targets 0 and 1 change places."""
        return 1 - full_precision(logits)


class _LinearGenerator(AdversarialLoss):
    """The generator maximizes the critic's score."""

    def generator(self, real_logits: tf.Tensor | None, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return `-o(G(z))`; `real_logits` is not used."""
        return -full_precision(fake_logits)


@keras.saving.register_keras_serializable(package="kgan")
class Hinge(_LinearGenerator):
    """The discriminator separates by a margin (Lim and Ye 2017, arXiv 1705.02894).

    The form of Miyato et al. 2018 (arXiv 1802.05957, eq. 16 and 17).

    Example:
        ```python
        gan.compile("adam", "adam", loss="hinge")
        kgan.losses.Hinge().discriminator(tf.constant([[2.0]]), tf.constant([[0.5]]))  # [1.5]
        ```
    """

    def discriminator(self, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return `max(0, 1 - o(x)) + max(0, 1 + o(G(z)))`."""
        real, fake = full_precision(real_logits), full_precision(fake_logits)
        # Beyond the margin the gradient is exactly 0: such examples no longer move D.
        return tf.nn.relu(1 - real) + tf.nn.relu(1 + fake)


@keras.saving.register_keras_serializable(package="kgan")
class Wasserstein(_LinearGenerator):
    """The critic's mean difference, an estimate of the earth mover's distance (Arjovsky 2017).

    arXiv 1701.07875, eq. 2. Something else must keep the critic Lipschitz, such as
    `kgan.penalties.GradientPenalty`; the loss alone has no minimum.

    Example:
        ```python
        penalty = kgan.penalties.GradientPenalty(10.0)
        gan.compile("adam", "adam", loss="wasserstein", penalties=penalty)
        kgan.losses.Wasserstein().generator(None, tf.constant([[0.5]]))  # [-0.5]
        ```
    """

    def discriminator(self, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return `o(G(z)) - o(x)`."""
        return full_precision(fake_logits) - full_precision(real_logits)


@keras.saving.register_keras_serializable(package="kgan")
class RelativisticPaired(AdversarialLoss):
    """D classifies which of a pair is the data; G opposes it (Jolicoeur-Martineau 2019).

    arXiv 1807.00734, eq. 3 and 4 with f = log sigmoid; with `R1` and `R2` the loss of R3GAN (Huang
    et al. 2024). Every sample is compared with an image of the data, so G gains nothing by leaving
    modes out.

    Example:
        ```python
        gan.compile("adam", "adam", loss="relativistic_paired")
        kgan.losses.RelativisticPaired().discriminator(
            tf.constant([[1.0]]), tf.constant([[1.0]])
        )  # [0.6931]
        ```
    """

    needs_real_logits = True

    def discriminator(self, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return `-log sigmoid(o(x) - o(G(z)))`, in nats; log 2 where D cannot distinguish."""
        # -log sigmoid(t) = softplus(-t), which stays exact where sigmoid(t) underflows to 0.
        return tf.math.softplus(full_precision(fake_logits) - full_precision(real_logits))

    def generator(self, real_logits: tf.Tensor | None, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return `-log sigmoid(o(G(z)) - o(x))`, in nats."""
        return tf.math.softplus(full_precision(real_logits) - full_precision(fake_logits))

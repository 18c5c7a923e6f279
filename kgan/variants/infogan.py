"""Codes that the samples show: InfoGAN (Chen et al. 2016, arXiv 1606.03657)."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.gan import Augmentation
from kgan.priors import Codes
from kgan.training import seeds
from kgan.training.settings import flat
from kgan.utils.checks import image_function
from kgan.utils.types import JsonDict
from kgan.variants.heads import GameWithHead

__all__ = ["InfoGAN"]


@keras.saving.register_keras_serializable(package="kgan")
class InfoGAN(GameWithHead):
    """A game whose generator shows a part of its latents, the codes, in the samples.

    A head on D's features, Q, predicts the codes c from a sample: a distribution over the values of
    each categorical code, and a normal one of variance 1 around each continuous code. Both losses
    have a further term, minus `information_weight` times

        L_I = E[log Q(c | G(z, c))] + H(c),

    a lower bound on the mutual information of codes and samples (eq. 5; `kgan.theory.information`).
    As in the authors' published program, D's update moves Q and the features by the term, and G's
    update moves G alone. With `ema_decay`, the averages are of both networks, and `codes` and
    `information` use them: what Q's latest weights read varies from step to step.

    Args:
        generator: G, without classes or another condition.
        discriminator: one of `kgan.networks` with features, without classes, such as
            `kgan.networks.DCGANDiscriminator`.
        prior: the noise and the codes.
        information_weight: lambda, at least 0. The paper's is 1.
        categorical_augmentation: None, or a differentiable function of images and a seed, such as
            `kgan.augmentation.RandomAffine()`. While training, Q then reads the categorical codes
            off samples that it has changed, so that these codes stand for what it leaves as it is:
            digits, for instance, and not their slant. The paper has none.
        **kwargs: the further arguments of `kgan.GAN`, but for `packing`. The head reads images
            without `augmentation`.

    Raises:
        ValueError: the prior has no codes, a network does not fit, or an argument is unusable.

    Example:
        ```python
        prior = kgan.priors.Codes(kgan.priors.Uniform(62, -1.0, 1.0), (10,), continuous=2)
        gan = kgan.variants.InfoGAN(
            generator=kgan.networks.MLPGenerator((28, 28, 1), latent_dim=prior.dim),
            discriminator=kgan.networks.MLPDiscriminator((28, 28, 1)),
            prior=prior,
        )
        gan.compile("adam", "adam")
        gan.fit(images, batch_size=128, epochs=10)
        classes = gan.codes(images)[:, :10].argmax(-1)
        ```
    """

    traced = ("information_weight", "categorical_augmentation")
    further_parts = ("categorical_augmentation",)
    prior: Codes

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        prior: Codes,
        information_weight: float = 1.0,
        categorical_augmentation: Augmentation | None = None,
        **kwargs: Any,
    ):
        if not isinstance(prior, Codes):
            raise ValueError(
                "Invalid value for argument `prior`: expected kgan.priors.Codes, received "
                f"{type(prior).__name__}. kgan.GAN trains without codes."
            )
        for name in ("num_classes", "condition_shape"):
            value = getattr(generator, name, None)
            if value is not None:
                raise ValueError(
                    "Invalid value for argument `generator`: expected one without a condition, as "
                    f"the codes take its place, received one with {name}={value}."
                )
        if categorical_augmentation is not None:
            _check_augmentation(categorical_augmentation, prior)
        weight = ("information_weight", information_weight)
        super().__init__(generator, discriminator, prior, prior.code_dim, weight, **kwargs)
        self.categorical_augmentation = categorical_augmentation

    def shared_term(
        self,
        samples: tf.Tensor,
        latents: tf.Tensor,
        condition: tf.Tensor | None,
        update: tf.Tensor | None,
    ) -> tf.Tensor:
        """Return minus `information_weight` times L_I, in nats."""
        outputs = self._outputs(samples, update)
        return -self.information_weight * self._bound(outputs, latents)

    def _outputs(self, samples: tf.Tensor, update: tf.Tensor | None) -> tf.Tensor:
        """Return what Q makes of samples, categorical codes first."""
        if self.categorical_augmentation is None or update is None:
            return self.read(samples)
        seed = self._seed(seeds.TERM_AUGMENTATION, update)
        outputs = self.read(self.categorical_augmentation(samples, seed))
        if not self.prior.continuous:
            return outputs
        count = sum(self.prior.categorical)
        return tf.concat([outputs[:, :count], self.read(samples)[:, count:]], axis=1)

    def _bound(self, outputs: tf.Tensor, latents: tf.Tensor) -> tf.Tensor:
        prior = self.prior
        codes = tf.cast(latents[:, prior.noise.dim :], outputs.dtype)
        log_q = tf.zeros_like(outputs[:, 0])
        pairs = zip(
            *(tf.split(each, prior.sizes, axis=1) for each in (codes, outputs)), strict=True
        )
        for i, (code, output) in enumerate(pairs):
            if i < len(prior.categorical):
                log_q -= tf.nn.softmax_cross_entropy_with_logits(code, output)
            else:
                log_q -= (tf.square(code - output)[:, 0] + math.log(2.0 * math.pi)) / 2.0
        return tf.reduce_mean(log_q) + prior.entropy

    @property
    def averaged_variables(self) -> list[keras.Variable]:
        """The weights of both networks."""
        return self.generator.trainable_variables + self.discriminator.trainable_variables

    def information(self, n: int = 1000, seed: Any = 0) -> float:
        """Return L_I on n samples, in nats: codes and samples share at least that, but for noise.

        It is near `prior.entropy` where each code can be read, as far as a variance of 1 allows:
        a continuous code adds log 2 - log(2 pi) / 2 = -0.23 at the most.
        """
        latents = self.prior.sample(n, seed)
        samples = tf.constant(self.sample(n, seed))
        with self.averaged():
            return float(self._bound(self.discriminator.read(samples), latents))

    def codes(self, images: npt.ArrayLike) -> np.ndarray:
        """Return what Q predicts of images.

        Args:
            images: floats `[n, *image_shape]` in the game's value range.

        Returns:
            float32 `[n, prior.code_dim]` in the order of the latents: the probability of each value
            of a categorical code, the mean of each continuous one.

        Raises:
            ValueError: the images are of another shape or range.
        """
        with self.averaged():
            outputs = self.outputs_of(images)
        parts = np.split(outputs, np.cumsum(self.prior.sizes)[:-1], axis=1)
        count = len(self.prior.categorical)
        found = [tf.nn.softmax(part).numpy() for part in parts[:count]]
        return np.concatenate([*found, *parts[count:]], axis=1)

    def training_settings(self) -> JsonDict:
        name = "categorical_augmentation"
        return {**super().training_settings(), **flat(name, getattr(self, name))}


def _check_augmentation(augmentation: object, prior: Codes) -> None:
    """Check that there is something to augment, and something that does.

    Raises:
        ValueError: the prior has no categorical code, or it is no function.
    """
    if not prior.categorical:
        raise ValueError(
            "Invalid value for argument `categorical_augmentation`: expected None for codes of "
            f"which none is categorical, received {augmentation!r}."
        )
    image_function("categorical_augmentation", augmentation)

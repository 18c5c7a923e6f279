"""Classes that D names: AC-GAN (Odena et al. 2017, arXiv 1610.09585)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.priors import Prior
from kgan.variants.heads import GameWithHead

__all__ = ["ACGAN"]

_COSINE_SCALE = 8.0


@keras.saving.register_keras_serializable(package="kgan")
class ACGAN(GameWithHead):
    """A game on labelled images whose discriminator names the class, which it is not given.

    G makes a sample for each label. A head on D's features returns the logits of the classes. D's
    loss has `class_weight` times the cross-entropy of the class on data, G's loss that on samples
    (eq. 3). D's update moves the head and the features, G's update G alone.

    Two things differ from the paper, whose form made all samples of a class alike here
    (docs/codes.md). D is not trained to name samples: it would name them by the label that they
    were asked for, whatever they show. And the logits are 8 times the cosines between the features
    and the directions of the classes, and a bias, after ReACGAN (Kang et al. 2021, arXiv
    2111.01118): longer features, which neither R1 nor R2 bounds, name nothing better.

    The data are pairs `(images, labels)`, as in every conditional game.

    Args:
        generator: a network with `num_classes`.
        discriminator: one of `kgan.networks` with features, without `num_classes`.
        prior: distribution of the latents.
        class_weight: weight of both cross-entropies, at least 0. The paper's is 1.
        **kwargs: the further arguments of `kgan.GAN`, but for `packing`. The head reads images
            without augmentation.

    Raises:
        ValueError: the generator has no `num_classes`, the discriminator takes labels or has no
            features, or an argument is unusable.

    Example:
        ```python
        gan = kgan.variants.ACGAN(
            generator=kgan.networks.MLPGenerator((28, 28, 1), latent_dim=32, num_classes=10),
            discriminator=kgan.networks.MLPDiscriminator((28, 28, 1)),
            prior=kgan.priors.Normal(32),
        )
        gan.compile("adam", "adam")
        gan.fit(images, labels, batch_size=100, epochs=10)
        sevens = gan.sample(16, labels=7)
        probabilities = gan.classify(images)
        ```
    """

    traced = ("class_weight",)

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        prior: Prior,
        class_weight: float = 1.0,
        **kwargs: Any,
    ):
        num_classes = getattr(generator, "num_classes", None)
        if num_classes is None:
            raise ValueError(
                "Invalid value for argument `generator`: expected one with `num_classes`, the "
                f"number of classes of the labels, received {type(generator).__name__} without."
            )
        weight = ("class_weight", class_weight)
        super().__init__(
            generator, discriminator, prior, num_classes, weight, _COSINE_SCALE, **kwargs
        )

    def discriminator_term(
        self,
        images: tf.Tensor,
        samples: tf.Tensor,
        condition: tf.Tensor | None,
        update: tf.Tensor | None,
    ) -> tf.Tensor:
        """Return `class_weight` times the cross-entropy of the class on data."""
        return self._cross_entropy(images, condition)

    def generator_term(
        self, samples: tf.Tensor, latents: tf.Tensor, condition: tf.Tensor | None, images: tf.Tensor
    ) -> tf.Tensor:
        """Return `class_weight` times the cross-entropy of the class on samples."""
        return self._cross_entropy(samples, condition)

    def _cross_entropy(self, images: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, self.read(images))
        return self.class_weight * tf.reduce_mean(losses)

    def classify(self, images: npt.ArrayLike) -> np.ndarray:
        """Return the probabilities of the classes; `.argmax(-1)` are the classes.

        Args:
            images: floats `[n, *image_shape]` in the game's value range.

        Returns:
            float32 `[n, num_classes]`.

        Raises:
            ValueError: the images are of another shape or range.
        """
        return tf.nn.softmax(self.outputs_of(images)).numpy()

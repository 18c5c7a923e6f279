"""From image to image, with pairs: pix2pix (Isola et al. 2017, arXiv 1611.07004)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from kgan.gan import GAN
from kgan.priors import NoLatents, Normal, Prior
from kgan.utils.checks import number
from kgan.utils.types import JsonDict

__all__ = ["Pix2Pix"]


@keras.saving.register_keras_serializable(package="kgan")
class Pix2Pix(GAN):
    """A game on pairs of an image and its condition, which is another image.

    G maps a condition to an image; D compares it with the true one. G's loss has a further term,
    `l1_weight` times the mean absolute difference from the true image (eq. 4), and D's loss is
    halved (section 3.3). Penalties are not halved: they are of the logits' gradient with respect to
    the image, given its condition.

    The data are pairs `(images, conditions)`, as `kgan.data.load(..., condition="edges")` gives
    them, or `fit(images, conditions)`. `sample(n, condition=conditions)` translates.

    Args:
        generator: a network with a `condition_shape`, such as `kgan.networks.UNetGenerator`.
        discriminator: one with the same `condition_shape`, such as
            `kgan.networks.PatchDiscriminator`; or one of images alone.
        prior: distribution of the latents. None means `Normal(generator.latent_dim)`, and
            `NoLatents()` where that is 0.
        l1_weight: weight of the L1 term, at least 0. The paper's is 100 for the value range
            (-1, 1).
        **kwargs: the further arguments of `kgan.GAN`.

    Raises:
        ValueError: the generator has no `condition_shape`, or an argument is unusable.

    Example:
        ```python
        shapes = {"image_shape": (28, 28, 1), "condition_shape": (28, 28, 1)}
        gan = kgan.variants.Pix2Pix(
            generator=kgan.networks.UNetGenerator(**shapes),
            discriminator=kgan.networks.PatchDiscriminator(**shapes),
        )
        gan.compile("adam", "adam")
        gan.fit(images, outlines, batch_size=16, epochs=10)
        translated = gan.sample(8, condition=outlines[:8])
        ```
    """

    discriminator_loss_weight = 0.5
    traced: tuple[str, ...] = ("l1_weight",)

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        prior: Prior | None = None,
        l1_weight: float = 100.0,
        **kwargs: Any,
    ):
        if getattr(generator, "condition_shape", None) is None:
            raise ValueError(
                "Invalid value for argument `generator`: expected one with a `condition_shape`, "
                "such as kgan.networks.UNetGenerator, received "
                f"{type(generator).__name__}. kgan.GAN trains networks without."
            )
        if prior is None:
            latent_dim = getattr(generator, "latent_dim", 0)
            prior = Normal(latent_dim) if latent_dim else NoLatents()
        super().__init__(generator, discriminator, prior, **kwargs)
        self.l1_weight = number("l1_weight", l1_weight, 0)

    def generator_term(
        self,
        samples: tf.Tensor,
        latents: tf.Tensor,
        condition: tf.Tensor | None,
        images: tf.Tensor,
    ) -> tf.Tensor:
        """Return `l1_weight` times the mean absolute difference of samples and images."""
        difference = tf.cast(samples, images.dtype) - images
        return self.l1_weight * tf.reduce_mean(tf.abs(difference))

    def training_settings(self) -> JsonDict:
        return {**super().training_settings(), "l1_weight": self.l1_weight}

    def get_config(self) -> JsonDict:
        return {**super().get_config(), "l1_weight": self.l1_weight}

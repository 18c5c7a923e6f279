"""A game that learns to infer: BiGAN (Donahue et al. 2017, arXiv 1605.09782)."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from kgan.gan import GAN
from kgan.priors import Prior
from kgan.training.validation import build_encoder
from kgan.utils.types import JsonDict
from kgan.variants.encoded import EncodedGenerator, OfImages

__all__ = ["BiGAN"]


@keras.saving.register_keras_serializable(package="kgan")
class BiGAN(GAN):
    """A game on pairs of an image and its latents, which an encoder learns beside G.

    The encoder E makes latents of images. D compares the pairs (x, E(x)) of data with the pairs
    (G(z), z) of samples, and G and E minimize together what D maximizes (eq. 3): G's loss on
    samples, and on data the same loss with data and samples in each other's place. At the optimum
    E and G invert each other (theorem 2). E belongs to G's side: G's update moves the weights of
    both, and the EMA is of both.

    D sees a pair as one vector, the numbers of the image and then those of the latents. Penalties
    are of the gradient with respect to the pair. `encode` makes latents of images, `reconstruct`
    images of these. Exports have signatures of these names.

    Args:
        generator: G, without classes or another condition.
        discriminator: of vectors `[batch, numbers of an image + latent_dim]`, such as
            `kgan.networks.MLPDiscriminator(image_shape=(28 * 28 + 50,))`.
        encoder: from images to latents, such as `kgan.networks.MLPEncoder`.
        prior: distribution of the latents. The paper's is `kgan.priors.Uniform(50, -1, 1)`.
        augmentation: as in `kgan.GAN`, applied to the images of pairs alone.
        packing: as in `kgan.GAN`: pairs that D sees at once, side by side.
        **kwargs: the further arguments of `kgan.GAN`.

    Raises:
        ValueError: the networks do not fit each other, or take a condition.

    Example:
        ```python
        gan = kgan.variants.BiGAN(
            generator=kgan.networks.MLPGenerator(image_shape=(28, 28, 1), latent_dim=50),
            discriminator=kgan.networks.MLPDiscriminator(image_shape=(28 * 28 + 50,)),
            encoder=kgan.networks.MLPEncoder(image_shape=(28, 28, 1), latent_dim=50),
            prior=kgan.priors.Uniform(50, -1, 1),
        )
        gan.compile("adam", "adam")
        gan.fit(images, batch_size=128, epochs=10)
        latents = gan.encode(images)
        ```
    """

    needs_real_logits = True  # E's part of the loss
    further_parts = ("encoder",)

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        encoder: keras.Model,
        prior: Prior,
        augmentation: Any = None,
        packing: int = 1,
        **kwargs: Any,
    ):
        both = EncodedGenerator(generator, encoder)
        both.check_discriminator(discriminator, packing)
        applied = None
        if augmentation is not None:
            applied = OfImages(augmentation, both.image_shape, *both.seen_shape)
        super().__init__(
            both, discriminator, prior, augmentation=applied, packing=packing, **kwargs
        )

    @property
    def encoder(self) -> keras.Model:
        """E, with the latest weights."""
        return self.generator.encoder

    def build(self, input_shape: object = None) -> None:
        """Create the variables of all networks; `input_shape` is not needed."""
        build_encoder(self.encoder, self.generator.image_shape, self.generator.latent_dim)
        super().build(input_shape)

    def generator_loss(self, real_logits: tf.Tensor | None, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return the loss of G and E for each example: G's on samples, and E's on data."""
        loss = self.loss.generator(real_logits, fake_logits)
        if getattr(self.loss, "needs_real_logits", False):  # a relativistic loss is of both already
            return loss
        # By default the logits with the other sign, also for a loss that does not say.
        mirrored = getattr(self.loss, "mirrored", tf.negative)
        return loss + self.loss.generator(None, mirrored(real_logits))

    def seen(self, images: tf.Tensor, latents: tf.Tensor | None = None) -> tf.Tensor:
        """Return pairs `[batch, numbers]`: images with their latents, or with those E makes."""
        if latents is None:
            latents = self.encoder(images, training=self.terms_in_training)
        flat = keras.ops.reshape(images, (-1, math.prod(self.generator.image_shape)))
        return keras.ops.concatenate([flat, latents], axis=-1)

    def get_config(self) -> JsonDict:
        config = super().get_config()
        serialize, applied = keras.saving.serialize_keras_object, self.augmentation
        return {
            **config,
            "generator": serialize(self.generator.generator),
            "augmentation": serialize(applied.of_images if isinstance(applied, OfImages) else None),
        }

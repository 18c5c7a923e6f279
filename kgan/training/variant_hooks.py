"""What a variant of the game overrides: terms of the losses, and what D is shown."""

from __future__ import annotations

import keras
import tensorflow as tf

from kgan import losses

__all__ = ["VariantHooks"]


class VariantHooks(keras.Model):
    """The parts of a step that `kgan.GAN` leaves open, as the plain game has them.

    Attributes:
        discriminator_loss_weight: factor of D's adversarial loss, not of penalties and terms.
        needs_real_logits: True where `generator_loss` uses the logits on data whatever the loss.
    """

    # What `kgan.GAN` sets.
    generator: keras.Model
    discriminator: keras.Model
    loss: losses.AdversarialLoss
    built: bool

    discriminator_loss_weight = 1.0
    needs_real_logits = False

    @property
    def generator_variables(self) -> list[keras.Variable]:
        """The weights that G's update moves. A variant adds those of a third network here."""
        return self.generator.trainable_variables

    @property
    def discriminator_variables(self) -> list[keras.Variable]:
        """The weights that D's update moves. A variant adds those of a third network here."""
        return self.discriminator.trainable_variables

    def generator_loss(self, real_logits: tf.Tensor | None, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return G's adversarial loss for each example, as `kgan.losses` have it."""
        return self.loss.generator(real_logits, fake_logits)

    def seen(self, images: tf.Tensor, latents: tf.Tensor | None = None) -> tf.Tensor:
        """Return what D sees of data, or of the samples of latents; here the images alone."""
        return images

    def shown_samples(self, samples: tf.Tensor, update: tf.Tensor) -> tf.Tensor:
        """Return the samples that D is updated on in the place of new ones; here the new ones."""
        return samples

    def generator_term(
        self, samples: tf.Tensor, latents: tf.Tensor, condition: tf.Tensor | None, images: tf.Tensor
    ) -> tf.Tensor | float:
        """Return a further term of G's loss, a scalar; here 0.

        Args:
            samples: `[batch, ...]`, made by G.
            latents: `[batch, latent_dim]`, from which they were made.
            condition: labels int32 `[batch]` or images; None where the data have neither.
            images: `[batch, ...]`, the data that the condition belongs to.
        """
        return 0.0

    def discriminator_term(
        self,
        images: tf.Tensor,
        samples: tf.Tensor,
        condition: tf.Tensor | None,
        update: tf.Tensor | None,
    ) -> tf.Tensor | float:
        """Return a further term of D's loss, a scalar; here 0.

        Args:
            images: `[batch, ...]`, data, as D sees them.
            samples: the same shape, made by G, as D sees them.
            condition: of both, as in `generator_term`.
            update: number of the update, of which a draw is a function; None in inference mode.
        """
        return 0.0

    def shared_term(
        self,
        samples: tf.Tensor,
        latents: tf.Tensor,
        condition: tf.Tensor | None,
        update: tf.Tensor | None,
    ) -> tf.Tensor | float:
        """Return a further term of both losses, a scalar; here 0.

        Args:
            samples: `[batch, ...]`, those of the update. D's are constants, as D sees them.
            latents: `[batch, latent_dim]`, from which they were made.
            condition: as in `generator_term`.
            update: as in `discriminator_term`.
        """
        return 0.0

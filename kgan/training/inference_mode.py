"""What a game does in inference mode: generate, and measure itself on data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.training import seeds
from kgan.training.keras_private import is_validation_of_fit
from kgan.training.layer_losses import layer_losses, plus
from kgan.training.metrics import discriminator_metrics
from kgan.training.minibatches import network_inputs, plain_errors, split
from kgan.training.validation import (
    check_array,
    check_data,
    check_no_weights,
    sample_conditions,
    sample_labels,
)
from kgan.utils.checks import positive_integer, seed_pair

__all__ = ["InferenceMode"]


class InferenceMode(keras.Model):
    """The methods of `kgan.GAN` that train nothing. All but `call` use the EMA weights.

    Attributes:
        terms_in_training: whether a variant's terms run the networks as in training.
    """

    terms_in_training = True

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """Return the images of latents, or of `[latents, condition]`: `predict` generates."""
        return self.generator(inputs, training=training)

    def sample(
        self,
        n: int,
        seed: Any = 0,
        labels: npt.ArrayLike | None = None,
        condition: npt.ArrayLike | None = None,
    ) -> np.ndarray:
        """Draw images from the generator, in inference mode.

        Args:
            n: the number of images.
            seed: an int or two ints. The same seed gives the same images, and the first of many are
                those of few.
            labels: for a conditional game: the class of each image, integers `[n]`, or one for all;
                None for all classes in turn, 0, 1, ..., 0, 1, ...
            condition: for a game with a `condition_shape`: floats `[n, *condition_shape]` in the
                value range, or one image for all.

        Returns:
            float32 `[n, *image_shape]` in the generator's value range.

        Raises:
            ValueError: `n`, `seed`, `labels` or `condition` is unusable.
        """
        n = positive_integer("n", n)
        if not tf.is_tensor(seed):
            seed_pair("seed", seed)  # a prior of the user's own might not look
        if not self.built:
            self.build()
        classes = sample_labels(labels, n, self.num_classes)
        shape = getattr(self.generator, "condition_shape", None)
        images = sample_conditions(condition, n, shape)
        given = images if classes is None else classes
        inputs = network_inputs(self.generator, self.prior.sample(n, seed), given)
        # Keras's networks return their own precision.
        return self.predict(inputs, batch_size=500, verbose=0).astype(np.float32, copy=False)

    def encode(self, images: npt.ArrayLike) -> np.ndarray:
        """Return the latents that the encoder makes of images, with the EMA weights if any.

        Args:
            images: floats `[n, *image_shape]` in the value range.

        Returns:
            float32 `[n, latent_dim]`.

        Raises:
            ValueError: the game has no encoder, as all but `kgan.variants.BiGAN`, or cannot use the
                images.

        Example:
            ```python
            latents = gan.encode(images)
            again = gan.reconstruct(images)  # gan.predict(latents)
            ```
        """
        encoder = getattr(self.generator, "encoder", None)
        if encoder is None:
            raise ValueError(
                f"This {type(self).__name__} has no encoder, which makes latents of images. "
                "kgan.variants.BiGAN trains one; kgan.inference.invert searches for the latents of "
                "any generator."
            )
        if not self.built:
            self.build()
        given = check_array(self, images, "images")
        with self.averaged():
            return encoder.predict(given, batch_size=500, verbose=0).astype(np.float32, copy=False)

    def reconstruct(self, images: npt.ArrayLike) -> np.ndarray:
        """Return what the generator makes of the latents that the encoder makes of images.

        Args:
            images: as for `encode`.

        Returns:
            float32 `[n, *image_shape]` in the value range.

        Raises:
            ValueError: as `encode`.
        """
        latents = self.encode(images)
        return self.predict(latents, batch_size=500, verbose=0).astype(np.float32, copy=False)

    def translations(self, condition: np.ndarray, seed: Any = 0) -> list[np.ndarray]:
        """Return arrays of images to draw beside each other: conditions, and their samples."""
        return [condition, self.sample(len(condition), seed, condition=condition)]

    def predict(self, *args: Any, **kwargs: Any) -> np.ndarray:
        """Generate from latents, as `keras.Model.predict`, with the EMA weights if any."""
        with self.averaged():
            return super().predict(*args, **kwargs)

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """Generate from one batch of latents, with the EMA weights if any."""
        with self.averaged():
            return super().predict_on_batch(x)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the logs on one batch of data, with the EMA weights if any."""
        with self.averaged():
            return super().test_on_batch(*args, **kwargs)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Compute the logs on data, as `keras.Model.evaluate`, with the EMA weights if any.

        Raises:
            ValueError: the game cannot use the data, as in `fit`.
        """
        if self.compiled and not is_validation_of_fit(kwargs):
            check_no_weights(self, sample_weight=sample_weight)
            x, y = check_data(self, x, y, batch_size)
        with self.averaged(), plain_errors():
            return super().evaluate(x, y, batch_size, verbose, sample_weight, **kwargs)

    @contextlib.contextmanager
    def in_inference(self) -> Iterator[None]:
        """Let `seen` and the terms of a variant call networks in inference mode."""
        self.terms_in_training = False
        try:
            yield
        finally:
            self.terms_in_training = True

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Compute the logs in inference mode on one batch of images and fresh samples."""
        with self.in_inference():
            return self._test_logs(data)

    def _test_logs(self, data: Any) -> dict[str, tf.Tensor]:
        (minibatch,) = split(data, 1, self.packing, self.num_classes)
        images, condition = minibatch
        # By the number of examples seen, so that no two batches of an evaluation share latents.
        seed = self._seed(seeds.TEST_LATENTS, self.report.examples)
        latents = self.prior.sample(minibatch.size, seed)
        samples = self.generator(network_inputs(self.generator, latents, condition), training=False)
        seen = self.seen(images), self.seen(samples, latents)
        losses_of_layers = layer_losses(self.generator)
        discriminator = self._discriminator_pass(condition)
        real_logits, fake_logits = discriminator.inference_logits(*seen)
        d_loss = tf.reduce_mean(self.loss.discriminator(real_logits, fake_logits))
        g_loss = tf.reduce_mean(self.generator_loss(real_logits, fake_logits))
        d_loss *= self.discriminator_loss_weight
        d_loss += tf.cast(self.discriminator_term(*seen, condition, None), d_loss.dtype)
        g_loss += tf.cast(self.generator_term(samples, latents, condition, images), g_loss.dtype)
        shared = self.shared_term(samples, latents, condition, None)
        d_loss, g_loss = (loss + tf.cast(shared, loss.dtype) for loss in (d_loss, g_loss))
        d_loss, g_loss = plus(d_loss, discriminator.losses), plus(g_loss, losses_of_layers)
        d_metrics = discriminator_metrics(d_loss, real_logits, fake_logits)
        self.report.update_state(g_loss, d_metrics, minibatch.size)
        return self.get_metrics_result()

    @property
    def averaged_variables(self) -> list[keras.Variable]:
        """The weights of which an EMA is kept, if the game keeps any: those of the generator."""
        return self.generator.trainable_variables

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Give the networks their EMA weights within this context, if there are any.

        `with gan.averaged(): gan.generator.save(path)` saves what `sample` draws from.
        """
        # Before the first step the EMA is zero and would generate from nothing.
        if self.ema is None or not self.built or not self.step:
            yield
            return
        with self.ema.swapped_in():
            yield

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics of `fit` and `evaluate`; there is no single loss of two networks."""
        return [self.report]

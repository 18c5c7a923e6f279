"""A hand-written training step: no `fit`, metrics or checks, one Adam operation a weight.

It does what Algorithm 1 needs and nothing else. `benchmarks.floor` counts its products.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from benchmarks.pairs import Pair


class Adam:
    """Adam by TensorFlow's own operation, one a weight."""

    def __init__(self, weights: list[Any], beta_1: float, beta_2: float):
        self.weights = weights
        self.moments = [
            tuple(tf.Variable(tf.zeros_like(weight)) for _ in range(2)) for weight in weights
        ]
        self.betas = beta_1, beta_2
        self.powers = [tf.Variable(beta) for beta in self.betas]

    def apply(self, gradients: list[tf.Tensor]) -> None:
        beta_1, beta_2 = self.betas
        power_1, power_2 = (power.read_value() for power in self.powers)
        triples = zip(self.weights, self.moments, gradients, strict=True)
        for weight, (momentum, velocity), gradient in triples:
            tf.raw_ops.ResourceApplyAdam(
                var=weight.handle,
                m=momentum.handle,
                v=velocity.handle,
                beta1_power=power_1,
                beta2_power=power_2,
                lr=2e-4,
                beta1=beta_1,
                beta2=beta_2,
                epsilon=1e-7,
                grad=gradient,
            )
        for power, beta in zip(self.powers, self.betas, strict=True):
            power.assign(power * beta)


class Lean:
    """A pair trained by a loop over one compiled function."""

    def __init__(self, pair: Pair):
        self.generator, self.discriminator = pair.networks()
        self.latent_dim = pair.latent_dim
        self.gamma = pair.gamma
        self.d_weights = [weight.value for weight in self.discriminator.trainable_weights]
        self.g_weights = [weight.value for weight in self.generator.trainable_weights]
        self.d_adam = Adam(self.d_weights, pair.beta_1, pair.beta_2)
        self.g_adam = Adam(self.g_weights, pair.beta_1, pair.beta_2)
        self.step = tf.function(self._step)

    def _step(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        samples = self._samples(images.shape[0])
        with _watching(self.d_weights) as tape:
            d_loss = self._d_loss(images, samples)
        self.d_adam.apply(tape.gradient(d_loss, self.d_weights))
        with _watching(self.g_weights) as tape:
            g_loss = self._g_loss(images, self._samples(images.shape[0]))
        self.g_adam.apply(tape.gradient(g_loss, self.g_weights))
        return d_loss, g_loss

    def _samples(self, batch: int) -> tf.Tensor:
        return self.generator(tf.random.normal((batch, self.latent_dim)), training=True)

    def _logits(self, images: tf.Tensor, samples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if getattr(self.discriminator, "independent_examples", False):
            both = self.discriminator(tf.concat([images, samples], axis=0), training=True)
            real, fake = tf.split(both, 2)
            return real, fake
        return (
            self.discriminator(images, training=True),
            self.discriminator(samples, training=True),
        )

    def _d_loss(self, images: tf.Tensor, samples: tf.Tensor) -> tf.Tensor:
        if self.gamma is None:
            real, fake = self._logits(images, samples)
            return tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))
        with _watching([images, samples]) as tape:
            real, fake = self._logits(images, samples)
            total = tf.reduce_sum(real) + tf.reduce_sum(fake)
        gradients = tf.concat(tape.gradient(total, [images, samples]), axis=0)
        norm = 2 * tf.reduce_mean(tf.reduce_sum(tf.square(gradients), axis=(1, 2, 3)))
        return tf.reduce_mean(tf.nn.softplus(fake - real)) + self.gamma / 2 * norm

    def _g_loss(self, images: tf.Tensor, samples: tf.Tensor) -> tf.Tensor:
        fake = self.discriminator(samples, training=True)
        if self.gamma is None:
            return tf.reduce_mean(tf.nn.softplus(-fake))
        real = self.discriminator(images, training=True)  # needs no gradient
        return tf.reduce_mean(tf.nn.softplus(real - fake))

    def seconds_a_step(self, data: Iterator[tf.Tensor], steps: int) -> float:
        """Run `steps` steps, one call each; return the seconds of one."""
        begin = time.perf_counter()
        for _ in range(steps):
            d_loss, _ = self.step(next(data))
        d_loss.numpy()
        return (time.perf_counter() - begin) / steps


@contextlib.contextmanager
def _watching(sources: list[Any]) -> Iterator[tf.GradientTape]:
    """Yield a tape that watches `sources` alone."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(sources)
        yield tape

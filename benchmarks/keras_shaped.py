"""A GAN as a Keras user would write it after the tutorials, without kgan."""

from __future__ import annotations

import keras
import tensorflow as tf

from benchmarks.pairs import Pair


class KerasShaped(keras.Model):
    """A model with the train_step of the Keras examples.

    The generator runs twice. The discriminator sees data and samples in one batch, regardless of
    batch normalisation. Two `Mean` metrics are kept.
    """

    def __init__(self, pair: Pair):
        super().__init__()
        self.generator, self.discriminator = pair.networks()
        self.latent_dim = pair.latent_dim
        self.gamma = pair.gamma or 0.0
        self.seed_generator = keras.random.SeedGenerator(0)
        self.d_tracker = keras.metrics.Mean(name="d_loss")
        self.g_tracker = keras.metrics.Mean(name="g_loss")
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        super().compile(optimizer=None, jit_compile=False)
        self.d_optimizer, self.g_optimizer = pair.adam(fused=False), pair.adam(fused=False)

    @property
    def metrics(self):
        return [self.d_tracker, self.g_tracker]

    def samples(self, batch):
        noise = keras.random.normal((batch, self.latent_dim), seed=self.seed_generator)
        return self.generator(noise, training=True)

    def logits(self, images):
        return self.discriminator(images, training=True)

    def d_loss(self, images, samples):
        batch = tf.shape(images)[0]
        labels = tf.concat([tf.zeros((batch, 1)), tf.ones((batch, 1))], axis=0)
        return self.cross_entropy(labels, self.logits(tf.concat([samples, images], axis=0)))

    def g_loss(self, images, samples):
        return self.cross_entropy(tf.ones((tf.shape(samples)[0], 1)), self.logits(samples))

    def train_step(self, images):
        batch = tf.shape(images)[0]
        samples = self.samples(batch)
        weights = self.discriminator.trainable_weights
        with tf.GradientTape() as tape:
            d_loss = self.d_loss(images, samples)
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights, strict=True))
        weights = self.generator.trainable_weights
        with tf.GradientTape() as tape:
            g_loss = self.g_loss(images, self.samples(batch))
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights, strict=True))
        self.d_tracker.update_state(d_loss)
        self.g_tracker.update_state(g_loss)
        return {"d_loss": self.d_tracker.result(), "g_loss": self.g_tracker.result()}


class NestedTapes(KerasShaped):
    """The relativistic loss with R1 and R2, with penalties as in the Keras example of WGAN-GP.

    Each squared gradient norm takes a discriminator pass of its own, under a nested tape.
    """

    def squared_norm(self, images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = self.logits(images)
        return tf.reduce_sum(tf.square(tape.gradient(logits, images)), axis=(1, 2, 3))

    def d_loss(self, images, samples):
        gap = self.logits(images) - self.logits(samples)
        real, fake = (tf.reduce_mean(self.squared_norm(x)) for x in (images, samples))
        return tf.reduce_mean(tf.nn.softplus(-gap)) + self.gamma / 2 * (real + fake)

    def g_loss(self, images, samples):
        return tf.reduce_mean(tf.nn.softplus(self.logits(images) - self.logits(samples)))

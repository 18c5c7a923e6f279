"""Training speed: kgan's step against the shape of train_step that the Keras examples teach.

The same networks (100-1200-1200-784 and 784-1200-1200-1), optimizers, data and batch size, in one
process and in turns (A B A B ...), each `fit` over the same number of steps:

    python -m benchmarks.step [--batch_size=100] [--rounds=25] [--steps=20]

Both run the generator twice and judge data and samples in one batch. The Keras shape keeps two
`Mean` metrics, kgan the seven figures of its log.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

import kgan


class KerasShaped(keras.Model):
    """A GAN as a Keras user would write it after the tutorials, without kgan."""

    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim
        self.seed_generator = keras.random.SeedGenerator(0)
        self.d_tracker = keras.metrics.Mean(name="d_loss")
        self.g_tracker = keras.metrics.Mean(name="g_loss")

    @property
    def metrics(self):
        return [self.d_tracker, self.g_tracker]

    def compile(self, d_optimizer, g_optimizer, **kwargs):
        super().compile(optimizer=None, **kwargs)
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    def _noise(self, batch):
        return keras.random.normal((batch, self.latent_dim), seed=self.seed_generator)

    def train_step(self, images):
        batch = tf.shape(images)[0]
        both = tf.concat([self.generator(self._noise(batch)), images], axis=0)
        labels = tf.concat([tf.zeros((batch, 1)), tf.ones((batch, 1))], axis=0)
        weights = self.discriminator.trainable_weights
        with tf.GradientTape() as tape:
            d_loss = self.cross_entropy(labels, self.discriminator(both))
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights, strict=True))
        weights = self.generator.trainable_weights
        with tf.GradientTape() as tape:
            judged = self.discriminator(self.generator(self._noise(batch)))
            g_loss = self.cross_entropy(tf.ones((batch, 1)), judged)
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights, strict=True))
        self.d_tracker.update_state(d_loss)
        self.g_tracker.update_state(g_loss)
        return {"d_loss": self.d_tracker.result(), "g_loss": self.g_tracker.result()}


class Stopwatch(keras.callbacks.Callback):
    """Times the steps alone: the end of `fit` waits for its threads, 0.3 s more or less."""

    def on_train_begin(self, logs=None):
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())

    def seconds_a_step(self):
        return (self.ends[-1] - self.ends[0]) / (len(self.ends) - 1)


def _players():
    generator = kgan.networks.MLPGenerator((28, 28, 1), latent_dim=100)
    discriminator = kgan.networks.MLPDiscriminator((28, 28, 1))
    generator.build((None, 100))
    discriminator.build((None, 28, 28, 1))
    return generator, discriminator


def _adam():
    return keras.optimizers.Adam(2e-4, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch_size", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()

    generator, discriminator = _players()
    keras_shaped = KerasShaped(discriminator, generator, 100)
    keras_shaped.compile(_adam(), _adam(), jit_compile=False)
    generator, discriminator = _players()
    gan = kgan.GAN(generator, discriminator, kgan.priors.Uniform(100))
    gan.compile(_adam(), _adam(), jit_compile=False)

    images = np.random.default_rng(0).uniform(-1, 1, (args.batch_size, 28, 28, 1))
    data = tf.data.Dataset.from_tensors(images.astype("float32")).cache().repeat()
    models = {"keras-shaped": keras_shaped, "kgan": gan}
    rates: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(args.rounds + 1):
        for name, model in models.items():
            watch = Stopwatch()
            model.fit(data, steps_per_epoch=args.steps, verbose=0, shuffle=False, callbacks=[watch])
            rates[name].append(args.batch_size / watch.seconds_a_step())
    rates = {name: values[1:] for name, values in rates.items()}  # the first round compiles

    for name, values in rates.items():
        print(
            f"{name:>14}: {statistics.median(values):7.0f} images/s "
            f"({min(values):.0f} to {max(values):.0f})"
        )
    ratios = [b / a for a, b in zip(rates["keras-shaped"], rates["kgan"], strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"kgan / keras-shaped: {middle:.3f} (quartiles {low:.3f} to {high:.3f})")
    print(
        json.dumps(
            {
                "benchmark": "step",
                "batch_size": args.batch_size,
                "images_per_second": {k: round(statistics.median(v)) for k, v in rates.items()},
                "ratio": round(middle, 3),
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()

"""Speed of CycleGAN's training step: kgan and the step of the Keras documentation's example.

    python -m benchmarks.translation [--networks=unet ...] [--rounds=5] [--steps=5]

Both train the same networks with the same losses and optimizer settings, in turns (A B A B ...).
The example updates D before G moves, on the samples that G's own update makes. Algorithm 1 draws
new samples for each update, so kgan's step has two passes of the generators and two of the
discriminators more, without the gradients of G. `x` is the speed relative to the example.
"""

from __future__ import annotations

import argparse
import statistics

import keras
import numpy as np
import tensorflow as tf

from benchmarks.fitting import by_fit
from benchmarks.timing import in_turns, print_record, ratio
from kgan import networks, optimizers, variants

SEVERAL = 10  # steps in one execution
CYCLE, IDENTITY = 10.0, 5.0

# Shape and number of the images, a translator and a discriminator: those of the preset
# digits_cyclegan, and a quarter of the paper's filters at a quarter of its sides.
GAMES = {
    "unet": (
        ((28, 28, 1), 32),
        lambda shape: networks.UNetGenerator(shape, shape, filters=16, residual=False),
        lambda shape: networks.PatchDiscriminator(shape, filters=16),
    ),
    "resnet": (
        ((64, 64, 3), 4),
        lambda shape: networks.ResNetTranslator(shape, filters=16),
        lambda shape: networks.PatchDiscriminator(shape, filters=16),
    ),
}


class KerasCycleGAN(keras.Model):
    """CycleGAN with the train_step of the Keras documentation's example: one persistent tape."""

    def __init__(self, generators: list[keras.Model], discriminators: list[keras.Model]):
        super().__init__()
        self.generator_xy, self.generator_yx = generators
        self.discriminator_x, self.discriminator_y = discriminators
        self.mae = keras.losses.MeanAbsoluteError()
        self.mse = keras.losses.MeanSquaredError()
        super().compile(optimizer=None, jit_compile=False)
        self.optimizers = [keras.optimizers.Adam(2e-4, 0.5) for _ in range(4)]

    def _translate(self, generator, images):
        return generator([tf.zeros([tf.shape(images)[0], 0]), images], training=True)

    def _g_loss(self, logits, cycled, same, images):
        adversarial = self.mse(tf.ones_like(logits), logits)
        return adversarial + CYCLE * self.mae(images, cycled) + IDENTITY * self.mae(images, same)

    def _d_loss(self, real, fake):
        return 0.5 * (self.mse(tf.ones_like(real), real) + self.mse(tf.zeros_like(fake), fake))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape(persistent=True) as tape:
            fake_y = self._translate(self.generator_xy, x)
            fake_x = self._translate(self.generator_yx, y)
            cycled_x = self._translate(self.generator_yx, fake_y)
            cycled_y = self._translate(self.generator_xy, fake_x)
            same_x = self._translate(self.generator_yx, x)
            same_y = self._translate(self.generator_xy, y)
            real_x_logits = self.discriminator_x(x, training=True)
            fake_x_logits = self.discriminator_x(fake_x, training=True)
            real_y_logits = self.discriminator_y(y, training=True)
            fake_y_logits = self.discriminator_y(fake_y, training=True)
            losses = [
                self._g_loss(fake_y_logits, cycled_y, same_y, y),
                self._g_loss(fake_x_logits, cycled_x, same_x, x),
                self._d_loss(real_x_logits, fake_x_logits),
                self._d_loss(real_y_logits, fake_y_logits),
            ]
        players = (
            self.generator_xy,
            self.generator_yx,
            self.discriminator_x,
            self.discriminator_y,
        )
        # All gradients are of the networks as they were.
        gradients = [
            tape.gradient(loss, player.trainable_weights)
            for loss, player in zip(losses, players, strict=True)
        ]
        for optimizer, gradient, player in zip(self.optimizers, gradients, players, strict=True):
            optimizer.apply_gradients(zip(gradient, player.trainable_weights, strict=True))
        names = ("g_loss", "f_loss", "d_x_loss", "d_y_loss")
        return dict(zip(names, losses, strict=True))


def players(name: str) -> list[keras.Model]:
    """Return two translators and two discriminators of a game, built."""
    (shape, _), generator, discriminator = GAMES[name]
    generators = [generator(shape) for _ in range(2)]
    discriminators = [discriminator(shape) for _ in range(2)]
    for network in generators:
        network.build([(None, 0), (None, *shape)])
    for network in discriminators:
        network.build((None, *shape))
    return [*generators, *discriminators]


def cycle_gan(name: str, several: int = 1) -> variants.CycleGAN:
    """Return kgan's game, compiled."""
    forth, back, of_x, of_y = players(name)
    gan = variants.CycleGAN(forth, back, of_x, of_y, CYCLE, IDENTITY)
    gan.compile(
        optimizers.FusedAdam(2e-4, 0.5),
        optimizers.FusedAdam(2e-4, 0.5),
        loss="least_squares",
        steps_per_execution=several,
    )
    return gan


def measured(name: str, rounds: int, steps: int) -> dict[str, list[float]]:
    """Return seconds a step of each contender, by round."""
    (shape, batch), *_ = GAMES[name]
    draw = np.random.default_rng(0).uniform
    pair = tuple(draw(-1, 1, (batch, *shape)).astype("float32") for _ in range(2))
    data = tf.data.Dataset.from_tensors(pair).cache().repeat()
    networks_of_keras = players(name)
    timed = {
        "Keras's example": KerasCycleGAN(networks_of_keras[:2], networks_of_keras[2:]),
        "kgan": cycle_gan(name),
        f"kgan, {SEVERAL} at once": cycle_gan(name, SEVERAL),
    }
    return in_turns({key: by_fit(game, data, steps) for key, game in timed.items()}, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", action="append", choices=list(GAMES), help="all if not given")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="in a turn of each")
    args = parser.parse_args()
    figures: dict[str, dict] = {}
    for name in args.networks or GAMES:
        times = measured(name, args.rounds, args.steps)
        (shape, batch), *_ = GAMES[name]
        print(f"{name}, {' x '.join(map(str, shape))}, batch {batch}")
        figures[name] = {}
        for contender, seconds in times.items():
            low, faster, high = ratio(times["Keras's example"], seconds)
            step = 1e3 * statistics.median(seconds)
            print(f"  {contender:<20}{step:>9.1f} ms, x {faster:.2f} ({low:.2f} to {high:.2f})")
            figures[name][contender] = {"ms": round(step, 2), "x": round(faster, 3)}
    print_record("translation", rounds=args.rounds, steps=args.steps, games=figures)


if __name__ == "__main__":
    main()

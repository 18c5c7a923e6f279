"""Train on a folder of pictures, by kgan as it chooses and by the Keras documentation's DCGAN.

    python -m experiments.own_pictures --dataset=DIR [--minutes=30] [--seeds=0-2]

kgan-train gets the folder and the minutes alone. The other game is that of the example "DCGAN to
generate face images" of the Keras documentation: its networks, which start from an eighth of the
sides, its loss with noisy labels, its optimizers, batches and step, on the same pictures for as
many minutes. Both are evaluated as by kgan-evaluate with random features
(`kgan.metrics.RandomConvolutional`). The last row is what real pictures have. Runs lie in
runs/own_pictures; those that are evaluated are not made again.

Prints one line of JSON for each run, and a table of all. docs/pictures_trained.md shows it.
"""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
import sys
import time

import keras
import tensorflow as tf
from keras import layers

import kgan
from experiments import program, results
from kgan.artifacts import RunDirectory
from kgan.utils.types import JsonDict
from train.config import Config
from train.evaluation.options import Options
from train.evaluation.run import evaluate
from train.records import recorded_config
from train.run import load_images

RUNS = pathlib.Path("runs", "own_pictures")
LATENT_DIM = 128
BATCH_SIZE = 32
RATE = 1e-4  # of both Adams
NOISE = 0.05  # the most that is added to a label
OPTIONS: JsonDict = {
    "features": "random",
    "metrics": ("frechet", "kernel", "precision_recall", "memorisation"),
}
COLUMNS = {
    "frechet_distance": "Frechet distance",
    "kernel_distance": "kernel distance",
    "precision": "precision",
    "recall": "recall",
    "near_duplicate_rate": "near-duplicate rate",
}


def networks(shape: tuple[int, int, int]) -> tuple[keras.Model, keras.Model]:
    """Return the example's generator and discriminator, for images of a shape.

    The generator doubles the sides three times; in the example it starts at 8x8. The discriminator
    returns the logit of the example's sigmoid, so that their cross-entropies are the same.
    """
    height, width, channels = shape
    start = (height // 8, width // 8, 128)
    generator = [keras.Input((LATENT_DIM,)), layers.Dense(math.prod(start)), layers.Reshape(start)]
    for filters in (128, 256, 512):
        generator.append(layers.Conv2DTranspose(filters, 4, strides=2, padding="same"))
        generator.append(layers.LeakyReLU(negative_slope=0.2))
    generator.append(layers.Conv2D(channels, 5, padding="same", activation="sigmoid"))
    discriminator = [keras.Input(shape)]
    for filters in (64, 128, 128):
        discriminator.append(layers.Conv2D(filters, 4, strides=2, padding="same"))
        discriminator.append(layers.LeakyReLU(negative_slope=0.2))
    discriminator += [layers.Flatten(), layers.Dropout(0.2), layers.Dense(1)]
    return keras.Sequential(generator), keras.Sequential(discriminator)


class Example(keras.Model):
    """The example's game: D's probability is that of an image being generated."""

    def __init__(self, shape: tuple[int, int, int], seed: int):
        super().__init__()
        self.generator, self.discriminator = networks(shape)
        self.draws = keras.random.SeedGenerator(seed)
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        super().compile(optimizer=None, jit_compile=False)
        self.optimizers = [keras.optimizers.Adam(RATE) for _ in range(2)]

    def samples(self, count: tf.Tensor) -> tf.Tensor:
        return self.generator(keras.random.normal((count, LATENT_DIM), seed=self.draws))

    def train_step(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        count = tf.shape(images)[0]
        both = tf.concat([self.samples(count), images], 0)
        labels = tf.concat([tf.ones((count, 1)), tf.zeros((count, 1))], 0)
        labels += NOISE * keras.random.uniform(tf.shape(labels), seed=self.draws)
        with tf.GradientTape() as tape:
            d_loss = self.cross_entropy(labels, self.discriminator(both))
        self.update(0, self.discriminator, tape, d_loss)
        with tf.GradientTape() as tape:
            logits = self.discriminator(self.samples(count))
            g_loss = self.cross_entropy(tf.zeros((count, 1)), logits)
        self.update(1, self.generator, tape, g_loss)
        return {"d_loss": d_loss, "g_loss": g_loss}

    def update(self, index: int, network: keras.Model, tape: tf.GradientTape, loss: tf.Tensor):
        weights = network.trainable_variables
        self.optimizers[index].apply(tape.gradient(loss, weights), weights)


class Stop(keras.callbacks.Callback):
    """Ends a training after some seconds, from its first step on."""

    def __init__(self, seconds: float):
        super().__init__()
        self.seconds, self.steps = seconds, 0
        self.start: float | None = None

    def on_train_batch_end(self, batch: int, logs: JsonDict | None = None):
        if self.start is None:  # the step that was compiled
            self.start = time.monotonic()
        self.steps += 1
        if time.monotonic() - self.start >= self.seconds:
            self.model.stop_training = True


def train_example(config: Config, seconds: float, run: RunDirectory) -> int:
    """Play the example's game on the pictures of a configuration; write a run, return the steps."""
    keras.utils.set_random_seed(config.seed)
    config = dataclasses.replace(config, batch_size=BATCH_SIZE, value_range="0,1")
    images, _ = load_images(config, None)
    game, stop = Example(images.element_spec.shape[1:], config.seed), Stop(seconds)
    game.fit(images, epochs=sys.maxsize, shuffle=False, verbose=0, callbacks=[stop])
    finished = kgan.GAN(
        game.generator, game.discriminator, kgan.priors.Normal(LATENT_DIM), value_range=(0, 1)
    )
    finished.compile("adam", "adam")
    finished.save_run(run.path, data=images)
    return stop.steps


def evaluated(run: RunDirectory) -> JsonDict:
    """Return the metrics of a run, which is evaluated unless it was."""
    record = run.evaluation(features=OPTIONS["features"])
    if not record.exists():
        evaluate(Options(run_dir=str(run.path), **OPTIONS))
    return json.loads(record.read_text())["figures"]


def play(dataset: str, minutes: float, seed: int) -> list[JsonDict]:
    """Train and evaluate both games; return their rows and that of real pictures."""
    place = RUNS / pathlib.Path(dataset).name / str(seed)
    ours, example = RunDirectory(place / "kgan"), RunDirectory(place / "example")
    if not ours.generator.exists():
        flags = [f"--dataset={dataset}", f"--minutes={minutes:g}", f"--seed={seed}"]
        training, _ = results.commands(flags, dataset, ours.path)
        if not program.run(training):
            raise SystemExit(1)
    if not example.generator.exists():
        lines = [json.loads(line) for line in ours.metrics.read_text().splitlines()]
        taken = results.pace(lines, 1)["minutes"]
        steps = train_example(recorded_config(ours), 60 * taken, example)
        print(f"The example took {steps:,} steps in {taken:.1f} minutes.")
    found = {what: evaluated(run) for what, run in (("kgan", ours), ("the example", example))}
    return [
        *({"seed": seed, "what": what, **cells(each, "value")} for what, each in found.items()),
        {"seed": seed, "what": "real pictures", **cells(found["kgan"], "real")},
    ]


def cells(figures: JsonDict, which: str) -> JsonDict:
    """Return the columns of a row: the values of samples, or those of real pictures."""
    return {
        column: program.rounded(figures[metric][which], 4) for metric, column in COLUMNS.items()
    }


def main() -> None:
    parser = program.parser(__doc__, seeds="0-2", only=False)
    parser.add_argument("--dataset", required=True, help="the directory of pictures")
    parser.add_argument("--minutes", type=float, default=30.0, help="of each training")
    args = parser.parse_args()
    rows = []
    for seed in args.seeds:
        for found in play(args.dataset, args.minutes, seed):
            program.print_row("own_pictures", **found)
            rows.append(found)
    print(program.table(rows, ("seed", "what", *COLUMNS.values())))


if __name__ == "__main__":
    main()

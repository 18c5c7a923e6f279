"""Train a BiGAN, and beside it other ways to find an image's latents.

    python -m experiments.inference [--data_dir=DIR] [--seeds=0-2] [--steps=N]

The preset mnist_bigan is trained by kgan-train. Its encoder is compared with the controls of
Donahue et al. (2017, arXiv 1605.09782, table 1), each made of networks of the same sizes, trained
by Keras with the same optimizer for as many steps:

- latent regressor: an encoder that learns, after the game, to give the latents of samples back.
- autoencoder: an encoder and a generator that learn the mean squared error of the data alone.
- untrained: the encoder as it is before any training.
- pixels: no encoder; an image is its own code.

"1-NN" is the share of test images whose nearest training image, by the latents, is of their class,
"features" the same by the last hidden layer of the encoder, which is what the paper reports;
"same class" the share whose reconstruction a classifier puts into the class of the image, "error"
the mean squared error of a pixel in [0, 1]. Runs lie in runs/inference; seeds with results are not
played again.

Prints one line of JSON for each row, and a table of all.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

import kgan
from experiments import program, results
from kgan import data
from kgan.artifacts import RunDirectory
from kgan.metrics import Classifier, nearest
from kgan.utils.types import JsonDict
from train.config import Config, resolve
from train.evaluation.classifier import find_or_train
from train.evaluation.data import RealData, read
from train.run import load_images

PRESET = "mnist_bigan"
RUNS = pathlib.Path("runs", "inference")
COLUMNS = ("1-NN", "features", "same class", "error")
BATCH = 1_000

# From images in [0, 1] to codes [n, size], or to images.
OfImages = Callable[[np.ndarray], np.ndarray]


def fresh(network: keras.Model) -> keras.Model:
    """Return a network like another, with new weights."""
    return type(network).from_config(network.get_config())


def optimizer(gan: kgan.GAN) -> keras.optimizers.Optimizer:
    """Return another optimizer like that of a game's generator."""
    return type(gan.generator_optimizer).from_config(gan.generator_optimizer.get_config())


def latent_regressor(gan: kgan.GAN, steps: int, batch_size: int, seed: int) -> keras.Model:
    """Return an encoder that was trained on samples of a game to give their latents back."""
    keras.utils.set_random_seed(seed)
    encoder = fresh(gan.encoder)
    encoder.compile(optimizer(gan), "mse", steps_per_execution=gan.steps_per_execution)

    def pairs(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        latents = gan.prior.sample(batch_size, tf.stack([tf.cast(seed, tf.int64), step]))
        return gan.generator(latents, training=False), latents

    with gan.averaged():
        encoder.fit(tf.data.Dataset.range(steps).map(pairs), shuffle=False, verbose=0)
    return encoder


def autoencoder(gan: kgan.GAN, config: Config, steps: int, data_dir: str | None) -> keras.Model:
    """Return an encoder and a generator, trained on the mean squared error of the data."""
    keras.utils.set_random_seed(config.seed)
    both = keras.Sequential([fresh(gan.encoder), fresh(gan.generator.generator)])
    both.compile(optimizer(gan), "mse", steps_per_execution=gan.steps_per_execution)
    images, _ = load_images(config, data_dir)
    images.seek(0, steps)
    batches = images.from_position(steps).map(lambda x: (x, x))
    counted = batches.apply(tf.data.experimental.assert_cardinality(steps))
    both.fit(counted, shuffle=False, verbose=0)
    return both


def nearest_accuracy(codes: OfImages, real: RealData, labels: tuple[np.ndarray, ...]) -> float:
    """Return the share of test images whose nearest training image has their label."""
    training, test = (
        codes(images).reshape(len(images), -1) for images in (real.training, real.test)
    )
    found = labels[0][nearest(test, training)[1][:, 0]]
    return float(np.mean(found == labels[1]))


def measured(
    what: str,
    codes: OfImages,
    features: OfImages | None,
    reconstruct: OfImages | None,
    real: RealData,
    labels: tuple[np.ndarray, ...],
    classifier: Classifier,
) -> JsonDict:
    """Return one row of the table; a column is None without its function."""
    values = [nearest_accuracy(codes, real, labels), None, None, None]
    if features is not None:
        values[1] = nearest_accuracy(features, real, labels)
    if reconstruct is not None:
        made = reconstruct(real.test).clip(0, 1)
        same = classifier.labels(made) == classifier.labels(real.test)
        values[2:] = float(same.mean()), float(np.square(made - real.test).mean())
    rounded = (None if value is None else program.rounded(value, 4) for value in values)
    return {"what": what, **dict(zip(COLUMNS, rounded, strict=True))}


def compare(run: RunDirectory, config: Config, data_dir: str | None) -> list[JsonDict]:
    """Return the rows of a finished run: its encoder and the controls."""
    record, gan = run.read_config(), kgan.load_run(run.path)
    real = read(run, record, data_dir)
    labels = tuple(
        data.labels(real.name, real.parts[part]["split"], data_dir)[: real.parts[part]["stop"]]
        for part in ("training", "test")
    )
    classifier = find_or_train(real, run, data_dir).classifier
    assert gan.value_range is not None
    low, high = gan.value_range

    def in_batches(function: OfImages) -> OfImages:
        """Return a function of images in [0, 1] from one of a batch in the game's range."""

        def computed(images: np.ndarray) -> np.ndarray:
            given = low + (high - low) * images
            parts = (function(given[i : i + BATCH]) for i in range(0, len(given), BATCH))
            return np.concatenate([np.asarray(part) for part in parts])

        return computed

    def row(what: str, encoder: keras.Model, decoder: keras.Model | None) -> JsonDict:
        codes, features = in_batches(encoder), in_batches(encoder.features)
        again = decoder and in_batches(lambda x: (decoder(encoder(x)) - low) / (high - low))
        return measured(what, codes, features, again, real, labels, classifier)

    steps = gan.step
    regressor = latent_regressor(gan, steps, config.batch_size, config.seed)
    encoder, generator = autoencoder(gan, config, steps, data_dir).layers
    keras.utils.set_random_seed(config.seed)
    untrained = fresh(gan.encoder)
    untrained.build((None, *untrained.image_shape))
    with gan.averaged():
        return [
            row("BiGAN", gan.encoder, gan.generator),
            row("latent regressor", regressor, gan.generator),
            row("autoencoder", encoder, generator),
            row("untrained", untrained, None),
            measured("pixels", lambda images: images, None, None, real, labels, classifier),
        ]


def play(seed: int, steps: int | None, data_dir: str | None) -> list[JsonDict]:
    """Train the preset and its controls; return the rows of the table."""
    given: JsonDict = {"seed": seed, **({"steps": steps} if steps else {})}
    config = resolve(PRESET, given)
    place = RUNS / str(config.steps) / str(seed)
    run, written = RunDirectory(place / "game"), place / "rows.json"
    if not written.exists():
        flags = [f"--preset={PRESET}", *(f"--{name}={value}" for name, value in given.items())]
        training, _ = results.commands(flags, config.dataset, run.path, data_dir)
        if not run.generator.exists() and not program.run(training):
            raise SystemExit(1)
        rows = [{"seed": seed, **row} for row in compare(run, config, data_dir)]
        written.write_text(json.dumps(rows, indent=2) + "\n")
    return json.loads(written.read_text())


def main() -> None:
    args = program.parser(__doc__, seeds="0-2", steps=0, only=False).parse_args()
    rows = []
    for seed in args.seeds:
        for found in play(seed, args.steps, args.data_dir):
            program.print_row("inference", **found)
            rows.append(found)
    print(program.table(rows, ("seed", "what", *COLUMNS)))


if __name__ == "__main__":
    main()

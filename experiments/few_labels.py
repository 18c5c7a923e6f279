"""Train mnist_semi_supervised on several draws of labels, beside what the labels give alone.

    python -m experiments.few_labels [--data_dir=DIR] [--labels_per_class=10] [--seeds=0-9]
        [--epochs=N] [--only=REGEX]

`--seeds` are draws of the labels; each is the seed of its run as well. kgan-train trains the preset
and kgan-evaluate counts how often its classifier is wrong on the 10,000 test images. Three controls
have the same labels: the game without changed images, as in the paper, the discriminator's network
on labelled images alone, with the same optimizer, noise and changes, and the class of the nearest
labelled image (Euclidean). Runs lie in runs/few_labels, and those that are evaluated are not made
again.

Prints one line of JSON for each draw, and a table.
"""

from __future__ import annotations

import functools
import json
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from experiments import program, results
from kgan import data
from kgan.artifacts import RunDirectory
from kgan.utils.types import JsonDict
from train.config import Config, resolve
from train.game import make_gan
from train.labelled import Labelled, load_labelled
from train.run import load_images

PRESET = "mnist_semi_supervised"
RUNS = pathlib.Path("runs", "few_labels")
ALONE_STEPS = 3_000  # of the network on labels alone, whose loss is 0 long before
GAMES: dict[str, JsonDict] = {  # what differs from the preset
    "game": {},
    "game of the paper": {"labelled_augmentation": False, "consistency_weight": 0.0},
}
COLUMNS = ("labels", "draw", *GAMES, "labels alone", "nearest labelled image")
EVALUATION = "--metrics=parzen --num_samples=1000"  # of which the class error is a row
_CHUNK = 500


def test_data(config: Config, data_dir: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the test images in the value range of a configuration, and their labels."""
    batches = data.load(
        config.dataset,
        "test",
        _CHUNK,
        shuffle=False,
        value_range=config.pixels,
        data_dir=data_dir,
    )
    images = np.concatenate(list(batches.as_numpy_iterator()))
    return images, data.labels(config.dataset, "test", data_dir)[: len(images)]


def nearest(few: Labelled, images: np.ndarray) -> np.ndarray:
    """Return the class of the labelled image that is nearest to each image (Euclidean)."""
    known, asked = (x.reshape(len(x), -1).astype(np.float64) for x in (few.images, images))
    distances = np.square(known).sum(1) - 2 * asked @ known.T
    return few.labels[distances.argmin(1)]


def labels_alone(
    config: Config, few: Labelled, images: np.ndarray, data_dir: str | None, steps: int
) -> np.ndarray:
    """Return the classes that the discriminator's network tells after training on labels alone."""
    keras.utils.set_random_seed(config.seed)
    batches, _ = load_images(config, data_dir)
    gan = make_gan(config, batches, None, few)
    network, optimizer = gan.discriminator, gan.discriminator_optimizer
    weights = network.trainable_variables

    @tf.function(autograph=False)
    def step(step: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = gan.labelled_loss(step)
        optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    for i in tf.range(steps, dtype=tf.int64):
        step(i)
    return gan.classify(images).argmax(-1)


def game(config: Config, given: JsonDict, run: RunDirectory, data_dir: str | None) -> float:
    """Train a run by kgan-train, evaluate it, and return the share of wrong classes."""
    if not run.evaluation().exists():
        flags = [f"--preset={PRESET}", *(f"--{name}={value}" for name, value in given.items())]
        training, evaluation = results.commands(flags, config.dataset, run.path, data_dir)
        if not (program.run(training) and program.run(f"{evaluation} {EVALUATION}")):
            raise SystemExit(1)
    return json.loads(run.evaluation().read_text())["figures"]["class_error"]["value"]


def play(
    given: JsonDict, data_dir: str | None, steps: int = ALONE_STEPS, only: str = ""
) -> JsonDict:
    """Return one row of the table: of one draw of labels, wrong classes of the test images.

    Args:
        given: the options that differ from the preset; `label_seed` and `labels_per_class` are two.
        data_dir: data directory of TFDS, or None.
        steps: of the control on labels alone.
        only: a regular expression of the columns that are computed.
    """
    config = resolve(PRESET, given)
    few = load_labelled(config, data_dir)
    assert few is not None
    images, labels = test_data(config, data_dir)
    place = RUNS / str(len(few.labels))

    def wrong_of_game(name: str) -> int:
        run = RunDirectory(place / name.replace(" ", "_") / str(config.label_seed))
        return round(game(config, {**given, **GAMES[name]}, run, data_dir) * len(labels))

    found: dict[str, Callable[[], int]] = {
        **{name: functools.partial(wrong_of_game, name) for name in GAMES},
        "labels alone": lambda: wrong(labels_alone(config, few, images, data_dir, steps), labels),
        "nearest labelled image": lambda: wrong(nearest(few, images), labels),
    }
    return {
        "labels": len(few.labels),
        "draw": config.label_seed,
        **{name: found[name]() for name in program.matching(found, only)},
    }


def wrong(classes: np.ndarray, labels: np.ndarray) -> int:
    """Return the number of classes that are not the labels."""
    return int((classes != labels).sum())


def mean_row(rows: list[JsonDict]) -> JsonDict:
    """Return the row of means and standard deviations of several draws."""
    made: JsonDict = {"labels": rows[0]["labels"], "draw": "mean +- standard deviation"}
    for name in COLUMNS[2:]:
        values = [row[name] for row in rows if name in row]
        if values:
            made[name] = f"{np.mean(values):.0f} +- {np.std(values, ddof=1):.0f}"
    return made


def main() -> None:
    parser = program.parser(__doc__, seeds="0-9")
    parser.add_argument("--labels_per_class", type=int, default=10)
    parser.add_argument("--epochs", type=int, help="epochs of a run, in the preset's place")
    args = parser.parse_args()
    rows = []
    for seed in args.seeds:
        given = {
            "seed": seed,
            "label_seed": seed,
            "labels_per_class": args.labels_per_class,
            **({"epochs": args.epochs} if args.epochs else {}),
        }
        rows.append(play(given, args.data_dir, only=args.only))
        program.print_row("few_labels", **rows[-1])
    summary = [mean_row(rows)] if len(rows) > 1 else []
    print(program.table([*rows, *summary], COLUMNS))


if __name__ == "__main__":
    main()

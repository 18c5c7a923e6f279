"""Parameters of each preset, and seconds for 1,000 steps on images of random pixels.

python -m benchmarks.presets mnist_dcgan ring
"""

from __future__ import annotations

import argparse
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from benchmarks.fitting import by_fit
from benchmarks.timing import print_record
from kgan import conditions
from train.config import resolve
from train.game import make_gan
from train.labelled import Labelled
from train.presets import DIRECTORIES, PRESETS

SHAPES = {
    "digits": (8, 8, 1),
    "mnist": (28, 28, 1),
    "stacked_mnist": (28, 28, 3),
    "cifar10": (32, 32, 3),
}
CLASSES = 10
POINTS = (2,)  # of `ring` and `grid`


def seconds_a_step(preset: str, at_least: float) -> tuple[float, keras.Model]:
    """Return the median time of a step over at least so many seconds, and the model."""
    config = resolve(preset, dict.fromkeys(DIRECTORIES.get(preset, ()), "pictures/"))
    shape = (64, 64, 3) if preset in DIRECTORIES else SHAPES.get(config.dataset, POINTS)
    rows = config.batch_size * config.discriminator_steps
    rng = np.random.default_rng(0)
    low, high = config.pixels or (-1.0, 1.0)
    images = rng.uniform(low, high, (rows, *shape)).astype("float32")
    batch = (images, rng.integers(CLASSES, size=rows)) if config.conditional else images
    if preset in DIRECTORIES:
        batch = (images, images[::-1])
    elif (condition := conditions.get(config.condition)) is not None:
        made = condition((images - low) / (high - low)).numpy()
        batch = (images, low + (high - low) * made)
    data = tf.data.Dataset.from_tensors(batch)
    keras.utils.set_random_seed(0)
    labels = np.arange(10 * CLASSES) % CLASSES
    few = Labelled(np.resize(images, (len(labels), *shape)), labels, CLASSES)
    gan = make_gan(
        *(config, data, CLASSES if config.conditional else None),
        labelled=few if config.semi_supervised else None,
    )
    data = data.cache().repeat()
    timed = by_fit(gan, data, 10 * config.steps_per_execution)
    timed()  # compiles
    found, begin = [], time.perf_counter()
    while time.perf_counter() - begin < at_least:
        found.append(timed())
    return statistics.median(found), gan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "presets", nargs="*", metavar="PRESET", help=f"of {', '.join(PRESETS)}; all if not given"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="least time for each")
    args = parser.parse_args()
    for unknown in set(args.presets) - set(PRESETS):
        parser.error(f"{unknown}: expected one of {', '.join(PRESETS)}")
    print(f"{'preset':<22} {'G':>11} {'D':>11} {'s / 1,000 steps':>16}")
    found = {}
    for preset in args.presets or PRESETS:
        seconds, gan = seconds_a_step(preset, args.seconds)
        found[preset] = round(1000 * seconds, 1)
        print(
            f"{preset:<22} {gan.generator.count_params():>11,} "
            f"{gan.discriminator.count_params():>11,} {found[preset]:>16,}",
            flush=True,
        )
    print_record("presets", seconds=found)


if __name__ == "__main__":
    main()

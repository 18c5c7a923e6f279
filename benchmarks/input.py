"""Speed and memory of `kgan.data.load`, compared with the speed of training steps.

    python -m benchmarks.input [--data_dir=DIR] [--batch_size=100] [--rounds=5]

Reads MNIST if it is prepared in DIR, KGAN_TEST_DATA_DIR or TFDS's directory, else the bundled
digits. `cached` is how `load` treats images of up to 1 GiB: decode once, shuffle row numbers.
`streamed` is how it treats larger ones: read each epoch from TFRecord files through a shuffle
buffer. Steps are measured on one batch in memory, in turns with the data.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from benchmarks.fitting import by_fit
from benchmarks.timing import in_turns, peak_mib, print_record, ratio
from kgan import data
from kgan.data import loaders, source
from train.config import resolve
from train.game import make_gan

# The presets that consume images fastest, at k = 1 and at k = 5.
FASTEST = ("mnist_mlp", "mnist_wgan_gp")


def where(data_dir: str | None) -> tuple[str, str | None]:
    """Return the data set to read, and its directory."""
    data_dir = data_dir or os.environ.get("KGAN_TEST_DATA_DIR")
    try:
        data.load("mnist", data_dir=data_dir, download=False)
    except FileNotFoundError:
        print("MNIST is not prepared; the bundled digits, a small data set, replace it.")
        return "digits", tempfile.mkdtemp()
    return "mnist", data_dir


def reading(batches: tf.data.Dataset, count: int) -> Callable[[], float]:
    """Return a function that reads `count` batches and returns the seconds an example."""

    def seconds_an_example() -> float:
        examples = 0
        begin = time.perf_counter()
        epochs = itertools.chain.from_iterable(itertools.repeat(batches))
        for batch in itertools.islice(epochs, count):
            examples += len(batch)
        return (time.perf_counter() - begin) / examples

    return seconds_an_example


def consuming(preset: str, shape: tuple[int, ...], steps: int) -> Callable[[], float]:
    """Return a function that measures the seconds an image of a preset's training step."""
    config = resolve(preset, {})
    rows = config.batch_size * config.discriminator_steps
    rng = np.random.default_rng(0)
    low, high = config.pixels or (-1.0, 1.0)
    images = rng.uniform(low, high, (rows, *shape)).astype("float32")
    batches = tf.data.Dataset.from_tensors(images)
    gan = make_gan(config, batches, None)
    step = by_fit(gan, batches.cache().repeat(), steps)
    return lambda: step() / rows


def to_range(pixels: tf.Tensor) -> tf.Tensor:
    """Map pixels to [-1, 1] as `load` does."""
    weight = tf.cast(pixels, tf.float32) / 255.0
    return weight - (1.0 - weight)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir")
    parser.add_argument("--batch_size", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="training steps in a turn")
    args = parser.parse_args()

    keras.utils.set_random_seed(0)
    name, data_dir = where(args.data_dir)
    peaks = {"before": peak_mib()}
    begin = time.perf_counter()
    cached = data.load(name, batch_size=args.batch_size, data_dir=data_dir)
    first = time.perf_counter() - begin
    peaks["cached"] = peak_mib()
    images = source.find_images(name, None, False, data_dir)
    streamed = loaders.from_disk(images, "train", args.batch_size, 0, to_range)
    count = len(cached)
    reading(streamed, count)()
    peaks["streamed"] = peak_mib()
    shape = tuple(cached.element_spec.shape[1:])
    timed = {"cached": reading(cached, count), "streamed": reading(streamed, count)}
    timed |= {f"step of {preset}": consuming(preset, shape, args.steps) for preset in FASTEST}
    times = in_turns(timed, args.rounds)

    rate = count * args.batch_size / first
    print(f"{name}: reading all once, {first:.2f} s, {rate:,.0f} examples/s")
    rates, ratios = {}, {}
    for label, seconds in times.items():
        rates[label] = round(1 / statistics.median(seconds))
        print(f"  {label:<22}{rates[label]:>10,} examples/s")
    for kind, preset in itertools.product(("cached", "streamed"), FASTEST):
        low, middle, high = ratio(times[f"step of {preset}"], times[kind])
        ratios[f"{kind} / {preset}"] = round(middle, 1)
        print(f"  {kind} / step of {preset}: {middle:.1f} ({low:.1f} to {high:.1f})")
    print("  peak memory, MiB: " + ", ".join(f"{key} {value:,}" for key, value in peaks.items()))
    print_record(
        "input",
        data=name,
        first_seconds=round(first, 2),
        examples_per_second=rates,
        ratios=ratios,
        peak_mib=peaks,
    )


if __name__ == "__main__":
    main()

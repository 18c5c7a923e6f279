"""Speed and memory of `kgan.data.load`, and how much more it delivers than steps take.

    python -m benchmarks.input [--data_dir=DIR] [--batch_size=100] [--rounds=5]

MNIST, if it is prepared in DIR (or where KGAN_TEST_DATA_DIR or TFDS says), else the bundled digits.
`cached` is what `load` does with images of up to 1 GiB: read and decoded once, shuffled by their
numbers. `streamed` is what it does with larger ones: each epoch read from TFRecord files through a
shuffle buffer; here with a limit of nothing. The appetite of a step is measured on one batch that
is always there, in turns with the data's speed.
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
from kgan.data import pipeline
from train.config import resolve
from train.game import make_gan

# The fully connected game takes its images quickest at k = 1, and at k = 5.
HUNGRY = ("mnist_mlp", "mnist_wgan_gp")


def where(data_dir: str | None) -> tuple[str, str | None]:
    """The data set to read, and its directory."""
    data_dir = data_dir or os.environ.get("KGAN_TEST_DATA_DIR")
    try:
        data.load("mnist", data_dir=data_dir, download=False)
    except FileNotFoundError:
        print("MNIST is not prepared: this is digits, which is small.")
        return "digits", tempfile.mkdtemp()
    return "mnist", data_dir


def reading(batches: tf.data.Dataset, count: int) -> Callable[[], float]:
    """Seconds an example of so many batches, over as many epochs as they are."""

    def seconds_an_example() -> float:
        examples = 0
        begin = time.perf_counter()
        epochs = itertools.chain.from_iterable(itertools.repeat(batches))
        for batch in itertools.islice(epochs, count):
            examples += len(batch)
        return (time.perf_counter() - begin) / examples

    return seconds_an_example


def eating(preset: str, shape: tuple[int, ...], steps: int) -> Callable[[], float]:
    """Seconds an image that a preset's step takes for itself."""
    config = resolve(preset, {})
    rows = config.batch_size * config.discriminator_steps
    rng = np.random.default_rng(0)
    low, high = config.pixels or (-1.0, 1.0)
    images = rng.uniform(low, high, (rows, *shape)).astype("float32")
    batches = tf.data.Dataset.from_tensors(images)
    gan = make_gan(config, batches, None)
    step = by_fit(gan, batches.cache().repeat(), steps)
    return lambda: step() / rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir")
    parser.add_argument("--batch_size", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="of a training, in its turn")
    args = parser.parse_args()

    keras.utils.set_random_seed(0)
    name, data_dir = where(args.data_dir)
    settings = {"batch_size": args.batch_size, "data_dir": data_dir}
    peaks = {"before": peak_mib()}
    begin = time.perf_counter()
    cached = data.load(name, **settings)
    first = time.perf_counter() - begin
    peaks["cached"] = peak_mib()
    limit, pipeline._MEMORY_BYTES = pipeline._MEMORY_BYTES, 0
    streamed = data.load(name, **settings)
    pipeline._MEMORY_BYTES = limit
    count = len(cached)
    reading(streamed, count)()
    peaks["streamed"] = peak_mib()
    shape = tuple(cached.element_spec.shape[1:])
    timed = {"cached": reading(cached, count), "streamed": reading(streamed, count)}
    timed |= {f"step of {preset}": eating(preset, shape, args.steps) for preset in HUNGRY}
    times = in_turns(timed, args.rounds)

    images = count * args.batch_size
    print(f"{name}: reading all once, {first:.2f} s, {images / first:,.0f} examples/s")
    rates, ratios = {}, {}
    for label, seconds in times.items():
        rates[label] = round(1 / statistics.median(seconds))
        print(f"  {label:<22}{rates[label]:>10,} examples/s")
    for source, preset in itertools.product(("cached", "streamed"), HUNGRY):
        low, middle, high = ratio(times[f"step of {preset}"], times[source])
        ratios[f"{source} / {preset}"] = round(middle, 1)
        print(f"  {source} / step of {preset}: {middle:.1f} ({low:.1f} to {high:.1f})")
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

"""Speed and memory as batch size, k, latent size and data set grow.

    python -m benchmarks.growth [--rounds=5] [--steps=8] [--largest=10000000]

The networks are the fully connected pair of `benchmarks.step` at batch size 100, k = 1 and latent
size 100; one of these varies at a time. The data sets are synthetic images of MNIST's size, made
while the code for large data sets streams them.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import statistics
import time

import numpy as np
import tensorflow as tf

import kgan
from benchmarks.fitting import by_fit
from benchmarks.pairs import PAIRS, SHAPE
from benchmarks.timing import in_turns, peak_mib, print_record
from kgan import networks
from kgan.data.loaders import SHUFFLE_BYTES
from kgan.data.stream import SeekableDataset, streamed_epoch


@dataclasses.dataclass(frozen=True)
class Variant:
    """The settings of a measured step."""

    batch_size: int = 100
    k: int = 1
    latent_dim: int = 100


VARIANTS = {
    "batch size": [Variant(batch_size=size) for size in (25, 100, 400, 1600)],
    "k": [Variant(k=k) for k in (1, 2, 4, 8)],
    "latent size": [Variant(latent_dim=dim) for dim in (10, 100, 1000)],
}


def stepping(variant: Variant, steps: int):
    """Return a function that measures the seconds a step of a variant."""
    pair = PAIRS["mlp"]
    gan = kgan.GAN(
        networks.MLPGenerator(SHAPE, variant.latent_dim),
        networks.MLPDiscriminator(SHAPE),
        kgan.priors.Normal(variant.latent_dim),
        discriminator_steps=variant.k,
    )
    gan.compile(pair.adam(), pair.adam(), jit_compile=False)
    rows = variant.batch_size * variant.k
    images = np.random.default_rng(0).uniform(-1, 1, (rows, *SHAPE)).astype("float32")
    return by_fit(gan, tf.data.Dataset.from_tensors(images).cache().repeat(), steps)


def growing_games(rounds: int, steps: int) -> list[dict]:
    """Return a row for each variant: images a second of the discriminator, milliseconds a step."""
    rows = []
    print(f"\n{'':<14}{'':>8}{'ms a step':>12}{'images/s':>12}")
    for what, several in VARIANTS.items():
        field = {"batch size": "batch_size", "latent size": "latent_dim"}.get(what, what)
        times = in_turns({variant: stepping(variant, steps) for variant in several}, rounds)
        for variant in several:
            step = statistics.median(times[variant])
            rate = variant.batch_size * variant.k / step
            value = getattr(variant, field)
            print(f"{what:<14}{value:>8,}{1e3 * step:>12.1f}{rate:>12,.0f}")
            rows.append({what: value, "ms": round(1e3 * step, 2), "images_per_second": round(rate)})
    return rows


def streamed(count: int, rows: int) -> tf.data.Dataset:
    """Return `count` images, shuffled through the buffer that `load` uses for such images."""

    def image(number: tf.Tensor) -> tf.Tensor:
        return tf.fill(SHAPE, tf.cast(number % 256, tf.uint8))

    examples = tf.data.Dataset.range(count).map(image, num_parallel_calls=tf.data.AUTOTUNE)
    buffer = SHUFFLE_BYTES // int(np.prod(SHAPE))
    epoch = streamed_epoch(examples, rows, 0, buffer, count // rows)
    return SeekableDataset(epoch, count // rows, lambda batch: tf.cast(batch, tf.float32), "")


def growing_data(largest: int, batches: int, rows: int = 100) -> list[dict]:
    """Return a row for each number of examples: time to first batch, speed, peak memory so far."""
    found = []
    print(f"{'examples':>12}{'first batch s':>15}{'then examples/s':>17}{'peak MiB':>10}")
    count = 1000
    while count <= largest:
        data = streamed(count, rows)
        epochs = itertools.chain.from_iterable(itertools.repeat(data))
        begin = time.perf_counter()
        next(epochs)
        first = time.perf_counter()
        for _ in itertools.islice(epochs, batches):
            pass
        rate = batches * rows / (time.perf_counter() - first)
        found.append(
            {
                "examples": count,
                "first_batch_seconds": round(first - begin, 2),
                "examples_per_second": round(rate),
                "peak_mib": peak_mib(),
            }
        )
        print(f"{count:>12,}{first - begin:>15.2f}{rate:>17,.0f}{peak_mib():>10,}", flush=True)
        count *= 10
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8, help="in a turn of each")
    parser.add_argument(
        "--largest", type=int, default=10_000_000, help="examples in the largest data set"
    )
    parser.add_argument("--batches", type=int, default=2000, help="read of each data set")
    args = parser.parse_args()
    data = growing_data(args.largest, args.batches)
    games = growing_games(args.rounds, args.steps)
    print_record("growth", games=games, data=data)


if __name__ == "__main__":
    main()

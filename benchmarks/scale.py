"""The cost of a distribution strategy at one replica, and a model of the gain of many.

    python -m benchmarks.scale

Steps of a DCGAN on MNIST with and without a strategy take turns in one process. To the measured
step, the model adds ring all-reduces: k of the discriminator's gradients, one of the generator's.
Each takes 2 (R - 1) / R times their bytes over the bandwidth, and 2 (R - 1) latencies.
"""

from __future__ import annotations

import argparse
import functools
import statistics
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from benchmarks.fitting import by_fit
from benchmarks.timing import in_turns, print_record, ratio
from train.config import resolve
from train.game import make_gan
from train.presets import DCGAN

GAME = {**DCGAN, "dataset": "mnist", "ema_decay": 0.999, "steps": 1}
REPLICAS = (1, 2, 8, 32, 128, 1024)
LINKS = {  # bytes a second and seconds of latency
    "1 Gb/s Ethernet": (125e6, 50e-6),
    "25 Gb/s Ethernet": (3.125e9, 20e-6),
    "200 Gb/s InfiniBand": (25e9, 2e-6),
    "450 GB/s NVLink": (450e9, 2e-6),
}


def communication(
    replicas: int, numbers: list[int], bandwidth: float, latency: float, size: int = 4
) -> float:
    """Return the seconds that a step spends on all-reduces in a ring.

    Args:
        replicas: R.
        numbers: numbers added up by each all-reduce.
        bandwidth: of a link, bytes a second.
        latency: of a message, seconds.
        size: bytes of a number.
    """
    sent = sum(2 * (replicas - 1) / replicas * n * size / bandwidth for n in numbers)
    return sent + len(numbers) * 2 * (replicas - 1) * latency


def measured(rounds: int, steps: int) -> tuple[dict[str, list[float]], keras.Model]:
    """Return seconds a step without a strategy and with one of one replica, round by round."""
    config = resolve(None, GAME)
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (config.batch_size, 28, 28, 1)).astype("float32")
    data = tf.data.Dataset.from_tensors(images)
    strategies = {
        "none": tf.distribute.get_strategy(),
        "mirrored": tf.distribute.MirroredStrategy(["CPU:0"]),
    }
    endless = data.cache().repeat()
    timed: dict[str, Callable[[], float]] = {}
    for name, strategy in strategies.items():
        with strategy.scope():
            gan = make_gan(config, data, None)
        timed[name] = functools.partial(_within, strategy, by_fit(gan, endless, steps))
    return in_turns(timed, rounds), gan


def _within(strategy: tf.distribute.Strategy, call: Callable[[], float]) -> float:
    with strategy.scope():
        return call()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=60)
    args = parser.parse_args()
    seconds, gan = measured(args.rounds, args.steps)
    low, longer, high = ratio(seconds["mirrored"], seconds["none"])
    step = statistics.median(seconds["none"])
    print(f"{1000 * step:.1f} ms a step; a strategy at one replica makes it {longer:.3f}")
    print(f"times as long (quartiles {low:.3f} to {high:.3f}).")
    numbers = [gan.discriminator.count_params()] * gan.discriminator_steps
    numbers.append(gan.generator.count_params())
    print(f"All-reduces of {', '.join(f'{n:,}' for n in numbers)} numbers a step.\n")
    print(f"{'efficiency':<20}" + "".join(f"{r:>8,}" for r in REPLICAS))
    for name, (bandwidth, latency) in LINKS.items():
        shares = [step / (step + communication(r, numbers, bandwidth, latency)) for r in REPLICAS]
        print(f"{name:<20}" + "".join(f"{share:>8.0%}" for share in shares))
    print_record("scale", step_seconds=round(step, 5), ratio=round(longer, 3))


if __name__ == "__main__":
    main()

"""What a strategy costs at one replica, and a model of what many replicas would gain.

    python -m benchmarks.scale

Steps of `mnist_dcgan` with and without a strategy take turns in one process. The model adds, to the
measured step, a ring's all-reduce of D's gradients k times and G's once: 2 (R - 1) / R times their
bytes over the bandwidth, and 2 (R - 1) latencies each.
"""

from __future__ import annotations

import argparse
import json
import statistics

import keras
import numpy as np
import tensorflow as tf

from benchmarks.step import Stopwatch
from train.config import resolve
from train.game import make_gan

PRESET = "mnist_dcgan"
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
    """Seconds that a step spends on all-reduces of so many numbers each, in a ring.

    Args:
        replicas: R, in the ring.
        numbers: how many each all-reduce adds up.
        bandwidth: of a link, bytes a second.
        latency: of a message, seconds.
        size: bytes of a number.
    """
    sent = sum(2 * (replicas - 1) / replicas * n * size / bandwidth for n in numbers)
    return sent + len(numbers) * 2 * (replicas - 1) * latency


def measured(rounds: int, steps: int) -> tuple[dict[str, list[float]], keras.Model]:
    """Seconds a step without a strategy and with one of one replica, round by round."""
    config = resolve(PRESET, {})
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (config.batch_size, 28, 28, 1)).astype("float32")
    data = tf.data.Dataset.from_tensors(images)
    strategies = {
        "none": tf.distribute.get_strategy(),
        "mirrored": tf.distribute.MirroredStrategy(["CPU:0"]),
    }
    games = {}
    for name, strategy in strategies.items():
        with strategy.scope():
            games[name] = make_gan(config, data, None)
    endless = data.cache().repeat()
    seconds: dict[str, list[float]] = {name: [] for name in games}
    for _ in range(rounds + 1):
        for name, gan in games.items():
            watch = Stopwatch()
            with strategies[name].scope():
                gan.fit(endless, steps_per_epoch=steps, verbose=0, callbacks=[watch])
            seconds[name].append(watch.seconds_a_step())
    return {name: values[1:] for name, values in seconds.items()}, games["none"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=60)
    args = parser.parse_args()
    seconds, gan = measured(args.rounds, args.steps)
    ratios = [b / a for a, b in zip(seconds["none"], seconds["mirrored"], strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4)
    step = statistics.median(seconds["none"])
    print(f"{PRESET}: {1000 * step:.1f} ms a step; a strategy at one replica makes it {ratio:.3f}")
    print(f"times as long (quartiles {low:.3f} to {high:.3f}).")
    numbers = [gan.discriminator.count_params()] * gan.discriminator_steps
    numbers.append(gan.generator.count_params())
    print(f"All-reduces of {', '.join(f'{n:,}' for n in numbers)} numbers a step.\n")
    print(f"{'efficiency':<20}" + "".join(f"{r:>8,}" for r in REPLICAS))
    for name, (bandwidth, latency) in LINKS.items():
        shares = [step / (step + communication(r, numbers, bandwidth, latency)) for r in REPLICAS]
        print(f"{name:<20}" + "".join(f"{share:>8.0%}" for share in shares))
    record = {"benchmark": "scale", "step_seconds": round(step, 5), "ratio": round(ratio, 3)}
    print(json.dumps({**record, "tensorflow": tf.__version__, "keras": keras.__version__}))


if __name__ == "__main__":
    main()

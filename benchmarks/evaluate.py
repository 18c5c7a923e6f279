"""Time and memory of the metrics, on uniform random rows as many as in MNIST's evaluation.

    python -m benchmarks.evaluate [--rows=10000] [--features=784] [--references=60000] [--rounds=3]

Each metric runs `rounds` times. Memory is the peak of the whole process so far, which includes the
data and the imports.
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np

from benchmarks.timing import peak_mib, print_record, seconds
from kgan import metrics
from kgan.metrics.parzen import SIGMAS


def _calls(real, samples, references):
    """Return the timed functions by name."""
    few = real[: len(real) // 10]
    return {
        "parzen, 1 sigma": lambda: metrics.parzen_log_likelihood(real, samples, 0.1668),
        "parzen, 10 sigmas": lambda: metrics.parzen_log_likelihood(real, samples, SIGMAS),
        "parzen, with controls": lambda: metrics.parzen_table(samples, references, few, real),
        "frechet": lambda: metrics.frechet_distance(real, samples),
        "kernel": lambda: metrics.kernel_distance(real, samples),
        "precision, recall": lambda: metrics.precision_recall(real, samples),
        "density, coverage": lambda: metrics.density_coverage(real, samples),
        "nearest of references": lambda: metrics.nearest(samples, references),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=784)
    parser.add_argument("--references", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()

    rng = np.random.default_rng(0)
    sizes = (args.rows, args.rows, args.references)
    data = [rng.random((size, args.features), dtype=np.float32) for size in sizes]
    print(f"{'before':>22}:                                    peak {peak_mib():5d} MiB")
    seconds_of, peaks = {}, {}
    for name, call in _calls(*data).items():
        times = [seconds(call) for _ in range(args.rounds)]
        seconds_of[name], peaks[name] = statistics.median(times), peak_mib()
        print(
            f"{name:>22}: {seconds_of[name]:7.2f} s ({min(times):6.2f} to {max(times):6.2f}), "
            f"peak {peaks[name]:5d} MiB"
        )
    print_record(
        "evaluate",
        rows=args.rows,
        features=args.features,
        seconds={name: round(value, 2) for name, value in seconds_of.items()},
        peak_mib=peaks,
    )


if __name__ == "__main__":
    main()

"""Modes found on a ring of 8 and a grid of 25 Gaussians, after PacGAN's experiment.

    python -m experiments.modes --out=FILE [--only=REGEX] [--seeds=10] [--steps=6000]

By the protocol of PacGAN (Lin et al. 2018, arXiv 1712.04086, section 4.1): 2,500 samples of each
of 10 trials; a mode is found if a sample is within three standard deviations of its mean, and the
share of such samples is the high quality. As there, latents are two normal numbers and each update
of D sees 100 points or packs. What differs is said in docs/recipes.md, beside the table.

Each run adds a line to FILE, and is not played again where FILE has its line. In the end it prints
the table. On one core a run takes about 20 seconds.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import kgan
from kgan import data, metrics
from kgan.penalties import R1, R2, GradientPenalty

DATA = ("ring", "grid")
SAMPLES = 2500
UNITS = (128, 128, 128)  # of both players
BATCH = 100  # points or packs in an update of D
BOTH = [R1(0.03), R2(0.03)]

METHODS: dict[str, dict[str, Any]] = {
    "GAN": {},
    "GAN + R1 + R2": {"penalties": BOTH},
    "relativistic + R1 + R2": {"loss": "relativistic_paired", "penalties": BOTH},
    "PacGAN2": {"packing": 2, "rate": 4e-3, "beta_1": 0.5},
    "WGAN-GP": {"loss": "wasserstein", "penalties": GradientPenalty(1.0)},
}


def make_gan(steps, seed, packing=1, rate=2e-3, beta_1=0.0, **options):
    """The game of a method, compiled; rates fall to zero along half a cosine."""
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((2,), 2, UNITS, value_range=None),
        kgan.networks.MLPDiscriminator((2 * packing,), UNITS),
        kgan.priors.Normal(2),
        packing=packing,
        seed=seed,
    )
    falling = keras.optimizers.schedules.CosineDecay(rate, steps)
    adams = [keras.optimizers.Adam(falling, beta_1, beta_2=0.99) for _ in range(2)]
    gan.compile(*adams, **options, jit_compile=True, steps_per_execution=200)
    return gan


def play(dataset, method, seed, steps):
    """One run; returns its coverage and how long the training took, in seconds."""
    mixture = data.DENSITIES[dataset]
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    gan = make_gan(steps, seed, **METHODS[method])
    size = BATCH * gan.packing
    points = mixture.sample(steps * size, seed).reshape(steps, size, 2)
    start = time.perf_counter()
    gan.fit(tf.data.Dataset.from_tensor_slices(points), verbose=0)
    seconds = time.perf_counter() - start
    return coverage(gan.sample(SAMPLES, seed), mixture), seconds


def coverage(samples, mixture):
    """What the table shows of samples."""
    found = metrics.mixture_coverage(samples, mixture.means, mixture.std)
    return {"modes": found.found, "high_quality": found.high_quality, "kl": found.kl}


def table(rows):
    """Markdown: of each data set and method, mean and standard error over the seeds."""
    lines = ["| data | method | modes | high quality | reverse KL |", "|---|---|---|---|---|"]
    for dataset in DATA:
        mixture = data.DENSITIES[dataset]
        floor = [coverage(mixture.sample(SAMPLES, seed), mixture) for seed in range(10)]
        named = {
            method: [row for row in rows if (row["data"], row["method"]) == (dataset, method)]
            for method in METHODS
        }
        for method, runs in {**named, "the data itself": floor}.items():
            if runs:
                cells = [_mean(runs, name) for name in ("modes", "high_quality", "kl")]
                lines.append(f"| {dataset} | {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(runs, name):
    values = [run[name] for run in runs]
    digits = {"modes": 2, "high_quality": 3, "kl": 4}[name]
    error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return f"{np.mean(values):.{digits}f} ± {error:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=6000)
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    args.out.touch()
    rows = [json.loads(line) for line in args.out.read_text().splitlines()]
    rows = [row for row in rows if row["steps"] == args.steps]
    done = {(row["data"], row["method"], row["seed"]) for row in rows}
    for seed in range(args.seeds):
        for dataset in DATA:
            for method in METHODS:
                run = (dataset, method, seed)
                if run in done or not re.search(args.only, f"{dataset} {method}"):
                    continue
                figures, seconds = play(*run, args.steps)
                names = dict(zip(("data", "method", "seed"), run, strict=True))
                row = {**names, "steps": args.steps, **figures, "seconds": round(seconds, 1)}
                rows.append(row)
                with args.out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()

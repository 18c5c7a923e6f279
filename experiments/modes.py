"""Count the modes found on a ring of 8 and a grid of 25 Gaussians, as PacGAN does.

    python -m experiments.modes --out=FILE [--only=REGEX] [--seeds=0-9] [--steps=6000]

The protocol is that of PacGAN (Lin et al. 2018, arXiv 1712.04086, section 4.1): 10 trials with
2,500 samples each. A mode is found if a sample lies within three standard deviations of its mean;
the share of such samples is the high quality. Latents are two normal numbers, and an update of D
sees 100 points or packs. docs/recipes.md names the differences beside the table.

Each run adds a line to FILE; a run whose line is in FILE is skipped. At the end the table is
printed. A run takes about 20 seconds on one core.
"""

from __future__ import annotations

import json
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf

import kgan
from experiments import program
from kgan import data, metrics
from kgan.data.densities import Mixture
from kgan.penalties import R1, R2, GradientPenalty, Penalty
from kgan.utils.types import JsonDict

DATA = ("ring", "grid")
SAMPLES = 2500
UNITS = (128, 128, 128)  # of generator and discriminator
BATCH = 100  # points or packs in an update of D
BOTH: list[Penalty] = [R1(0.03), R2(0.03)]

METHODS: dict[str, JsonDict] = {
    "GAN": {},
    "GAN + R1 + R2": {"penalties": BOTH},
    "relativistic + R1 + R2": {"loss": "relativistic_paired", "penalties": BOTH},
    "PacGAN2": {"packing": 2, "rate": 4e-3, "beta_1": 0.5},
    "WGAN-GP": {"loss": "wasserstein", "penalties": GradientPenalty(1.0)},
}


def make_gan(
    steps: int,
    seed: int,
    packing: int = 1,
    rate: float = 2e-3,
    beta_1: float = 0.0,
    loss: str = "non_saturating",
    penalties: Penalty | list[Penalty] | None = None,
) -> kgan.GAN:
    """Return the compiled game of a method; learning rates fall to zero along half a cosine."""
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((2,), 2, UNITS, value_range=None),
        kgan.networks.MLPDiscriminator((2 * packing,), UNITS),
        kgan.priors.Normal(2),
        packing=packing,
        seed=seed,
    )
    falling = keras.optimizers.schedules.CosineDecay(rate, steps)
    for_g, for_d = (kgan.optimizers.FusedAdam(falling, beta_1, beta_2=0.99) for _ in range(2))
    gan.compile(
        for_g, for_d, loss=loss, penalties=penalties, jit_compile=True, steps_per_execution=200
    )
    return gan


def play(dataset: str, method: str, seed: int, steps: int) -> JsonDict:
    """Train one run; return its coverage and the seconds of the training."""
    mixture = data.DENSITIES[dataset]
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    gan = make_gan(steps, seed, **METHODS[method])
    size = BATCH * gan.packing
    points = mixture.sample(steps * size, seed).reshape(steps, size, 2)
    start = time.perf_counter()
    gan.fit(tf.data.Dataset.from_tensor_slices(points), verbose=0)
    seconds = time.perf_counter() - start
    return {**coverage(gan.sample(SAMPLES, seed), mixture), "seconds": round(seconds, 1)}


def coverage(samples: np.ndarray, mixture: Mixture) -> JsonDict:
    """Return the columns of the table for samples `[n, 2]`."""
    found = metrics.mixture_coverage(samples, mixture.means, mixture.std)
    return {"modes": found.found, "high_quality": found.high_quality, "kl": found.kl}


def table(rows: list[JsonDict]) -> str:
    """Return a Markdown table: mean and standard error over seeds per data set and method."""
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


def _mean(runs: list[JsonDict], name: str) -> str:
    values = [run[name] for run in runs]
    digits = {"modes": 2, "high_quality": 3, "kl": 4}[name]
    error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return f"{np.mean(values):.{digits}f} ± {error:.{digits}f}"


def main() -> None:
    parser = program.parser(__doc__, seeds="0-9", steps=6000)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="file of the rows")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    args.out.touch()
    rows = [json.loads(line) for line in args.out.read_text().splitlines()]
    rows = [row for row in rows if row["steps"] == args.steps]
    done = {(row["data"], row["method"], row["seed"]) for row in rows}
    games = {f"{dataset} {method}": (dataset, method) for dataset in DATA for method in METHODS}
    for seed in args.seeds:
        for name in program.matching(games, args.only):
            dataset, method = games[name]
            if (dataset, method, seed) in done:
                continue
            found = play(dataset, method, seed, args.steps)
            row = {"data": dataset, "method": method, "seed": seed, "steps": args.steps, **found}
            rows.append(row)
            with args.out.open("a") as file:
                file.write(json.dumps(row) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()

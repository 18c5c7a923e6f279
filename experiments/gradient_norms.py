"""Compare D's margin and gradient norms over objectives and gammas, on scikit-learn's digits.

    python -m experiments.gradient_norms --out=DIRECTORY [--data_dir=DIR] [--only=REGEX]
        [--steps=3000] [--seeds=0]

Every run trains the same pair of MLPs with `kgan.callbacks.GradientNorms` and `Evaluate`, and
prints one line of JSON: means over the last third of the steps. DIRECTORY/gradient_norms.png is the
picture of docs/recipes.md, which shows the table. A run takes about 15 seconds on one core.
"""

from __future__ import annotations

import json
import pathlib
import re

import keras
import numpy as np

import kgan
from experiments import program
from kgan import callbacks, data, plots
from kgan.penalties import R1, R2, GradientPenalty, Penalty
from kgan.utils.types import JsonDict

GAMMAS = (0.0, 0.01, 0.1, 1.0, 10.0)
EVERY = 250
RATE = 5e-4
COLUMNS = (
    "margin",
    "r1",
    "r2",
    "gradient_norm_real",
    "gradient_norm_fake",
    "kernel",
    "precision",
    "recall",
)
CURVES = {"margin": False, "gradient_norm_real": True}  # metric: whether its axis is logarithmic


def both(gamma: float) -> list[Penalty] | None:
    """Return R1 and R2 of one gamma, or None for gamma 0."""
    return [R1(gamma), R2(gamma)] if gamma else None


RUNS: dict[str, JsonDict] = {
    **{
        f"{loss}, gamma {gamma:g}": {"loss": loss, "penalties": both(gamma)}
        for loss in ("non_saturating", "relativistic_paired")
        for gamma in GAMMAS
    },
    "non_saturating, R1 alone, gamma 1": {"loss": "non_saturating", "penalties": R1(1.0)},
    "non_saturating, D's rate 0.02": {"loss": "non_saturating", "rate": 0.02},
    "minimax, D's rate 0.02": {"loss": "minimax", "rate": 0.02},
    "least_squares, gamma 0": {"loss": "least_squares"},
    "hinge, gamma 0": {"loss": "hinge"},
    "hinge, gamma 0.1": {"loss": "hinge", "penalties": both(0.1)},
    "wasserstein, no penalty": {"loss": "wasserstein"},
    "wasserstein, GradientPenalty(10)": {"loss": "wasserstein", "penalties": GradientPenalty()},
}


Lines = list[JsonDict]  # of a run's metrics.jsonl
Curve = tuple[list[int], np.ndarray]  # steps, and a value at each


def play(
    options: JsonDict, steps: int, seed: int, run_dir: pathlib.Path, data_dir: str | None
) -> Lines:
    """Train one run; return the lines of its metrics."""
    keras.utils.set_random_seed(seed)
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), 32, (128, 128)),
        kgan.networks.MLPDiscriminator((8, 8, 1), (128, 128)),
        kgan.priors.Normal(32),
        seed=seed,
    )
    rates = (RATE, options.get("rate", RATE))  # G's and D's
    for_g, for_d = (kgan.optimizers.FusedAdam(rate, beta_1=0.5) for rate in rates)
    gan.compile(
        for_g,
        for_d,
        loss=options["loss"],
        penalties=options.get("penalties"),
        jit_compile=True,
        steps_per_execution=EVERY,
    )
    images = data.load("digits", "train", batch_size=64, seed=seed, data_dir=data_dir)
    held_out = data.load("digits", "test", batch_size=320, shuffle=False, data_dir=data_dir)
    watchers = [
        callbacks.GradientNorms(run_dir, held_out, EVERY),
        callbacks.Evaluate(run_dir, held_out, 4 * EVERY, num_samples=160),
    ]
    epochs = steps // EVERY
    gan.fit(images, steps_per_epoch=EVERY, epochs=epochs, verbose=0, callbacks=watchers)
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def curve(runs: list[Lines], name: str) -> Curve:
    """Return the logged steps of a metric and its mean over runs at each."""
    lines = [[line for line in run if name in line] for run in runs]
    steps = [line["step"] for line in lines[0]]
    return steps, np.mean([[line[name] for line in run] for run in lines], axis=0)


def picture(found: dict[str, list[Lines]]) -> np.ndarray:
    """Return a picture: one row of panels per objective, one curve per gamma."""
    panels = []
    for loss in ("non_saturating", "relativistic_paired"):
        for name, log in CURVES.items():
            lines = {
                f"gamma {gamma:g}": curve(found[f"{loss}, gamma {gamma:g}"], name)
                for gamma in GAMMAS
                if f"{loss}, gamma {gamma:g}" in found
            }
            panels.append(plots.Panel(lines, "step", name, title=loss, log_y=log))
    return plots.curves(panels, columns=len(CURVES))


def main() -> None:
    parser = program.parser(__doc__, seeds="0", steps=3000)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="directory of the runs")
    args = parser.parse_args()
    found: dict[str, list[Lines]] = {}
    for name in program.matching(RUNS, args.only):
        folder = re.sub("[^A-Za-z0-9.]+", "_", name)
        found[name] = [
            play(RUNS[name], args.steps, seed, args.out / f"{folder}_{seed}", args.data_dir)
            for seed in args.seeds
        ]
        means = {}
        for key in COLUMNS:
            steps, values = curve(found[name], key)
            last = values[np.array(steps) > args.steps * 2 / 3]
            means[key] = float(f"{last.mean():.3g}")
        program.print_row("gradient_norms", run=name, **means)
    plots.write_png(args.out / "gradient_norms.png", picture(found))


if __name__ == "__main__":
    main()

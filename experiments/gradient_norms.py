"""D's margin and slopes for several objectives and gammas, on scikit-learn's digits.

    python -m experiments.gradient_norms --out=DIRECTORY [--data_dir=DIR] [--only=REGEX]
        [--steps=3000]

Each run is the same pair of MLPs with `kgan.callbacks.GradientNorms` and `Evaluate`. It prints a
line a run: means over the last third of the steps. `DIRECTORY/steepness.png` is the picture of
docs/recipes.md, which also has the numbers. On one core a run takes about 15 seconds.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re

import keras
import numpy as np

import kgan
from kgan import callbacks, data, plots
from kgan.penalties import R1, R2, GradientPenalty

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
CURVES = {"margin": False, "gradient_norm_real": True}  # whether on a logarithmic axis


def both(gamma):
    return [R1(gamma), R2(gamma)] if gamma else None


RUNS = {
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


def play(options, steps, seed, run_dir, data_dir):
    """One run; returns the lines of its metrics."""
    keras.utils.set_random_seed(seed)
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((8, 8, 1), 32, (128, 128)),
        kgan.networks.MLPDiscriminator((8, 8, 1), (128, 128)),
        kgan.priors.Normal(32),
        seed=seed,
    )
    rates = (RATE, options.get("rate", RATE))  # G's and D's
    adams = [keras.optimizers.Adam(rate, beta_1=0.5) for rate in rates]
    objective = {name: options.get(name) for name in ("loss", "penalties")}
    gan.compile(*adams, **objective, jit_compile=True, steps_per_execution=EVERY)
    images = data.load("digits", "train", batch_size=64, seed=seed, data_dir=data_dir)
    others = data.load("digits", "test", batch_size=320, shuffle=False, data_dir=data_dir)
    watchers = [
        callbacks.GradientNorms(run_dir, others, EVERY),
        callbacks.Evaluate(run_dir, others, 4 * EVERY, num_samples=160),
    ]
    epochs = steps // EVERY
    gan.fit(images, steps_per_epoch=EVERY, epochs=epochs, verbose=0, callbacks=watchers)
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def curve(runs, name):
    """Steps, and the mean over runs at each."""
    lines = [[line for line in run if name in line] for run in runs]
    steps = [line["step"] for line in lines[0]]
    return steps, np.mean([[line[name] for line in run] for run in lines], axis=0)


def picture(found):
    """A row of panels for each of the two objectives: a line for each gamma."""
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--data_dir")
    parser.add_argument("--only", default="")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    found = {}
    for name, options in RUNS.items():
        if not re.search(args.only, name):
            continue
        folders = [
            args.out / f"{re.sub('[^A-Za-z0-9.]+', '_', name)}_{i}" for i in range(args.seeds)
        ]
        found[name] = [
            play(options, args.steps, seed, run, args.data_dir) for seed, run in enumerate(folders)
        ]
        means = {}
        for key in COLUMNS:
            steps, values = curve(found[name], key)
            last = values[np.array(steps) > args.steps * 2 / 3]
            means[key] = float(f"{last.mean():.3g}")
        print(json.dumps({"run": name, **means}), flush=True)
    plots.write_png(args.out / "steepness.png", picture(found))


if __name__ == "__main__":
    main()

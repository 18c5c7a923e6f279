"""The collapse alarm on a bank of games: those that learn, and those made to go bad.

    python -m experiments.collapse [--data_dir=DIR] [--only=REGEX] [--seeds=3]

Each run is what kgan-train makes of the options below, with an alarm that knows the classes as
well: digits and MNIST by a classifier of theirs, densities by the nearest mean. For each run and
seed it prints the lowest vitals after the warm-up, those of the last check, and when the alarm came
and why. docs/health.md holds the table.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import tempfile
import time
import warnings

import keras
import numpy as np

from kgan import callbacks, data, metrics
from kgan.callbacks.base import StepCallback
from kgan.callbacks.collapse_metrics import CollapseMetrics
from train import presets
from train.config import resolve
from train.game import make_gan

POINTS = {
    "network": "mlp",
    "width": 128,
    "prior": "normal",
    "latent_dim": 8,
    "batch_size": 128,
    "generator_learning_rate": 1e-3,
    "discriminator_learning_rate": 1e-3,
    "steps": 6000,
}
RING, GRID = {**POINTS, "dataset": "ring"}, {**POINTS, "dataset": "grid"}
MLP, DCGAN = {"preset": "digits_mlp"}, {"preset": "digits_dcgan"}
MNIST_MLP = {"dataset": "mnist"}
MNIST_DCGAN = {**presets.DCGAN, **MNIST_MLP}
WGAN = {"loss": "wasserstein", "gradient_penalty": 10.0, "discriminator_steps": 5}
SLOW_D = {"discriminator_learning_rate": 1e-6}
STRONG_D = {"discriminator_learning_rate": 0.05, "loss": "minimax"}

# `frozen` is the step from which on D no longer learns.
HEALTHY = {
    "digits_mlp": MLP,
    "digits_dcgan": DCGAN,
    "digits_mlp, hinge": {**MLP, "loss": "hinge", "steps": 5000},
    "digits_mlp, least squares": {**MLP, "loss": "least_squares", "steps": 5000},
    "digits_mlp, Wasserstein": {**MLP, **WGAN, "steps": 5000},
    "digits_mlp, D strong": {**MLP, **STRONG_D, "loss": "non_saturating", "steps": 4000},
    "ring": RING,
    "grid": GRID,
    "mnist, DCGAN": {**MNIST_DCGAN, "steps": 2000},
    "mnist, MLP": {**MNIST_MLP, "steps": 4000},
}
BAD = {
    "digits_mlp, D frozen": {**MLP, "steps": 5000, "frozen": 2000},
    "digits_mlp, D slow": {**MLP, **SLOW_D, "steps": 4000},
    "digits_mlp, D strong, minimax": {**MLP, **STRONG_D, "steps": 4000},
    "digits_dcgan, D frozen": {**DCGAN, "frozen": 1000},
    "digits_dcgan, D slow": {**DCGAN, **SLOW_D, "steps": 4000},
    "ring, minimax, D frozen": {**RING, "loss": "minimax", "steps": 4000, "frozen": 1500},
    "ring, D slow": {**RING, **SLOW_D},
    "ring, minimax, k = 10": {**RING, "loss": "minimax", "discriminator_steps": 10},
    "grid, minimax, D frozen": {**GRID, "loss": "minimax", "steps": 4000, "frozen": 1500},
    "grid, D slow": {**GRID, **SLOW_D},
    "mnist, MLP, D slow": {**MNIST_MLP, **SLOW_D, "steps": 3000},
}


class Freeze(StepCallback):
    """Lets D learn no more from some step on."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def on_steps_end(self, before, logs):
        if before < self.at <= self.step:
            self.model.discriminator_optimizer.learning_rate = 0.0


def _classifier(dataset, data_dir):
    """From images in [-1, 1], or points, to classes."""
    if dataset in data.DENSITIES:
        means = data.DENSITIES[dataset].means
        return lambda points: np.square(points[:, None] - means).sum(axis=-1).argmin(axis=-1)

    def labelled(split):
        batches = data.load(
            dataset, split, 20, value_range=(0, 1), shuffle=False, data_dir=data_dir
        )
        images = np.concatenate(list(batches.as_numpy_iterator()))
        return images, data.labels(dataset, split, data_dir)[: len(images)]

    place = f"{data_dir or '~/tensorflow_datasets'}/kgan"
    network = metrics.Classifier.load_or_train(place, labelled("train"), labelled("test"))
    return lambda images: network.labels((images + 1) / 2)


def play(options, seed, data_dir, classifiers):
    """Plays one run; returns the alarm and what it said."""
    options = {"seed": seed, **options}
    frozen, preset = options.pop("frozen", None), options.pop("preset", None)
    config = resolve(preset, options)
    images = data.load(
        config.dataset,
        batch_size=config.batch_size,
        discriminator_steps=config.discriminator_steps,
        seed=seed,
        data_dir=data_dir,
    )
    if config.dataset not in classifiers:
        classifiers[config.dataset] = _classifier(config.dataset, data_dir)
    keras.utils.set_random_seed(seed)
    gan = make_gan(config, images, None)
    watchers = [Freeze(frozen)] if frozen else []
    with tempfile.TemporaryDirectory() as run, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        alarm = callbacks.CollapseAlarm(run, images, classifier=classifiers[config.dataset])
        watchers.append(alarm)
        gan.fit(
            images,
            steps_per_epoch=500,
            epochs=(config.steps or 0) // 500,  # every run here counts by steps
            verbose=0,
            callbacks=watchers,
        )
    return alarm, [str(w.message) for w in said if "has collapsed" in str(w.message)]


def _row(name, seed, alarm, sentences):
    counted = [vitals for step, vitals in alarm.history.items() if step > alarm.warmup]
    names = [field.name for field in dataclasses.fields(CollapseMetrics)]
    row = {
        "run": name,
        "seed": seed,
        "lowest": {key: round(min(getattr(v, key) for v in counted), 4) for key in names},
        "last": {key: round(value, 4) for key, value in counted[-1].known().items()},
        "alarm": None,
    }
    if sentences:
        ((step, found),) = re.findall(r"up to step (\d+), found (.*?); now", sentences[0])
        at = {key: round(value, 4) for key, value in alarm.history[int(step)].known().items()}
        row["alarm"] = {"step": int(step), "below": re.findall(r"(\w+) below", found), **at}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir")
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    classifiers: dict = {}
    for name, options in {**HEALTHY, **BAD}.items():
        for seed in range(args.seeds if re.search(args.only, name) else 0):
            start = time.perf_counter()
            row = _row(name, seed, *play(options, seed, args.data_dir, classifiers))
            row = {"benchmark": "collapse", **row, "seconds": round(time.perf_counter() - start)}
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()

"""Try the collapse alarm on games that learn and on games that are made to collapse.

    python -m experiments.collapse [--data_dir=DIR] [--only=REGEX] [--seeds=0-2]

Each run trains with the options of kgan-train below. The alarm also sees classes: a classifier
labels digits and MNIST, the nearest mean labels points of a density. Each run prints one line of
JSON: the lowest collapse metrics after the warm-up, those of the last check, and the step and cause
of the alarm. docs/health.md shows the table.
"""

from __future__ import annotations

import dataclasses
import re
import tempfile
import time
import warnings
from collections.abc import Callable

import keras
import numpy as np

from experiments import program
from kgan import callbacks, data, metrics
from kgan.callbacks.base import StepCallback
from kgan.callbacks.collapse_metrics import CollapseMetrics
from kgan.utils.types import JsonDict, Logs
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

# `frozen` is the step at which D stops learning.
HEALTHY: dict[str, JsonDict] = {
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
BAD: dict[str, JsonDict] = {
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
    """Set D's learning rate to 0 at a step."""

    def __init__(self, at: int):
        super().__init__()
        self.at = at

    def on_steps_end(self, before: int, logs: Logs) -> None:
        if before < self.at <= self.step:
            self.model.discriminator_optimizer.learning_rate = 0.0


Classify = Callable[[np.ndarray], np.ndarray]


def _classifier(dataset: str, data_dir: str | None) -> Classify:
    """Return a function from images in [-1, 1], or points, to classes."""
    if dataset in data.DENSITIES:
        means = data.DENSITIES[dataset].means
        return lambda points: np.square(points[:, None] - means).sum(axis=-1).argmin(axis=-1)

    def labelled(split: str) -> tuple[np.ndarray, np.ndarray]:
        batches = data.load(
            dataset, split, 20, value_range=(0, 1), shuffle=False, data_dir=data_dir
        )
        images = np.concatenate(list(batches.as_numpy_iterator()))
        return images, data.labels(dataset, split, data_dir)[: len(images)]

    place = f"{data_dir or '~/tensorflow_datasets'}/kgan"
    network = metrics.Classifier.load_or_train(place, labelled("train"), labelled("test"))
    return lambda images: network.labels((images + 1) / 2)


def play(
    options: JsonDict, seed: int, data_dir: str | None, classifiers: dict[str, Classify]
) -> tuple[callbacks.CollapseAlarm, list[str]]:
    """Train one run; return its alarm and the warnings of the alarm."""
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
    watchers: list[keras.callbacks.Callback] = [Freeze(frozen)] if frozen else []
    with tempfile.TemporaryDirectory() as run, warnings.catch_warnings(record=True) as raised:
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
    return alarm, [str(w.message) for w in raised if "has collapsed" in str(w.message)]


def _row(alarm: callbacks.CollapseAlarm, sentences: list[str]) -> JsonDict:
    counted = [found for step, found in alarm.history.items() if step > alarm.warmup]
    names = [field.name for field in dataclasses.fields(CollapseMetrics)]
    row: JsonDict = {
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
    args = program.parser(__doc__, seeds="0-2").parse_args()
    classifiers: dict[str, Classify] = {}
    games = {**HEALTHY, **BAD}
    for name in program.matching(games, args.only):
        for seed in args.seeds:
            start = time.perf_counter()
            row = _row(*play(games[name], seed, args.data_dir, classifiers))
            seconds = round(time.perf_counter() - start)
            program.print_row("collapse", run=name, seed=seed, **row, seconds=seconds)


if __name__ == "__main__":
    main()

"""What decides whether D wins the published game of MNIST: one thing of it changed at a time.

    python -m experiments.recipe [--only=REGEX] [--seeds=0,1] [--steps=3000] [--data_dir=DIR]

Plays the preset goodfellow2014_mnist as it is and with each of the changes below, and prints for
each 500 steps the mean of D(G(z)) and the share of data and samples that D told right, both by the
D with dropout that learns. Of 1,000 samples at the end it prints the mean slope of the sigmoid that
makes the pixels, x (1 - x), through which all of G learns, and the standard deviation of a pixel
over samples. What is not finite is null. docs/results.md holds the table.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import keras
import tensorflow as tf

import kgan
from kgan import data, networks, priors
from kgan.optimizers import rising_momentum as optimizers
from kgan.training import discriminator_pass as judging
from train import game
from train.config import resolve

PRESET, EVERY = "goodfellow2014_mnist", 500
Change = Callable[[], contextlib.AbstractContextManager[Any]]


def momentum(value: float) -> Change:
    """The same momentum from the first step to the last."""
    return lambda: mock.patch.object(optimizers, "MOMENTUM", (value, value))


def narrow_start() -> contextlib.AbstractContextManager[Any]:
    """G's weights begin uniform in plus or minus 0.02 instead of 0.05."""
    return mock.patch.dict(game.INITIAL_RANGES, generator=0.02)


def short_latents() -> contextlib.AbstractContextManager[Any]:
    """Latents uniform in [-1, 1], whose variance is a third."""
    return mock.patch.object(
        priors, "Uniform", functools.partial(priors.Uniform, low=-1.0, high=1.0)
    )


def grey_start() -> contextlib.AbstractContextManager[Any]:
    """G's output bias begins at 0, half grey, instead of at the mean image."""
    return mock.patch.object(networks.MLPGenerator, "start_at_mean")


def no_dropout_for_g() -> contextlib.AbstractContextManager[Any]:
    """G learns from a D without dropout; D still learns with it."""

    def sample_logits(judge: Any, samples: tf.Tensor) -> tf.Tensor:
        return judge.discriminator(samples, training=False)

    return mock.patch.object(judging.DiscriminatorPass, "sample_logits", sample_logits)


@contextlib.contextmanager
def simultaneous() -> Iterator[None]:
    """Both players look at each other as they were before the step, as in the code of 2014."""
    moves: list[tuple[Any, ...]] = []
    step = kgan.GAN.train_step

    def both(gan: kgan.GAN, batch: Any) -> Any:
        moves.clear()
        logs = step(gan, batch)
        for optimizer, gradients, weights in moves:
            optimizer.apply(gradients, weights)
        return logs

    with (
        mock.patch("kgan.gan.apply", lambda *move: moves.append(move)),
        mock.patch.object(kgan.GAN, "train_step", both),
    ):
        yield


NOTHING: Change = contextlib.nullcontext
RATES = ("generator_learning_rate", "discriminator_learning_rate")
# Of each change: the options of kgan-train and what no option says.
CHANGES: dict[str, tuple[dict[str, Any], Change]] = {
    "as published": ({}, NOTHING),
    "pixels from -1 to 1": ({"value_range": "-1,1"}, NOTHING),
    "rates 0.03": (dict.fromkeys(RATES, 0.03), NOTHING),
    "rates 0.3": (dict.fromkeys(RATES, 0.3), NOTHING),
    "G's rate 0.3": ({RATES[0]: 0.3}, NOTHING),
    "momentum 0": ({}, momentum(1e-9)),  # at 0 Keras keeps no velocities
    "momentum 0.9": ({}, momentum(0.9)),
    "D begins within 0.05": ({"discriminator_initializer_range": 0.05}, NOTHING),
    "G begins within 0.02": ({}, narrow_start),
    "normal latents": ({"prior": "normal"}, NOTHING),
    "latents within 1": ({}, short_latents),
    "bias from 0": ({}, grey_start),
    "no dropout in G's step": ({}, no_dropout_for_g),
    "no dropout": ({"dropout": False}, NOTHING),
    "simultaneous": ({}, simultaneous),
}


def rounded(value: float, digits: int) -> float | None:
    """The number, or None where it is not finite, for which JSON has no word."""
    return round(value, digits) if math.isfinite(value) else None


def play(change: str, seed: int, steps: int, data_dir: str | None) -> dict[str, Any]:
    """Plays one game; returns what each 500 steps logged, and what its samples are like."""
    options, patched = CHANGES[change]
    config = resolve(PRESET, {"seed": seed, **options})
    with patched():
        images = data.load(
            config.dataset,
            config.split,
            config.batch_size,
            value_range=config.pixels,
            seed=seed,
            data_dir=data_dir,
        )
        keras.utils.set_random_seed(seed)
        gan = game.make_gan(config, images, None)
        logs = gan.fit(images, steps_per_epoch=EVERY, epochs=steps // EVERY, verbose=0).history
        samples = gan.sample(1000, seed=0)
    low, high = config.pixels or (-1.0, 1.0)
    shares = (samples - low) / (high - low)  # of white
    return {
        "steps": len(logs["d_fake"]) * EVERY,
        **{name: [rounded(value, 4) for value in logs[name]] for name in ("d_fake", "d_accuracy")},
        "sigmoid_slope": rounded(float((shares * (1 - shares)).mean()), 5),
        "pixel_deviation": rounded(float(shares.std(axis=0).mean()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="of the changes, those that match")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--data_dir", help="of TFDS; its own when not given")
    args = parser.parse_args()
    for change in [name for name in CHANGES if re.search(args.only, name)]:
        for seed in map(int, args.seeds.split(",")):
            found = play(change, seed, args.steps, args.data_dir)
            row = {"benchmark": "recipe", "change": change, "seed": seed, **found}
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()

"""A trained D against the optimal D* = p_data / (p_data + p_g), for known densities.

    python -m examples.trained_discriminator --output_dir=FIGURES

The data are a mixture of two normal densities. The generator is affine, x = m + s z, and fixed, so
p_g = N(m, s^2) exactly. `kgan.GAN` trains D as usual.
"""

from __future__ import annotations

import pathlib
import warnings
from typing import NamedTuple

import keras
import numpy as np
import scipy.special
import scipy.stats

import kgan
from examples import command_line
from kgan import callbacks, networks, plots, priors, theory
from kgan.data.densities import Mixture

M = 500  # of Algorithm 1
DATA = Mixture([[-1.5], [1.5]], 0.5)
GENERATOR = (0.5, 1.0)  # m and s
X = np.linspace(-5, 5, 1001)


class Errors(NamedTuple):
    """Mean absolute errors |D - D*|.

    Attributes:
        inside: unweighted mean over the smallest region with 99% of (p_data + p_g) / 2.
        weighted: mean over (p_data + p_g) / 2, everywhere.
    """

    inside: float
    weighted: float


def make_gan(mean: float, std: float, steps: int, seed: int = 0, k: int = 1) -> kgan.GAN:
    """Return a GAN on the line with the fixed p_g = N(mean, std^2)."""
    keras.utils.set_random_seed(seed)
    gan = kgan.GAN(
        networks.MLPGenerator((1,), latent_dim=1, units=(), value_range=None),
        networks.MLPDiscriminator((1,), units=(64, 64)),
        priors.Normal(1),
        discriminator_steps=k,
        seed=seed,
    )
    schedule = keras.optimizers.schedules.CosineDecay(5e-3, steps * k)
    with warnings.catch_warnings():
        # The schedule counts updates of D, as it should: it is k times as long as the training.
        warnings.filterwarnings("ignore", message="The discriminator's learning rate schedule")
        gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.Adam(schedule))
    gan.generator.set_weights([np.array([[std]]), np.array([mean])])
    return gan


def train(gan: kgan.GAN, data: Mixture, steps: int, seed: int = 0, bar: bool = False) -> None:
    """Train D; no data point is used twice."""
    batch = M * gan.discriminator_steps
    points = data.sample(steps * batch, seed)
    watchers = [callbacks.Progress(steps)] if bar else []
    gan.fit(points, batch_size=batch, shuffle=False, verbose=0, callbacks=watchers)


def discriminator_at(gan: kgan.GAN, x: np.ndarray) -> np.ndarray:
    """Return D at points `[n]`, float64 `[n]`."""
    logits = keras.ops.convert_to_numpy(gan.discriminator(x[:, None].astype("float32")))[:, 0]
    return scipy.special.expit(logits.astype(np.float64))


def densities(data: Mixture, mean: float, std: float) -> tuple[np.ndarray, np.ndarray]:
    """Return p_data and p_g at X."""
    return np.exp(data.log_prob(X[:, None])), scipy.stats.norm.pdf(X, mean, std)


def errors(d: np.ndarray, p_data: np.ndarray, p_g: np.ndarray) -> Errors:
    """Return the errors of D on the evenly spaced X."""
    distance = np.abs(d - theory.optimal_discriminator(p_data, p_g))
    weight = (p_data + p_g) / (p_data + p_g).sum()
    densest = np.argsort(-weight)
    inside = densest[: np.searchsorted(weight[densest].cumsum(), 0.99) + 1]
    return Errors(float(distance[inside].mean()), float(weight @ distance))


def run(folder: pathlib.Path, seed: int = 0, steps: int = 2000) -> None:
    """Train D, print the errors before and after, and write trained_discriminator.png."""
    gan = make_gan(*GENERATOR, steps, seed)
    p_data, p_g = densities(DATA, *GENERATOR)
    untrained = discriminator_at(gan, X)
    train(gan, DATA, steps, seed, bar=True)
    trained = discriminator_at(gan, X)
    best = theory.optimal_discriminator(p_data, p_g)
    panels = []
    print("mean |D - D*|:")
    for name, d in (("untrained", untrained), (f"after {steps} steps", trained)):
        found = errors(d, p_data, p_g)
        print(
            f"  {name:18} {found.inside:.4f} over the region that holds 99% of the mass, "
            f"{found.weighted:.4f} weighted by (p_data + p_g) / 2"
        )
        lines = {"$D$": d, "$D^*$": best, "$p_{data}$": p_data, "$p_g$": p_g}
        panels.append(
            plots.Panel(
                {label: (X, y) for label, y in lines.items()},
                "x",
                "density, or probability",
                f"{name}: mean $|D - D^*|$ = {found.inside:.3f}",
                y_limits=(0, 1.05),
            )
        )
    command_line.save(folder / "trained_discriminator.png", plots.curves(panels))


if __name__ == "__main__":
    command_line.start(run, steps=2000)

"""Figure 1 of Goodfellow et al. (2014) from a real run: p_g moves onto p_data, D flattens to 1/2.

    python -m examples.figure1 --output_dir=FIGURES

The data are normal, the latents uniform on (0, 1), both networks small. figure1.png shows five
moments of the training and figure1.gif all of it. The density of G(z) is computed by the change of
variables, not from samples. D is 1/2 where the densities are equal, and 1 in the tails, which a
bounded G never reaches.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import scipy.special
import scipy.stats

import kgan
from examples import command_line
from kgan import callbacks, data, networks, plots, priors, theory
from kgan.utils.types import Logs

K, M = 5, 256  # of Algorithm 1
P_DATA = scipy.stats.norm()  # "gaussian" of kgan.data
P_Z = scipy.stats.uniform()
EDGES = np.linspace(-4, 4, 401)  # of the bins for densities
X = (EDGES[1:] + EDGES[:-1]) / 2
Z = np.linspace(0, 1, 4001)
ARROWS = slice(125, None, 250)  # sixteen latents, evenly spaced
STRIP = np.array([0, 0.005, 0.02, 0.06, 1])  # the moments of figure1.png, as shares of the steps


class Snapshot(NamedTuple):
    """Generator and discriminator after a number of steps.

    Attributes:
        step: steps of Algorithm 1.
        p_g: `[400]`, the generator's density at X.
        discriminator: `[400]`, D at X.
        images: `[4001]`, G at Z.
        jsd: JSD(p_data || p_g) over the bins, in nats.
        d_error: the mean of |D - 1/2| over the data.
    """

    step: int
    p_g: np.ndarray
    discriminator: np.ndarray
    images: np.ndarray
    jsd: float
    d_error: float


def make_gan(seed: int, steps: int) -> kgan.GAN:
    """Return a GAN whose initial p_g is a narrow peak on the left.

    D stays close to D*: it has a constant learning rate and five updates per update of G, whose
    learning rate is warmed up and decays.
    """
    keras.utils.set_random_seed(seed)
    gan = kgan.GAN(
        networks.MLPGenerator(
            (1,), latent_dim=1, units=(32, 32, 32), activation="gelu", value_range=None
        ),
        networks.MLPDiscriminator((1,), units=(64, 64)),
        priors.Uniform(1, 0.0, 1.0),
        discriminator_steps=K,
        seed=seed,
    )
    warm_up = max(1, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm_up, warmup_target=4e-3, warmup_steps=warm_up
    )
    gan.compile(keras.optimizers.Adam(schedule, 0.5), keras.optimizers.Adam(2e-3, 0.5))
    gan.generator.start_at_mean([-2.0])
    return gan


def snapshot(gan: kgan.GAN, step: int) -> Snapshot:
    """Measure both networks."""
    images, logits = (
        keras.ops.convert_to_numpy(network(points[:, None].astype("float32")))[:, 0]
        for network, points in ((gan.generator, Z), (gan.discriminator, X))
    )
    d = scipy.special.expit(logits.astype(np.float64))
    # Masses of the bins, preceded and followed by the masses outside.
    of_g, of_data = (
        np.diff(cdf, prepend=0, append=1)
        for cdf in (theory.pushforward_cdf(Z, P_Z.cdf, images, EDGES), P_DATA.cdf(EDGES))
    )
    return Snapshot(
        step,
        p_g=of_g[1:-1] / np.diff(EDGES),
        discriminator=d,
        images=images,
        jsd=float(theory.jsd(of_data, of_g)),
        d_error=float(of_data[1:-1] @ np.abs(d - 0.5)),
    )


def play(seed: int = 0, steps: int = 3000, frames: int = 60, bar: bool = False) -> list[Snapshot]:
    """Train; return snapshots of the start and of up to `frames` steps at growing intervals."""
    gan = make_gan(seed, steps)
    points = data.load("gaussian", batch_size=M, discriminator_steps=K, seed=seed)
    snapshots = [snapshot(gan, 0)]
    wanted = set(np.rint(np.geomspace(max(1, steps / 500), steps, frames)).astype(int).tolist())

    def after(batch: int, logs: Logs) -> None:
        if batch + 1 in wanted:
            snapshots.append(snapshot(gan, batch + 1))

    watchers = [keras.callbacks.LambdaCallback(on_train_batch_end=after)]
    if bar:
        watchers.append(callbacks.Progress(steps))
    gan.fit(points, steps_per_epoch=steps, verbose=0, callbacks=watchers)
    return snapshots


def draw(snapshots: Sequence[Snapshot]) -> np.ndarray:
    """Draw snapshots side by side."""
    moments = [
        plots.Moment(s.p_g, s.discriminator, s.images[ARROWS], f"step {s.step}: JSD {s.jsd:.3f}")
        for s in snapshots
    ]
    return plots.figure1(X, P_DATA.pdf(X), Z[ARROWS], moments)


def run(folder: pathlib.Path, seed: int = 0, steps: int = 3000) -> None:
    """Train, print the start and the end, and write both pictures."""
    snapshots = play(seed, steps, bar=True)
    first, last = snapshots[0], snapshots[-1]
    print(f"JSD(p_data || p_g):          {first.jsd:.4f} -> {last.jsd:.4f} nats")
    print(f"mean |D - 1/2| on the data:  {first.d_error:.4f} -> {last.d_error:.4f}")
    taken = np.array([s.step for s in snapshots])
    strip = [snapshots[np.abs(taken - step).argmin()] for step in STRIP * steps]
    command_line.save(folder / "figure1.png", draw(strip))
    plots.write_gif(folder / "figure1.gif", [draw([s]) for s in snapshots])
    print(f"Wrote {folder / 'figure1.gif'}.")


if __name__ == "__main__":
    command_line.start(run, steps=3000)

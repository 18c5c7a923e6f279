"""Figure 1 of Goodfellow et al. (2014) from a real run: p_g moves onto p_data, D flattens to 1/2.

    python -m examples.figure1 --output_dir=FIGURES

The data are normal, the latents uniform on (0, 1), both players small. figure1.png shows five
moments of the training and figure1.gif all of it. The density of G(z) comes from the change of
variables, not from samples. D is 1/2 where data and samples are alike, and 1 in the tails that a
bounded G never reaches.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import scipy.special
import scipy.stats
from absl import app, flags

import kgan
from kgan import callbacks, data, networks, plots, priors, theory

K, M = 5, 256  # of Algorithm 1
P_DATA = scipy.stats.norm()  # the density that kgan.data calls "gaussian"
P_Z = scipy.stats.uniform()
EDGES = np.linspace(-4, 4, 401)  # of the bins in which densities are drawn and compared
X = (EDGES[1:] + EDGES[:-1]) / 2
Z = np.linspace(0, 1, 4001)
ARROWS = slice(125, None, 250)  # sixteen latents, evenly spaced
STRIP = np.array([0, 0.005, 0.02, 0.06, 1])  # the moments of figure1.png, as shares of the steps


class Snapshot(NamedTuple):
    """Both players after a number of steps.

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
    """The game, with p_g a narrow bump on the left.

    D keeps its speed and has five updates to G's one, so that it stays near the best answer to a G
    that starts slowly and ends slowly.
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
    speed = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm_up, warmup_target=4e-3, warmup_steps=warm_up
    )
    gan.compile(keras.optimizers.Adam(speed, 0.5), keras.optimizers.Adam(2e-3, 0.5))
    gan.generator.start_at_mean([-2.0])
    return gan


def snapshot(gan: kgan.GAN, step: int) -> Snapshot:
    """Measures both players."""
    images, logits = (
        keras.ops.convert_to_numpy(player(points[:, None].astype("float32")))[:, 0]
        for player, points in ((gan.generator, Z), (gan.discriminator, X))
    )
    d = scipy.special.expit(logits.astype(np.float64))
    # Masses of the bins, between the masses to the left and to the right of them all.
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
    """Trains; returns snapshots of the start and of up to `frames` moments, ever further apart."""
    gan = make_gan(seed, steps)
    points = data.load("gaussian", batch_size=M, discriminator_steps=K, seed=seed)
    snapshots = [snapshot(gan, 0)]
    wanted = set(np.rint(np.geomspace(max(1, steps / 500), steps, frames)).astype(int).tolist())

    def after(batch: int, logs: Any) -> None:
        if batch + 1 in wanted:
            snapshots.append(snapshot(gan, batch + 1))

    watching = [keras.callbacks.LambdaCallback(on_train_batch_end=after)]
    if bar:
        watching.append(callbacks.Progress(steps))
    gan.fit(points, steps_per_epoch=steps, verbose=0, callbacks=watching)
    return snapshots


def draw(snapshots: Sequence[Snapshot]) -> np.ndarray:
    """The picture of some snapshots, side by side."""
    moments = [
        plots.Moment(s.p_g, s.discriminator, s.images[ARROWS], f"step {s.step}: JSD {s.jsd:.3f}")
        for s in snapshots
    ]
    return plots.figure1(X, P_DATA.pdf(X), Z[ARROWS], moments)


def run(folder: pathlib.Path, seed: int = 0, steps: int = 3000) -> None:
    """Plays, prints what came of it, and writes both pictures."""
    snapshots = play(seed, steps, bar=True)
    first, last = snapshots[0], snapshots[-1]
    print(f"JSD(p_data || p_g):          {first.jsd:.4f} -> {last.jsd:.4f} nats")
    print(f"mean |D - 1/2| on the data:  {first.d_error:.4f} -> {last.d_error:.4f}")
    folder.mkdir(parents=True, exist_ok=True)
    taken = np.array([s.step for s in snapshots])
    strip = [snapshots[np.abs(taken - step).argmin()] for step in STRIP * steps]
    plots.write_png(folder / "figure1.png", draw(strip))
    plots.write_gif(folder / "figure1.gif", [draw([s]) for s in snapshots])
    print(f"Wrote {folder / 'figure1.png'} and {folder / 'figure1.gif'}.")


def main(argv: list[str]) -> None:
    del argv
    run(pathlib.Path(flags.FLAGS.output_dir), flags.FLAGS.seed, flags.FLAGS.steps)


if __name__ == "__main__":
    flags.DEFINE_string("output_dir", "figures", "Directory that receives the pictures.")
    flags.DEFINE_integer("seed", 0, "All randomness of the run follows from it.")
    flags.DEFINE_integer("steps", 3000, "Rounds of Algorithm 1.")
    app.run(main)

"""Why G does not descend log(1 - D): on a real network its gradient vanishes as D improves.

    python -m examples.saturation --output_dir=FIGURES

The generator, a network into (-1, 1), is fixed while D trains. Data between -4 and -2 have a
disjoint support: JSD is log 2 and D rejects every sample. The gradient of E log(1 - D(G(z))) with
respect to G's weights vanishes, and that of -E log D(G(z)) does not. With data between -1 and 1 the
supports overlap, D stays uncertain, and neither gradient vanishes.
"""

from __future__ import annotations

import math
import pathlib
from typing import NamedTuple

import keras
import numpy as np
import scipy.stats
import tensorflow as tf

import kgan
from examples import command_line
from kgan import losses, networks, plots, priors, theory
from kgan.utils.types import Logs

M = 200  # of Algorithm 1
DISJOINT, OVERLAPPING = -4.0, -1.0  # lower ends of the data, which have width 2
Z = np.linspace(0, 1, 2001)  # evenly spaced latents, for means over the prior
EDGES = np.linspace(-4, 1, 5001)  # of the bins for densities


class Measurement(NamedTuple):
    """The gradients that G would receive after a number of discriminator updates.

    Attributes:
        step: discriminator updates.
        d_fake: the mean of D(G(z)).
        saturating: norm of the gradient of E log(1 - D(G(z))) with respect to all of G's weights.
        non_saturating: norm of the gradient of -E log D(G(z)).
        jsd_bound: (2 log 2 + V) / 2 in nats, at most JSD(p_data || p_g).
    """

    step: int
    d_fake: float
    saturating: float
    non_saturating: float
    jsd_bound: float


def make_gan(seed: int = 0) -> kgan.GAN:
    """Return a GAN whose generator, with three layers of random weights, is fixed."""
    keras.utils.set_random_seed(seed)
    gan = kgan.GAN(
        networks.MLPGenerator((1,), latent_dim=1, units=(32, 32), value_range=(-1.0, 1.0)),
        networks.MLPDiscriminator((1,), units=(64, 64)),
        priors.Uniform(1, 0.0, 1.0),
        seed=seed,
    )
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.Adam(5e-3))
    gan.value_range = None  # the data lie beyond what G can make, which `fit` would refuse
    return gan


def generated(gan: kgan.GAN) -> tf.Tensor:
    """Return G at Z, `[2001, 1]`."""
    return gan.generator(tf.constant(Z[:, None], tf.float32))


def gradient(gan: kgan.GAN, loss: losses.AdversarialLoss) -> np.ndarray:
    """Return the gradient of G's mean loss with respect to all of its weights, as one vector."""
    with tf.GradientTape() as tape:
        mean = tf.reduce_mean(loss.generator(None, gan.discriminator(generated(gan))))
    gradients = tape.gradient(mean, gan.generator.trainable_variables)
    return np.concatenate([np.ravel(g) for g in gradients]).astype(np.float64)


def measure(gan: kgan.GAN, low: float, step: int) -> Measurement:
    """Measure D on data uniform on (low, low + 2), and the gradients that G would receive."""
    real = gan.discriminator(tf.constant(low + 2 * Z[:, None], tf.float32))
    fake = gan.discriminator(generated(gan))
    return Measurement(
        step,
        d_fake=float(tf.reduce_mean(tf.sigmoid(fake))),
        saturating=float(np.linalg.norm(gradient(gan, losses.Minimax()))),
        non_saturating=float(np.linalg.norm(gradient(gan, losses.NonSaturating()))),
        jsd_bound=math.log(2) + float(tf.reduce_mean(losses.value(real, fake))) / 2,
    )


def train(gan: kgan.GAN, low: float, steps: int, seed: int = 0) -> list[Measurement]:
    """Train D on fresh data; return measurements at the start and at growing intervals."""
    data = np.random.default_rng(seed).uniform(low, low + 2, (steps * M, 1)).astype("float32")
    measured = [measure(gan, low, 0)]
    wanted = set(np.rint(np.geomspace(1, steps, 25)).astype(int).tolist())

    def after(batch: int, logs: Logs) -> None:
        if batch + 1 in wanted:
            measured.append(measure(gan, low, batch + 1))

    watcher = keras.callbacks.LambdaCallback(on_train_batch_end=after)
    gan.fit(data, batch_size=M, shuffle=False, verbose=0, callbacks=[watcher])
    return measured


def true_jsd(gan: kgan.GAN, low: float) -> float:
    """Return JSD(p_data || p_g) in nats, from the masses of narrow bins."""
    images = generated(gan).numpy()[:, 0]
    of_g = np.diff(theory.pushforward_cdf(Z, scipy.stats.uniform.cdf, images, EDGES))
    of_data = np.diff(scipy.stats.uniform.cdf(EDGES, low, 2))
    return float(theory.jsd(of_data, of_g))


def panels(title: str, measured: list[Measurement], jsd: float) -> list[plots.Panel]:
    """Return panels of D's bound on JSD and of both gradient norms."""
    steps, _, saturating, non_saturating, bound = zip(*measured[1:], strict=True)  # no log of 0
    divergences = {"bound from D": (steps, bound), "true JSD": (steps, [jsd] * len(steps))}
    norms = {"saturating": (steps, saturating), "non-saturating": (steps, non_saturating)}
    updates = "discriminator updates"
    return [
        plots.Panel(
            divergences, updates, "divergence [nats]", title, log_x=True, y_limits=(0, 0.75)
        ),
        plots.Panel(
            norms, updates, "norm of G's gradient", title,
            log_x=True, log_y=True, y_limits=(1e-5, 1e3),
        ),
    ]  # fmt: skip


def run(folder: pathlib.Path, seed: int = 0, steps: int = 2000) -> None:
    """Train D on both kinds of data, print G's gradient norms, and write saturation.png."""
    drawn = []
    for title, low in (("disjoint supports", DISJOINT), ("overlapping supports", OVERLAPPING)):
        gan = make_gan(seed)
        jsd = true_jsd(gan, low)
        measured = train(gan, low, steps, seed)
        print(f"{title}: JSD(p_data || p_g) = {jsd:.4f} nats (log 2 = {math.log(2):.4f})")
        print("  updates  mean D(G(z))  |grad log(1 - D)|  |grad -log D|     ratio")
        for m in measured[::-4][::-1]:
            print(
                f"  {m.step:7}  {m.d_fake:12.3g}  {m.saturating:17.3g}  {m.non_saturating:13.3g}  "
                f"{m.non_saturating / m.saturating:8.3g}"
            )
        drawn += panels(title, measured, jsd)
    command_line.save(folder / "saturation.png", plots.curves(drawn, columns=2))


if __name__ == "__main__":
    command_line.start(run, steps=2000)

"""Pictures of the theory: optimal discriminators, the losses of G, and JSD against distance.

    python -m examples.divergences --output_dir=FIGURES

Nothing is trained: `kgan.theory` computes every curve in a few seconds.
"""

from __future__ import annotations

import math
import pathlib

import numpy as np
import numpy.typing as npt
from scipy.special import logit
from scipy.stats import norm, uniform

from examples import command_line
from kgan import plots, theory


def optimal_discriminator() -> np.ndarray:
    """Draw D* = p_data / (p_data + p_g) for generators increasingly close to the data."""
    x = np.linspace(-5, 6, 551)
    data = norm(0, 1)
    panels = []
    for generator in (norm(4, 0.7), norm(2, 0.7), norm(0.5, 1.5), data):
        c = theory.criterion_density(data.logpdf, generator.logpdf)
        lines = {
            "$p_g$": (x, generator.pdf(x)),
            "$D^*$": (x, theory.optimal_discriminator(data.pdf(x), generator.pdf(x))),
            "$p_{data}$": (x, data.pdf(x)),
        }
        title = f"$V(D^*, G) = {c:.3f}$ nats"
        panels.append(plots.Panel(lines, "x", "density, or probability", title, y_limits=(0, 1.05)))
    return plots.curves(panels, columns=2)


def generator_losses() -> np.ndarray:
    """Draw log(1 - D) and -log D over D and over its logit, and their derivatives by the logit."""
    d = np.linspace(0.001, 0.999, 999)
    o = np.linspace(-8, 8, 321)
    over_d, over_o = theory.generator_losses(logit(d)), theory.generator_losses(o)
    names = "$\\log(1 - D)$, saturating", "$-\\log D$, non-saturating"

    def panel(x, x_label, first, second, y_label, title, y_limits=None):
        lines = dict(zip(names, ((x, first), (x, second)), strict=True))
        return plots.Panel(lines, x_label, y_label, title, y_limits=y_limits)

    nats, sample, logits = "loss of G [nats]", "D on a sample", "logit of D on a sample"
    derivatives = over_o.saturating_derivative, over_o.non_saturating_derivative
    y_label = "derivative [nats per logit]"
    return plots.curves(
        [
            panel(d, sample, over_d.saturating, over_d.non_saturating, nats, "loss over D"),
            panel(o, logits, over_o.saturating, over_o.non_saturating, nats, "loss over the logit"),
            # Room for the legend above the curves, which cross in the middle.
            panel(o, logits, *derivatives, y_label, "derivative by the logit", (-1.05, 0.4)),
        ]
    )


def jsd_over_distance() -> np.ndarray:
    """Draw JSD and KL of two densities of deviation 1 over their distance, and JSD's derivative."""
    side = math.sqrt(3.0)
    moved = np.arange(81) * 2 * side / 35  # the uniform supports are disjoint from the 35th on
    normals = [norm(d, 1).logpdf for d in moved]
    uniforms = [uniform(d - side, 2 * side).logpdf for d in moved]

    def over_distance(divergence, family):
        return np.array([divergence(log_p, family[0]) for log_p in family])

    log_2 = moved, np.full_like(moved, math.log(2.0))
    of_normals = over_distance(theory.jsd_density, normals)
    of_uniforms = over_distance(theory.jsd_density, uniforms)
    kl = over_distance(theory.kl_density, normals)
    lines: list[dict[str, tuple[npt.ArrayLike, npt.ArrayLike]]] = [
        {"JSD": (moved, of_normals), "KL": (moved, kl), "log 2": log_2},
        {"JSD": (moved, of_uniforms), "_": ([], []), "log 2": log_2},  # one style per label
    ]
    titles = "normal, deviation 1", "uniform, deviation 1 (KL is infinite)"
    middles, step = (moved[1:] + moved[:-1]) / 2, moved[1]
    derivatives = {
        "normal": (middles, np.diff(of_normals) / step),
        "uniform": (middles, np.diff(of_uniforms) / step),
    }
    distance = "distance"
    return plots.curves(
        [
            *(
                plots.Panel(drawn, distance, "divergence [nats]", title, y_limits=(0, 2))
                for drawn, title in zip(lines, titles, strict=True)
            ),
            plots.Panel(
                derivatives, distance, "derivative [nats per unit]", "derivative of JSD by distance"
            ),
        ]
    )


def run(folder: pathlib.Path) -> None:
    """Write the three pictures."""
    for draw in (optimal_discriminator, generator_losses, jsd_over_distance):
        command_line.save(folder / f"{draw.__name__}.png", draw())


if __name__ == "__main__":
    command_line.start(run)

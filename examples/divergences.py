"""Three pictures of the theory: the best discriminator, two losses of G, and where JSD goes flat.

    python -m examples.divergences --output_dir=FIGURES

Nothing is trained. Every curve is computed by `kgan.theory`, in a few seconds.
"""

from __future__ import annotations

import math
import pathlib
from typing import Any

import numpy as np
from absl import app, flags
from scipy.special import logit
from scipy.stats import norm, uniform

from kgan import plots, theory


def optimal_discriminator() -> np.ndarray:
    """D* = p_data / (p_data + p_g) for generators ever nearer to the data."""
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
    """log(1 - D) against -log D: over D, over its logit, and their slopes along the logit."""
    d = np.linspace(0.001, 0.999, 999)
    o = np.linspace(-8, 8, 321)
    over_d, over_o = theory.generator_losses(logit(d)), theory.generator_losses(o)
    names = "$\\log(1 - D)$, saturating", "$-\\log D$, non-saturating"

    def panel(x, x_label, first, second, y_label, title, y_limits=None):
        lines = dict(zip(names, ((x, first), (x, second)), strict=True))
        return plots.Panel(lines, x_label, y_label, title, y_limits=y_limits)

    nats, sample, logits = "loss of G [nats]", "D on a sample", "logit of D on a sample"
    slopes = over_o.saturating_slope, over_o.non_saturating_slope
    return plots.curves(
        [
            panel(d, sample, over_d.saturating, over_d.non_saturating, nats, "loss over D"),
            panel(o, logits, over_o.saturating, over_o.non_saturating, nats, "loss over the logit"),
            # Room for the names above the curves, which cross in the middle.
            panel(o, logits, *slopes, "slope [nats per logit]", "what pulls on G", (-1.05, 0.4)),
        ]
    )


def jsd_over_distance() -> np.ndarray:
    """JSD and KL of two densities of deviation 1 as one moves away, and the slope of JSD."""
    side = math.sqrt(3.0)
    moved = np.arange(81) * 2 * side / 35  # the 35th is where the uniform supports part
    normals = [norm(d, 1).logpdf for d in moved]
    uniforms = [uniform(d - side, 2 * side).logpdf for d in moved]

    def over_distance(divergence, family):
        return np.array([divergence(log_p, family[0]) for log_p in family])

    log_2 = moved, np.full_like(moved, math.log(2.0))
    of_normals = over_distance(theory.jsd_density, normals)
    of_uniforms = over_distance(theory.jsd_density, uniforms)
    kl = over_distance(theory.kl_density, normals)
    lines: list[dict[str, tuple[Any, Any]]] = [
        {"JSD": (moved, of_normals), "KL": (moved, kl), "log 2": log_2},
        {"JSD": (moved, of_uniforms), "_": ([], []), "log 2": log_2},  # one style a name
    ]
    titles = "normal, deviation 1", "uniform, deviation 1 (KL is infinite)"
    middles, step = (moved[1:] + moved[:-1]) / 2, moved[1]
    slopes = {
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
            plots.Panel(slopes, distance, "slope of JSD [nats per unit]", "what pulls on G"),
        ]
    )


def main(argv: list[str]) -> None:
    del argv
    folder = pathlib.Path(flags.FLAGS.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (optimal_discriminator, generator_losses, jsd_over_distance):
        plots.write_png(folder / f"{draw.__name__}.png", draw())
        print(f"Wrote {folder / f'{draw.__name__}.png'}.")


if __name__ == "__main__":
    flags.DEFINE_string("output_dir", "figures", "Directory that receives the pictures.")
    app.run(main)

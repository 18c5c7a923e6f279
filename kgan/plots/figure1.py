"""Figure 1 of Goodfellow et al. (2014): both densities, D, and the map from z to x below them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from kgan.plots import canvas

__all__ = ["Moment", "figure1"]

HEADROOM = 1.7  # height of the axes over the peak of p_data
MARGIN = 0.04  # left and right of the latents, as a share of the width


@dataclasses.dataclass(frozen=True)
class Moment:
    """Generator and discriminator at one moment of a training.

    Attributes:
        p_g: `[points]`, the generator's density on the grid of x.
        discriminator: `[points]`, D(x) on the same grid, in [0, 1].
        images: `[latents]`, G(z) of the drawn latents.
        title: title above the moment.
    """

    p_g: np.ndarray
    discriminator: np.ndarray
    images: np.ndarray
    title: str = ""


def figure1(
    x: npt.ArrayLike,
    p_data: npt.ArrayLike,
    latents: npt.ArrayLike,
    moments: Moment | Sequence[Moment],
) -> np.ndarray:
    """Draw moments side by side: p_data dotted, p_g solid, D dashed, arrows from z to x = G(z).

    The left axis shows densities, cut at 1.7 times the peak of p_data; the right axis shows D. In
    the lower part the line of x has the scale of the curves, and the latents span the line of z.

    Args:
        x: `[points]`, increasing, the grid.
        p_data: `[points]`, the density of the data.
        latents: `[latents]`, at least two different values, where arrows begin.
        moments: one or more.

    Returns:
        uint8 `[380, width, 3]`; the width is 320 per moment, or 480 for a single one.

    Example:
        ```python
        x, z = np.linspace(-3, 3, 61), np.linspace(-2, 2, 9)
        p = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        moment = kgan.plots.Moment(p_g=p, discriminator=np.full(61, 0.5), images=z)
        picture = kgan.plots.figure1(x, p, z, moment)
        ```
    """
    x, p_data, latents = (np.asarray(values) for values in (x, p_data, latents))
    moments = [moments] if isinstance(moments, Moment) else list(moments)
    drawn = canvas.figure(4.8 if len(moments) == 1 else 3.2 * len(moments), 3.8)
    axes = drawn.subplots(2, len(moments), squeeze=False, height_ratios=(3, 1))
    for i, moment in enumerate(moments):
        d_axes = _curves(axes[0, i], x, p_data, moment)
        _arrows(axes[1, i], x, latents, moment.images)
        if i == 0:
            axes[0, i].set_ylabel("density")
            lines = [*axes[0, i].get_lines(), *d_axes.get_lines()[:1]]
            drawn.legend(handles=lines, loc="outside upper center", ncols=3, frameon=False)
        if i == len(moments) - 1:
            d_axes.set_ylabel("$D$")
    return canvas.picture(drawn)


def _curves(axes: Axes, x: np.ndarray, p_data: np.ndarray, moment: Moment) -> Axes:
    """Draw the upper part, in the paper's colours and dashes; return the axes of D."""
    axes.plot(x, p_data, linestyle=":", color="black", linewidth=2.0, label="$p_{data}$")
    axes.plot(x, moment.p_g, linestyle="-", color="#128a38", label="$p_g$")
    axes.set(title=moment.title, ylim=(0, HEADROOM * np.max(p_data)), xlim=(x[0], x[-1]))
    d_axes = axes.twinx()
    d_axes.plot(x, moment.discriminator, linestyle="--", color="#2b4fd0", label="$D$")
    d_axes.axhline(0.5, color="0.8", linewidth=0.8, zorder=0)
    d_axes.set(ylim=(0, 1.02), yticks=(0, 0.5, 1), yticklabels=("0", "1/2", "1"))
    return d_axes


def _arrows(axes: Axes, x: np.ndarray, latents: np.ndarray, images: np.ndarray) -> None:
    """Draw the lower part: the line of z, the line of x above it, an arrow from each latent."""
    share = (latents - latents.min()) / np.ptp(latents)
    begin = x[0] + (x[-1] - x[0]) * (MARGIN + (1 - 2 * MARGIN) * share)
    floor, rise = np.zeros_like(begin), np.ones_like(begin)
    for height in (0, 1):
        axes.axhline(height, color="black", linewidth=1)
    axes.quiver(
        begin, floor, images - begin, rise, color="0.25",
        angles="xy", scale_units="xy", scale=1, width=0.004, headwidth=6, headlength=7,
    )  # fmt: skip
    axes.set(xlim=(x[0], x[-1]), xticks=(), ylim=(-0.1, 1.1))
    axes.set(yticks=(0, 1), yticklabels=("z", "x"))
    axes.tick_params(axis="y", length=0)
    axes.spines[:].set_visible(False)

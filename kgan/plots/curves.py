"""Curves in labelled panels that stay readable in greyscale."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from kgan.plots import canvas

__all__ = ["Panel", "curves"]

# Distinguishable without colour: by dash first, then by shade.
STYLES = ("-", "--", ":", "-.")
SHADES = ("0.0", "0.45", "0.7")


@dataclasses.dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        lines: label -> `(x, y)`, each `[points]`; labels that begin with an underscore are hidden.
        x_label: label of the horizontal axis, with its unit.
        y_label: label of the vertical axis, with its unit.
        title: title above the axes.
        log_x: whether the horizontal axis is logarithmic.
        log_y: whether the vertical axis is logarithmic.
        equal: whether both axes have one scale, for paths in a plane; marks the start of each line.
        x_limits: `(low, high)`; None fits the data.
        y_limits: `(low, high)`; None fits the data.
    """

    lines: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]]
    x_label: str
    y_label: str
    title: str = ""
    log_x: bool = False
    log_y: bool = False
    equal: bool = False
    x_limits: tuple[float, float] | None = None
    y_limits: tuple[float, float] | None = None


def curves(panels: Panel | Sequence[Panel], columns: int | None = None) -> np.ndarray:
    """Draw panels side by side.

    Args:
        panels: one or more.
        columns: panels per row; None puts all in one row.

    Returns:
        uint8 `[height, width, 3]`.

    Example:
        ```python
        x = np.linspace(0, 1, 50)
        panel = kgan.plots.Panel({"square": (x, x**2)}, x_label="x", y_label="x squared")
        kgan.plots.write_png("square.png", kgan.plots.curves(panel))
        ```
    """
    panels = [panels] if isinstance(panels, Panel) else list(panels)
    columns = min(columns or len(panels), len(panels))
    rows = -(-len(panels) // columns)
    figure = canvas.figure(4.8 * columns, 3.6 * rows)
    for i, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, i + 1)
        for j, (label, xy) in enumerate(panel.lines.items()):
            x, y = map(np.asarray, xy)
            shade, style = SHADES[j // len(STYLES) % len(SHADES)], STYLES[j % len(STYLES)]
            axes.plot(x, y, linestyle=style, color=shade, label=label)
            if panel.equal:
                axes.plot(x[0], y[0], marker="o", color=shade)
        axes.set(xlabel=panel.x_label, ylabel=panel.y_label, title=panel.title)
        axes.set(
            xscale="log" if panel.log_x else "linear", yscale="log" if panel.log_y else "linear"
        )
        # After the scale, and only if given: setting None stops the axes from fitting the data.
        if panel.x_limits:
            axes.set_xlim(panel.x_limits)
        if panel.y_limits:
            axes.set_ylim(panel.y_limits)
        if panel.equal:
            axes.set_aspect("equal", adjustable="datalim")
        if any(not label.startswith("_") for label in panel.lines):
            axes.legend(frameon=False)
    return canvas.picture(figure)

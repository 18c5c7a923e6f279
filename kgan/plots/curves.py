"""Curves in labelled panels that stay readable in greyscale."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kgan.plots import canvas

__all__ = ["Panel", "curves"]

# Told apart without colour: by dash first, then by shade.
STYLES = ("-", "--", ":", "-.")
SHADES = ("0.0", "0.45", "0.7")


@dataclasses.dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        lines: label -> `(x, y)`, each `[points]`; a label that begins with an underscore is not
            shown.
        x_label: what the horizontal axis shows, with its unit.
        y_label: what the vertical axis shows, with its unit.
        title: above the axes.
        log_x: a logarithmic horizontal axis.
        log_y: a logarithmic vertical axis.
        equal: one scale for both axes, for paths in a plane; the start of each line is marked.
        x_limits: `(low, high)`, or None for all of it.
        y_limits: the same.
    """

    lines: Mapping[str, tuple[Any, Any]]
    x_label: str
    y_label: str
    title: str = ""
    log_x: bool = False
    log_y: bool = False
    equal: bool = False
    x_limits: tuple[float, float] | None = None
    y_limits: tuple[float, float] | None = None


def curves(panels: Panel | Sequence[Panel], columns: int | None = None) -> np.ndarray:
    """Draws panels side by side.

    Args:
        panels: one or more.
        columns: panels in a row; None puts all in one.

    Returns:
        uint8 `[height, width, 3]`.
    """
    panels = [panels] if isinstance(panels, Panel) else list(panels)
    columns = min(columns or len(panels), len(panels))
    rows = -(-len(panels) // columns)
    figure = canvas.figure(4.8 * columns, 3.6 * rows)
    for i, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, i + 1)
        for j, (label, (x, y)) in enumerate(panel.lines.items()):
            shade, style = SHADES[j // len(STYLES) % len(SHADES)], STYLES[j % len(STYLES)]
            axes.plot(x, y, linestyle=style, color=shade, label=label)
            if panel.equal:
                axes.plot(x[0], y[0], marker="o", color=shade)
        axes.set(xlabel=panel.x_label, ylabel=panel.y_label, title=panel.title)
        axes.set(
            xscale="log" if panel.log_x else "linear", yscale="log" if panel.log_y else "linear"
        )
        # After the scale, and only if there are any: setting None stops the axes from fitting.
        if panel.x_limits:
            axes.set_xlim(panel.x_limits)
        if panel.y_limits:
            axes.set_ylim(panel.y_limits)
        if panel.equal:
            axes.set_aspect("equal", adjustable="datalim")
        if any(not label.startswith("_") for label in panel.lines):
            axes.legend(frameon=False)
    return canvas.picture(figure)

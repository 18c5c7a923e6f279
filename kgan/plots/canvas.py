"""Matplotlib figures as arrays, without windows or global state."""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["figure", "picture"]


def figure(width: float, height: float) -> Figure:
    """Return an empty figure of `width` by `height` inches at 100 pixels per inch."""
    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def picture(drawn: Figure) -> np.ndarray:
    """Return the figure's pixels, uint8 `[height, width, 3]`."""
    canvas = FigureCanvasAgg(drawn)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()

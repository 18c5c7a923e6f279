"""Pictures: samples, curves, animations. The only room that knows matplotlib."""

from kgan.plots.curves import Panel, curves
from kgan.plots.images import grid, points, samples, write_gif, write_png

__all__ = ["Panel", "curves", "grid", "points", "samples", "write_gif", "write_png"]

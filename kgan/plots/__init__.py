"""Pictures of samples and curves, and animations. The only room that imports matplotlib."""

from kgan.plots.curves import Panel, curves
from kgan.plots.figure1 import Moment, figure1
from kgan.plots.images import (
    can_draw,
    grid,
    pixels,
    points,
    samples,
    side_by_side,
    write_apng,
    write_gif,
    write_png,
)
from kgan.plots.labels import label_rows

__all__ = [
    "Moment",
    "Panel",
    "can_draw",
    "curves",
    "figure1",
    "grid",
    "label_rows",
    "pixels",
    "points",
    "samples",
    "side_by_side",
    "write_apng",
    "write_gif",
    "write_png",
]

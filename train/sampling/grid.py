"""Grids of samples: a row for each class, as far as there are several samples of each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kgan import plots


def draw(
    images: np.ndarray, value_range: tuple[float, float] | None, classes: Sequence[str] = ()
) -> np.ndarray:
    """Draw samples of classes in turn.

    Args:
        images: `[n, height, width, channels]`; image i is of class `i % len(classes)`.
        value_range: `(low, high)`, the pixel value range; None is (-1, 1).
        classes: names of the classes, written before their rows; empty for a grid without rows.

    Returns:
        uint8 `[height, width, 3]`. What a row lacks at its end is white.
    """
    rows = len(classes)
    if not 0 < rows <= 2 * math.isqrt(len(images)):  # as the grids of a training
        return plots.grid(images, value_range)
    columns = math.ceil(len(images) / rows)
    white = 1.0 if value_range is None else value_range[1]
    tiles = np.full((columns * rows, *images.shape[1:]), white, np.float32)
    tiles[: len(images)] = images
    by_class = tiles.reshape(columns, rows, *images.shape[1:]).swapaxes(0, 1)
    picture = plots.grid(by_class.reshape(tiles.shape), value_range, columns)
    return plots.label_rows(picture, classes)

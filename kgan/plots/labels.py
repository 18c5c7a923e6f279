"""Names of classes beside the rows of a grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

__all__ = ["label_rows"]

SIZE = 14  # of the letters, in pixels
MARGIN = 6
LONGEST = 24  # letters


def label_rows(picture: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Write a name to the left of each row of a grid.

    Args:
        picture: uint8 `[height, width, 3]`, whose rows are of equal height, as `grid` draws them.
        names: of the rows, from the top; longer ones than 24 letters are cut.

    Returns:
        uint8 `[height, wider, 3]`.

    Example:
        ```python
        picture = kgan.plots.grid(images[:8], columns=4)
        labelled = kgan.plots.label_rows(picture, ["cat", "dog"])
        ```
    """
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), SIZE)  # matplotlib brings it
    names = [" ".join(name.split()) for name in names]  # one line each
    shown = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in names]
    margin = round(max(font.getlength(name) for name in shown)) + 2 * MARGIN
    height, width, _ = picture.shape
    sheet = Image.new("RGB", (margin + width, height), "white")
    sheet.paste(Image.fromarray(picture), (margin, 0))
    draw = ImageDraw.Draw(sheet)
    for row, name in enumerate(shown):
        middle = (row + 0.5) * height / len(shown)
        draw.text((margin - MARGIN, middle), name, fill="black", font=font, anchor="rm")
    return np.asarray(sheet)

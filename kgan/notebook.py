"""Pictures in a notebook: samples of a game, and grids that are redrawn while it trains."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from kgan.utils.notebooks import in_notebook

__all__ = ["Display", "ShownGame"]


class Display:
    """A place below a cell, where each picture takes the place of the one before.

    Raises:
        RuntimeError: this is no notebook.
    """

    def __init__(self) -> None:
        if not in_notebook():
            raise RuntimeError(
                "Pictures are shown in notebooks alone. In a program write a file: "
                "kgan.plots.write_png(path, kgan.plots.samples(gan.sample(16), gan.value_range))."
            )
        self._handle: Any = None  # IPython's, which is no dependency

    def draw(self, picture: np.ndarray) -> None:
        """Show pixels uint8 `[height, width, 3]`."""
        from IPython.display import Image, display

        from kgan import plots  # and with it Matplotlib, which games need not wait for

        file = io.BytesIO()
        plots.write_png(file, picture)
        image = Image(data=file.getvalue(), format="png")
        if self._handle is None:
            self._handle = display(image, display_id=True)
        else:
            self._handle.update(image)


class ShownGame(keras.Model):
    """The method of `kgan.GAN` that shows samples in a notebook."""

    def show(
        self,
        n: int = 16,
        labels: npt.ArrayLike | None = None,
        seed: int | Sequence[int] = 0,
        condition: npt.ArrayLike | None = None,
    ) -> None:
        """Show a grid of samples below the cell, or a plot of points.

        Args:
            n: number of samples.
            labels: one class for all samples or `[n]`, for a conditional game; None for all
                classes in turn.
            seed: an int, or two integers `[2]`: that of `sample`.
            condition: that of `sample`, for a game with a `condition_shape`.

        Raises:
            RuntimeError: this is no notebook.
            ValueError: as `sample`.
        """
        from kgan import plots

        display = Display()
        display.draw(plots.samples(self.sample(n, seed, labels, condition), self.value_range))

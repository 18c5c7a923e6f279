"""Grids of generated images, drawn while training."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from kgan import plots
from kgan.callbacks.base import EveryNSteps, sample_options
from kgan.notebook import Display
from kgan.utils import checks
from kgan.utils.atomic_write import atomic_write
from kgan.utils.types import Logs

__all__ = ["SampleGrid"]


class SampleGrid(EveryNSteps):
    """A grid of samples from fixed latent points, every `every` steps and when training ends.

    If the generator takes class labels, each row is of one class, from 0 on, and all rows have the
    same latent points. If it takes images, each sample is drawn beside its condition. With codes
    among the latents (`kgan.priors.Codes`), one code changes along each row. Grids go to
    `RUN_DIR/samples/step_########.png`, and to TensorBoard (`RUN_DIR/logs`) if it is installed. In
    a notebook, `SampleGrid(show=True)` draws each grid below the cell in place of the one before.

    Args:
        run_dir: the run directory; None for grids that are shown alone.
        every: steps between two grids.
        count: number of images in a grid.
        seed: seed of the latent points.
        class_names: names of the classes, which are written before their rows; None for none.
        condition: for a generator that takes images: `[n, *condition_shape]`, the conditions of
            the first n of the samples, in the value range.
        show: whether to show the grids in a notebook.

    Samples are images of 1, 3 or 4 channels, or points; what is transparent is white. Images
    without a value range are drawn as if it were (-1, 1).

    Raises:
        ValueError: `every` or `count` is not a positive integer, or there is neither a run
            directory nor `show`.
        RuntimeError: `show` is True outside of a notebook.

    Example:
        ```python
        grid = kgan.callbacks.SampleGrid("runs/mine", every=1000)  # show=True in a notebook
        gan.fit(images, epochs=20, callbacks=[grid])
        ```
    """

    def __init__(
        self,
        run_dir: str | os.PathLike[str] | None = None,
        every: int = 500,
        count: int = 64,
        seed: int = 0,
        class_names: Sequence[str] | None = None,
        condition: npt.ArrayLike | None = None,
        show: bool = False,
    ):
        if run_dir is None and not show:
            raise ValueError(
                "Invalid value for argument `run_dir`: expected a directory for the grids, or "
                "show=True in a notebook, received None."
            )
        super().__init__(run_dir, every)
        self._display = Display() if show else None
        self.class_names = class_names
        self.count = checks.positive_integer("count", count)
        checks.seed_pair("seed", seed)
        self.seed = seed
        self.condition = None if condition is None else np.asarray(condition)[: self.count]

    def on_train_begin(self, logs: Logs = None) -> None:
        """Check that the samples can be drawn.

        Raises:
            ValueError: they are neither points nor images of 1, 3 or 4 channels, or the condition
                or the names do not fit the game.
        """
        shape = tuple(self.model.image_shape)
        if self.condition is None and not plots.can_draw(shape):
            raise ValueError(
                "Invalid value for argument `callbacks`: expected no SampleGrid for samples of "
                f"shape {shape}, as it draws images (height, width, 1, 3 or 4) and points (dim,). "
                "Leave it out."
            )
        takes_images = getattr(self.model.generator, "condition_shape", None) is not None
        if self.condition is not None and not takes_images:
            raise ValueError(
                "Invalid value for argument `condition`: expected None, as the generator takes no "
                f"images, received shape {self.condition.shape}. Leave it out."
            )
        sample_options(self.model, self.condition)
        self._check_names()
        super().on_train_begin(logs)
        self._drawn_at = -1  # a rollback may reach the same step with other weights

    def _check_names(self) -> None:
        names, classes = self.class_names, self.model.num_classes
        if names is None or classes is None:
            return
        if isinstance(names, str) or [type(name) for name in names] != [str] * classes:
            raise ValueError(
                f"Invalid value for argument `class_names`: expected {classes} texts, one a class, "
                f"received {names!r}."
            )

    def on_every_n_steps(self, logs: Mapping[str, float]) -> None:
        self.draw()

    def on_train_end(self, logs: Logs = None) -> None:
        if self._drawn_at != self.step:
            self.draw()
        super().on_train_end(logs)

    def draw(self) -> None:
        """Draw the present state."""
        grid = self._grid()
        if self.writes:
            with atomic_write(self.run.sample(self.step)) as partial:
                plots.write_png(partial, grid)
            self.write_image("samples", grid)
        if self._display is not None:
            self._display.draw(grid)
        self._drawn_at = self.step

    def _grid(self) -> np.ndarray:
        gan = self.model
        value_range = gan.value_range
        if self.condition is not None:
            parts = gan.translations(self.condition, self.seed)
            return plots.side_by_side(*parts, value_range=value_range)
        if hasattr(gan.prior, "walks") and len(gan.image_shape) == 3:
            walks = gan.prior.walks(self.count, self.seed)
            points = walks.reshape(-1, gan.prior.dim)
            images = gan.predict(points, batch_size=500, verbose=0)
            return plots.grid(images, value_range, columns=walks.shape[1])
        if gan.num_classes is None or len(gan.image_shape) != 3:
            return plots.samples(gan.sample(self.count, self.seed), value_range)
        classes = np.arange(min(gan.num_classes, 2 * math.isqrt(self.count)))
        columns = max(1, self.count // len(classes))
        latents = np.tile(gan.prior.sample(columns, self.seed), (len(classes), 1))
        labels = classes.repeat(columns).astype(np.int32)
        images = gan.predict([latents, labels], batch_size=500, verbose=0)
        grid = plots.grid(images, value_range, columns)
        names = (self.class_names or ())[: len(classes)]
        return plots.label_rows(grid, names) if names else grid

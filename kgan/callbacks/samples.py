"""Pictures of what the generator makes, over a training."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import tensorflow as tf

from kgan import plots
from kgan.callbacks.base import RunCallback
from kgan.utils.atomic_write import atomic_write

__all__ = ["SampleGrid"]


class SampleGrid(RunCallback):
    """Draws the same latent points as a picture every so many steps, and when training ends.

    Of a conditional game, each row is of one class, from 0 on, and all rows have the same points.

    Pictures go to `RUN_DIR/samples/step_########.png`, and to TensorBoard (`RUN_DIR/logs`) where
    tensorboard is installed.

    Args:
        run_dir: the run directory.
        every: steps between two pictures.
        count: how many images a picture holds.
        seed: the latent points' seed.
    """

    def __init__(
        self, run_dir: str | os.PathLike[str], every: int = 500, count: int = 64, seed: int = 0
    ):
        super().__init__(run_dir)
        self.every = every
        self.count = count
        self.seed = seed

    def on_train_begin(self, logs: Any = None) -> None:
        """Forgets what was drawn: the training may have gone back and come another way."""
        super().on_train_begin(logs)
        self._drawn_at = -1

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Draws when a multiple of `every` has been passed."""
        if before // self.every != self.step // self.every:
            self.draw()

    def on_train_end(self, logs: Any = None) -> None:
        """Draws the last state."""
        if self._drawn_at != self.step:
            self.draw()
        super().on_train_end(logs)

    def draw(self) -> None:
        """Draws the present state."""
        picture = self._picture()
        with atomic_write(self.run.sample(self.step)) as partial:
            plots.write_png(partial, picture)
        if self._board:
            with self._board.as_default(step=self.step):
                tf.summary.image("samples", picture[tf.newaxis])
        self._drawn_at = self.step

    def _picture(self) -> np.ndarray:
        gan = self.model
        value_range = getattr(gan.generator, "value_range", (-1.0, 1.0))
        if gan.num_classes is None or len(gan.image_shape) != 3:
            return plots.samples(gan.sample(self.count, self.seed), value_range)
        classes = np.arange(min(gan.num_classes, 2 * math.isqrt(self.count)))
        columns = max(1, self.count // len(classes))
        latents = np.tile(gan.prior.sample(columns, self.seed), (len(classes), 1))
        labels = classes.repeat(columns).astype(np.int32)
        images = gan.predict([latents, labels], batch_size=500, verbose=0)
        return plots.grid(images, value_range or (-1.0, 1.0), columns)

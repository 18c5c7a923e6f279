"""How steep D is: the curves by which one sees whether its penalties are strong enough."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import tensorflow as tf

from kgan.callbacks.base import RunCallback

__all__ = ["GradientNorms"]


class GradientNorms(RunCallback):
    """Measures D's margin and its slopes every so many steps.

    Writes a line to `RUN_DIR/metrics.jsonl`, and to TensorBoard where tensorboard is installed:

    - `margin`: mean logit on data minus mean logit on samples; 0 where D cannot tell;
    - `r1`, `r2`: half of the mean squared slope on data and on samples, which is what
      `kgan.penalties.R1` and `R2` charge at gamma = 1, charged or not;
    - `slope_on_data`, `slope_on_samples`: the mean slope, `||grad o||`, in logits per unit of the
      images. A Wasserstein critic's should be near 1.

    docs/recipes.md shows the curves of runs that went well and of some that did not.

    D is in inference mode and sees no augmentation. The samples are those of one seed, by G's
    weights as they are and not by their average. No state is touched: a training takes the same
    course with this callback as without, and a resumed one writes the same lines. With 256 images
    of 28x28 pixels a measurement keeps one core busy for 0.1 s with MLPs and 0.3 s with DCGANs.

    Args:
        run_dir: the run directory.
        images: data in the generator's value range: an array `[n, ...]`, a pair of it and integer
            labels `[n]`, or a `tf.data.Dataset` of batches of one or the other, such as the game is
            played on. The first `count` are taken. Samples are of the same classes.
        every: steps between two measurements.
        count: how many images, and how many samples; the game's packing divides it.
        seed: of the samples.

    Raises:
        ValueError: `every` or `count` is no positive integer, or there are too few images.
    """

    def __init__(
        self,
        run_dir: str | os.PathLike[str],
        images: Any,
        every: int = 500,
        count: int = 256,
        seed: int = 0,
    ):
        super().__init__(run_dir)
        for name, value in (("every", every), ("count", count)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"Invalid value for argument `{name}`: expected a positive integer, "
                    f"received {value!r}."
                )
        self.every = every
        self.count = count
        self.seed = seed
        self.images, self.labels = _first(images, count)
        if len(self.images) < count:
            raise ValueError(
                f"Invalid value for argument `images`: expected at least count={count}, received "
                f"{len(self.images)}. Give more, or count fewer."
            )

    def on_train_begin(self, logs: Any = None) -> None:
        """Forgets lines of steps that lie ahead.

        Raises:
            ValueError: the images, their labels or `count` do not fit the game.
        """
        super().on_train_begin(logs)
        made, given = self.model.image_shape, self.images.shape[1:]
        if made != given:
            raise ValueError(
                "Invalid value for argument `images`: expected the shape that the generator makes, "
                f"{made}, received {given}."
            )
        if self.model.num_classes is not None and self.labels is None:
            raise ValueError(
                "Invalid value for argument `images`: the game is conditional and expected pairs "
                "of images and labels, received images alone."
            )
        if self.count % self.model.packing:
            raise ValueError(
                "Invalid value for argument `count`: expected a multiple of the game's "
                f"packing={self.model.packing}, received {self.count}."
            )
        self.run.forget_metrics(after=self.step)

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Measures when a multiple of `every` has been passed."""
        if before // self.every != self.step // self.every:
            self.measure()

    def measure(self) -> dict[str, float]:
        """Measures the present state, and writes and returns the figures."""
        real_logits, real = self._judged(self.images)
        fake_logits, fake = self._judged(self._samples())
        figures = {
            "margin": real_logits.mean() - fake_logits.mean(),
            "r1": np.square(real).mean() / 2,
            "r2": np.square(fake).mean() / 2,
            "slope_on_data": real.mean(),
            "slope_on_samples": fake.mean(),
        }
        figures = {name: float(value) for name, value in figures.items()}
        self.run.append_metrics({"step": self.step, **figures})
        if self._board:
            with self._board.as_default(step=self.step):
                for name, value in figures.items():
                    tf.summary.scalar(name, value)
        return figures

    def _samples(self) -> np.ndarray:
        latents = self.model.prior.sample(self.count, self.seed)
        return self.model.generator(self._told(latents, self.labels), training=False).numpy()

    def _judged(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """D's logits and the norms of its slopes, each float64 `[count / packing]`."""
        parts = range(self.model.packing)  # a pack: images in a row, on top of each other
        packs = tf.constant(np.concatenate([images[i :: len(parts)] for i in parts], axis=-1))
        labels = self.labels
        if labels is not None and len(parts) > 1:
            labels = np.stack([labels[i :: len(parts)] for i in parts], axis=-1)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(packs)
            logits = self.model.discriminator(self._told(packs, labels), training=False)
        slopes = np.asarray(tape.gradient(logits, packs), np.float64)
        norms = np.linalg.norm(slopes.reshape(len(slopes), -1), axis=1)
        return np.asarray(logits, np.float64).reshape(-1), norms

    def _told(self, inputs: Any, labels: np.ndarray | None) -> Any:
        return inputs if self.model.num_classes is None else [inputs, labels]


def _first(images: Any, count: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The first images, float32, and their labels, int32, or None where there are none."""
    taken = [images]
    if isinstance(images, tf.data.Dataset):
        taken, found = [], 0
        for batch in images.as_numpy_iterator():
            taken.append(batch)
            found += len(batch[0] if isinstance(batch, tuple) else batch)
            if found >= count:
                break
    pairs = [batch if isinstance(batch, tuple) else (batch, None) for batch in taken]
    rows = np.concatenate([np.asarray(x, np.float32) for x, _ in pairs])[:count]
    if any(labels is None for _, labels in pairs):
        return rows, None
    return rows, np.concatenate([np.asarray(y, np.int32).reshape(-1) for _, y in pairs])[:count]

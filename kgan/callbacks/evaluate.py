"""The cheap figures of an evaluation, over a training."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import tensorflow as tf

from kgan import metrics
from kgan.callbacks.base import RunCallback, first_images

__all__ = ["Evaluate"]

_FEWEST = 20  # what the kernel distance needs


class Evaluate(RunCallback):
    """Compares samples with real images every so many steps.

    Writes a line to `RUN_DIR/metrics.jsonl`, and to TensorBoard where tensorboard is installed:
    Frechet and kernel distance, precision and recall, each with its floor, which is what other real
    images get in the samples' place. With a density's mixture, its modes are counted as well. A
    sample that is not finite makes every figure null.

    The samples are those of one seed and touch no state: a training takes the same course with this
    callback as without, and a resumed one writes the same lines. On two cores, 1,000 samples of
    28x28 pixels take half a second; `kgan-evaluate` takes many more, and says more.

    Args:
        run_dir: the run directory.
        images: real images `[n, height, width, channels]` in the generator's value range, or
            points `[n, dim]`, or a `tf.data.Dataset` of batches of these, such as
            `kgan.data.load("mnist", split="test", batch_size=1000)`. Two halves are taken of them.
        every: steps between two evaluations.
        num_samples: how many samples, and how many images in each half at most; at least 20.
        features: what distances are measured in; None for a random network (points, and images that
            are too small for it, are compared as they are).
        mixture: one of `kgan.data.DENSITIES` where the data are its points.
        seed: of the samples.

    Raises:
        ValueError: `every` or `num_samples` is unusable, or there are too few images.
    """

    def __init__(
        self,
        run_dir: str | os.PathLike[str],
        images: Any,
        every: int = 1000,
        num_samples: int = 1000,
        features: metrics.Extractor | None = None,
        mixture: Any = None,
        seed: int = 0,
    ):
        super().__init__(run_dir)
        for name, value, least in (("every", every, 1), ("num_samples", num_samples, _FEWEST)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(
                    f"Invalid value for argument `{name}`: expected an integer of at least {least},"
                    f" received {value!r}."
                )
        self.every = every
        self.features = features
        self.mixture = mixture
        self.seed = seed
        images = _first(images, 2 * num_samples)
        self.num_samples = len(images) // 2
        if self.num_samples < _FEWEST:
            raise ValueError(
                f"Invalid value for argument `images`: expected at least {2 * _FEWEST}, received "
                f"{len(images)}. Take them from a larger split."
            )
        self._images = images[: 2 * self.num_samples]

    def on_train_begin(self, logs: Any = None) -> None:
        """Measures the floors, and forgets lines of steps that lie ahead."""
        super().on_train_begin(logs)
        self.run.forget_metrics(after=self.step)
        if self.features is None and self._images.ndim == 4:
            shape = self._images.shape[1:]
            small = min(shape[:2]) < 4
            self.features = metrics.Pixels() if small else metrics.RandomConvolutional(shape)
        self._real, other = np.split(self._extracted(self._images), 2)
        self._floors = {f"{name}_floor": value for name, value in self._compared(other).items()}

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Evaluates when a multiple of `every` has been passed."""
        if before // self.every != self.step // self.every:
            self.evaluate()

    def evaluate(self) -> dict[str, float]:
        """Evaluates the present state, and writes and returns the figures."""
        samples = self.model.sample(self.num_samples, self.seed)
        if np.isfinite(samples).all():
            figures = self._compared(self._extracted(samples)) | self._modes(samples)
        else:
            figures = {name.removesuffix("_floor"): math.nan for name in self._floors}
        self.run.append_metrics(
            {"step": self.step, **figures, **self._floors, "evaluated": self.num_samples}
        )
        if self._board:
            with self._board.as_default(step=self.step):
                for name, value in {**figures, **self._floors}.items():
                    tf.summary.scalar(name, value)
        return figures

    def _extracted(self, images: np.ndarray) -> np.ndarray:
        """Features `[n, d]`."""
        if self.features is None:
            return images
        low, high = getattr(self.model.generator, "value_range", None) or (-1.0, 1.0)
        return self.features((images - low) / (high - low))

    def _compared(self, samples: np.ndarray) -> dict[str, float]:
        manifold = metrics.precision_recall(self._real, samples)
        return {
            "frechet": metrics.frechet_distance(self._real, samples),
            "kernel": metrics.kernel_distance(self._real, samples).mean,
            "precision": manifold.precision,
            "recall": manifold.recall,
        }

    def _modes(self, samples: np.ndarray) -> dict[str, float]:
        if self.mixture is None:
            return {}
        modes = metrics.mixture_coverage(samples, self.mixture.means, self.mixture.std)
        return {
            "modes": modes.found,
            "modes_kl": modes.kl,
            "modes_kl_floor": modes.kl_floor,
            "high_quality": modes.high_quality,
        }


def _first(images: Any, n: int) -> np.ndarray:
    """The first n of an array, or of a data set of batches."""
    if not isinstance(images, tf.data.Dataset):
        return np.asarray(images, np.float32)[:n]
    return first_images(images, n).astype(np.float32)

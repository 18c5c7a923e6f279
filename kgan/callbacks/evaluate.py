"""Cheap evaluation metrics while training."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from kgan import metrics
from kgan.callbacks.base import (
    EveryNSteps,
    Images,
    check_images,
    first_images,
    sample_options,
)
from kgan.utils import checks
from kgan.utils.types import Logs

__all__ = ["Evaluate"]

_FEWEST = 20  # what the kernel distance needs


class Mixture(Protocol):
    """A mixture of Gaussians with one standard deviation, as `kgan.data.Ring` and `Grid` are."""

    means: np.ndarray
    std: float


class Evaluate(EveryNSteps):
    """An evaluation of samples against real images, every `every` steps.

    Each evaluation is a line in `RUN_DIR/metrics.jsonl`, and goes to TensorBoard if tensorboard is
    installed: Frechet and kernel distance, precision and recall. Each has a floor, its value with
    other real images in place of the samples. With a `mixture`, its modes are counted as well. If a
    sample is not finite, every metric is null.

    Samples come from one seed, and no state changes: training takes the same course with this
    callback as without it, and a resumed training writes the same lines. On two cores, 1,000
    samples of 28x28 pixels take half a second. `kgan-evaluate` compares many more.

    Args:
        run_dir: the run directory.
        images: real images `[n, height, width, channels]` in the generator's value range, or
            points `[n, dim]`, or a `tf.data.Dataset` of batches of these, such as
            `kgan.data.load("mnist", split="test", batch_size=1000)`. The first are used, as two
            halves. With their labels, a conditional game's samples have those of one half; without,
            all classes in turn.
        every: steps between two evaluations.
        num_samples: number of samples, and the most images in each half; at least 20.
        features: feature extractor for the distances. None uses a random network, or the values
            themselves for points and for images under 4 pixels wide or high. Samples that are
            neither images nor points need an extractor.
        mixture: the density if the data are its points, such as one of `kgan.data.DENSITIES`.
        seed: seed of the samples.

    Raises:
        ValueError: `every` or `num_samples` is out of range, or there are too few images.

    Example:
        ```python
        watch = kgan.callbacks.Evaluate("runs/mine", images, every=2000)
        gan.fit(images, epochs=20, callbacks=[watch])
        ```
    """

    def __init__(
        self,
        run_dir: str | os.PathLike[str],
        images: Images,
        every: int = 1000,
        num_samples: int = 1000,
        features: metrics.Extractor | None = None,
        mixture: Mixture | None = None,
        seed: int = 0,
    ):
        super().__init__(run_dir, every)
        most = checks.integer("num_samples", num_samples, _FEWEST)
        self.features = features
        self.mixture = mixture
        checks.seed_pair("seed", seed)
        self.seed = seed
        real, conditions = first_images(images, 2 * most)
        real = real.astype(np.float32)
        self.num_samples = len(real) // 2
        if self.num_samples < _FEWEST:
            raise ValueError(
                f"Invalid value for argument `images`: expected at least {2 * _FEWEST}, received "
                f"{len(real)}. Take them from a larger split."
            )
        self._images = real[: 2 * self.num_samples]
        # Those of the images that samples are not compared with.
        self._conditions = None if conditions is None else conditions[-self.num_samples :]

    def on_train_begin(self, logs: Logs = None) -> None:
        """Measure the floors, and forget lines of later steps.

        Raises:
            ValueError: the images, the features or the mixture do not fit the samples.
        """
        self._check()
        super().on_train_begin(logs)
        self.run.forget_metrics(after=self.step)
        if self.features is None and self._images.ndim == 4:
            shape = self._images.shape[1:]
            small = min(shape[:2]) < 4
            self.features = metrics.Pixels() if small else metrics.RandomConvolutional(shape)
        self._real, other = np.split(self._extract(self._images), 2)
        self._floors = {f"{name}_floor": value for name, value in self._compare(other).items()}

    def _check(self) -> None:
        check_images(self._images, self.model)
        self._options = sample_options(self.model, self._conditions)
        shape = self._images.shape[1:]
        if self.features is None and len(shape) not in (1, 3):
            raise ValueError(
                "Invalid value for argument `features`: expected a feature extractor, as samples "
                f"of shape {shape} are neither images (height, width, channels) nor points "
                "(dim,), received None."
            )
        if self.mixture is not None and shape != self.mixture.means.shape[1:]:
            raise ValueError(
                "Invalid value for argument `mixture`: expected one of points of the samples' "
                f"shape {shape}, received one of shape {self.mixture.means.shape[1:]}."
            )

    def on_every_n_steps(self, logs: Mapping[str, float]) -> None:
        self.evaluate()

    def evaluate(self) -> dict[str, float]:
        """Evaluate the present state; write and return the metrics by name, without the floors."""
        samples = self.model.sample(self.num_samples, self.seed, **self._options)
        if np.isfinite(samples).all():
            found = self._compare(self._extract(samples)) | self._count_modes(samples)
        else:
            found = {name.removesuffix("_floor"): math.nan for name in self._floors}
        self.write_scalars(
            {**found, **self._floors, "evaluated": self.num_samples}, file_only=("evaluated",)
        )
        return found

    def _extract(self, images: np.ndarray) -> np.ndarray:
        """Return features `[n, d]`."""
        if self.features is None:
            return images
        low, high = self.model.value_range or (-1.0, 1.0)
        return self.features((images - low) / (high - low))

    def _compare(self, samples: np.ndarray) -> dict[str, float]:
        manifold = metrics.precision_recall(self._real, samples)
        return {
            "frechet": metrics.frechet_distance(self._real, samples),
            "kernel": metrics.kernel_distance(self._real, samples).mean,
            "precision": manifold.precision,
            "recall": manifold.recall,
        }

    def _count_modes(self, samples: np.ndarray) -> dict[str, float]:
        if self.mixture is None:
            return {}
        modes = metrics.mixture_coverage(samples, self.mixture.means, self.mixture.std)
        return {
            "modes": modes.found,
            "modes_kl": modes.kl,
            "modes_kl_floor": modes.kl_floor,
            "high_quality": modes.high_quality,
        }

"""Metrics of mode collapse: samples compared with real images, and the discriminator's errors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.callbacks.base import Images, check_pair, first_images
from kgan.metrics.diversity import diversity

__all__ = ["LIMITS", "Classifier", "CollapseMetrics", "ReferenceImages", "limits_for"]

# Maps images `[n, ...]` to classes: integers `[n]` or scores `[n, classes]`.
Classifier = Callable[[np.ndarray], npt.ArrayLike]

_FEWEST = 10  # images of a class, so that its share in the data is known
_LOST = 0.1  # a class is lost if samples have less than this part of its share


@dataclasses.dataclass(frozen=True)
class CollapseMetrics:
    """Metrics of a training's health. Lower values indicate collapse.

    Attributes:
        spread: `spread` of `kgan.metrics.diversity.Diversity`, or its inverse if that is less.
            0 if all samples are equal or infinitely far apart.
        distinct: effective number of different samples relative to that of real images
            (`kgan.metrics.diversity.Diversity`).
        d_error: share of real images and samples that D classifies wrongly, `1 - d_accuracy`. 1/2
            at equilibrium, 0 if D separates them perfectly.
        classes: share of the data's classes of which samples have at least a tenth as many as the
            data; NaN without a classifier.
    """

    spread: float
    distinct: float
    d_error: float
    classes: float = math.nan

    def known(self) -> dict[str, float]:
        """Return the metrics by name, without those that are NaN."""
        numbers = dataclasses.asdict(self).items()
        return {name: value for name, value in numbers if not math.isnan(value)}

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:.3g}" for name, value in self.known().items())

    def below(self, limits: CollapseMetrics) -> list[str]:
        """Return the names of the metrics that are lower than those of `limits`."""
        return [name for name, value in self.known().items() if value < getattr(limits, name)]


# Between the values of healthy and of failed runs: docs/health.md.
LIMITS = CollapseMetrics(spread=0.5, distinct=0.05, d_error=0.01, classes=0.5)


def limits_for(loss: object) -> CollapseMetrics:
    """Return `LIMITS`, without that of D's error if the loss does not make logits log-odds."""
    known = getattr(loss, "log_odds", False)
    return LIMITS if known else dataclasses.replace(LIMITS, d_error=0.0)


class ReferenceImages:
    """Real images with which samples are compared.

    Args:
        images: floats, an array `[n, ...]`, of which `count` random rows are taken, or a
            `tf.data.Dataset` of batches, of which the first `count` rows are taken. If there are
            fewer rows, all are taken. They may come in pairs with labels or
            conditions, which samples then have as well.
        count: number of rows.
        classifier: None, or a function from images to classes: integers `[n]` or scores
            `[n, classes]`. Classes with fewer than ten of the rows do not count.

    Attributes:
        images: `[count, ...]`, the rows.
        conditions: `[count, ...]`, the labels or conditions that came with them, or None.

    Raises:
        ValueError: the images or the classes are unusable.
    """

    def __init__(self, images: Images, count: int, classifier: Classifier | None = None):
        self.images, self.conditions = _rows(images, count)
        self.classifier = classifier
        self._class_sizes: dict[int, int] = {}
        if classifier is not None:
            self._class_sizes = _large_classes(_labels(classifier, self.images))

    def measure(self, samples: np.ndarray, d_error: float) -> CollapseMetrics:
        """Compare samples with the images.

        Args:
            samples: finite floats of the shape of `images`.
            d_error: share of examples that D classifies wrongly, in [0, 1].
        """
        found = diversity(samples, self.images)
        spread = min(found.spread, 1 / found.spread) if found.spread else 0.0
        return CollapseMetrics(spread, found.distinct, d_error, self._share_of_classes(samples))

    def _share_of_classes(self, samples: np.ndarray) -> float:
        if self.classifier is None:
            return math.nan
        labels = _labels(self.classifier, samples)
        kept = [(labels == label).sum() >= _LOST * n for label, n in self._class_sizes.items()]
        return float(np.mean(kept))


def _rows(images: Images, count: int) -> tuple[np.ndarray, np.ndarray | None]:
    conditions = None
    if isinstance(images, tf.data.Dataset):
        images, conditions = first_images(images, count)
    elif isinstance(images, tuple):
        if len(images) != 2:
            raise ValueError(
                "Invalid value for argument `images`: expected images, or a pair of images and "
                f"labels or conditions, received {len(images)} arrays."
            )
        check_pair(*images)
        images, conditions = map(np.asarray, images)
    images = np.asarray(images)
    if len(images) > count:
        chosen = np.random.default_rng(0).choice(len(images), count, replace=False)
        images, conditions = images[chosen], None if conditions is None else conditions[chosen]
    usable = images.ndim > 1 and len(images) > 1 and images.dtype.kind == "f"
    if not usable or not np.isfinite(images).all() or (images == images[0]).all():
        raise ValueError(
            "Invalid value for argument `images`: expected finite floats [n, ...] in the "
            "generator's value range, two rows or more and not all equal, received "
            f"{images.dtype} of shape {images.shape}."
        )
    return images, conditions


def _labels(classifier: Classifier, images: np.ndarray) -> np.ndarray:
    labels = np.asarray(classifier(images))
    if labels.ndim == 2 and len(labels) == len(images):
        return labels.argmax(axis=-1)
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise ValueError(
            "Invalid value for argument `classifier`: expected a function to integers "
            f"[{len(images)}] or scores [{len(images)}, classes], received {labels.dtype} of shape "
            f"{labels.shape}."
        )
    return labels


def _large_classes(labels: np.ndarray) -> dict[int, int]:
    """Return the number of images by class, of the classes that are large enough."""
    classes, counts = np.unique(labels, return_counts=True)
    large = {label: n for label, n in zip(classes, counts, strict=True) if n >= _FEWEST}
    if len(large) < 2:
        raise ValueError(
            "Invalid value for argument `classifier`: expected two classes or more with at least "
            f"{_FEWEST} of the {len(labels)} images each, received {len(large)}. Compare more "
            "images (`count`), or give no classifier."
        )
    return large

"""What tells a game that goes well from one that has gone bad: samples held against data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kgan.callbacks.base import first_images
from kgan.metrics.diversity import diversity

__all__ = ["LIMITS", "CollapseMetrics", "Reference"]

Classifier = Callable[[np.ndarray], Any]

_KNOWN = 10  # images of a class by which its share is known
_LEFT = 0.1  # of that share; a class with less is lost


@dataclasses.dataclass(frozen=True)
class CollapseMetrics:
    """What an alarm looks at. Of each number, low is bad.

    Attributes:
        spread: how far apart samples are, relative to data, or data relative to samples where that
            is less: of `kgan.metrics.diversity.Diversity`, or one over it. 0 where samples are all
            alike, or infinitely far apart.
        distinct: how many different samples there are, relative to data (`Diversity` as well).
        d_error: share of data and samples that D tells wrong, 1 - `d_accuracy`: 1/2 at equilibrium,
            0 where D has won.
        classes: share of the data's classes of which samples have at least a tenth as many as
            data; NaN without a classifier.
    """

    spread: float
    distinct: float
    d_error: float
    classes: float = math.nan

    def known(self) -> dict[str, float]:
        """The numbers by name, without those that are NaN."""
        numbers = dataclasses.asdict(self).items()
        return {name: value for name, value in numbers if not math.isnan(value)}

    def __str__(self) -> str:
        """The numbers that are known."""
        return ", ".join(f"{name} {value:.3g}" for name, value in self.known().items())

    def below(self, limits: CollapseMetrics) -> list[str]:
        """Names of the numbers that are lower than those of `limits`."""
        return [name for name, value in self.known().items() if value < getattr(limits, name)]


LIMITS = CollapseMetrics(spread=0.5, distinct=0.05, d_error=0.01, classes=0.5)


class Reference:
    """Some of the data, to hold samples against.

    Args:
        images: floats, an array `[n, ...]`, of which `count` random rows are taken, or a
            `tf.data.Dataset` of batches, of which the first `count` rows are. Fewer rows are all
            taken.
        count: how many rows.
        classifier: None, or a function from images to classes: integers `[n]` or scores
            `[n, classes]`. Classes that fewer than ten of the rows belong to do not count.

    Attributes:
        images: `[count, ...]`, the rows.

    Raises:
        ValueError: the images or the classes are unusable.
    """

    def __init__(self, images: Any, count: int, classifier: Classifier | None = None):
        self.images = _rows(images, count)
        self.classifier = classifier
        self._members: dict[int, int] = {}
        if classifier is not None:
            self._members = _known(_labels(classifier, self.images))

    def vitals(self, samples: np.ndarray, d_error: float) -> CollapseMetrics:
        """Compares as many samples with the images.

        Args:
            samples: finite floats of the shape of `images`.
            d_error: as `CollapseMetrics` has it.
        """
        found = diversity(samples, self.images)
        spread = min(found.spread, 1 / found.spread) if found.spread else 0.0
        return CollapseMetrics(spread, found.distinct, d_error, self._classes(samples))

    def _classes(self, samples: np.ndarray) -> float:
        if self.classifier is None:
            return math.nan
        labels = _labels(self.classifier, samples)
        left = [(labels == label).sum() >= _LEFT * n for label, n in self._members.items()]
        return float(np.mean(left))


def _rows(images: Any, count: int) -> np.ndarray:
    if isinstance(images, tf.data.Dataset):
        images = first_images(images, count)
    images = np.asarray(images)
    if len(images) > count:
        images = images[np.random.default_rng(0).choice(len(images), count, replace=False)]
    usable = images.ndim > 1 and len(images) > 1 and images.dtype.kind == "f"
    if not usable or not np.isfinite(images).all() or (images == images[0]).all():
        raise ValueError(
            "Invalid value for argument `images`: expected finite floats [n, ...] in the "
            "generator's value range, two rows or more and not all equal, received "
            f"{images.dtype} of shape {images.shape}."
        )
    return images


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


def _known(labels: np.ndarray) -> dict[int, int]:
    """Class -> how many there are, of the classes that are large enough."""
    classes, counts = np.unique(labels, return_counts=True)
    known = {label: n for label, n in zip(classes, counts, strict=True) if n >= _KNOWN}
    if len(known) < 2:
        raise ValueError(
            "Invalid value for argument `classifier`: expected two classes or more with at least "
            f"{_KNOWN} of the {len(labels)} images each, received {len(known)}. Compare more "
            "images (`count`), or give no classifier."
        )
    return known

"""What an evaluation measures distances in."""

from __future__ import annotations

from typing import Any

import numpy as np

from kgan import metrics
from kgan.metrics.extractor import fingerprint

from .data import RealData


class Coordinates(metrics.Extractor):
    """Points as they are."""

    def __init__(self) -> None:
        self.name = "coordinates"
        self.fingerprint = fingerprint(self.name)

    def __call__(self, images: Any) -> np.ndarray:
        """The points, float32 `[n, dim]`."""
        return np.asarray(images, np.float32)


def choose(source: str | None, real: RealData) -> metrics.Extractor | None:
    """The features of the flag `--features`, or None for those of the classifier.

    Args:
        source: the flag; None for the best that there is.
        real: the real data.

    Raises:
        ValueError: they do not fit the data.
    """
    if real.are_points:
        if source not in (None, "pixels"):
            raise ValueError(
                f"--features={source}: the points of {real.name} are compared by their "
                "coordinates. Leave the flag out."
            )
        return Coordinates()
    labelled = real.have_classes and real.description.stacked is None
    if source == "classifier" and not labelled:
        raise ValueError(
            f"--features=classifier: the images of {real.name} have no labels to train one with. "
            "Choose random, pixels, or the path of a network."
        )
    if labelled and source in (None, "classifier"):
        return None
    if source is None:
        source = "random" if min(real.image_shape[:2]) >= 4 else "pixels"
    features = metrics.load_features(source, real.image_shape)
    features(real.test[:2])  # one that does not fit says so before anything slow begins
    return features

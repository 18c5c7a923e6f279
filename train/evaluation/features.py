"""The features in which an evaluation measures distances."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kgan import metrics
from kgan.metrics.extractor import fingerprint

from .data import RealData


class Coordinates(metrics.Extractor):
    """Features of points: their coordinates."""

    def __init__(self) -> None:
        self.name = "coordinates"
        self.fingerprint = fingerprint(self.name)

    def __call__(self, images: npt.ArrayLike) -> np.ndarray:
        return np.asarray(images, np.float32)


def choose(source: str | None, real: RealData) -> metrics.Extractor | None:
    """Return the features of the flag `--features`, or None for those of the classifier.

    Args:
        source: the flag; None for the best available.
        real: the real data.

    Raises:
        ValueError: the features do not fit the data.
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
    features(real.test[:2])  # raises before anything slow starts, if the network does not fit
    return features

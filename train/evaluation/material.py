"""What the metrics of one evaluation work on."""

from __future__ import annotations

import functools

import numpy as np

from kgan import metrics
from kgan.inference import Generator

from .classifier import Classes
from .data import RealData
from .options import FEWEST
from .report import NotApplicableError


class Material:
    """Samples, real data, and features of both, extracted when they are first asked for.

    Args:
        real: the real data.
        generator: what is evaluated.
        samples: `[n, ...]`, which it made.
        seed: of the halves.
        features: what distances are measured in.
        classes: of the data; None where there is no classifier.
    """

    def __init__(
        self,
        real: RealData,
        generator: Generator,
        samples: np.ndarray,
        seed: int,
        features: metrics.Extractor,
        classes: Classes | None,
    ):
        self.real = real
        self.generator = generator
        self.samples = samples
        self.seed = seed
        self.features = features
        self.classes = classes

    @functools.cached_property
    def sample_features(self) -> np.ndarray:
        """Of all samples, `[n, d]`."""
        return self.features(self.samples)

    @functools.cached_property
    def test_features(self) -> np.ndarray:
        """Of all test images, `[n, d]`."""
        return self.features(self.real.test)

    @functools.cached_property
    def halves(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features of two halves of the test images and of samples, as many rows each.

        Raises:
            NotApplicableError: there are too few.
        """
        rows = min(len(self.samples), len(self.real.test) // 2)
        if rows < FEWEST:
            raise NotApplicableError(
                f"as {len(self.real.test)} test images do not make two halves of {FEWEST}"
            )
        order = np.random.default_rng(self.seed).permutation(len(self.real.test))
        first, second = self.test_features[order[:rows]], self.test_features[order[-rows:]]
        return first, second, self.sample_features[:rows]

    @functools.cached_property
    def neighbours(self) -> metrics.Memorisation:
        """The memorisation test on pixels or coordinates."""
        return metrics.memorisation_test(
            flat(self.samples), flat(self.real.training), flat(self.real.test)
        )


def flat(images: np.ndarray) -> np.ndarray:
    """Images or points as rows `[n, d]`."""
    return images.reshape(len(images), -1)


def named(features: metrics.Extractor) -> str:
    """What a report calls features: without it a distance means nothing."""
    return f"{features.name} {features.fingerprint}"

"""What the metrics of one evaluation are computed from."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from kgan import metrics
from kgan.inference import Generator
from kgan.priors import Prior

from .classifier import Classes
from .data import RealData
from .options import FEWEST
from .report import NotApplicableError


@dataclasses.dataclass(eq=False)
class EvaluationContext:
    """Samples, real data, and the features of both, extracted when first needed.

    Attributes:
        real: the real data.
        generator: the generator under evaluation.
        samples: its samples, float32 `[n, ...]`.
        seed: of every choice among real images.
        features: the extractor in whose features distances are measured.
        classes: the classifier of the data; None if there is none.
        labels: the class that each sample of a conditional generator was asked for, `[n]`.
    """

    real: RealData
    generator: Generator
    samples: np.ndarray
    seed: int
    features: metrics.Extractor
    classes: Classes | None
    labels: np.ndarray | None = None

    @property
    def kind(self) -> str:
        """What is evaluated, as the names of files have it."""
        path = self.generator.path
        return path.stem if path.suffix == ".npz" else self.generator.kind

    @property
    def prior(self) -> Prior:
        """Distribution of the latents; every run records one."""
        assert self.generator.prior is not None
        return self.generator.prior

    @functools.cached_property
    def sample_features(self) -> np.ndarray:
        """Features of all samples, `[n, d]`."""
        return self.features(self.samples)

    @functools.cached_property
    def test_features(self) -> np.ndarray:
        """Features of all test images, `[n, d]`."""
        return self.features(self.real.test)

    @functools.cached_property
    def halves(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features of two halves of the test images and of samples, with equal numbers of rows.

        Translated images are those of the second half: they share no accident with the first.

        Raises:
            NotApplicableError: there are too few.
        """
        translated = self.generator.condition_shape is not None
        n = len(self.samples) if translated else len(self.real.test)
        rows = min(len(self.samples), n // 2)
        if rows < FEWEST:
            raise NotApplicableError(f"as {n} test images do not make two halves of {FEWEST}")
        order = np.random.default_rng(self.seed).permutation(n)
        first, second = order[:rows], order[-rows:]
        samples = self.sample_features[second if translated else slice(rows)]
        return self.test_features[first], self.test_features[second], samples

    @functools.cached_property
    def neighbours(self) -> metrics.Memorisation:
        """The memorisation test on pixels or coordinates."""
        return metrics.memorisation_test(
            flat(self.samples), flat(self.real.training), flat(self.real.test)
        )


def flat(images: np.ndarray) -> np.ndarray:
    """Return images or points as rows `[n, d]`."""
    return images.reshape(len(images), -1)


def named(features: metrics.Extractor) -> str:
    """Return the name and fingerprint of features, without which a distance means nothing."""
    return f"{features.name} {features.fingerprint}"

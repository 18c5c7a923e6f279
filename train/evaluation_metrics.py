"""The figures of an evaluation, metric by metric."""

from __future__ import annotations

import math

import numpy as np

from kgan import data, metrics

from .evaluation_classifier import Classes
from .evaluation_features import Coordinates
from .evaluation_material import Material, flat, named
from .evaluation_report import Figure, NotApplicableError

_BLOCKS = 10  # a standard error over so many is itself known to a quarter
_PAIRS = 1_000  # of latents


def parzen(m: Material) -> list[Figure]:
    """Parzen-window log-likelihood of the samples, and of k-means centroids in their place."""
    if m.real.are_points:
        raise NotApplicableError("as its windows are made for pixels")
    windows = min(len(m.samples), len(m.real.rest))  # as many in every row, but for the centroids
    table = metrics.parzen_table(
        flat(m.samples[:windows]),
        flat(m.real.rest),
        flat(m.real.validation),
        flat(m.real.test),
        seed=m.seed,
    )
    real = table["training images"]
    return [
        Figure(
            name,
            estimate.mean,
            estimate.num_samples,
            real=real.mean,
            error=estimate.standard_error,
            reals=estimate.num_test,
            features=named(metrics.Pixels()),
            more={"sigma": estimate.sigma, "real_sigma": real.sigma},
        )
        for name, estimate in (
            ("parzen_log_likelihood", table["samples"]),
            ("parzen_of_centroids", table["k-means centroids"]),
        )
    ]


def frechet(m: Material) -> list[Figure]:
    """Frechet distance."""
    first, second, samples = m.halves
    value, floor = (metrics.frechet_distance(first, other) for other in (samples, second))
    return [_compared(m, "frechet_distance", value, floor, frechet_error(first, samples))]


def frechet_error(real: np.ndarray, samples: np.ndarray) -> float:
    """Standard error of the Frechet distance of `[n, d]` and `[m, d]`, by the jackknife.

    Each of ten blocks of both sets is left out in turn (Tukey 1958).
    """
    moments = [
        [metrics.Moments().update(block) for block in np.array_split(rows, _BLOCKS)]
        for rows in (real, samples)
    ]
    values = []
    for left_out in range(_BLOCKS):
        rest = [metrics.Moments(), metrics.Moments()]
        for total, blocks in zip(rest, moments, strict=True):
            for block in blocks[:left_out] + blocks[left_out + 1 :]:
                total.merge(block)
        values.append(metrics.frechet_distance(*rest))
    return math.sqrt((_BLOCKS - 1) * np.var(values))


def kernel(m: Material) -> list[Figure]:
    """Kernel distance."""
    first, second, samples = m.halves
    result, floor = (
        metrics.kernel_distance(first, other, seed=m.seed) for other in (samples, second)
    )
    return [_compared(m, "kernel_distance", result.mean, floor.mean, result.standard_error)]


def precision_recall(m: Material) -> list[Figure]:
    """Precision and recall."""
    first, second, samples = m.halves
    result, floor = (metrics.precision_recall(first, other) for other in (samples, second))
    n = len(samples)
    return [
        _compared(m, "precision", result.precision, floor.precision, _error(result.precision, n)),
        _compared(m, "recall", result.recall, floor.recall, _error(result.recall, n)),
    ]


def density_coverage(m: Material) -> list[Figure]:
    """Density and coverage."""
    first, second, samples = m.halves
    result, floor = (metrics.density_coverage(first, other) for other in (samples, second))
    error = _error(result.coverage, len(samples))
    return [
        _compared(m, "density", result.density, floor.density),
        _compared(m, "coverage", result.coverage, floor.coverage, error),
    ]


def _compared(
    m: Material, name: str, value: float, floor: float, error: float | None = None
) -> Figure:
    rows = len(m.halves[0])
    return Figure(name, value, rows, floor, error, rows, named(m.features))


def _error(share: float, n: int) -> float:
    """Standard error of a share of n."""
    return math.sqrt(share * (1 - share) / n)


def memorisation(m: Material) -> list[Figure]:
    """Distances to the nearest training image, in pixels and in features."""
    if not m.real.held_out:
        raise NotApplicableError("as the run has seen all data: none are left to compare with")
    if isinstance(m.features, metrics.Pixels | Coordinates):
        return _memorisation(m, m.neighbours, "", named(m.features))
    training = m.features(m.real.training)
    in_features = metrics.memorisation_test(m.sample_features, training, m.test_features)
    return [
        *_memorisation(m, m.neighbours, "", named(metrics.Pixels())),
        *_memorisation(m, in_features, "_in_features", named(m.features)),
    ]


def _memorisation(
    m: Material, result: metrics.Memorisation, suffix: str, space: str
) -> list[Figure]:
    """What fresh data get is known: a ratio about 1, the quantile itself, and a standard normal."""
    n, reals = len(m.samples), len(m.real.test)
    more = {
        "training": len(m.real.training),
        "sample_median": result.sample_median,
        "held_out_median": result.held_out_median,
    }
    closer = result.closer
    return [
        Figure(f"neighbour_ratio{suffix}", result.ratio, n, 1.0, None, reals, space, more),
        Figure(
            f"unusually_near{suffix}", closer, n, result.quantile, _error(closer, n), reals, space
        ),
        Figure(f"neighbour_z{suffix}", result.z, n, 0.0, 1.0, reals, space, {"p": result.p}),
    ]


def latent(m: Material) -> list[Figure]:
    """How fast images change on the way from one latent to another."""
    result = metrics.path_length(m.generator, m.generator.prior, m.features, _PAIRS, seed=m.seed)
    error, space = result.standard_error, named(m.features)
    return [Figure("path_length", result.mean, _PAIRS, error=error, features=space)]


def modes(m: Material) -> list[Figure]:
    """How many modes the samples reach, and how evenly."""
    if not m.real.are_points:
        return _class_modes(m)
    mixture = data.DENSITIES[m.real.name]
    n, space = len(m.samples), named(m.features)
    result, real = (
        metrics.mixture_coverage(points, mixture.means, mixture.std)
        for points in (m.samples, m.real.test[:n])
    )
    share = result.high_quality
    return [
        *_modes(result, real, n, space),
        Figure("high_quality", share, n, real.high_quality, _error(share, n), features=space),
    ]


def _class_modes(m: Material) -> list[Figure]:
    """The classes that a classifier finds, or their triples in stacks."""
    classifier = _classes(m).classifier
    targets: np.ndarray | None = _classes(m).counts
    number, find = classifier.num_classes, classifier.labels
    if m.real.description.stacked:
        number, targets = number**3, None  # PacGAN compares with even shares

        def find(images: np.ndarray) -> np.ndarray:
            return metrics.stacked_labels(images, classifier)

    n = len(m.samples)
    result, real = (
        metrics.mode_coverage(find(images), number, targets)
        for images in (m.samples, m.real.test[:n])
    )
    return _modes(result, real, n, named(classifier))


def _classes(m: Material) -> Classes:
    if m.classes is None:
        raise NotApplicableError(f"as {m.real.name} has no labels to train a classifier with")
    return m.classes


def score(m: Material) -> list[Figure]:
    """The formula of the Inception score, with a classifier of the data's own classes."""
    classifier = _classes(m).classifier
    if m.real.description.stacked:
        raise NotApplicableError("as the classifier knows single images, not stacks")
    rows = min(len(m.samples), len(m.real.test))
    order = np.random.default_rng(m.seed).permutation(rows)
    (value, spread), (real, _) = (
        metrics.classifier_score(classifier.probabilities(images[order]))
        for images in (m.samples, m.real.test)
    )
    error = spread / math.sqrt(_BLOCKS)
    more = {"classifier_accuracy": classifier.accuracy}
    space = named(classifier)
    return [Figure("classifier_score", value, rows, real, error, features=space, more=more)]


def _modes(
    result: metrics.ModeCoverage, real: metrics.ModeCoverage, n: int, space: str
) -> list[Figure]:
    more = {"of": len(result.shares), "shares": result.shares.tolist()}
    return [
        Figure("modes_found", result.found, n, real.found, features=space, more=more),
        Figure("modes_kl", result.kl, n, result.kl_floor, features=space),
    ]


BY_NAME = {
    "parzen": parzen,
    "frechet": frechet,
    "kernel": kernel,
    "precision_recall": precision_recall,
    "density_coverage": density_coverage,
    "score": score,
    "modes": modes,
    "memorisation": memorisation,
    "latent": latent,
}

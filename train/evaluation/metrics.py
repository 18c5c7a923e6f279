"""The figures that compare sets of images: densities, distances, neighbours, paths."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kgan import metrics

from .features import Coordinates
from .material import Material, flat, named
from .report import Figure, NotApplicableError

BLOCKS = 10  # a standard error over so many is itself known to a quarter
PAIRS = 1_000  # of latents


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
        [metrics.Moments().update(block) for block in np.array_split(rows, BLOCKS)]
        for rows in (real, samples)
    ]
    values = []
    for left_out in range(BLOCKS):
        rest = [metrics.Moments(), metrics.Moments()]
        for total, blocks in zip(rest, moments, strict=True):
            for block in blocks[:left_out] + blocks[left_out + 1 :]:
                total.merge(block)
        values.append(metrics.frechet_distance(*rest))
    return math.sqrt((BLOCKS - 1) * np.var(values))


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
    return [
        _compared(m, name, value, real, share_error(value, len(samples)))
        for name, value, real in (
            ("precision", result.precision, floor.precision),
            ("recall", result.recall, floor.recall),
        )
    ]


def density_coverage(m: Material) -> list[Figure]:
    """Density and coverage."""
    first, second, samples = m.halves
    result, floor = (metrics.density_coverage(first, other) for other in (samples, second))
    error = share_error(result.coverage, len(samples))
    return [
        _compared(m, "density", result.density, floor.density),
        _compared(m, "coverage", result.coverage, floor.coverage, error),
    ]


def _compared(
    m: Material, name: str, value: float, floor: float, error: float | None = None
) -> Figure:
    rows = len(m.halves[0])
    space = named(m.features)
    return Figure(name, value, rows, real=floor, error=error, reals=rows, features=space)


def share_error(share: float, n: int) -> float:
    """Standard error of a share of n draws."""
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
    n = len(m.samples)
    common: dict[str, Any] = {"samples": n, "reals": len(m.real.test), "features": space}
    ratio = Figure(
        f"neighbour_ratio{suffix}",
        result.ratio,
        real=1.0,
        more={
            "training": len(m.real.training),
            "sample_median": result.sample_median,
            "held_out_median": result.held_out_median,
        },
        **common,
    )
    near, error = result.closer, share_error(result.closer, n)
    return [
        ratio,
        Figure(f"unusually_near{suffix}", near, real=result.quantile, error=error, **common),
        Figure(
            f"neighbour_z{suffix}", result.z, real=0.0, error=1.0, more={"p": result.p}, **common
        ),
    ]


def latent(m: Material) -> list[Figure]:
    """How fast images change on the way from one latent to another."""
    result = metrics.path_length(
        m.generator.path_images(2), m.generator.prior, m.features, PAIRS, seed=m.seed
    )
    error, space = result.standard_error, named(m.features)
    return [Figure("path_length", result.mean, PAIRS, error=error, features=space)]

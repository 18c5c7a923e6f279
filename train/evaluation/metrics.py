"""Metrics that compare sets of images: densities, distances, neighbours, paths."""

from __future__ import annotations

import math

import numpy as np

from kgan import metrics
from kgan.utils.types import JsonDict

from .context import EvaluationContext, flat, named
from .features import Coordinates
from .report import MetricResult, NotApplicableError

BLOCKS = 10  # a standard error over ten blocks is itself accurate to about a quarter
PAIRS = 1_000  # of latents


def parzen(context: EvaluationContext) -> list[MetricResult]:
    """Return the Parzen-window log-likelihood, and that of k-means centroids as a control."""
    real = context.real
    if real.are_points:
        raise NotApplicableError("as its windows are made for pixels")
    windows = min(len(context.samples), len(real.rest))  # as many for samples as for real images
    table = metrics.parzen_table(
        flat(context.samples[:windows]),
        flat(real.rest),
        flat(real.validation),
        flat(real.test),
        seed=context.seed,
    )
    reference = table["training images"]
    return [
        MetricResult(
            name,
            estimate.mean,
            estimate.num_samples,
            real=reference.mean,
            error=estimate.standard_error,
            reals=estimate.num_test,
            features=named(metrics.Pixels()),
            more={"sigma": estimate.sigma, "real_sigma": reference.sigma},
        )
        for name, estimate in (
            ("parzen_log_likelihood", table["samples"]),
            ("parzen_of_centroids", table["k-means centroids"]),
        )
    ]


def frechet_distance(context: EvaluationContext) -> list[MetricResult]:
    """Return the Frechet distance (FID where the features are Inception's)."""
    first, second, samples = context.halves
    value, floor = (metrics.frechet_distance(first, other) for other in (samples, second))
    error = frechet_standard_error(first, samples)
    return [_against_half(context, "frechet_distance", value, floor, error)]


def frechet_standard_error(real: np.ndarray, samples: np.ndarray) -> float:
    """Return the standard error of the Frechet distance of `[n, d]` and `[m, d]`, by the jackknife.

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


def kernel_distance(context: EvaluationContext) -> list[MetricResult]:
    """Return the kernel distance (KID where the features are Inception's)."""
    first, second, samples = context.halves
    result, floor = (
        metrics.kernel_distance(first, other, seed=context.seed) for other in (samples, second)
    )
    error = result.standard_error
    return [_against_half(context, "kernel_distance", result.mean, floor.mean, error)]


def precision_recall(context: EvaluationContext) -> list[MetricResult]:
    """Return precision and recall."""
    first, second, samples = context.halves
    result, floor = (metrics.precision_recall(first, other) for other in (samples, second))
    return [
        _against_half(context, name, value, real, share_standard_error(value, len(samples)))
        for name, value, real in (
            ("precision", result.precision, floor.precision),
            ("recall", result.recall, floor.recall),
        )
    ]


def density_coverage(context: EvaluationContext) -> list[MetricResult]:
    """Return density and coverage."""
    first, second, samples = context.halves
    result, floor = (metrics.density_coverage(first, other) for other in (samples, second))
    error = share_standard_error(result.coverage, len(samples))
    return [
        _against_half(context, "density", result.density, floor.density),
        _against_half(context, "coverage", result.coverage, floor.coverage, error),
    ]


def _against_half(
    context: EvaluationContext, name: str, value: float, floor: float, error: float | None = None
) -> MetricResult:
    """Return a result that compares samples, and the other half, with one half of the test data."""
    rows = len(context.halves[0])
    space = named(context.features)
    return MetricResult(name, value, rows, real=floor, error=error, reals=rows, features=space)


def share_standard_error(share: float, n: int) -> float:
    """Return the standard error of a share of `n` independent draws."""
    return math.sqrt(share * (1 - share) / n)


def memorisation(context: EvaluationContext) -> list[MetricResult]:
    """Return how near the samples lie to training images, in pixels and in features."""
    if not context.real.held_out:
        raise NotApplicableError("as the run has seen all data: none are left to compare with")
    features = context.features
    if isinstance(features, metrics.Pixels | Coordinates):
        return _memorisation(context, context.neighbours, "", named(features))
    training = features(context.real.training)
    in_features = metrics.memorisation_test(
        context.sample_features, training, context.test_features
    )
    return [
        *_memorisation(context, context.neighbours, "", named(metrics.Pixels())),
        *_memorisation(context, in_features, "_in_features", named(features)),
    ]


def _memorisation(
    context: EvaluationContext, result: metrics.Memorisation, suffix: str, space: str
) -> list[MetricResult]:
    """Return the results of a test; fresh data give 1, the quantile, and N(0, 1)."""
    n = len(context.samples)
    common: JsonDict = {"samples": n, "reals": len(context.real.test), "features": space}
    medians = {
        "training": len(context.real.training),
        "sample_median": result.sample_median,
        "held_out_median": result.held_out_median,
    }
    rate, error = result.near_duplicate_rate, share_standard_error(result.near_duplicate_rate, n)
    rate_name, z_name = f"near_duplicate_rate{suffix}", f"neighbour_z{suffix}"
    return [
        MetricResult(f"neighbour_ratio{suffix}", result.ratio, real=1.0, more=medians, **common),
        MetricResult(rate_name, rate, real=result.quantile, error=error, **common),
        MetricResult(z_name, result.z, real=0.0, error=1.0, more={"p": result.p}, **common),
    ]


def path_length(context: EvaluationContext) -> list[MetricResult]:
    """Return how fast features change between two latents."""
    if context.generator.condition_shape is not None:
        raise NotApplicableError("as the generator translates images")
    result = metrics.path_length(
        context.generator.path_images(2), context.prior, context.features, PAIRS, seed=context.seed
    )
    error, space = result.standard_error, named(context.features)
    return [MetricResult("path_length", result.mean, PAIRS, error=error, features=space)]

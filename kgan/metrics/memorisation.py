"""Memorisation: distances of samples to the training data, compared with those of held-out data."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from kgan.metrics import checks
from kgan.metrics.neighbours import nearest
from kgan.utils.checks import number

__all__ = ["Memorisation", "memorisation_test"]


@dataclasses.dataclass(frozen=True)
class Memorisation:
    """Distances to the nearest training example, of samples and of held-out data.

    Attributes:
        neighbours: int64 `[n]`, index of the training example nearest to each sample.
        distances: float64 `[n]`, the distance to it.
        sample_median: median of `distances`.
        held_out_median: median distance of the held-out examples.
        ratio: the first median over the second: about 1 for new data, 0 for copies.
        near_duplicate_rate: share of the samples whose distance is below the `quantile` of the
            held-out distances: about `quantile` for new data, 1 for copies.
        quantile: the argument of `memorisation_test`.
        z: the standardised rank sum: about standard normal for new data, far below 0 for copies,
            far above 0 for samples far from every training example.
        p: probability of a `z` at most as large for new data, by the normal approximation.
    """

    neighbours: np.ndarray
    distances: np.ndarray
    sample_median: float
    held_out_median: float
    ratio: float
    near_duplicate_rate: float
    quantile: float
    z: float
    p: float


def memorisation_test(
    samples: npt.ArrayLike,
    training: npt.ArrayLike,
    held_out: npt.ArrayLike,
    quantile: float = 0.05,
) -> Memorisation:
    """Compare the samples' distances to the training examples with those of held-out examples.

    The rank test of Meehan, Chaudhuri & Dasgupta (2020, arXiv 2004.05675, section 3), with the
    whole space as one cell. The statistic U of Mann and Whitney (1947) counts the pairs of a sample
    and a held-out example in which the sample has the larger distance, and

        z = (U - n h / 2) / sqrt(n h (n + h + 1) / 12),

    with the usual correction of the root for ties.

    Flat pixels detect exact copies; features also detect shifted or recoloured ones. A low `z`
    without near copies has another cause: samples concentrate where training examples are dense,
    such as in one class. Inspect the neighbours, or compare within one class.

    Args:
        samples: `[n, d]`, flat pixels or features of generated samples.
        training: `[m, d]`, the whole training set; copies of omitted examples go undetected.
        held_out: `[h, d]`, from the same source as `training`, disjoint from it.
        quantile: in (0, 1), for `near_duplicate_rate`.

    Raises:
        ValueError: an array is not finite or not `[n, d]`, or `quantile` is not in (0, 1).

    Example:
        ```python
        samples, training, held_out = np.random.default_rng(0).normal(size=(3, 100, 2))
        kgan.metrics.memorisation_test(training, training, held_out).near_duplicate_rate  # 1.0
        ```
    """
    samples = checks.samples("samples", samples)
    training = checks.samples("training", training)
    held_out = checks.samples("held_out", held_out)
    checks.same_width("training", training, "samples", samples)
    checks.same_width("training", training, "held_out", held_out)
    quantile = number("quantile", quantile, 0, 1, ends="()")
    distances, neighbours = (each[:, 0] for each in nearest(samples, training))
    controls = nearest(held_out, training)[0][:, 0]
    sample_median, held_out_median = float(np.median(distances)), float(np.median(controls))
    z = _rank_z(distances, controls)
    return Memorisation(
        neighbours=neighbours,
        distances=distances,
        sample_median=sample_median,
        held_out_median=held_out_median,
        ratio=sample_median / held_out_median if held_out_median else math.nan,
        near_duplicate_rate=float(np.mean(distances < np.quantile(controls, quantile))),
        quantile=quantile,
        z=z,
        p=float(stats.norm.cdf(z)),
    )


def _rank_z(first: np.ndarray, second: np.ndarray) -> float:
    """Return Mann and Whitney's U of `first`, standardised; 0 if all values are equal."""
    n, h = len(first), len(second)
    both = np.concatenate([first, second])
    u = stats.rankdata(both)[:n].sum() - n * (n + 1) / 2
    ties = np.unique(both, return_counts=True)[1].astype(np.float64)
    total = n + h
    variance = n * h / 12 * (total + 1 - np.sum(ties**3 - ties) / (total * (total - 1)))
    return float((u - n * h / 2) / math.sqrt(variance)) if variance > 0 else 0.0

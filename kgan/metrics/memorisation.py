"""Memorisation: are the samples nearer to the training images than fresh images are?"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from scipy import stats

from kgan.metrics import checks
from kgan.metrics.neighbours import nearest

__all__ = ["Memorisation", "memorisation_test"]


@dataclasses.dataclass(frozen=True)
class Memorisation:
    """Distances to the nearest training example: those of the samples, and those of fresh data.

    Attributes:
        neighbours: int64 `[n]`, the training example nearest to each sample; a figure
            `sample | neighbour` shows what the numbers mean.
        distances: float64 `[n]`, how far it is.
        sample_median: median of `distances`.
        held_out_median: the same of the held-out examples.
        ratio: the first median over the second: about 1 for fresh data, 0 for copies.
        closer: share of the samples that are nearer to the training examples than all but the
            nearest `quantile` of the held-out ones; about `quantile` for fresh data, 1 for copies.
        quantile: 0.05 unless another was asked for.
        z: the standardised rank sum; about standard normal for fresh data, far below 0 for
            copies, far above 0 for samples that are far from any training example.
        p: how often fresh data would have a `z` as low, by the normal approximation.
    """

    neighbours: np.ndarray
    distances: np.ndarray
    sample_median: float
    held_out_median: float
    ratio: float
    closer: float
    quantile: float
    z: float
    p: float


def memorisation_test(
    samples: Any, training: Any, held_out: Any, quantile: float = 0.05
) -> Memorisation:
    """Compares the samples' distances to the training examples with those of held-out ones.

    The rank test of Meehan, Chaudhuri & Dasgupta (2020, arXiv 2004.05675, section 3), over the
    whole space as one cell: the statistic U of Mann and Whitney (1947) counts the pairs of a
    sample and a held-out example in which the sample is the farther one from its nearest training
    example, and

        z = (U - n h / 2) / sqrt(n h (n + h + 1) / 12),

    with the usual correction of the root for ties.

    Distances mean what their space means: flat pixels find copies that are exact, features find
    those that are shifted or recoloured. A low `z` without near copies has another cause: samples
    that keep to where the training examples lie close together, such as to the easiest class, are
    nearer to them than data are. So look at the neighbours, or compare one class with itself.

    Args:
        samples: `[n, d]`, of the generator, as flat pixels or features.
        training: `[m, d]`, what it was trained on, all of it: what is left out hides copies.
        held_out: `[h, d]`, of the same source as `training`, and not among them.
        quantile: in (0, 1), for `closer`.

    Raises:
        ValueError: an array is not finite or not `[n, d]`, or `quantile` is not in (0, 1).
    """
    samples = checks.samples("samples", samples)
    training = checks.samples("training", training)
    held_out = checks.samples("held_out", held_out)
    checks.same_width("training", training, "samples", samples)
    checks.same_width("training", training, "held_out", held_out)
    if not 0 < quantile < 1:
        raise ValueError(
            "Invalid value for argument `quantile`: expected a number between 0 and 1, "
            f"received {quantile!r}."
        )
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
        closer=float(np.mean(distances < np.quantile(controls, quantile))),
        quantile=quantile,
        z=z,
        p=float(stats.norm.cdf(z)),
    )


def _rank_z(first: np.ndarray, second: np.ndarray) -> float:
    """Mann and Whitney's U of `first`, standardised; 0 where every value is the same."""
    n, h = len(first), len(second)
    both = np.concatenate([first, second])
    u = stats.rankdata(both)[:n].sum() - n * (n + 1) / 2
    ties = np.unique(both, return_counts=True)[1].astype(np.float64)
    total = n + h
    variance = n * h / 12 * (total + 1 - np.sum(ties**3 - ties) / (total * (total - 1)))
    return float((u - n * h / 2) / math.sqrt(variance)) if variance > 0 else 0.0

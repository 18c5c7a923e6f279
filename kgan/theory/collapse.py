"""Mode collapse, the "Helvetica scenario" (Goodfellow et al. 2014, section 6), and how to see it.

G must not be trained too much without updating D. Against a fixed D, V(D, G) is linear in p_g:
G's best answer is to make the one x of which D is surest, from every z, and nothing in the game
rewards a second x. The loss only improves on the way there, so it is the samples that must tell.

On a finite set the number of outcomes that G really uses is the inverse Simpson index
1 / sum p_i^2, since sum p_i^2 is the probability that two samples coincide. Samples in space
coincide when they are closer than a radius, which the data set: it is the distance within which
1 % of all pairs of data lie.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.spatial.distance import pdist

from . import checks

__all__ = ["MOST", "Diversity", "best_response", "diversity", "effective_number"]

MOST = 4096  # points; their pairwise distances take 64 MiB
COINCIDENCES = 0.01  # share of the data's pairs that count as coinciding


def effective_number(p: Any) -> np.ndarray:
    """How many outcomes a distribution really uses: 1 / sum p_i^2 (Simpson 1949; Hill 1973).

    It is n for n equally likely outcomes, and 1 when all mass is on one.

    Args:
        p: `[..., outcomes]`, probabilities.

    Returns:
        float64 `[...]`, from 1 to the number of outcomes.

    Raises:
        ValueError: negative numbers, or a sum that is not 1.
    """
    return 1 / np.square(checks.probabilities("p", p)).sum(axis=-1)


def best_response(discriminator: Any) -> np.ndarray:
    """The p_g that minimises V(D, p_g) for a fixed D: all mass where D is largest.

    V is linear in p_g with coefficients log(1 - D), so the minimum lies in a corner of the simplex,
    whatever p_data is and wherever G started. Only a D that is constant, as it is at the
    equilibrium, leaves the optimum open: every p_g is one. The non-saturating loss has the same.

    Args:
        discriminator: D, `[..., outcomes]`, in [0, 1].

    Returns:
        float64 `[..., outcomes]`; outcomes that share the maximum share the mass evenly.

    Raises:
        ValueError: D leaves [0, 1].
    """
    d = np.atleast_1d(checks.finite("discriminator", discriminator))
    checks.within("discriminator", d, 0, 1)
    largest = d == d.max(axis=-1, keepdims=True)
    return largest / largest.sum(axis=-1, keepdims=True)


@dataclasses.dataclass(frozen=True)
class Diversity:
    """How diverse samples are, relative to data.

    Attributes:
        spread: ratio of mean distances between two points. 1 for samples as far apart as data,
            0 when all are one point. It sees collapse to one place, but hardly one to a few
            places far from each other.
        distinct: ratio of effective numbers of points. 1 for samples that come as close to each
            other as often as data do, and close to 0 when there are few distinct ones.
    """

    spread: float
    distinct: float


def diversity(samples: Any, data: Any) -> Diversity:
    """Compares the distances among samples with those among data.

    The mean distance is the self-term of the energy distance (Szekely and Rizzo 2013). The
    effective number of n points is n^2 over the number of ordered pairs within the radius, each
    point with itself included: the inverse Simpson index, where "the same" means "within the
    radius". Neither depends on the scale of the points. For 256 images of 32 x 32 x 3 it takes
    about a tenth of a second.

    Args:
        samples: `[n, ...]` points or images, 2 <= n <= `MOST`.
        data: the same shape, independent of the samples and in the same units.

    Returns:
        Both ratios, finite and not negative. For two independent draws of data, n = 256, spread
        lies within about 0.15 of 1 and distinct within 0.25.

    Raises:
        ValueError: the shapes differ, n is out of range, or all data are one point.
    """
    points = checks.finite("samples", samples), checks.finite("data", data)
    checks.same_shape("samples", points[0], "data", points[1])
    n = len(points[0]) if points[0].ndim else 0
    if not 2 <= n <= MOST:
        raise ValueError(
            f"Invalid value for argument `samples`: expected 2 to {MOST} points, received {n}. "
            "A random part of many will do."
        )
    among_samples, among_data = (pdist(x.reshape(n, -1)) for x in points)
    if not among_data.any():
        raise ValueError(
            f"Invalid value for argument `data`: expected points that differ, received {n} equal "
            "ones."
        )
    radius = np.quantile(among_data, COINCIDENCES)
    spread = among_samples.mean() / among_data.mean()
    distinct = _within(among_data, radius, n) / _within(among_samples, radius, n)
    return Diversity(float(spread), float(distinct))


def _within(distances: np.ndarray, radius: float, n: int) -> int:
    """Ordered pairs of n points within the radius, each point with itself included."""
    return n + 2 * int((distances <= radius).sum())

"""Integrals over the line from log densities, to ten digits, by adaptive Gauss quadrature.

A density may be narrow, far from zero, multimodal or of bounded support. A rule that samples it in
the wrong places returns zero. Three steps prevent this:

1. Cut the line around every centre, in steps that grow fourfold. Centres are the peaks and the
   ends of supports that a scan finds, the bounds, zero, and the points that the user names.
2. Halve each piece until the rule agrees with itself.
3. Check that every density integrates to one; raise an error if it does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from kgan.theory import checks
from kgan.theory.checks import Function

__all__ = ["LINE", "Bounds", "LogDensity", "Points", "integral", "weigh"]

LogDensity: TypeAlias = Function  # from points `[n, ...]` to nats `[n]`
Bounds: TypeAlias = tuple[float, float]
Points: TypeAlias = Sequence[float]
LINE: Bounds = (-math.inf, math.inf)

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
STEPS = 4.0 ** np.arange(-20, 84)  # from 1e-12 to 1e50, taken as the end of the line
SCAN = np.geomspace(1e-6, 1e12, 4000)  # each a hundredth further than the last
TOLERANCE = 1e-13  # of each piece; a thousand pieces leave 1e-10
MASS = 1e-9  # how far from one a density may integrate
FLOOR = math.log(1e-200)  # below it, a log density is often -inf by underflow alone
PIECES = 20_000  # unsettled at once; a density has fewer


def weigh(log_weight: np.ndarray, term: np.ndarray) -> np.ndarray:
    """Return `exp(log_weight) * term`, and 0 where the weight is 0, even for an infinite term."""
    with np.errstate(invalid="ignore"):
        weight = np.exp(log_weight)
        return np.where(weight > 0, weight * term, 0.0)


def integral(
    integrand: Callable[..., np.ndarray],
    densities: Mapping[str, LogDensity],
    bounds: Bounds = LINE,
    points: Points = (),
) -> float:
    """Return the integral over the line of a function of points and of log densities there.

    Args:
        integrand: function of the points `[n]` and of each log density `[n]`, to `[n]`.
        densities: argument name (for messages) -> log density: `[n]` points to `[n]` nats, -inf
            where there is no mass. Each must integrate to one.
        bounds: `(low, high)`, finite or not; all of the mass must lie between them.
        points: where densities jump, and where a bounded support is narrower than a hundredth of
            its distance from zero. Peaks and other supports are found without.

    Returns:
        The integral, with an error below 1e-9, or below 1e-10 of its size where that is more. No
        density may be narrower than 1e-8 of its distance from zero: float64 has too few points
        there. Infinite where the integrand is, or where its tail does not vanish at 1e50. Where
        all densities are below 1e-200 the integrand counts as zero.

    Raises:
        ValueError: a density does not integrate to one within 1e-9, or the integral does not
            settle.
    """
    low, high = checks.interval("bounds", bounds)
    centres = _centres(densities, low, high, points)
    edges = np.unique(np.clip(centres + np.outer([-1, 0, 1], STEPS)[..., None], low, high))

    def columns(x: np.ndarray) -> np.ndarray:
        logs = [checks.nats(name, density, x) for name, density in densities.items()]
        with np.errstate(invalid="ignore", over="ignore"):
            values = np.where(np.max(logs, axis=0) > FLOOR, integrand(x, *logs), 0.0)
            return np.stack([values, *map(np.exp, logs)], axis=-1)

    pieces = _integrate(columns, edges, " and ".join(f"`{name}`" for name in densities))
    total, *masses = pieces.sum(axis=0)
    for name, mass in zip(densities, masses, strict=True):
        if not abs(mass - 1) < MASS:
            raise ValueError(
                f"Invalid value for argument `{name}`: expected a log density that integrates to "
                f"1 over `bounds`, received one that integrates to {mass}. Name in `points` where "
                "it is narrow, and let `bounds` hold all of it."
            )
    for tail, end in zip(pieces[[0, -1], 0], (low, high), strict=True):
        if math.isinf(end) and abs(tail) > 1e-10:
            return math.copysign(math.inf, tail)
    return float(total)


def _integrate(
    function: Callable[[np.ndarray], np.ndarray], edges: np.ndarray, names: str
) -> np.ndarray:
    """Return the integral of each column of a function over each piece, `[pieces, columns]`."""
    low, high = edges[:-1], edges[1:]
    owner = np.arange(len(low))
    whole, _ = _gauss(function, low, high)
    totals = np.zeros_like(whole)
    while len(low):
        middle = low + (high - low) / 2
        (left, rough_left), (right, rough_right) = (
            _gauss(function, *ends) for ends in ((low, middle), (middle, high))
        )
        halves = left + right
        # Points are known to one unit in the last place; halving does not reduce that error.
        blur = np.spacing(np.maximum(np.abs(low), np.abs(high)))[:, None]
        with np.errstate(invalid="ignore"):
            allowed = TOLERANCE * (1 + np.abs(halves)) + 4 * blur * (rough_left + rough_right)
            open_ = (np.abs(halves - whole) > allowed).any(axis=1)  # infinite pieces are settled
        np.add.at(totals, owner[~open_], halves[~open_])
        if open_.sum() > PIECES:
            raise ValueError(
                f"Invalid value for arguments {names}: expected an integral that settles, received "
                f"{open_.sum()} pieces still open. It may be infinite or too rough for quadrature."
            )
        low, high = (
            np.concatenate([low[open_], middle[open_]]),
            np.concatenate([middle[open_], high[open_]]),
        )
        whole, owner = np.concatenate([left[open_], right[open_]]), np.tile(owner[open_], 2)
    return totals


def _gauss(
    function: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return integrals and total variations at 16 Gauss points, both `[pieces, columns]`."""
    half = (high - low)[:, None] / 2
    x = low[:, None] + half * (1 + NODES)
    values = function(x.ravel()).reshape(*x.shape, -1)
    with np.errstate(invalid="ignore"):
        sums = ((half * WEIGHTS)[:, None] @ values)[:, 0]
        variations = np.abs(np.diff(values, axis=1)).sum(axis=1)
    return np.where(half > 0, sums, 0.0), variations  # half of the smallest piece rounds to 0


def _centres(
    densities: Mapping[str, LogDensity], low: float, high: float, points: Points
) -> np.ndarray:
    """Return the named points, bounds, zero, peaks and ends of supports, sorted."""
    named = checks.finite("points", points).ravel() if len(points) else np.empty(0)
    ends = [end for end in (low, high) if math.isfinite(end)]
    anchors = np.unique([*named, *ends, *([0.0] if low < 0 < high else [])])
    scan = [(anchors[:, None] + np.outer([-1, 1], SCAN).ravel()).ravel(), anchors]
    if len(ends) == 2:
        scan.append(np.linspace(low, high, 4000))
    x = np.unique(np.concatenate(scan))
    x = x[(low <= x) & (x <= high)]
    for name, density in densities.items():
        anchors = np.concatenate([anchors, _peaks(name, density, x), _ends(name, density, x)])
    centres = np.unique(anchors)
    apart = np.diff(centres, prepend=-math.inf) > 1e-10 * np.maximum(1, np.abs(centres))
    return centres[apart]


def _peaks(name: str, density: LogDensity, x: np.ndarray) -> np.ndarray:
    """Return the highest local maxima of a log density between sorted points, at most 50."""
    v = np.concatenate([[-math.inf], checks.nats(name, density, x), [-math.inf]])
    found = np.flatnonzero((v[1:-1] > v[:-2]) & (v[1:-1] >= v[2:]))
    found = found[np.argsort(-v[1:-1][found])[:50]]
    low, high = x[np.maximum(found - 1, 0)], x[np.minimum(found + 1, len(x) - 1)]
    peak = x[found]
    for _ in range(9 if len(found) else 0):  # each pass leaves a sixteenth of the bracket
        grid = np.linspace(low, high, 33)
        best = checks.nats(name, density, grid.ravel()).reshape(grid.shape).argmax(axis=0)
        low, peak, high = _rows(grid, best - 1), _rows(grid, best), _rows(grid, best + 1)
    return peak


def _ends(name: str, density: LogDensity, x: np.ndarray) -> np.ndarray:
    """Return where a support begins or ends between sorted points, to the last place."""
    inside = checks.nats(name, density, x) > -math.inf
    found = np.flatnonzero(inside[1:] != inside[:-1])
    low, high = x[found], x[found + 1]
    for _ in range(12 if len(found) else 0):  # each pass leaves a thirty-second of the bracket
        grid = np.linspace(low, high, 33)
        same = (checks.nats(name, density, grid.ravel()) > -math.inf).reshape(grid.shape)
        after = np.argmax(same != same[0], axis=0)
        low, high = _rows(grid, after - 1), _rows(grid, after)
    return high


def _rows(grid: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return one row of each column."""
    return np.take_along_axis(grid, np.clip(rows, 0, len(grid) - 1)[None], 0)[0]

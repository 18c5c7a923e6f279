"""Integrals of densities over the line, to ten digits, from their logarithms alone.

A density may be narrow, far from zero, of several peaks or of bounded support, and a rule that
samples it in the wrong places sees nothing and reports zero. So the line is first cut finely, in
steps that grow fourfold, around every centre: the peaks and the ends of supports that a scan
finds, the bounds, zero, and the points the user names. Each piece is then halved until Gauss's
rule agrees with itself. Last, every density must turn out to integrate to one: what was missed
is an error, not a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import checks

__all__ = ["LINE", "LogDensity", "integral", "weigh"]

LogDensity = Callable[[np.ndarray], Any]
LINE = (-math.inf, math.inf)

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
STEPS = 4.0 ** np.arange(-20, 84)  # from 1e-12 to 1e50, where the line ends for us
SCAN = np.geomspace(1e-6, 1e12, 4000)  # each a hundredth further than the last
TOLERANCE = 1e-13  # of each piece; a thousand pieces leave 1e-10
MASS = 1e-9  # how far from one a density may integrate
FLOOR = math.log(1e-200)  # below it, many a log density is -inf by underflow, not by intention
PIECES = 20_000  # more of them unsettled at once is no density


def weigh(log_weight: Any, term: Any) -> np.ndarray:
    """`exp(log_weight) * term`, where no weight times anything, infinity included, is zero."""
    with np.errstate(invalid="ignore"):
        weight = np.exp(log_weight)
        return np.where(weight > 0, weight * term, 0.0)


def integral(
    integrand: Callable[..., np.ndarray],
    densities: Mapping[str, LogDensity],
    bounds: tuple[float, float] = LINE,
    points: Sequence[float] = (),
) -> float:
    """The integral over the line of a function of a point and of log densities there.

    Args:
        integrand: takes the points `[n]` and each log density there `[n]`, and returns `[n]`.
        densities: argument name (for messages) -> log density, which maps `[n]` points to `[n]`
            nats, -inf where there is no mass. Each must integrate to one.
        bounds: `(low, high)`, finite or not; all of the mass must lie between them.
        points: where densities jump, and where a bounded support is narrower than a hundredth of
            its distance from zero; peaks and other supports are found without.

    Returns:
        The integral, right to 1e-9, or to 1e-10 of its size where that is more, if no density is
        narrower than 1e-8 of its distance from zero: float64 has too few points there. Infinite
        where the integrand is, or where its tail does not vanish at 1e50. Where all densities are
        below 1e-200 the integrand counts as zero.

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
    """Integrals of each of a function's columns over each piece, `[pieces, columns]`."""
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
        # Points are known to one unit in the last place, which no halving can undo.
        blur = np.spacing(np.maximum(np.abs(low), np.abs(high)))[:, None]
        with np.errstate(invalid="ignore"):
            allowed = TOLERANCE * (1 + np.abs(halves)) + 4 * blur * (rough_left + rough_right)
            open_ = (np.abs(halves - whole) > allowed).any(axis=1)  # an infinite one is settled
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
    """Gauss's 16 points on each piece: integrals and total variations, `[pieces, columns]`."""
    half = (high - low)[:, None] / 2
    x = low[:, None] + half * (1 + NODES)
    values = function(x.ravel()).reshape(*x.shape, -1)
    with np.errstate(invalid="ignore"):
        sums = ((half * WEIGHTS)[:, None] @ values)[:, 0]
        variations = np.abs(np.diff(values, axis=1)).sum(axis=1)
    return np.where(half > 0, sums, 0.0), variations  # half of one unit in the last place is none


def _centres(
    densities: Mapping[str, LogDensity], low: float, high: float, points: Sequence[float]
) -> np.ndarray:
    """Where the line is cut finely: named points, bounds, zero, peaks and ends of supports."""
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
    """The highest local maxima of a log density seen from sorted points, at most 50 of them."""
    v = np.concatenate([[-math.inf], checks.nats(name, density, x), [-math.inf]])
    found = np.flatnonzero((v[1:-1] > v[:-2]) & (v[1:-1] >= v[2:]))
    found = found[np.argsort(-v[1:-1][found])[:50]]
    low, high = x[np.maximum(found - 1, 0)], x[np.minimum(found + 1, len(x) - 1)]
    peak = x[found]
    for _ in range(9 if len(found) else 0):  # each round leaves a sixteenth of the bracket
        grid = np.linspace(low, high, 33)
        best = checks.nats(name, density, grid.ravel()).reshape(grid.shape).argmax(axis=0)
        low, peak, high = _rows(grid, best - 1), _rows(grid, best), _rows(grid, best + 1)
    return peak


def _ends(name: str, density: LogDensity, x: np.ndarray) -> np.ndarray:
    """Where a support begins or ends between sorted points, to the last place."""
    inside = checks.nats(name, density, x) > -math.inf
    found = np.flatnonzero(inside[1:] != inside[:-1])
    low, high = x[found], x[found + 1]
    for _ in range(12 if len(found) else 0):  # each round leaves a thirty-second of the bracket
        grid = np.linspace(low, high, 33)
        same = (checks.nats(name, density, grid.ravel()) > -math.inf).reshape(grid.shape)
        after = np.argmax(same != same[0], axis=0)
        low, high = _rows(grid, after - 1), _rows(grid, after)
    return high


def _rows(grid: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """One row of each column."""
    return np.take_along_axis(grid, np.clip(rows, 0, len(grid) - 1)[None], 0)[0]

"""Checks of arrays, distributions and functions that only this room needs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = [
    "Function",
    "at_points",
    "distributions",
    "finite",
    "interval",
    "nats",
    "numbers",
    "probabilities",
    "same_shape",
    "within",
]

# A user's function of points `[n, ...]` that returns one number a point, `[n]`.
Function = Callable[[np.ndarray], npt.ArrayLike]


def numbers(name: str, value: npt.ArrayLike) -> np.ndarray:
    """Return `value` as a float64 array; NaN and infinities are allowed."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected an array of numbers, "
            f"received {value!r}."
        ) from error


def finite(name: str, value: npt.ArrayLike, ndim: int | None = None) -> np.ndarray:
    """Return `value` as a float64 array that is finite, not empty and of `ndim` dimensions."""
    array = numbers(name, value)
    if ndim is not None and array.ndim != ndim:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected {ndim} dimensions, "
            f"received shape {array.shape}."
        )
    if not array.size:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected at least one number, "
            f"received shape {array.shape}."
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"Invalid value for argument `{name}`: expected finite numbers, "
            f"received {array[~np.isfinite(array)][0]} among them."
        )
    return array


def probabilities(name: str, value: npt.ArrayLike) -> np.ndarray:
    """Return `value` as float64 `[..., outcomes]` that sum to 1 over the last axis.

    Numbers of fewer bits, such as a softmax in float32, are divided by their sum.
    """
    array = np.atleast_1d(finite(name, value))
    if (array < 0).any():
        raise ValueError(
            f"Invalid value for argument `{name}`: expected probabilities, which are not "
            f"negative, received {array.min()} among them."
        )
    sums = array.sum(axis=-1)
    given = getattr(value, "dtype", array.dtype)
    rounding = 1e-9
    if given != array.dtype and np.issubdtype(given, np.floating):
        rounding = float(np.finfo(given).eps) * array.shape[-1]
    if not np.allclose(sums, 1, rtol=0, atol=rounding):
        worst = sums.flat[np.abs(sums - 1).argmax()]
        raise ValueError(
            f"Invalid value for argument `{name}`: expected probabilities that sum to 1 over the "
            f"last axis, received a sum of {worst}. Divide by it."
        )
    return array if rounding == 1e-9 else array / sums[..., None]


def distributions(**values: npt.ArrayLike) -> tuple[np.ndarray, ...]:
    """Return each argument as `probabilities`; all must have the shape of the first."""
    arrays = {name: probabilities(name, value) for name, value in values.items()}
    first, *others = arrays
    for name in others:
        same_shape(first, arrays[first], name, arrays[name])
    return tuple(arrays.values())


def same_shape(first: str, a: np.ndarray, second: str, b: np.ndarray) -> None:
    """Raise unless both arrays have the same shape."""
    if a.shape != b.shape:
        raise ValueError(
            f"Invalid value for argument `{second}`: expected the shape of `{first}`, {a.shape}, "
            f"received shape {b.shape}."
        )


def interval(name: str, value: tuple[float, float]) -> tuple[float, float]:
    """Return `value` as `(low, high)` with low < high; infinite ends are allowed."""
    try:
        low, high = (float(end) for end in value)
    except (TypeError, ValueError):
        low = high = math.nan
    if not low < high:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected (low, high) with low < high, "
            f"received {value!r}."
        )
    return low, high


def within(name: str, value: npt.ArrayLike, low: float, high: float) -> np.ndarray:
    """Return `value` as a float64 array whose numbers all lie in [low, high]."""
    array = numbers(name, value)
    outside = ~((low <= array) & (array <= high))
    if outside.any():
        raise ValueError(
            f"Invalid value for argument `{name}`: expected numbers in [{low:g}, {high:g}], "
            f"received {array[outside][0]} among them."
        )
    return array


def at_points(name: str, function: Function, x: np.ndarray) -> np.ndarray:
    """Return a user's function at points `[n, ...]` as float64 `[n]`."""
    if not callable(function):
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a function of points, such as "
            f"`scipy.stats.norm(0, 1).logpdf`, received {function!r}."
        )
    # No warnings: outside its support a log density is -inf.
    with np.errstate(all="ignore"):
        values = np.asarray(function(x), dtype=np.float64)
    if values.shape != x.shape[:1]:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a function that returns one number a "
            f"point, {x.shape[:1]}, received shape {values.shape}."
        )
    return values


def nats(name: str, function: Function, x: np.ndarray) -> np.ndarray:
    """Return a user's log density at points `[n, ...]` as float64 `[n]`; NaN is an error."""
    values = at_points(name, function, x)
    if np.isnan(values).any():
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a function that returns numbers, "
            f"received NaN at {x[np.isnan(values)][0]}."
        )
    return values

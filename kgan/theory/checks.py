"""Bad input is named once, here: which argument, what was expected, what came."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    "at_points",
    "finite",
    "interval",
    "nats",
    "not_negative",
    "numbers",
    "one_of",
    "positive_integer",
    "probabilities",
    "same_shape",
    "within",
]


def numbers(name: str, value: Any) -> np.ndarray:
    """`value` as a float64 array, NaN and infinities among them or not."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected an array of numbers, "
            f"received {value!r}."
        ) from error


def finite(name: str, value: Any, ndim: int | None = None) -> np.ndarray:
    """`value` as a float64 array, all of it finite, not empty and of `ndim` dimensions."""
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


def probabilities(name: str, value: Any) -> np.ndarray:
    """`value` as float64 probabilities `[..., outcomes]` that sum to one over the last axis."""
    array = np.atleast_1d(finite(name, value))
    if (array < 0).any():
        raise ValueError(
            f"Invalid value for argument `{name}`: expected probabilities, which are not "
            f"negative, received {array.min()} among them."
        )
    sums = array.sum(axis=-1)
    if not np.allclose(sums, 1, rtol=0, atol=1e-9):
        worst = sums.flat[np.abs(sums - 1).argmax()]
        raise ValueError(
            f"Invalid value for argument `{name}`: expected probabilities that sum to 1 over the "
            f"last axis, received a sum of {worst}. Divide by it."
        )
    return array


def same_shape(first: str, a: np.ndarray, second: str, b: np.ndarray) -> None:
    """Raises unless both have one shape."""
    if a.shape != b.shape:
        raise ValueError(
            f"Invalid value for argument `{second}`: expected the shape of `{first}`, {a.shape}, "
            f"received shape {b.shape}."
        )


def interval(name: str, value: Any) -> tuple[float, float]:
    """`value` as two numbers `(low, high)`, low < high, finite or not."""
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


def within(name: str, value: Any, low: float, high: float) -> np.ndarray:
    """`value` as a float64 array, all of it in [low, high]."""
    array = numbers(name, value)
    outside = ~((low <= array) & (array <= high))
    if outside.any():
        raise ValueError(
            f"Invalid value for argument `{name}`: expected numbers in [{low:g}, {high:g}], "
            f"received {array[outside][0]} among them."
        )
    return array


def at_points(name: str, function: Any, x: np.ndarray) -> np.ndarray:
    """A user's function of points `[n, ...]`: float64 `[n]`.

    NumPy's warnings are silenced: a log density of -inf is how a support ends.
    """
    if not callable(function):
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a function of points, such as "
            f"`scipy.stats.norm(0, 1).logpdf`, received {function!r}."
        )
    with np.errstate(all="ignore"):
        values = np.asarray(function(x), dtype=np.float64)
    if values.shape != x.shape[:1]:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a function that returns one number a "
            f"point, {x.shape[:1]}, received shape {values.shape}."
        )
    return values


def nats(name: str, function: Any, x: np.ndarray) -> np.ndarray:
    """A user's log density at points `[n, ...]`: float64 `[n]`, never NaN."""
    values = at_points(name, function, x)
    if np.isnan(values).any():
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a function that returns numbers, "
            f"received NaN at {x[np.isnan(values)][0]}."
        )
    return values


def positive_integer(name: str, value: Any) -> int:
    """`value`, an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a positive integer, received {value!r}."
        )
    return value


def not_negative(name: str, value: Any) -> float:
    """`value`, a finite number of at least 0."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a finite number of at least 0, "
            f"received {value!r}."
        )
    return number


def one_of(name: str, value: Any, known: Sequence[str]) -> str:
    """`value`, one of the `known` names."""
    if value not in known:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected one of {list(known)}, "
            f"received {value!r}."
        )
    return value

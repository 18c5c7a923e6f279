"""Bad input to a metric is named once, here: which argument, what was expected, what came."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["count", "same_width", "samples"]


def samples(name: str, value: Any, minimum: int = 1) -> np.ndarray:
    """`value` as a `[n, d]` array, finite, of at least `minimum` rows.

    float32 stays float32, every other kind of number becomes float64.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise ValueError(
            f"Invalid value for argument `{name}`: expected an array of numbers, "
            f"received dtype {array.dtype}."
        )
    if array.ndim != 2 or not array.shape[1]:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected shape [n, d], received shape "
            f"{array.shape}. Flatten images with `images.reshape(len(images), -1)`."
        )
    if len(array) < minimum:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected at least {minimum} "
            f"row{'s' * (minimum > 1)}, received shape {array.shape}. Pass more of them."
        )
    array = np.asarray(array, np.float32 if array.dtype == np.float32 else np.float64)
    if not np.isfinite(array).all():
        raise ValueError(
            f"Invalid value for argument `{name}`: expected finite numbers, "
            f"received {array[~np.isfinite(array)][0]} among them."
        )
    return array


def same_width(first: str, a: np.ndarray, second: str, b: np.ndarray) -> None:
    """Raises unless the rows of both have one size."""
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"Invalid value for argument `{second}`: expected rows of size {a.shape[1]}, as "
            f"`{first}` has, received shape {b.shape}."
        )


def count(name: str, value: Any, maximum: int | None = None, minimum: int = 1) -> int:
    """`value` as an integer of at least `minimum`, and at most `maximum`."""
    integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integer or value < minimum or (maximum is not None and value > maximum):
        limits = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise ValueError(
            f"Invalid value for argument `{name}`: expected an integer {limits}, "
            f"received {value!r}."
        )
    return int(value)

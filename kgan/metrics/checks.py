"""Checks of feature matrices that only this room needs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["same_width", "samples"]


def samples(name: str, value: npt.ArrayLike, minimum: int = 1) -> np.ndarray:
    """Return `value` as a finite `[n, d]` array of at least `minimum` rows.

    float32 stays float32; every other numeric dtype becomes float64.
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
    """Raise unless the rows of both have the same size."""
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"Invalid value for argument `{second}`: expected rows of size {a.shape[1]}, as "
            f"`{first}` has, received shape {b.shape}."
        )

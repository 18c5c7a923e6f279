"""Class labels that a user hands over."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["check_labels", "sample_labels"]


def sample_labels(
    labels: npt.ArrayLike | None, n: int, num_classes: int | None
) -> np.ndarray | None:
    """Return the classes of n samples, int32 `[n]`, or None for a generator without classes.

    Args:
        labels: integers `[n]` or `[n, 1]`, one integer for all, or None for all classes in turn.
        n: the number of samples.
        num_classes: the number of classes, or None.

    Raises:
        ValueError: the labels are not of that many samples, or not of these classes.
    """
    if num_classes is None:
        if labels is None:
            return None
        raise ValueError(
            "Invalid value for argument `labels`: expected None, as the generator is not "
            f"conditional, received {labels!r}. Make it with `num_classes`."
        )
    # In turn, so that a grid of samples shows every class.
    if labels is None:
        return np.arange(n, dtype=np.int32) % num_classes
    return check_labels(labels, n, num_classes)


def check_labels(labels: npt.ArrayLike, n: int, num_classes: int) -> np.ndarray:
    """Return the classes of n examples.

    Args:
        labels: integers `[n]` or `[n, 1]`, or one integer for all.
        n: the number of examples.
        num_classes: the number of classes.

    Returns:
        int32 `[n]`.

    Raises:
        ValueError: the labels are not of that many examples, or not of these classes.
    """
    given = np.asarray(labels)
    if given.ndim == 0:
        given = np.full(n, given)
    if given.dtype.kind not in "iu" or given.size != n or given.shape[0] != n:
        raise ValueError(
            f"Invalid value for argument `labels`: expected {n} integers, one an image, received "
            f"{given.dtype} of shape {given.shape}."
        )
    if not 0 <= given.min() <= given.max() < num_classes:
        raise ValueError(
            f"Invalid value for argument `labels`: expected classes from 0 to {num_classes - 1}, "
            f"received {given.min()} to {given.max()}."
        )
    return given.reshape(-1).astype(np.int32)

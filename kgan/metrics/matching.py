"""How well codes that nobody labelled fall together with classes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from kgan.utils.checks import positive_integer

__all__ = ["Matching", "match_codes"]


class Matching(NamedTuple):
    """Codes read as classes.

    Attributes:
        error: share of examples whose code is not the one of their class.
        classes: the class of each code, int64 `[codes]`; -1 for a code that is left over.
    """

    error: float
    classes: np.ndarray


def match_codes(
    codes: npt.ArrayLike, labels: npt.ArrayLike, num_codes: int, num_classes: int
) -> Matching:
    """Give each code a class of its own, so that the fewest examples are wrong.

    That is the assignment problem on the table of codes and classes. Codes that say nothing of even
    classes are wrong for a share of 1 - 1 / num_classes.

    Args:
        codes: integers `[n]` from 0 to `num_codes - 1`.
        labels: integers `[n]` from 0 to `num_classes - 1`.
        num_codes: number of codes. Those that exceed the classes are wrong for all examples, and so
            are classes that exceed the codes.
        num_classes: number of classes.

    Raises:
        ValueError: they are no such integers, or there are none.

    Example:
        ```python
        kgan.metrics.match_codes([1, 1, 0, 0], [0, 0, 1, 0], 2, 2).error  # 0.25
        ```
    """
    numbers = {
        "codes": (np.asarray(codes), positive_integer("num_codes", num_codes)),
        "labels": (np.asarray(labels), positive_integer("num_classes", num_classes)),
    }
    for name, (array, count) in numbers.items():
        whole = array.ndim == 1 and len(array) and array.dtype.kind in "iu"
        if not whole or array.min() < 0 or array.max() >= count:
            raise ValueError(
                f"Invalid value for argument `{name}`: expected integers [n] from 0 to "
                f"{count - 1}, received {array.dtype} of shape {array.shape}"
                f"{f', {array.min()} to {array.max()}' if whole else ''}."
            )
    (found, _), (true, _) = numbers.values()
    if len(found) != len(true):
        raise ValueError(
            f"Invalid value for argument `labels`: expected {len(found)}, one for each code, "
            f"received {len(true)}."
        )
    table = np.zeros((num_codes, num_classes), np.int64)
    np.add.at(table, (found, true), 1)
    rows, columns = linear_sum_assignment(table, maximize=True)
    classes = np.full(num_codes, -1)
    classes[rows] = columns
    return Matching(float(1 - table[rows, columns].sum() / len(true)), classes)

"""Checks of what the networks are given."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = [
    "checked_choice",
    "checked_classes",
    "checked_filters",
    "checked_range",
    "checked_shape",
    "checked_size",
    "doublings",
]


def checked_shape(image_shape: Any) -> tuple[int, ...]:
    """`image_shape` as a tuple of positive integers."""
    shape = tuple(image_shape) if isinstance(image_shape, Iterable) else ()
    if not shape or not all(isinstance(side, int) and side > 0 for side in shape):
        raise ValueError(
            "Invalid value for argument `image_shape`: expected positive integers such as "
            f"(28, 28, 1), received {image_shape!r}."
        )
    return shape


def checked_range(value_range: Any) -> tuple[float, float] | None:
    """`value_range` as two finite floats that increase, or None."""
    if value_range is None:
        return None
    try:
        low, high = map(float, value_range)
    except (TypeError, ValueError):
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise ValueError(
            "Invalid value for argument `value_range`: expected (low, high) with low < high, "
            f"both finite, or None, received {value_range!r}."
        )
    return low, high


def checked_size(name: str, given: Any) -> int:
    """`given`, a positive integer."""
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a positive integer, received {given!r}."
        )
    return given


def checked_filters(given: Any, multiple: int) -> int:
    """`given`, a positive multiple of `multiple`."""
    if checked_size("filters", given) % multiple:
        raise ValueError(
            f"Invalid value for argument `filters`: expected a multiple of {multiple}, which "
            f"groups of channels divide, received {given}."
        )
    return given


def checked_classes(given: Any) -> int | None:
    """`given`, a number of classes or None."""
    if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < 2):
        raise ValueError(
            "Invalid value for argument `num_classes`: expected an integer of at least 2, or None "
            f"for a network without classes, received {given!r}."
        )
    return given


def checked_choice(name: str, given: Any, known: Sequence[str], owner: str) -> str:
    """`given`, one of the names that `owner` knows."""
    if given not in known:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected one of "
            f"{', '.join(map(repr, known))} for {owner}, received {given!r}."
        )
    return given


def doublings(image_shape: Sequence[int]) -> int:
    """How often a convolutional network halves or doubles the sides.

    It does so until the longer one is 3 to 8 pixels, and both have been halved at least once.

    Raises:
        ValueError: the sides cannot be reached by doubling such a grid.
    """
    count = 0
    if len(image_shape) == 3:
        height, width = image_shape[:2]
        while height % 2 == 0 and width % 2 == 0 and max(height, width) > 4:
            height, width, count = height // 2, width // 2, count + 1
        if count and max(height, width) <= 8:
            return count
    raise ValueError(
        "Invalid value for argument `image_shape`: convolutional networks take images (height, "
        "width, channels) whose longer side is 3 to 8 pixels doubled once or more, such as 8, 28, "
        "32, 48, 64 or 96, and whose shorter side can be halved as often; "
        f"received {tuple(image_shape)}. Resize the images (`image_size`)."
    )

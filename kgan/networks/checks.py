"""Checks of the networks' arguments that no other room needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kgan.utils.checks import positive_integer

__all__ = ["checked_filters", "checked_shape", "doublings", "enlargements"]


def checked_shape(image_shape: object, argument: str = "image_shape") -> tuple[int, ...]:
    """Return the argument `image_shape`, or another one, as a tuple of positive integers.

    Raises:
        ValueError: it is no such sequence.
    """
    shape = tuple(image_shape) if isinstance(image_shape, Iterable) else ()
    if not shape or not all(isinstance(side, int) and side > 0 for side in shape):
        raise ValueError(
            f"Invalid value for argument `{argument}`: expected positive integers such as "
            f"(28, 28, 1), received {image_shape!r}."
        )
    return shape


def checked_filters(filters: object, multiple: int) -> int:
    """Return `filters`, a positive multiple of `multiple`.

    Raises:
        ValueError: it is none.
    """
    found = positive_integer("filters", filters)
    if found % multiple:
        raise ValueError(
            f"Invalid value for argument `filters`: expected a multiple of {multiple}, which "
            f"groups of channels divide, received {found}."
        )
    return found


def doublings(image_shape: Sequence[int]) -> int:
    """Return how often a convolutional network halves or doubles the sides.

    It does so until the longer side is 3 to 8 pixels, and at least once.

    Raises:
        ValueError: no such grid, doubled, has these sides.
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


def enlargements(condition_shape: Sequence[int], image_shape: Sequence[int]) -> int:
    """Return how often the sides of a condition are doubled to become those of an image.

    Raises:
        ValueError: a power of 2 does not make one of the other.
    """
    if len(condition_shape) == len(image_shape) == 3:
        sides, wanted = tuple(condition_shape[:2]), tuple(image_shape[:2])
        count = max(0, (wanted[0] // sides[0]).bit_length() - 1)
        if tuple(side << count for side in sides) == wanted:
            return count
        fits = [tuple(side >> i for side in wanted) for i in range(4)]
        fits = [f for i, f in enumerate(fits) if tuple(s << i for s in f) == wanted]
        named = ", ".join(f"({height}, {width}, channels)" for height, width in fits)
    else:
        named = "(height, width, channels)"
    raise ValueError(
        "Invalid value for argument `condition_shape`: expected images as large as those of "
        f"image_shape={tuple(image_shape)}, or these halved: {named}; received "
        f"{tuple(condition_shape)}. Resize the conditions."
    )

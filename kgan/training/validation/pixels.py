"""The values of data, held against the pixel value range of a game."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Extremes", "Remedy", "check_use_of_range", "check_values", "rescaled", "suspicious"]

# From an expression in x, such as "2 * x - 1", to the line that applies it to the data.
Remedy = Callable[[str], str]

_ROUNDING = 1e-3  # of the range's width: what float16 and a resize in float32 may leave
_TINY = 0.01  # pixels stored as 0 and 1 that were divided by 255 use 0.004 of the range
_USED = 0.6
_OVERSHOOT = 0.2  # of a bicubic resize
# How pixels are usually stored, the narrowest first.
_USUAL = ((0.0, 1.0), (-0.5, 0.5), (-1.0, 1.0), (0.0, 255.0), (0.0, 65535.0))
_CHUNK = 2**24  # numbers of an array looked at together


class Extremes(NamedTuple):
    """The smallest and the largest value of data; NaN where one of them is NaN."""

    low: float
    high: float

    @classmethod
    def of(cls, arrays: Iterable[Any]) -> Extremes:
        """Return the extremes of all values of floating point arrays, which are not empty."""
        ends = [end for array in arrays for end in _ends(np.asarray(array))]
        return cls(float(np.min(ends)), float(np.max(ends)))

    def __str__(self) -> str:
        return f"values from {self.low:.4g} to {self.high:.4g}"

    def within(self, low: float, high: float) -> bool:
        """Return whether all values are between two ends, but for rounding."""
        slack = _ROUNDING * (high - low)
        return low - slack <= self.low and self.high <= high + slack

    def used(self, value_range: tuple[float, float]) -> float:
        """Return the share of a range's width from the smallest to the largest value."""
        low, high = value_range
        return (self.high - self.low) / (high - low)


def _ends(array: np.ndarray) -> list[float]:
    ends: list[float] = []
    rows = max(1, _CHUNK * len(array) // max(1, array.size))
    for start in range(0, len(array), rows):
        part = array[start : start + rows]
        # NumPy's minimum is NaN where a value is. bfloat16 has no such minimum.
        part = part if part.dtype.kind == "f" else part.astype(np.float32)
        ends += [float(part.min()), float(part.max())]
    return ends


def rescaled(source: tuple[float, float], target: tuple[float, float], x: str = "x") -> str:
    """Return an expression, such as "x / 127.5 - 1", that maps one range to another."""
    (a, b), (low, high) = source, target
    factor, offset = (high - low) / (b - a), low - a * (high - low) / (b - a)
    if factor == 1:
        scaled = x
    elif factor > 1:
        scaled = f"{factor:.6g} * {x}"
    else:
        scaled = f"{x} / {1 / factor:.6g}"
    if offset == 0:
        return scaled
    return f"{scaled} {'+' if offset > 0 else '-'} {abs(offset):.6g}"


def check_values(
    argument: str,
    seen: Extremes,
    value_range: tuple[float, float] | None,
    declared: bool,
    remedy: Remedy,
) -> None:
    """Check that values are finite and in the pixel value range of the game.

    A thousandth of the range's width is allowed beyond it, for rounding.

    Args:
        argument: name of the data, for the message.
        seen: the extremes of some batches or all data.
        value_range: of the game; None for no bounds.
        declared: whether the generator declares the range itself.
        remedy: makes the line that scales the data.

    Raises:
        ValueError: a value is NaN or infinite, or beyond the range.
    """
    if not math.isfinite(seen.low) or not math.isfinite(seen.high):
        what = "NaN" if math.isnan(seen.low) else f"{seen}"
        raise ValueError(
            f"Invalid value for argument `{argument}`: expected finite numbers, received {what}. "
            "Find out where they come from, or leave these examples out."
        )
    if value_range is None or seen.within(*value_range):
        return
    low, high = value_range
    usual = _usual(seen)
    if max(low - seen.low, seen.high - high) <= _OVERSHOOT * (high - low):
        advice = f"Clip them: {remedy(f'tf.clip_by_value(x, {low:g}, {high:g})')}."
    elif usual is not None:
        advice = f"Scale them: {remedy(rescaled(usual, value_range))}."
    else:
        advice = "Scale them to that range."
    made = "{:.4g}, {:.4g}".format(*(usual or seen))
    if declared:
        advice += f" Or make the generator with `value_range=({made})`."
    else:
        advice += f" If the generator makes such values, `kgan.GAN(..., value_range=({made}))`."
    raise ValueError(
        f"Invalid value for argument `{argument}`: expected pixels in the game's value range "
        f"({low:g}, {high:g}), received {seen}. {advice}"
    )


def _usual(seen: Extremes) -> tuple[float, float] | None:
    """Return the narrowest usual range of pixels that holds values and is used by them."""
    held = (ends for ends in _USUAL if seen.within(*ends))
    return next((ends for ends in held if seen.used(ends) > _TINY), None)


def suspicious(seen: Extremes, value_range: tuple[float, float] | None) -> bool:
    """Return whether values leave so much of the range unused that more should be looked at."""
    return value_range is not None and seen.used(value_range) < _USED


def check_use_of_range(
    argument: str, seen: Extremes, value_range: tuple[float, float], remedy: Remedy
) -> None:
    """Look for data that were scaled to another range within that of the game.

    All values together span a share of the range's width:

    - At most 1%, as where pixels stored as 0 and 1 were scaled as if they were 0 to 255: refused.
    - Less than 60%: a warning. Data in [0, 1] or [-0.5, 0.5] span half of (-1, 1). Dark pictures
      span more as soon as one pixel of one picture is brighter than a light grey.
    - A single value tells nothing about the range, and is allowed.

    Raises:
        ValueError: the values span at most 1% of the range.
    """
    low, high = value_range
    used = seen.used(value_range)
    if used == 0:
        return
    if used <= _TINY:
        raise ValueError(
            f"Invalid value for argument `{argument}`: expected pixels that use the game's value "
            f"range ({low:g}, {high:g}), received {seen}, {100 * used:.2g}% of it. They may have "
            "been scaled twice, or stored as 0 and 1 and scaled as 0 to 255. Scale them by the "
            f"values they have: {remedy(rescaled(seen, value_range))}."
        )
    usual = _usual(seen)
    narrower = usual is not None and usual[1] - usual[0] < high - low
    source = usual if usual is not None and narrower else (seen.low, seen.high)
    warnings.warn(
        f"Argument `{argument}` has {seen} only, and the game's value range is ({low:g}, {high:g}):"
        f" {100 * (1 - used):.0f}% of it is unused. If the pixels were scaled to "
        f"({source[0]:.4g}, {source[1]:.4g}), scale them to the range of the game: "
        f"{remedy(rescaled(source, value_range))}.",
        stacklevel=2,
    )
